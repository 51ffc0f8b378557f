"""The JSON type that each key of metadata had first: Moesif keeps it, and a later value of another type conflicts.

Source: "User actions" of www.moesif.com/docs. What becomes of a value that conflicts is not documented, so that it is a
finding here and no refusal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_KNOWN_PATHS = 10_000
"""Paths remembered; what is new beyond them is not judged."""

_NAMES: Mapping[type, str] = {dict: "object", bool: "boolean", str: "string", int: "number", float: "number"}


class KeyTypes:
    """The types by path, of one kind of item."""

    def __init__(self) -> None:
        """Start without any."""
        self._types: dict[tuple[str, ...], str] = {}

    def conflict_count(self, metadata: Mapping[str, Any]) -> int:
        """Return how many values have another type than their key had first, and remember the types of new keys."""
        return sum(self._conflicts(path, _NAMES[type(value)]) for path, value in _values(metadata))

    def _conflicts(self, path: tuple[str, ...], name: str) -> bool:
        if len(self._types) >= _KNOWN_PATHS and path not in self._types:
            return False
        return self._types.setdefault(path, name) != name


def _values(metadata: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every value with the keys that lead to it; those of a list stand at its key, and nulls have no type."""
    todo: list[tuple[tuple[str, ...], Any]] = [((name,), value) for name, value in metadata.items()]
    while todo:
        path, value = todo.pop()
        if type(value) is list:
            todo.extend((path, element) for element in value)
        elif value is not None:
            yield path, value
            if type(value) is dict:
                todo.extend(((*path, name), member) for name, member in value.items())
