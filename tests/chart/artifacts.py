"""What is generated of the chart: `python -m tests.chart.artifacts` writes it, in the root of the tree.

The table of values from their comments, the part of the values schema that is the bridge's own, and what each file of
`ci` renders to. A test fails when one of them is stale.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from processor.settings.schema import json_schema, shared_json_schema
from tests.chart.rendering import CHART, FEATURES, feature_values, plain, read_yaml, render

ROOT: Final = CHART.parent.parent
_TABLE: Final = '{{ template "chart.valuesTable" . }}'
_BRIDGE: Final = "bridge"
"""Definitions of the values schema that begin like this are generated."""
_VENDOR: Final = "BaseModel"
"""The definition, without that prefix, of settings that are a vendor's own."""
_GOLDEN: Final = "tests/chart/golden"


class Described(NamedTuple):
    """A value of the chart with what the table says of it."""

    path: str
    type: str
    default: str
    description: str


def described_values() -> list[Described]:
    """Return the values that have a comment, in the order of their file."""
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    values = read_yaml(text)
    return [_described(path, comment, values) for path, comment in _comments(text.splitlines())]


def _comments(lines: list[str]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield the path of each key that a comment stands above, and the lines of that comment."""
    path: list[str] = []
    comment: list[str] = []
    for line in lines:
        stripped = line.strip()
        if stripped.startswith("# -- ") or (comment and stripped.startswith("#")):
            comment.append(stripped.removeprefix("#").strip())
        elif (key := re.match(r"^( *)([\w.-]+):", line)) is not None:
            path[len(key[1]) // 2 :] = [key[2]]
            if comment:
                yield tuple(path), comment
            comment = []
        elif not stripped:
            comment = []


def _described(path: tuple[str, ...], comment: list[str], values: Any) -> Described:  # noqa: ANN401 - any YAML
    for key in path:
        values = values[key]
    given = [line.removeprefix("@default --").strip() for line in comment if line.startswith("@default --")]
    text = " ".join(line.removeprefix("--").strip() for line in comment if not line.startswith("@default"))
    typed = re.match(r"\((\w+)\) ", text)
    kind = typed[1] if typed else _kind(values)
    default = given[0] if given else f"`{json.dumps(values, separators=(',', ':'), sort_keys=True)}`"
    return Described(".".join(path), kind, default, text[typed.end() :] if typed else text)


def _kind(value: object) -> str:
    match value:
        case bool():
            return "bool"
        case int():
            return "int"
        case str():
            return "string"
        case list():
            return "list"
        case _:
            return "object"


def readme() -> str:
    """Return the chart's README: the words of its template, with the table of values in their place."""
    template = (CHART / "README.md.gotmpl").read_text(encoding="utf-8")
    rows = [f"| {' | '.join(value)} |" for value in described_values()]
    table = "\n".join(["| Key | Type | Default | Description |", "|-----|------|---------|-------------|", *rows])
    return template.replace(_TABLE, table)


def values_schema() -> str:
    """Return the schema of the values, in which `config` is what the bridge itself takes but for vendors' settings.

    Those are left to `check`: a vendor is a folder of its own, which the chart does not know. What of them is a secret
    is looked at all the same: one that is written literally would be in a ConfigMap before `check` refuses it.
    """
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    own = {name: part for name, part in schema["definitions"].items() if not name.startswith(_BRIDGE)}
    schema["definitions"] = own | dict(_bridge_definitions())
    return json.dumps(schema, indent=2) + "\n"


def _bridge_definitions() -> Iterator[tuple[str, Any]]:
    """Yield the definitions of the bridge's own schema, named for this one and in its dialect."""
    schema = shared_json_schema()
    parts = schema.pop("$defs")
    parts[_VENDOR]["properties"] |= _vendors_secrets()
    yield _BRIDGE, _moved({key: part for key, part in schema.items() if key != "$schema"})
    for name in sorted(parts):
        yield f"{_BRIDGE}{name}", _moved(parts[name])


def _vendors_secrets() -> dict[str, Any]:
    """Return what is a secret in the settings of any vendor, by name; everything else about them is left out."""
    schema = json_schema()
    parts = schema["$defs"]
    (vendors,) = schema["properties"]["destinations"]["patternProperties"].values()
    found = (_secrets_of(vendor["properties"]["settings"], parts) for vendor in vendors["oneOf"])
    return {name: part for each in found for name, part in sorted(each.get("properties", {}).items())}


def _secrets_of(part: Any, parts: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Return a part of a schema without everything that is no secret; it then asks for nothing but references."""
    match part:
        case {"$ref": str(target)}:
            return _secrets_of(parts[target.rpartition("/")[2]], parts)
        case {"properties": {"env": _, "file": _}}:
            return dict(part)
        case {"anyOf": [one, {"type": "null"}]} if found := _secrets_of(one, parts):
            return {**found, "type": ["object", "null"]}
        case dict():
            inside = {key: _named_secrets(part.get(key, {}), parts) for key in ("properties", "patternProperties")}
            return {key: named for key, named in inside.items() if named}
        case _:
            return {}


def _named_secrets(named: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: _secrets_of(part, parts) for name, part in named.items()}
    return {name: part for name, part in found.items() if part}


def _moved(part: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a part of a schema whose references lead to where its definitions are here."""
    match part:
        case {"$ref": str(target)}:
            return {"$ref": target.replace("#/$defs/", f"#/definitions/{_BRIDGE}")}
        case dict():
            return {key: _moved(value) for key, value in part.items()}
        case list():
            return [_moved(value) for value in part]
        case _:
            return part


def golden(feature: str) -> str:
    """Return what a file of `ci` renders to, without what only repeats a file of the chart."""
    return plain(render(feature_values(feature)))


ARTIFACTS: Final[Mapping[str, Callable[[], str]]] = {
    "helm/segment-bridge/README.md": readme,
    "helm/segment-bridge/values.schema.json": values_schema,
    **{f"{_GOLDEN}/{feature}.yaml": partial(golden, feature) for feature in FEATURES},
}
"""Where each generated file is, from the root of the tree, and what it holds."""


def write_artifacts(root: Path = ROOT) -> list[str]:
    """Return the files that were stale; all of them are up to date now."""
    stale = []
    for name, make in ARTIFACTS.items():
        path, text = root / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            stale.append(name)
    return stale


if __name__ == "__main__":
    for written in write_artifacts():
        sys.stdout.write(f"{written} is written\n")
