"""What Segment reads in a trigger beside what the trigger seems to say, both as text in one normal form.

The normal form is the language of Segment's manual, in which everything that its triggers can mean can be said.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from processor.mapping.filters import FilterError
from processor.mapping.filters import parser as manual
from processor.mapping.filters.expressions import (
    Call,
    Comparison,
    Constant,
    Expression,
    Field,
    Not,
    junction,
    written,
)
from processor.mapping.triggers import segment
from processor.mapping.triggers.errors import TriggerError
from processor.mapping.triggers.terms import Condition, Failing, Group, Term

_WILDCARD: Final = re.compile(r"[*?\[\\]")
_SEARCHES: Final = {"contains": "{}", "starts": "{}*", "ends": "*{}"}


class Readings(NamedTuple):
    """Two readings of one trigger.

    `segment` is None when Segment makes nothing of the text, and never runs the subscription. `says` is None when the
    text does not follow the manual either.
    """

    segment: str | None
    says: str | None


def readings(text: str) -> Readings:
    """Return what Segment reads in a trigger, and what it seems to say."""
    return Readings(_segment(text), _says(text))


def as_expression(term: Term) -> Expression:
    """Return what a trigger's tree means as an expression of the manual's language.

    They differ for values that are absent or of another type: there `!contains`, `!match` and `!=` with a number are
    false in a trigger and true in the manual.
    """
    match term:
        case Condition():
            return _condition(term)
        case Group():
            return junction(term.connective, [as_expression(child) for child in term.terms])
        case Failing(problem):
            return Call("fail", (Constant(problem),))
        case _:
            return Constant(term.holds)


def _condition(condition: Condition) -> Expression:
    """Return one comparison or search."""
    field, literal = Field(condition.keys), condition.literal
    match condition.operator:
        case "=" | "!=" | "<" | "<=" | ">" | ">=" as comparator:
            return Comparison(comparator, field, Constant(literal))
        case operator:
            search = operator.removeprefix("!")
            part = str(literal) if search == "contains" else _WILDCARD.sub(r"\\\g<0>", str(literal))
            name = "contains" if search == "contains" else "match"
            call = Call(name, (field, Constant(_SEARCHES[search].format(part))))
            return call if search == operator else Not(call)


def _segment(text: str) -> str | None:
    """Return what Segment reads."""
    try:
        return written(as_expression(segment.parse(text)))
    except TriggerError:
        return None


def _says(text: str) -> str | None:
    """Return what the text says by the manual."""
    try:
        return written(manual.parse(text))
    except FilterError:
        return None
