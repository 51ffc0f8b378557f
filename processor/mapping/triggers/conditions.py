"""What a trigger says, as a tree, and the tree as one function.

A comparison follows Segment: text compares strictly with text, numbers as 64-bit floats and only with numbers, `= true`
only with the boolean, and `= null` means null or absent. An inequality with text holds for everything that is not that
text, also for nothing at all; one with a number holds for other numbers only.

Source: contract of the trigger dialect, "Evaluation rules behind the table"; golden cases of the trigger language.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from processor.mapping.javascript import to_double
from processor.mapping.paths import Keys, Resolve, reader
from processor.mapping.values import ABSENT, Json

Predicate: TypeAlias = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a field with a literal: text, a 64-bit float, a boolean, or None for `null`."""

    keys: Keys
    operator: Literal["=", "!="]
    literal: str | float | bool | None


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions of which all, or any, must hold; at least one. A group in a group is one level of parentheses."""

    connective: Literal["and", "or"]
    terms: tuple[Term, ...]


Term: TypeAlias = Condition | Group


def predicate(term: Term) -> Predicate:
    """Return a function that says whether an event (an object) satisfies the term."""
    if isinstance(term, Condition):
        return _comparison(term)
    tests = tuple(predicate(child) for child in term.terms)
    return _all(tests) if term.connective == "and" else _any(tests)


def required_texts(term: Term, field: str) -> frozenset[str] | None:
    """Return the texts of which the field must have one for the term to hold, None when it may be anything.

    This is what an index may look up instead of evaluating: it may be too wide, never too narrow.
    """
    if isinstance(term, Condition):
        is_required = term.keys == (field,) and term.operator == "=" and isinstance(term.literal, str)
        return frozenset((term.literal,)) if is_required and isinstance(term.literal, str) else None
    parts = [required_texts(child, field) for child in term.terms]
    known = [part for part in parts if part is not None]
    if term.connective == "and":
        return frozenset.intersection(*known) if known else None
    return frozenset.union(*known) if len(known) == len(parts) else None


def without_decided(term: Term, fields: tuple[str, ...]) -> Term | None:
    """Return what is left to evaluate when each of these fields is known to have one of its required texts.

    None when nothing is left. Only the terms of an outermost `and` are dropped, and only those that say nothing else.
    """
    terms = term.terms if isinstance(term, Group) and term.connective == "and" else (term,)
    left = tuple(child for child in terms if not any(_only_requires(child, field) for field in fields))
    if not left:
        return None
    return left[0] if len(left) == 1 else Group("and", left)


def _only_requires(term: Term, field: str) -> bool:
    """Return whether a term says nothing but which texts the field may have."""
    if isinstance(term, Condition):
        return required_texts(term, field) is not None
    return all(_only_requires(child, field) for child in term.terms)


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


def _comparison(condition: Condition) -> Predicate:
    """Return the comparison as a function, chosen once by the literal's type."""
    read, is_equality = reader(condition.keys), condition.operator == "="
    match condition.literal:
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
