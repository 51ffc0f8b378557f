"""A trigger: which events a subscription takes."""

from __future__ import annotations

from processor.mapping.triggers.conditions import Term, predicate
from processor.mapping.triggers.errors import TriggerError
from processor.mapping.triggers.parser import parse
from processor.mapping.values import Json


class Trigger:
    """A trigger's text, its tree, and the tree as a function."""

    __slots__ = ("_holds", "term", "text")

    def __init__(self, text: str, term: Term) -> None:
        """Compile the tree; `parse` is the usual way here."""
        self.text = text
        self.term = term
        self._holds = predicate(term)

    @classmethod
    def parse(cls, text: str) -> Trigger:
        """Return the trigger that this text says.

        Raises:
            TriggerError: it does not parse, or Segment would read it differently from what it says.
        """
        return cls(text, parse(text))

    def matches(self, event: Json) -> bool:
        """Return whether the event is taken. A value that is no object has no fields at all.

        Raises:
            TriggerError: the event is null, which Segment cannot evaluate either.
        """
        if isinstance(event, dict):
            return self._holds(event)
        if event is None:
            raise TriggerError("the event is null")
        return self._holds({})

    def __repr__(self) -> str:
        """Return the trigger as it was written."""
        return f"Trigger.parse({self.text!r})"
