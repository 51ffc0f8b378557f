"""What a vendor keeps of its users: profiles into which updates are merged, and the ids that it has seen.

Values stay the bytes in which they came, so that a number reads back as it was written.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw

P = TypeVar("P")
Members = dict[str, Any]
"""The members of an object: `Raw` values, and `Members` where two objects were merged."""

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


class Profiles(Generic[P]):
    """Profiles by id, those that were touched last; `is_complete` says whether any had to be forgotten."""

    def __init__(self, keep_count: int, make: Callable[[str], P]) -> None:
        """Keep so many, and make a new one of its id."""
        self._keep_count = keep_count
        self._make = make
        self._profiles: OrderedDict[str, P] = OrderedDict()
        self.is_complete = True

    def __iter__(self) -> Iterator[P]:
        """Iterate over all profiles, the one that was touched last at the end."""
        return iter(self._profiles.values())

    def find(self, id_: str) -> P | None:
        """Return the profile of this id, None where there is none."""
        return self._profiles.get(id_)

    def touch(self, id_: str) -> P:
        """Return the profile of this id, a new one where there was none."""
        found = self._profiles.get(id_)
        if found is not None:
            self._profiles.move_to_end(id_)
            return found
        made = self._profiles[id_] = self._make(id_)
        if len(self._profiles) > self._keep_count:
            self._profiles.popitem(last=False)
            self.is_complete = False
        return made

    def remove(self, id_: str) -> P | None:
        """Return the profile of this id and forget it; None where there is none."""
        return self._profiles.pop(id_, None)


class Seen:
    """The ids that a vendor took in: at least the newest `keep_count`, at most twice as many, as hashes."""

    def __init__(self, keep_count: int) -> None:
        """Remember so many."""
        self._keep_count = keep_count
        self._newer: set[int] = set()
        self._older: set[int] = set()

    def is_repeat(self, id_: str) -> bool:
        """Return whether this id came before, and remember it."""
        key = hash(id_)
        if key in self._newer or key in self._older:
            return True
        self._newer.add(key)
        if len(self._newer) >= self._keep_count:
            self._older, self._newer = self._newer, set()
        return False


def merge_members(into: Members, update: Mapping[str, Raw]) -> None:
    """Merge as Moesif does: what is not named stays, objects are merged, every other value replaces the old one."""
    todo: list[tuple[Members, Mapping[str, Raw]]] = [(into, update)]
    while todo:
        target, source = todo.pop()
        for name, raw in source.items():
            if is_object(raw) and is_object(target.get(name)):
                todo.append((_opened(target, name), _MEMBERS.decode(raw)))
            else:
                target[name] = raw.copy()


def lay_under(upper: Members, lower: Members) -> None:
    """Put into `upper` what it has not got of `lower`, whose values are then shared by both."""
    todo = [(upper, lower)]
    while todo:
        target, source = todo.pop()
        for name, value in source.items():
            if name not in target:
                target[name] = value
            elif is_object(value) and is_object(target[name]):
                todo.append((_opened(target, name), _opened(source, name)))


def is_object(value: Any) -> bool:  # noqa: ANN401 - `Raw`, members or None
    """Return whether this is a JSON object, read or not."""
    return type(value) is dict or (type(value) is Raw and memoryview(value)[:1].tobytes() == b"{")


def _opened(members: Members, name: str) -> Members:
    """Return an object among these members as members, which take its place."""
    value = members[name]
    if type(value) is Raw:
        value = members[name] = {key: raw.copy() for key, raw in _MEMBERS.decode(value).items()}
    assert type(value) is dict
    return value
