"""`@transform`: a mapping whose result is the event of a second mapping."""

from __future__ import annotations

from collections.abc import Iterator

from processor.mapping.directives import checking
from processor.mapping.directives.base import Checks, Compiles, Directive, Place, Problem, fitting
from processor.mapping.javascript import is_falsy
from processor.mapping.paths import Resolve
from processor.mapping.values import Json, kind


def _check(value: Json, path: str, checks: Checks) -> Iterator[Problem]:
    """Yield the problems of `@transform`."""
    required = {"apply": checking.structure, "mapping": checking.structure}
    yield from checking.members(value, path, checks, required=required, optional={})


def _compile(value: Json, path: str, compiler: Compiles, place: Place) -> Resolve:
    """Return a resolver that runs one stage after the other."""
    if not isinstance(value, dict):
        return compiler.fail(path, f"needs an object with apply and mapping, not {kind(value)}")
    for name in ("apply", "mapping"):
        if is_falsy(value.get(name)):
            return compiler.fail(path, f"needs {name!r}")
    apply = compiler.compile(value["apply"], f"{path}/apply", Place.OPERAND)
    then = compiler.compile(value["mapping"], f"{path}/mapping", place)
    # The second stage may hand through what the first has made, with absent items in it.
    return fitting(lambda root: then(apply(root)), place)


TRANSFORM = Directive("@transform", _check, _compile)
