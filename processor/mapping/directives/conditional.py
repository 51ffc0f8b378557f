"""`@if`: one value or another, by whether a third is there (`exists`) or is not blank (`blank`).

Segment's rules surprise, and mappings rely on them: `blank` is true when the value is **not** blank; a literal
condition that JavaScript takes for false is an error; such a literal under `else` counts as no `else`, under `then` it
is a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from processor.errors import MappingError
from processor.mapping.directives.base import Checks, Compiles, Constant, Directive, Place, Problem, direct, failure
from processor.mapping.javascript import is_falsy, js_text
from processor.mapping.paths import Resolve
from processor.mapping.values import ABSENT, Json, kind

_NOTHING: Final[Resolve] = Constant(ABSENT)


def _check(value: Json, path: str, checks: Checks) -> Iterator[Problem]:
    """Yield the problems of `@if`: an object is wanted, and each of its members is a mapping value."""
    if not isinstance(value, dict):
        yield Problem(path, f"should be an object but it is {kind(value)}")
        return
    reserved = [key for key in value if key.startswith("@")]
    if reserved:
        yield Problem(path, f"should hold exists or blank, then and else, not the directive {reserved[0]}")
        return
    for key, member in value.items():
        yield from checks.value(member, f"{path}/{key}")


def _compile(value: Json, path: str, compiler: Compiles, place: Place) -> Resolve:
    """Return a resolver that decides per event."""
    if not isinstance(value, dict):
        return compiler.fail(path, f"needs an object with exists or blank, not {kind(value)}")
    if all(_is_no_value(value.get(key, ABSENT)) for key in ("exists", "blank")):
        return compiler.fail(path, "needs exists or blank with a value that JavaScript does not take for false")
    test = "exists" if "exists" in value else "blank"
    operand = compiler.compile(value[test], f"{path}/{test}", Place.OPERAND)
    then = direct(compiler.compile(value["then"], f"{path}/then", place)) if "then" in value else _NOTHING
    other: Resolve = _NOTHING
    if not _is_no_value(value.get("else", ABSENT)):
        other = direct(compiler.compile(value["else"], f"{path}/else", place))
    return _exists(operand, then, other) if test == "exists" else _filled(operand, then, other, path)


def _is_no_value(literal: Json) -> bool:
    """Return whether a member is missing or a literal that JavaScript takes for false; a directive never is."""
    return literal is ABSENT or is_falsy(literal)


def _exists(operand: Resolve, then: Resolve, other: Resolve) -> Resolve:
    """Return a resolver that takes `then` when the operand is neither absent nor null."""

    def decide(root: Json) -> Json:
        found = operand(root)
        return other(root) if found is None or found is ABSENT else then(root)

    return decide


def _filled(operand: Resolve, then: Resolve, other: Resolve, path: str) -> Resolve:
    """Return a resolver that takes `then` when the operand is not blank."""

    def decide(root: Json) -> Json:
        return then(root) if _is_filled(operand(root), path) else other(root)

    return decide


def _is_filled(found: Json, path: str) -> bool:
    """Return whether JavaScript's `!= ""` holds: numbers compare with zero, lists and objects by their text."""
    if found is None or found is ABSENT:
        return False
    if isinstance(found, (dict, list)):
        return _text(found, path) != ""
    return bool(found)


def _text(found: Json, path: str) -> str:
    """Return the text of a container with the place of the condition in the error."""
    try:
        return js_text(found)
    except MappingError as error:
        raise failure(f"{path}/blank", str(error)) from error


IF = Directive("@if", _check, _compile)
