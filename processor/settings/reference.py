"""The reference pages of YAML files, rendered from the models that check them: no setting can lack its line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from processor.config.shape import spellings
from processor.destinations import REGISTRY
from processor.destinations.base import Destination
from processor.destinations.reference import prose, table
from processor.sandbox.settings import SandboxSettings
from processor.settings.root import Settings

_INTRODUCTION = """\
# Configuration

This page is generated from the models that check the file; do not edit it.
`python -m processor.settings.pages` writes it.

One YAML file holds everything.
`segment-bridge check` names every error in it with file, line and key, before anything is started.
Unknown keys are refused.
A value is what YAML 1.2 says it is: `no` and `"5"` are text, and refused where a boolean or a number is wanted.
A secret is a reference, `{env: NAME}` or `{file: PATH}`; written literally it is refused.
`<name>` in a heading stands for a name of your choice.
`segment-bridge schema` prints the same as a JSON Schema, for editors that check while one types.
"""

_SANDBOX_INTRODUCTION = """\
# Settings of the sandbox

This page is generated from the models that check the file; do not edit it.
`python -m processor.settings.pages` writes it.

`segment-bridge sandbox --settings FILE` reads them from a YAML file.
Every part of it may be left out; an error names file, line and key.
The options of the command come before it.
[Sandbox](../sandbox.md) says what the stand-ins do, and what `faults` there are.
"""

_OPEN_LIMITS = {"minimum": "at least {}", "exclusiveMinimum": "above {}", "maximum": "at most {}"}


class Section(NamedTuple):
    """One object of the file: where it stands, and the model that checks it."""

    path: str
    model: type[BaseModel]
    condition: str = ""
    """When it stands there, in words."""


def configuration_page(registry: Mapping[str, type[Destination]] = REGISTRY) -> str:
    """Return the page: one table for each object of the file, the vendors' own settings last."""
    sections = [*_sections(Section("", Settings)), *_vendor_sections(registry)]
    return "\n".join([_INTRODUCTION, *(_section_text(section) for section in sections)])


def sandbox_page() -> str:
    """Return the page of the stand-ins' settings. Faults, which the sandbox's own page explains, have one line."""
    sections = [section for section in _sections(Section("", SandboxSettings)) if not section.path.startswith("faults")]
    return "\n".join([_SANDBOX_INTRODUCTION, *(_section_text(section) for section in sections)])


def _sections(section: Section) -> Iterator[Section]:
    """Yield a section and those below it, in the order of the file."""
    yield section
    for name, field in section.model.model_fields.items():
        for suffix, model in _models(field.annotation):
            if model is not BaseModel:  # a destination's `settings`, which differ by vendor
                path = f"{section.path}.{name}{suffix}".removeprefix(".")
                yield from _sections(Section(path, model, section.condition))


def _vendor_sections(registry: Mapping[str, type[Destination]]) -> Iterator[Section]:
    for type_name, vendor in registry.items():
        yield from _sections(Section("destinations.<name>.settings", vendor.settings_model, f" with type: {type_name}"))


def _models(annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:  # noqa: ANN401 - any annotation
    """Yield the models inside an annotation, each with what its container adds to the path."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield "", annotation
        return
    suffix = {dict: ".<name>", tuple: "[]"}.get(get_origin(annotation), "")
    for argument in get_args(annotation):
        for inner, model in _models(argument):
            yield suffix + inner, model


def _section_text(section: Section) -> str:
    summary = (section.model.__doc__ or "").split("\n\n")[0].replace("\n", " ")
    properties = section.model.model_json_schema()["properties"]
    rows = [
        _row(name, field, properties[spellings(name, field)[0]]) for name, field in section.model.model_fields.items()
    ]
    heading = "The file" if not section.path else f"`{section.path}{section.condition}`"
    return f"## {heading}\n\n{summary}\n\n" + table(("setting", "type", "default", "meaning"), rows)


def _row(name: str, field: FieldInfo, schema: Mapping[str, Any]) -> tuple[str, ...]:
    return _name(name, field), _type(field, schema), _default(field), prose(field.description or "")


def _name(name: str, field: FieldInfo) -> str:
    first, *others = (f"`{spelling}`" for spelling in spellings(name, field))
    return first if not others else f"{first} (or {', '.join(others)})"


def _default(field: FieldInfo) -> str:
    """Return the default as YAML writes it."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    match value:
        case BaseModel():
            return "see there"
        case None | "":
            return "unset"
        case str():
            return f"`{value}`"
    return f"`{json.dumps(_plain(value))}`"


def _plain(value: object) -> object:
    """Return a default as the JSON value that stands for it in the file."""
    match value:
        case timedelta():
            return _plain(value.total_seconds())
        case float() if value.is_integer():
            return int(value)
        case frozenset():
            return sorted(value)
    return value


def _type(field: FieldInfo, schema: Mapping[str, Any]) -> str:
    """Return the type in words, with the limits that the model sets."""
    if field.annotation is timedelta or schema.get("format") == "duration":
        return "seconds"
    if any(True for _ in _models(field.annotation)) and "const" not in str(schema):
        return "section"
    return _words(schema)


def _words(schema: Mapping[str, Any]) -> str:  # noqa: C901, PLR0911 - one line for each form that a schema has
    match schema:
        case {"const": value}:
            return f"`{value}`"
        case {"enum": list(values)}:
            return " or ".join(f"`{value}`" for value in values)
        case {"properties": {"env": _, "file": _}}:
            return "secret"
        case {"anyOf": list(choices)}:
            return " or ".join(dict.fromkeys(_words(choice) for choice in choices if choice.get("type") != "null"))
        case {"$ref": _}:
            return "section"
        case {"type": "array", "items": {"anyOf": [{"$ref": _}, named]}}:
            return f"list of sections and {_words(named)}"
        case {"type": "array", "items": items}:
            return f"list of {_words(items)}".replace("section", "sections")
        case {"type": list(types)}:
            return " or ".join(types)
        case {"type": "string", "format": "path" | "file-path"}:
            return "path"
        case {"type": "object", "required": [key], "additionalProperties": False}:
            return f"`{{{key}: …}}`"
        case {"type": "object"}:
            return "object"
    plain = {"integer": "integer", "number": "number", "boolean": "true or false", "string": "text"}
    return ", ".join([plain[schema["type"]], *_limits(schema)])


def _limits(schema: Mapping[str, Any]) -> Iterator[str]:
    if schema["type"] in ("integer", "number"):
        for key, words in _OPEN_LIMITS.items():
            if key in schema:
                yield words.format(schema[key])
