"""Flattening: from a bag of anything to candidates for attributes, each with a name and where it came from.

Objects are joined with `_`. A list of objects becomes parallel lists of scalars, one per leaf, and a count: keys with
an index, as other connectors make them, would use up MoEngage's hundred attributes with one shopping cart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from msgspec import Struct

KeyRule = Callable[[str], str]
"""Gives a key its form; empty text when nothing usable is left of it."""


class Candidate(Struct, gc=False):
    """A value that wants a name. `path` joins the original keys with periods; `depth` counts them.

    `is_made` marks what no key of the sender stands for: the count of a list of objects.
    """

    name: str
    value: Any
    path: str
    depth: int
    is_made: bool = False


class Flat(NamedTuple):
    """What a bag comes to: candidates in the order of the document, and what could not be made one.

    `invalid_count` counts keys without a usable form, `cut_count` how often objects were cut that are sent as such.
    """

    candidates: list[Candidate]
    invalid_count: int
    cut_count: int = 0


_Place = tuple[Any, str, str, int, bool]
"""A value that is still to be looked at: value, name, path, depth, and whether it lies below a list of objects."""

_COUNT: Final = "count"


def flatten(bag: dict[str, Any], key_rule: KeyRule) -> Flat:
    """Return the candidates of a bag. Works through a stack of its own, so that depth costs no recursion."""
    walk = _Walk(key_rule)
    walk.open_object(bag, "", "", 0, is_listed=False)
    while walk.places:
        walk.visit(*walk.places.pop())
    return Flat(walk.candidates, walk.invalid_count)


class _Walk:
    """One flattening in progress. Places are pushed in reverse, so that they are visited in document order."""

    __slots__ = ("_key_rule", "_lists", "candidates", "invalid_count", "places")

    def __init__(self, key_rule: KeyRule) -> None:
        """Start with nothing found."""
        self.places: list[_Place] = []
        self.candidates: list[Candidate] = []
        self.invalid_count = 0
        self._key_rule = key_rule
        self._lists: dict[tuple[str, int, bool], Candidate] = {}

    def visit(self, value: Any, name: str, path: str, depth: int, is_listed: bool) -> None:  # noqa: ANN401, FBT001 - a place, taken apart
        """Turn a place into a candidate, or into the places inside it."""
        kind = type(value)
        if kind is dict:
            self.open_object(value, name, path, depth, is_listed=is_listed)
        elif kind is list:
            self._open_list(value, name, path, depth, is_listed=is_listed)
        elif is_listed:
            self._collect([value], name, path, depth)
        else:
            self.candidates.append(Candidate(name, value, path, depth))

    def open_object(self, value: dict[str, Any], name: str, path: str, depth: int, *, is_listed: bool) -> None:
        """Push the members of an object under their converted names."""
        name, path = (name + "_", path + ".") if depth else ("", "")
        for key, item in reversed(value.items()):
            form = self._key_rule(key)
            if form:
                self.places.append((item, name + form, path + key, depth + 1, is_listed))
            else:
                self.invalid_count += item is not None

    def _open_list(self, items: list[Any], name: str, path: str, depth: int, *, is_listed: bool) -> None:
        """Keep a list of scalars, spread a list of objects. Beside objects, scalars have no place."""
        object_count = sum(type(item) is dict for item in items)
        if not object_count and not any(type(item) is list for item in items):
            if is_listed:
                self._collect(items, name, path, depth)
            else:
                self.candidates.append(Candidate(name, items, path, depth))
            return
        if object_count:
            self._count(object_count, name, path, depth, is_listed=is_listed)
        for item in reversed(items):
            if not object_count or type(item) is dict or type(item) is list:
                self.places.append((item, name, path, depth, True))

    def _count(self, count: int, name: str, path: str, depth: int, *, is_listed: bool) -> None:
        """Add the number of objects in a list under a name of its own."""
        name, path, depth = f"{name}_{_COUNT}", f"{path}.{_COUNT}", depth + 1
        if is_listed:
            self._collect([count], name, path, depth, is_made=True)
        else:
            self.candidates.append(Candidate(name, count, path, depth, is_made=True))

    def _collect(self, items: list[Any], name: str, path: str, depth: int, *, is_made: bool = False) -> None:
        """Append to the parallel list of a leaf. Made and real leaves of one path keep apart."""
        where = (path, depth, is_made)
        candidate = self._lists.get(where)
        if candidate is None:
            candidate = self._lists[where] = Candidate(name, [], path, depth, is_made=is_made)
            self.candidates.append(candidate)
        candidate.value.extend(items)
