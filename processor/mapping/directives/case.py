"""`@case`: a text in lower or upper case; anything else passes as it is.

Segment's rules: a literal value that JavaScript takes for false is skipped, and the operator is looked at only when
there is a text to change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from processor.mapping.directives import checking
from processor.mapping.directives.base import Checks, Compiles, Constant, Directive, Place, Problem, failure
from processor.mapping.javascript import is_falsy
from processor.mapping.paths import Resolve
from processor.mapping.values import ABSENT, CONTAINERS, Json, finished, kind

_CASES: Final[Mapping[str, Callable[[str], str]]] = {"lower": str.lower, "upper": str.upper}


def _check(value: Json, path: str, checks: Checks) -> Iterator[Problem]:
    """Yield the problems of `@case`."""
    optional = {"operator": checking.plain_text, "value": checking.text}
    yield from checking.members(value, path, checks, required={}, optional=optional)


def _compile(value: Json, path: str, compiler: Compiles, place: Place) -> Resolve:
    """Return a resolver that changes the case of a text."""
    if not isinstance(value, dict):
        return compiler.fail(path, f"needs an object with operator and value, not {kind(value)}")
    operator = value.get("operator")
    if is_falsy(operator):
        return compiler.fail(path, "needs an operator")
    if is_falsy(value.get("value")):
        return Constant(ABSENT)
    read = compiler.compile(value["value"], f"{path}/value", Place.OPERAND)
    change = _CASES.get(operator) if isinstance(operator, str) else None
    is_output = place is Place.OUTPUT

    def resolve(root: Json) -> Json:
        found = read(root)
        if isinstance(found, str):
            if change is None:
                raise failure(f"{path}/operator", "should be lower or upper")
            return change(found)
        return finished(found) if is_output and type(found) in CONTAINERS else found

    return resolve


CASE = Directive("@case", _check, _compile)
