"""The condition of a filter: which events it is about."""

from __future__ import annotations

from typing import Final

from processor.mapping.filters.evaluate import evaluation
from processor.mapping.filters.expressions import Constant, Expression
from processor.mapping.filters.parser import parse
from processor.mapping.values import Json

_EVERYTHING: Final = "all"
"""The condition that every event meets, when it stands alone."""


class FilterCondition:
    """What an event must meet: its text, its tree, and the tree as a function."""

    __slots__ = ("_evaluate", "expression", "text")

    def __init__(self, text: str, expression: Expression) -> None:
        """Compile the tree; `parse` is the usual way here."""
        self.text = text
        self.expression = expression
        self._evaluate = evaluation(expression)

    @classmethod
    def parse(cls, text: str) -> FilterCondition:
        """Return the condition that a text says.

        Raises:
            FilterError: it does not parse; Segment then lets no event past.
        """
        return cls(text, Constant(value=True) if text.strip() == _EVERYTHING else parse(text))

    def matches(self, event: Json) -> bool:
        """Return whether the condition is true; null and whatever else is not true counts as false.

        Raises:
            FilterError: the condition cannot be evaluated for this event; Segment then does not let it past.
        """
        return self._evaluate(event) is True

    def __repr__(self) -> str:
        """Return the condition as it was written."""
        return f"<FilterCondition {self.text!r}>"
