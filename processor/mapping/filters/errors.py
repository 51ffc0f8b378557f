"""Why a filter cannot be used."""

from __future__ import annotations

from processor.errors import MappingError


class FilterError(MappingError):
    """A filter does not parse, or cannot be evaluated for an event. Either way Segment lets no event past it.

    `position` counts characters from zero, and is None when the trouble is with an event. The text holds nothing of the
    event, so all of it is safe.
    """

    def __init__(self, problem: str, *, position: int | None = None) -> None:
        """Keep the parts and make one message of them."""
        message = problem if position is None else f"at character {position + 1}: {problem}"
        super().__init__(message, reason="filter_invalid", safe=message)
        self.problem = problem
        self.position = position
