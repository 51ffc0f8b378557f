"""Why a trigger cannot be used."""

from __future__ import annotations

from processor.errors import MappingError


class TriggerError(MappingError):
    """A trigger does not parse, reads differently from what it says, or met an event that is null.

    `position` counts characters from zero. `instead` is a whole trigger to use in place of the refused one, where one
    can be told. Triggers hold no event data, so the whole text is safe.
    """

    def __init__(self, problem: str, *, position: int = 0, instead: str | None = None) -> None:
        """Keep the parts and make one message of them."""
        hint = "" if instead is None else f"; use instead: {instead}"
        message = f"at character {position + 1}: {problem}{hint}"
        super().__init__(message, reason="trigger_failed", safe=message)
        self.problem = problem
        self.position = position
        self.instead = instead
