"""Why a trigger cannot be used."""

from __future__ import annotations

from processor.errors import MappingError


class TriggerError(MappingError):
    """A trigger does not parse, reads differently from what it says, or cannot be evaluated for an event.

    `position` counts characters from zero, and is None when the trouble is with an event. `instead` is a whole trigger
    to use in place of the refused one, where one can be told. Triggers hold no event data, so the whole text is safe.
    """

    def __init__(self, problem: str, *, position: int | None = None, instead: str | None = None) -> None:
        """Keep the parts and make one message of them."""
        place = "" if position is None else f"at character {position + 1}: "
        hint = "" if instead is None else f"; use instead: {instead}"
        message = f"{place}{problem}{hint}"
        super().__init__(message, reason="trigger_failed", safe=message)
        self.problem = problem
        self.position = position
        self.instead = instead
