"""What is expected against what is found. Expectations are partial: what they do not name may be anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from processor.config.problems import Path
from processor.mapping.values import ABSENT, Json


class Difference(NamedTuple):
    """One place where it is otherwise: what is expected there and what was found, `ABSENT` where nothing is."""

    path: Path
    expected: Json
    found: Json


def differences(expected: Json, found: Json, path: Path = (), *, exact: bool = False) -> Iterator[Difference]:
    """Yield the places at which a value is not as expected.

    The named members of an object must be there, with `exact` no other ones. A list must have as many items, each as
    it is expected. Numbers are equal by value: 20 is 20.0.
    """
    if isinstance(expected, dict) and isinstance(found, dict):
        yield from _members(expected, found, path, exact=exact)
    elif isinstance(expected, list) and isinstance(found, list):
        yield from _items(expected, found, path, exact=exact)
    elif not is_same(expected, found):
        yield Difference(path, expected, found)


def _members(expected: dict[str, Any], found: dict[str, Any], path: Path, *, exact: bool) -> Iterator[Difference]:
    """Yield what differs between two objects."""
    for key, value in expected.items():
        yield from differences(value, found.get(key, ABSENT), (*path, key), exact=exact)
    if exact:
        for key, value in found.items():
            if key not in expected:
                yield Difference((*path, key), ABSENT, value)


def _items(expected: list[Any], found: list[Any], path: Path, *, exact: bool) -> Iterator[Difference]:
    """Yield what differs between two lists, item by item."""
    for index in range(max(len(expected), len(found))):
        place = (*path, index)
        if index >= len(expected):
            yield Difference(place, ABSENT, found[index])
        elif index >= len(found):
            yield Difference(place, expected[index], ABSENT)
        else:
            yield from differences(expected[index], found[index], place, exact=exact)


def is_same(one: Json, other: Json) -> bool:
    """Return whether two values, not both of them objects and not both lists, are the same in JSON; true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)
