"""`@merge`: several objects as one, the later or the earlier ones winning. Shallow.

Segment spreads what it is given: a text by its UTF-16 units, a list by its indexes, anything else that is no object not
at all. An absent member overwrites one that is there, and then disappears.
"""

from __future__ import annotations

from collections.abc import Iterator

from processor.mapping.directives import checking
from processor.mapping.directives.base import Checks, Compiles, Directive, Place, Problem
from processor.mapping.javascript import is_falsy, utf16_split
from processor.mapping.paths import Resolve
from processor.mapping.values import PROTO, Json, finished, kind


def _check(value: Json, path: str, checks: Checks) -> Iterator[Problem]:
    """Yield the problems of `@merge`."""
    required = {"objects": checking.items(checking.structure)}
    optional = {"direction": checking.one_of("left", "right")}
    yield from checking.members(value, path, checks, required=required, optional=optional)


def _compile(value: Json, path: str, compiler: Compiles, place: Place) -> Resolve:
    """Return a resolver that merges."""
    if not isinstance(value, dict):
        return compiler.fail(path, f"needs an object with objects and direction, not {kind(value)}")
    if is_falsy(value.get("direction")):
        return compiler.fail(path, "needs a direction, left or right")
    objects = value.get("objects")
    if not isinstance(objects, list):
        return compiler.fail(path, f"needs a list of objects, not {kind(objects)}")
    direction = compiler.compile(value["direction"], f"{path}/direction", Place.OPERAND)
    reads = tuple(compiler.compile(one, f"{path}/objects/{index}", Place.OPERAND) for index, one in enumerate(objects))

    def resolve(root: Json) -> Json:
        found = [read(root) for read in reads]
        if direction(root) == "left":
            found.reverse()
        merged: dict[str, Json] = {}
        for one in found:
            merged.update(_spread(one))
        merged.pop(PROTO, None)
        return finished(merged) if place is Place.OUTPUT else merged

    return resolve


def _spread(value: Json) -> dict[str, Json]:
    """Return the members that JavaScript's spread takes from a value."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}
    return {str(index): unit for index, unit in enumerate(utf16_split(value))} if isinstance(value, str) else {}


MERGE = Directive("@merge", _check, _compile)
