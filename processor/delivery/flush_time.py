"""Whether a request can still be answered before a flush ends, judged by the latest answers."""

from __future__ import annotations

ANSWER_MARGIN = 2.0
"""A request is expected to be answered within so many times the slowest of the latest answers."""
SLOWEST_DECAY = 0.95
"""What is left of the slowest answer with each that was faster."""


class FlushTime:
    """How long answers take, and when a flush ends, should there be one."""

    def __init__(self) -> None:
        """Start without answers and without an end."""
        self._slowest_s: float | None = None
        self._end_s = float("inf")
        self._patience_s = 0.0

    def note(self, duration_s: float) -> None:
        """Note how long an answer took."""
        self._slowest_s = max(duration_s, SLOWEST_DECAY * (self._slowest_s or 0.0))

    def begin(self, now_s: float, end_s: float) -> None:
        """A flush begins that ends at a monotonic time."""
        self._end_s, self._patience_s = end_s, (end_s - now_s) / 2

    def allows(self, start_s: float) -> bool:
        """Return whether a request that starts then can be expected to be answered before the flush ends.

        By the latest answers; without any, within half the time of the flush.
        """
        patience_s = self._patience_s if self._slowest_s is None else ANSWER_MARGIN * self._slowest_s
        return start_s + patience_s < self._end_s
