"""What a schema says about the size of its values: whether the bytes of a record bound what is read from them.

A schema is what `fastavro.parse_schema` returns, with the named types that it knows. Every name is looked into once, so
that the time grows with the size of the schemas and not with the number of ways that lead through them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from fastavro.schema import fullname

Schema: TypeAlias = Any
"""A name, a list of alternatives, or an object with a `type`."""

_CONTAINERS: Final = {"array": "items", "map": "values"}
_RECORDS: Final = ("record", "error")


def record_name(schema: Schema) -> str | None:
    """Return the full name of a record's schema, None for any other."""
    return fullname(schema) if isinstance(schema, dict) and schema.get("type") in _RECORDS else None


def contains_itself(schema: Schema, named: Mapping[str, Schema]) -> bool:
    """Return whether a value of this schema may hold values inside one another without end."""
    return _leads_back(schema, named, (), set())


def _leads_back(schema: Schema, named: Mapping[str, Schema], within: tuple[str, ...], cleared: set[str]) -> bool:
    """Return whether a value of this schema may hold a record that it is `within`.

    `cleared` gathers the records that were looked into.
    """
    found = _meaning(schema, named)
    name = record_name(found)
    if name is None:
        return any(_leads_back(part, named, within, cleared) for part in _parts(found))
    if name in within:
        return True
    if name in cleared:
        return False
    leads_back = any(_leads_back(part, named, (*within, name), cleared) for part in _parts(found))
    cleared.add(name)
    return leads_back


def has_endless_lists(schema: Schema, named: Mapping[str, Schema]) -> bool:
    """Return whether a list may have any number of items although the record is short: items that take no bytes."""
    empty: set[str] = set()
    return any(_takes_no_bytes(items, named, empty) for items in _items_of_lists(schema, named))


def _items_of_lists(schema: Schema, named: Mapping[str, Schema]) -> Iterator[Schema]:
    """Yield the schema of the items of every list; what has a name is looked into where it is defined."""
    waiting = [schema, *named.values()]
    while waiting:
        found = waiting.pop()
        if _kind(found) == "array":
            yield found["items"]
        waiting.extend(part for part in _parts(found) if record_name(part) is None)


def _takes_no_bytes(schema: Schema, named: Mapping[str, Schema], empty: set[str]) -> bool:
    """Return whether values of this schema are written as nothing at all.

    `empty` gathers the records of which it is so.
    """
    found = _meaning(schema, named)
    kind, name = _kind(found), record_name(found)
    if name is None:
        return kind == "null" or (kind == "fixed" and found["size"] == 0)
    if name not in empty and all(_takes_no_bytes(part, named, empty) for part in _parts(found)):
        empty.add(name)
    return name in empty


def _meaning(schema: Schema, named: Mapping[str, Schema]) -> Schema:
    """Return what a name stands for, anything else as it is."""
    return named.get(schema, schema) if isinstance(schema, str) else schema


def _kind(schema: Schema) -> str:
    """Return the type of a schema."""
    if isinstance(schema, list):
        return "union"
    return str(schema["type"]) if isinstance(schema, dict) else str(schema)


def _parts(schema: Schema) -> list[Schema]:
    """Return the schemas that a schema is made of, one level down."""
    kind = _kind(schema)
    if kind == "union":
        return list(schema)
    if kind in _CONTAINERS:
        return [schema[_CONTAINERS[kind]]]
    return [field["type"] for field in schema["fields"]] if kind in _RECORDS else []
