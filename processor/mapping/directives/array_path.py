"""`@arrayPath`: a list from the event, each item mapped by a shape whose paths begin at the item.

One object counts as a list of one; a scalar comes back as it is, and so does everything where there is no shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from processor.mapping.directives.base import Checks, Compiles, Directive, Place, Problem, fitting
from processor.mapping.paths import Resolve, parse_dollar_path, reader
from processor.mapping.values import ABSENT, CONTAINERS, Json, kind

_SHAPE: Final = 1


def _check(value: Json, path: str, checks: Checks) -> Iterator[Problem]:
    """Yield the problems of `@arrayPath`: a list of a text or directive and, if wanted, a shape."""
    if not isinstance(value, list):
        yield Problem(path, f"should be a list but it is {kind(value)}")
        return
    if not value:
        yield Problem(path, "should hold a text or a directive but it is empty")
        return
    yield from checks.text(value[0], f"{path}/0")
    if len(value) > _SHAPE:
        yield from checks.value(value[_SHAPE], f"{path}/{_SHAPE}")


def _compile(value: Json, path: str, compiler: Compiles, place: Place) -> Resolve:
    """Return a resolver that maps the items."""
    if not isinstance(value, list):
        return compiler.fail(path, f"needs a list of a path and a shape, not {kind(value)}")
    first = value[0] if value else None
    read = (
        reader(parse_dollar_path(first))
        if isinstance(first, str)
        else compiler.compile(first, f"{path}/0", Place.OPERAND)
    )
    shape = value[_SHAPE] if len(value) > _SHAPE else None
    if not isinstance(shape, dict) or not shape:
        return fitting(read, place)
    mapped = _mapped(read, compiler.compile(shape, f"{path}/{_SHAPE}", place), place)
    # Items that a directive made may have absent items of their own, which a shape hands through.
    return mapped if isinstance(first, str) else fitting(mapped, place)


def _mapped(read: Resolve, shape: Resolve, place: Place) -> Resolve:
    """Return a resolver that maps each item; an item that comes to nothing keeps its place."""
    gap = None if place is Place.OUTPUT else ABSENT

    def resolve(root: Json) -> Json:
        found = read(root)
        if type(found) not in CONTAINERS:
            return found
        result = []
        for item in found if isinstance(found, list) else (found,):
            value = shape(item)
            result.append(gap if value is ABSENT else value)
        return result

    return resolve


ARRAY_PATH = Directive("@arrayPath", _check, _compile)
