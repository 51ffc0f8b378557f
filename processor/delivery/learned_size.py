"""The largest body that an endpoint seems to take, where it, or what stands before it, takes less than is documented.

Without it every full request would be refused and halved anew, and requests to spare for that are bounded.
"""

from __future__ import annotations

SHRINK = 2
"""A body refused as too large halves the size; of two halves both fit, or the next refusal halves it again."""
GROWTH = 1.25
"""How much more is tried once so many requests in a row were taken: a limit may have been a passing fault."""
PATIENCE_COUNT = 100
FLOOR_SHARE = 16
"""However small a body is refused, this part of the endpoint's own limit stays: single payloads may be to blame."""

_TOO_LARGE = 413
_SUCCESSES = range(200, 300)


class LearnedSize:
    """What one endpoint has taught. `max_bytes` is its own limit until it refuses a body as too large."""

    __slots__ = ("_largest_taken_bytes", "_own_bytes", "_taken_count", "max_bytes")

    def __init__(self, own_bytes: int) -> None:
        """Start with the endpoint's own limit."""
        self._own_bytes = own_bytes
        self._taken_count = 0
        self._largest_taken_bytes = 0
        self.max_bytes = own_bytes

    def note(self, body_bytes: int, payload_count: int, status: int | None) -> bool:
        """Note what a body of this size and so many payloads was answered; return whether the limit has changed.

        A payload that is refused alone says that its size is too much for a body, unless a larger one was taken: then
        it is the payload that is too large.
        """
        before = self.max_bytes
        if status == _TOO_LARGE:
            self._refused(body_bytes, payload_count)
        elif status in _SUCCESSES:
            self._largest_taken_bytes = max(self._largest_taken_bytes, body_bytes)
            if before < self._own_bytes:
                self._taken()
        return self.max_bytes != before

    def _refused(self, body_bytes: int, payload_count: int) -> None:
        if payload_count == 1 and body_bytes <= self._largest_taken_bytes:
            return
        self._taken_count = self._largest_taken_bytes = 0
        seems_taken = body_bytes - 1 if payload_count == 1 else body_bytes // SHRINK
        self.max_bytes = min(self.max_bytes, max(seems_taken, self._own_bytes // FLOOR_SHARE))

    def _taken(self) -> None:
        self._taken_count += 1
        if self._taken_count >= PATIENCE_COUNT:
            self._taken_count = 0
            self.max_bytes = min(self._own_bytes, int(self.max_bytes * GROWTH))
