"""When the vendor refuses half of everything, the fault is systemic and dead-lettering it would drain the topic."""

from __future__ import annotations

from collections import deque

from processor.delivery.settings import GuardSettings


class RejectionGuard:
    """The latest payloads that the vendor delivered or refused, and whether too many of them were refused.

    Only refusals by the vendor count (`http_*`), not what was found wrong before sending.
    """

    def __init__(self, settings: GuardSettings) -> None:
        """Start with nothing seen."""
        self._settings = settings
        self._window: deque[str | None] = deque()
        self._refused_count = 0
        self._refused_by_user: dict[str, int] = {}
        self._accepted: set[int] = set()
        self.trip_count = 0
        """How often it has held the destination: the number of the latest time."""

    @property
    def is_tripped(self) -> bool:
        """Return whether refusals are taken for a systemic fault."""
        settings = self._settings
        return self._refused_count >= settings.refused_count and len(self._refused_by_user) >= settings.min_users

    @property
    def refused_count(self) -> int:
        """Return how many of the latest payloads were refused."""
        return self._refused_count

    def delivered(self, count: int) -> None:
        """Note accepted payloads."""
        if self._refused_count == 0 and len(self._window) == self._settings.window_count:
            return  # they would only push out others like them
        for _ in range(min(count, self._settings.window_count)):
            self._push(None)

    def refused(self, user: str) -> None:
        """Note a refused payload of a user."""
        self._refused_count += 1
        self._refused_by_user[user] = self._refused_by_user.get(user, 0) + 1
        self._push(user)

    def trip(self) -> None:
        """Count that the destination is held for this."""
        self.trip_count += 1

    def accept(self) -> None:
        """Take what was refused alone up to and in the latest hold for what it is: an operator said so.

        Of these payloads the next refusal is final and counts no more. Others count as ever, from nothing.
        """
        self._accepted.add(self.trip_count)
        self.reset()

    def has_accepted(self, trip: int | None) -> bool:
        """Return whether the refusal of a payload in this hold is accepted."""
        return trip in self._accepted

    def reset(self) -> None:
        """Start over: a probe was accepted, or an operator said so."""
        self._window.clear()
        self._refused_by_user.clear()
        self._refused_count = 0

    def _push(self, user: str | None) -> None:
        """Add to the window and let the oldest fall out."""
        self._window.append(user)
        if len(self._window) <= self._settings.window_count:
            return
        oldest = self._window.popleft()
        if oldest is None:
            return
        self._refused_count -= 1
        left = self._refused_by_user[oldest] - 1
        if left:
            self._refused_by_user[oldest] = left
        else:
            del self._refused_by_user[oldest]
