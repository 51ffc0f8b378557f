"""`@literal`: a value as it is. Despite its name, directives inside it are resolved, as Segment does."""

from __future__ import annotations

from collections.abc import Iterator

from processor.mapping.directives.base import Checks, Compiles, Directive, Place, Problem
from processor.mapping.paths import Resolve
from processor.mapping.values import Json


def _check(value: Json, path: str, checks: Checks) -> Iterator[Problem]:
    """Yield the problems of what is inside."""
    yield from checks.value(value, path)


def _compile(value: Json, path: str, compiler: Compiles, place: Place) -> Resolve:
    """Return the resolver of what is inside."""
    return compiler.compile(value, path, place)


LITERAL = Directive("@literal", _check, _compile)
