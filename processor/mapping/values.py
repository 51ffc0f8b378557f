"""What a mapped value may be, beside JSON: absent.

Also the one rule about keys: `__proto__` never appears in a result. In JavaScript assigning that key changes an object
instead of adding to it, so Segment's results never hold it, and a consumer behind the vendor may still be JavaScript.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any
"""Any JSON value, as decoded; where it is said so, also `ABSENT`. Which one it is, only looking tells."""

PROTO: Final = "__proto__"


class Absent(Enum):
    """The type of `ABSENT`; an enum, so that it is one object however it is copied, and type checkers narrow on it."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        """Return the name under which it is imported."""
        return "ABSENT"


ABSENT: Final = Absent.ABSENT
"""Nothing at all: no key, as opposed to a key whose value is null."""

CONTAINERS: Final = frozenset((dict, list))
"""The types whose values hold others. Decoded JSON has no subclasses, so that `type(x) in CONTAINERS` may stand for the
slower `isinstance` where it runs for each field of each event."""

_UNFINISHED: Final = CONTAINERS | {Absent}
"""The types of what `finished` has to look into or to take out."""


def cleaned(value: Json) -> Json:
    """Return the value without `__proto__` keys at any depth: itself when there are none, which is nearly always."""
    return value if type(value) not in CONTAINERS or _is_clean(value) else _completed(value)


def _is_clean(value: Json) -> bool:
    """Return whether no key at any depth is `__proto__`; the explicit stack makes depth harmless."""
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if type(node) is dict:
            if PROTO in node:
                return False
            node = node.values()
        for child in node:
            if type(child) in CONTAINERS:
                waiting.append(child)  # noqa: PERF401 - a generator takes twice the time
    return True


def _started(value: Json, waiting: list[tuple[Json, Json]]) -> Json:
    """Return a scalar as it is, a container as an empty one that `waiting` says to fill."""
    if type(value) not in CONTAINERS:
        return value
    target: dict[str, Any] | list[Any] = {} if isinstance(value, dict) else []
    waiting.append((value, target))
    return target


def finished(value: Json) -> Json:
    """Return a composed value as a result: no `__proto__` key and no absent member at any depth, absent items as null.

    The value itself when nothing has to change. An object of scalars is what most directives make, and comes first.
    """
    if type(value) is dict and PROTO not in value and _UNFINISHED.isdisjoint(map(type, value.values())):
        return value
    return value if _is_finished(value) else _completed(value)


def _is_finished(value: Json) -> bool:
    """Return whether nothing is absent and no key is `__proto__`, at any depth."""
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if PROTO in node:
                return False
            node = node.values()
        for child in node:
            if child is ABSENT:
                return False
            if type(child) in CONTAINERS:
                waiting.append(child)
    return True


def _completed(value: Json) -> Json:
    """Return a deep copy without absent members and `__proto__` keys, and with null for absent items."""
    root: list[Any] = []
    waiting: list[tuple[Any, Any]] = [([value], root)]
    while waiting:
        source, target = waiting.pop()
        if isinstance(source, dict):
            for key, child in source.items():
                if key != PROTO and child is not ABSENT:
                    target[key] = _started(child, waiting)
        else:
            target.extend(None if child is ABSENT else _started(child, waiting) for child in source)
    return root[0]


_KINDS: Final = (
    (type(ABSENT), "nothing"),
    (type(None), "null"),
    (bool, "a boolean"),
    (str, "a text"),
    ((int, float), "a number"),
    (list, "a list"),
    (dict, "an object"),
)


def kind(value: Json) -> str:
    """Return what a value is, with its article, for messages; never anything of the value itself."""
    return next((name for types, name in _KINDS if isinstance(value, types)), f"a {type(value).__name__}")
