"""A trigger: which events a subscription takes."""

from __future__ import annotations

from processor.mapping.triggers import segment, strict
from processor.mapping.triggers.errors import TriggerError
from processor.mapping.triggers.evaluate import predicate
from processor.mapping.triggers.terms import Term
from processor.mapping.values import Json


class Trigger:
    """A trigger's text, its tree, and the tree as a function."""

    __slots__ = ("_holds", "term", "text")

    def __init__(self, text: str, term: Term) -> None:
        """Compile the tree; `parse` and `parse_strict` are the usual ways here."""
        self.text = text
        self.term = term
        self._holds = predicate(term)

    @classmethod
    def parse(cls, text: str) -> Trigger:
        """Return the trigger as Segment reads it, whatever it seems to say.

        Raises:
            TriggerError: Segment makes nothing of it.
        """
        return cls(text, segment.parse(text))

    @classmethod
    def parse_strict(cls, text: str) -> Trigger:
        """Return the trigger that this text says, which is also what Segment reads in it.

        Raises:
            TriggerError: it does not parse, or Segment would read it differently from what it says.
        """
        return cls(text, strict.parse(text))

    def matches(self, event: Json) -> bool:
        """Return whether the event is taken. A value that is no object has no fields at all.

        Raises:
            TriggerError: Segment cannot evaluate the trigger for this event either: the event is null, or evaluation
                comes to a condition that always fails.
        """
        if isinstance(event, dict):
            return self._holds(event)
        if event is None:
            raise TriggerError("the event is null")
        return self._holds({})

    def __repr__(self) -> str:
        """Return the trigger as it was written."""
        return f"<Trigger {self.text!r}>"
