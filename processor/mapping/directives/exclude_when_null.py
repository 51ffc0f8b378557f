"""`@excludeWhenNull`: a value without its nulls: itself absent when it is one, its members left out that are.

Segment looks into objects at any depth, and not into lists.
"""

from __future__ import annotations

from processor.mapping.directives import checking
from processor.mapping.directives.base import Compiles, Directive, Place
from processor.mapping.paths import Resolve
from processor.mapping.values import ABSENT, CONTAINERS, Json, finished


def _compile(value: Json, path: str, compiler: Compiles, place: Place) -> Resolve:
    """Return a resolver that leaves nulls out."""
    read = compiler.compile(value, path, Place.OPERAND)
    is_output = place is Place.OUTPUT

    def resolve(root: Json) -> Json:
        found = read(root)
        if found is None:
            return ABSENT
        if type(found) is dict:
            found = _without_nulls(found)
        return finished(found) if is_output and type(found) in CONTAINERS else found

    return resolve


def _without_nulls(value: dict[str, Json]) -> dict[str, Json]:
    """Return a copy of an object without members that are null, at any depth outside lists."""
    result: dict[str, Json] = {}
    waiting = [(value, result)]
    while waiting:
        source, target = waiting.pop()
        for key, member in source.items():
            if type(member) is dict:
                inner: dict[str, Json] = {}
                target[key] = inner
                waiting.append((member, inner))
            elif member is not None:
                target[key] = member
    return result


EXCLUDE_WHEN_NULL = Directive("@excludeWhenNull", checking.anything, _compile)
