"""A trigger's tree as one function.

A comparison follows Segment: text compares strictly with text, numbers as 64-bit floats and only with numbers, `= true`
only with the boolean, and `= null` means null or absent. An inequality with text holds for everything that is not that
text, also for nothing at all; one with a number holds for other numbers only. Ordering takes numbers only. `contains`,
`match` and their negations take text only: for anything else both are false.

Source: contract of the trigger dialect, "Evaluation rules behind the table"; golden cases of the trigger language.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from processor.mapping.javascript import to_double
from processor.mapping.paths import Resolve, reader
from processor.mapping.triggers.errors import TriggerError
from processor.mapping.triggers.terms import Condition, Constant, Failing, Term
from processor.mapping.triggers.units import has_surrogate, units
from processor.mapping.values import ABSENT, Json

Predicate: TypeAlias = Callable[[Any], bool]

_ORDERS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SEARCHES: Final[dict[str, Callable[[str, str], bool]]] = {
    "contains": operator.contains,
    "starts": str.startswith,
    "ends": str.endswith,
}


def predicate(term: Term) -> Predicate:
    """Return a function that says whether an event (an object) satisfies the term.

    The function raises `TriggerError` where evaluation comes to a condition that cannot be evaluated.
    """
    match term:
        case Condition():
            return _comparison(term)
        case Constant(holds=holds):
            return lambda _event: holds
        case Failing(problem=problem):
            return _failure(problem)
        case _:
            tests = tuple(predicate(child) for child in term.terms)
            return _all(tests) if term.connective == "and" else _any(tests)


def _all(tests: tuple[Predicate, ...]) -> Predicate:
    """Return the conjunction, left to right, stopping at the first that fails."""

    def holds(event: Json) -> bool:
        for test in tests:  # noqa: SIM110 - all() with a generator costs three times as much
            if not test(event):
                return False
        return True

    return holds


def _any(tests: tuple[Predicate, ...]) -> Predicate:
    """Return the disjunction, left to right, stopping at the first that holds."""

    def holds(event: Json) -> bool:
        for test in tests:  # noqa: SIM110 - any() with a generator costs three times as much
            if test(event):
                return True
        return False

    return holds


def _failure(problem: str) -> Predicate:
    """Return a condition that cannot be evaluated."""

    def fail(_event: Json) -> bool:
        raise TriggerError(problem)

    return fail


def _comparison(condition: Condition) -> Predicate:
    """Return the comparison as a function, chosen once by the operator and the literal's type."""
    read, literal, name = reader(condition.keys), condition.literal, condition.operator
    if name in _ORDERS and isinstance(literal, float):
        return _is_ordered(read, _ORDERS[name], literal)
    search = _SEARCHES.get(name.removeprefix("!"))
    if search is not None and isinstance(literal, str):
        return _is_found(read, search, literal, negated=name.startswith("!"))
    return _equality(read, literal, is_equality=name == "=")


def _equality(read: Resolve, literal: str | float | bool | None, *, is_equality: bool) -> Predicate:  # noqa: FBT001 - a literal of the language
    """Return `=` or `!=`."""
    match literal:
        case None:
            return _is_missing(read) if is_equality else _is_there(read)
        case bool(flag):
            return lambda event: read(event) is flag
        case str(text):
            return _is_text(read, text) if is_equality else _is_not_text(read, text)
        case number:
            return _is_number(read, number) if is_equality else _is_other_number(read, number)


def _is_missing(read: Resolve) -> Predicate:
    """Return the test for null or absent."""

    def holds(event: Json) -> bool:
        found = read(event)
        return found is None or found is ABSENT

    return holds


def _is_there(read: Resolve) -> Predicate:
    """Return the test for anything but null and absent."""
    missing = _is_missing(read)
    return lambda event: not missing(event)


def _is_text(read: Resolve, text: str) -> Predicate:
    """Return the test for exactly this text."""
    return lambda event: bool(read(event) == text)


def _is_not_text(read: Resolve, text: str) -> Predicate:
    """Return the test for anything but exactly this text."""
    return lambda event: bool(read(event) != text)


def _number(found: Json) -> float | None:
    """Return a number as the 64-bit float that JavaScript would hold, None for anything else."""
    return None if isinstance(found, bool) or not isinstance(found, (int, float)) else to_double(found)


def _is_number(read: Resolve, number: float) -> Predicate:
    """Return the test for this number."""
    return lambda event: _number(read(event)) == number


def _is_other_number(read: Resolve, number: float) -> Predicate:
    """Return the test for another number."""

    def holds(event: Json) -> bool:
        found = _number(read(event))
        return found is not None and found != number

    return holds


def _is_ordered(read: Resolve, order: Callable[[float, float], bool], number: float) -> Predicate:
    """Return the test for a number that stands so to this one."""

    def holds(event: Json) -> bool:
        found = _number(read(event))
        return found is not None and order(found, number)

    return holds


def _is_found(read: Resolve, search: Callable[[str, str], bool], part: str, *, negated: bool) -> Predicate:
    """Return the test for a text in which the search finds the part, or does not when negated."""
    # Half a pair in the part can sit inside a letter outside the basic plane, as texts are searched by UTF-16 unit.
    split = units if has_surrogate(part) else _unsplit
    wanted = split(part)

    def holds(event: Json) -> bool:
        found = read(event)
        return isinstance(found, str) and search(split(found), wanted) is not negated

    return holds


def _unsplit(text: str) -> str:
    """Return the text itself."""
    return text
