"""What a trigger says, as a tree, and what an index may know about it without evaluating it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from processor.mapping.paths import Keys

Operator: TypeAlias = Literal[
    "=", "!=", "<", "<=", ">", ">=", "contains", "!contains", "starts", "!starts", "ends", "!ends"
]


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a field with a literal.

    With `=` and `!=` the literal is a text, a 64-bit float, a boolean (`=` only), or None for `null`; with an ordering
    it is a float, NaN where the trigger names no number; with the operators on text it is a text.
    """

    keys: Keys
    operator: Operator
    literal: str | float | bool | None


@dataclass(frozen=True, slots=True)
class Constant:
    """A condition that says the same for every event: one that Segment parses and never finds true, for example."""

    holds: bool


@dataclass(frozen=True, slots=True)
class Failing:
    """A condition that cannot be evaluated. It fails the event when evaluation comes to it, and not before."""

    problem: str


@dataclass(frozen=True, slots=True)
class Group:
    """Terms of which all, or any, must hold, tried from left to right as far as needed; at least one."""

    connective: Literal["and", "or"]
    terms: tuple[Term, ...]


Term: TypeAlias = Condition | Constant | Failing | Group


def can_fail(term: Term) -> bool:
    """Return whether evaluating the term fails for some event."""
    if isinstance(term, Group):
        return any(can_fail(child) for child in term.terms)
    return isinstance(term, Failing)


def required_texts(term: Term, field: str) -> frozenset[str] | None:
    """Return the texts of which the field must have one for the term to hold or to fail, None when it may be anything.

    This is what an index may look up instead of evaluating: it may be too wide, never too narrow.
    """
    match term:
        case Condition((key,), "=", str(text)) if key == field:
            return frozenset((text,))
        case Constant(holds=False):
            return frozenset()
        case Group("and", terms):
            known = [texts for child in _tried_first(terms) if (texts := required_texts(child, field)) is not None]
            return frozenset.intersection(*known) if known else None
        case Group("or", terms):
            parts = [required_texts(child, field) for child in terms]
            known = [texts for texts in parts if texts is not None]
            return frozenset[str]().union(*known) if len(known) == len(parts) else None
    return None


def without_decided(term: Term, fields: tuple[str, ...]) -> Term | None:
    """Return what is left to evaluate when each of these fields is known to have one of its required texts.

    None when nothing is left. Only terms of an outermost `and` are dropped, only those that say nothing else, and only
    those that `required_texts` looked at.
    """
    terms = term.terms if isinstance(term, Group) and term.connective == "and" else (term,)
    looked_at = len(_tried_first(terms))
    left = tuple(
        child
        for position, child in enumerate(terms)
        if position >= looked_at or not any(_only_requires(child, field) for field in fields)
    )
    if not left:
        return None
    return left[0] if len(left) == 1 else Group("and", left)


def _tried_first(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """Return the terms of an `and` up to the first that can fail.

    What stands behind it must not keep an event from being evaluated: the failure comes first.
    """
    for position, child in enumerate(terms):
        if can_fail(child):
            return terms[: position + 1]
    return terms


def _only_requires(term: Term, field: str) -> bool:
    """Return whether a term says nothing but which texts the field may have."""
    match term:
        case Condition():
            return required_texts(term, field) is not None
        case Group(terms=terms):
            return all(_only_requires(child, field) for child in terms)
    return False
