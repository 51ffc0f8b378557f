"""Golden cases of the vendors: reading `tests/vectors/<vendor>/*.jsonl` and comparing what came out.

The record's coordinates and the clock are the constants that the cases' README files name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

RECORD: Final = {"topic": "segment.events", "partition": 3, "offset": 1042, "time": "2026-03-15T11:59:58.123Z"}
NOW: Final = "2026-03-15T12:00:00.000Z"
REQUIRED: Final[Mapping[str, dict[str, Any]]] = {
    "moveo": {"api_key": "example-key"},
    "moesif": {"application_id": "example-key"},
    "moengage": {"api_id": "WKSPACE7EXAMPLE", "api_key": "example-key", "region": "DC_03"},
}

_ROOT: Final = Path(__file__).parent


def cases(vendor: str, name: str) -> list[Any]:
    """Return the cases of a file as parameters for a test, each called by its id and rule."""
    with (_ROOT / "vectors" / vendor / f"{name}.jsonl").open(encoding="utf-8", newline="\n") as lines:
        read = [json.loads(line) for line in lines]
    return [pytest.param(case, id=f"{case['id']} {case['rule']}") for case in read]


def expanded(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value with `{"$repeat": [text, count]}` and `{"$list": [item, count]}` written out."""
    if isinstance(value, dict):
        if value.keys() == {"$repeat"}:
            text, count = value["$repeat"]
            return text * count
        if value.keys() == {"$list"}:
            item, count = value["$list"]
            return [expanded(item)] * count
        return {key: expanded(item) for key, item in value.items()}
    return [expanded(item) for item in value] if isinstance(value, list) else value


def payload_schema(vendor: str, endpoint: str) -> Draft202012Validator:
    """Return a validator of one endpoint's items by the schema that the project ships."""
    path = _ROOT.parent / "schemas" / "payloads" / f"{vendor}.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    definitions = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": f"#/$defs/{endpoint}"}
    return Draft202012Validator(definitions)
