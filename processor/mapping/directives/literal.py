"""`@literal`: a value as it is. Despite its name, directives inside it are resolved, as Segment does."""

from __future__ import annotations

from processor.mapping.directives import checking
from processor.mapping.directives.base import Compiles, Directive, Place
from processor.mapping.paths import Resolve
from processor.mapping.values import Json


def _compile(value: Json, path: str, compiler: Compiles, place: Place) -> Resolve:
    """Return the resolver of what is inside."""
    return compiler.compile(value, path, place)


LITERAL = Directive("@literal", checking.anything, _compile)
