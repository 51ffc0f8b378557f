"""Which term of a trigger let an event pass or stopped it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from processor.mapping.filters.expressions import written
from processor.mapping.paths import walk
from processor.mapping.triggers.errors import TriggerError
from processor.mapping.triggers.evaluate import predicate
from processor.mapping.triggers.readings import as_expression
from processor.mapping.triggers.terms import Condition, Failing, Group, Term
from processor.mapping.triggers.trigger import Trigger
from processor.mapping.values import ABSENT, CONTAINERS, Json, kind
from processor.model import Event


@dataclass(frozen=True, slots=True)
class ExplainedTerm:
    """One term of a trigger.

    Attributes:
        text: The term in normal form, `and` or `or` for a group.
        holds: Whether it holds for the event; None when it cannot be evaluated.
        found: What the event has where the term looks, `ABSENT` when nothing is there or it looks nowhere.
        note: What is worth saying: why it cannot be evaluated.
        parts: The terms of a group, in order.
    """

    text: str
    holds: bool | None
    found: Json
    note: str
    parts: tuple[ExplainedTerm, ...]


def explain_trigger(trigger: Trigger, event: Event) -> ExplainedTerm:
    """Return what each term of a trigger says of an event, those after the deciding one included."""
    return _explained(trigger.term, event)


def as_json(term: ExplainedTerm) -> dict[str, Any]:
    """Return an explained term as plain values; what is empty is left out."""
    plain: dict[str, Any] = {"term": term.text, "holds": term.holds}
    if term.found is not ABSENT:
        plain["found"] = term.found
    if term.note:
        plain["note"] = term.note
    if term.parts:
        plain["parts"] = [as_json(part) for part in term.parts]
    return plain


def _explained(term: Term, event: Event) -> ExplainedTerm:
    """Return what one term says of an event."""
    holds, note = _verdict(term, event)
    match term:
        case Group(connective=connective, terms=terms):
            return ExplainedTerm(connective, holds, ABSENT, note, tuple(_explained(one, event) for one in terms))
        case Failing():
            return ExplainedTerm("cannot be evaluated", holds, ABSENT, note, ())
        case Condition(keys=keys):
            return ExplainedTerm(written(as_expression(term)), holds, _shown(walk(event, keys)), note, ())
        case _:
            return ExplainedTerm("always" if term.holds else "never", holds, ABSENT, note, ())


def _verdict(term: Term, event: Event) -> tuple[bool | None, str]:
    """Return whether a term holds, and why it cannot be told."""
    try:
        return predicate(term)(event), ""
    except TriggerError as error:
        return None, error.safe


def _shown(found: Json) -> Json:
    """Return a value as it is, a container as what it is: a trigger compares with nothing inside it."""
    return kind(found) if type(found) in CONTAINERS else found
