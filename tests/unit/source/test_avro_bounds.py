"""Schemas whose values are not bounded by their bytes, and how long it takes to tell."""

from __future__ import annotations

import json
from typing import Any

import fastavro
import pytest

from processor.source.avro_schema import AvroSchema

EMPTY = {"type": "record", "name": "Empty", "fields": []}


def _record(name: str, *types: Any) -> dict[str, Any]:  # noqa: ANN401 - a schema is any JSON value
    """Return a record with fields of these types."""
    return {
        "type": "record",
        "name": name,
        "fields": [{"name": f"f{index}", "type": found} for index, found in enumerate(types)],
    }


def _list_of(items: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    """Return a list with items of this type."""
    return {"type": "array", "items": items}


@pytest.mark.parametrize(
    "items",
    [
        "null",
        {"type": "null"},
        {"type": "fixed", "name": "F", "size": 0},
        EMPTY,
        _record("R", "null", EMPTY, "Empty"),
    ],
)
def test_lists_of_nothing_are_refused(items: Any) -> None:  # noqa: ANN401 - as above
    """A dozen bytes would say that there are billions of such items, and memory would end before they do."""
    for schema in (
        _list_of(items),
        ["null", _list_of(items)],
        _record("Outer", {"type": "map", "values": _list_of(items)}),
    ):
        with pytest.raises(ValueError, match="items of a list take no bytes"):
            AvroSchema.parse(json.dumps(schema))


def test_lists_of_nothing_in_a_reference_are_refused() -> None:
    """The schema itself is harmless, what it builds on is not."""
    reference = _record("Base", _list_of("null"))
    with pytest.raises(ValueError, match="items of a list take no bytes"):
        AvroSchema.parse(json.dumps(_record("R", "Base")), [json.dumps(reference)])


@pytest.mark.parametrize(
    "items",
    ["int", ["null", "int"], {"type": "fixed", "name": "F", "size": 1}, _record("R", "null", "int"), _list_of("int")],
)
def test_lists_whose_items_take_bytes_are_read(items: Any) -> None:  # noqa: ANN401 - as above
    """A byte for each item is all that is needed: the record's own length is then the bound."""
    assert AvroSchema.parse(json.dumps(_list_of(items))).value(b"\0") == []


@pytest.mark.timeout(20)
def test_types_used_in_many_places_are_looked_into_once() -> None:
    """A chain of records that each use the next one twice has billions of ways through it, and is told at once."""
    schema: Any = _record("A40", "int")
    for level in range(39, -1, -1):
        schema = _record(f"A{level}", schema, f"A{level + 1}")
    assert AvroSchema.parse(json.dumps(schema)).reader is fastavro.schemaless_reader


def test_records_of_nothing_used_in_many_places_are_looked_into_once() -> None:
    """The same chain without any bytes at its end."""
    schema: Any = EMPTY
    for level in range(40):
        schema = _record(f"A{level}", schema, schema["name"])
    with pytest.raises(ValueError, match="items of a list take no bytes"):
        AvroSchema.parse(json.dumps(_list_of(schema)))


def test_schemas_nested_beyond_the_stack_are_no_schema() -> None:
    """Whoever runs the registry cannot end the process with a schema of a few kilobytes."""
    schema: Any = "int"
    for _ in range(300):
        schema = ["null", _list_of(schema)]
    with pytest.raises(ValueError, match="no Avro schema: RecursionError"):
        AvroSchema.parse(json.dumps(schema))
