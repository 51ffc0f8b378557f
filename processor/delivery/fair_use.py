"""How much of a single user is sent: a guard for vendors that block a user of whom they get too much.

A runaway id, such as a test account or a shared login, would otherwise be blocked by the vendor for hours without an
answer that says so. What goes beyond is refused here, where it is a dead letter that can be sent again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from processor.delivery.parcel import Parcel
from processor.destinations.base import FairUse
from processor.model import Answer

FAIR_USE_EXCEEDED = "fair_use_exceeded"
FAIR_USE_MESSAGE = "more of one user than the vendor takes; it would block the user"
NOT_SENT = Answer(None, sent=False)
"""What stands for the answer to a payload that was never sent."""

BURST_SHARE = 0.75
"""The part of a window's count that may come at once. The rest flows in evenly over the window, so that no stretch of
that length ever holds more than the count, wherever it begins."""

QUIET_SHARE = 1 / 32
"""Users of whom no more than this part of the smallest burst was sent are counted by the slowest window alone, which is
the fullest of all: nearly every user, and then a payload costs next to nothing. It counts too much by as little."""

_SWEPT_COUNT = 2
"""Users looked at for each new one, to forget those of whom nothing needs to be known any more."""


class FairUseGuard:
    """What was sent of the users of whom something was sent lately.

    Kept as one time for each window and user: the moment at which what was sent has flowed off, if it flows off evenly.
    A user for whom all of these have passed is forgotten, so memory follows the rate and not the number of users.
    """

    def __init__(self, limits: FairUse | None) -> None:
        """Start with nothing sent; None: everything may be."""
        windows = () if limits is None else sorted(limits.windows, key=lambda one: one[1] / one[0])
        self._endpoints = frozenset[str]() if limits is None else limits.endpoints
        self._steps = [window_s / (count * (1 - BURST_SHARE)) for window_s, count in windows]
        # Half a payload more than the burst: what sums of times lose must not cost a whole one.
        bursts = [int(count * BURST_SHARE) + 0.5 for _, count in windows]
        self._most_s = [burst * step for burst, step in zip(bursts, self._steps, strict=True)]
        self._slowest_step_s = self._steps[0] if windows else 0.0
        self._quiet_s = min(bursts, default=0.0) * QUIET_SHARE * self._slowest_step_s
        self._slowest_ends: dict[str, float] = {}
        self._busy: dict[str, list[float]] = {}
        self._turns: deque[str] = deque()

    def __len__(self) -> int:
        """Return of how many users something is known."""
        return len(self._slowest_ends)

    def over(self, parcels: Sequence[Parcel], now_s: float) -> list[Parcel]:
        """Count the parcels of a request that is about to start; return those that may not be sent.

        A parcel counts once, when it first passes, and one that may not be sent counts for nothing. Not at its first
        attempt: a request that is kept back because the gate has closed meanwhile was none, and comes here again.
        """
        if parcels[0].payload.endpoint not in self._endpoints:
            return []
        ends, step_s, quiet_until_s = self._slowest_ends, self._slowest_step_s, now_s + self._quiet_s
        over = []
        for parcel in parcels:
            if parcel.is_counted:
                continue
            parcel.is_counted = True
            user = parcel.payload.lanes[0]
            end = ends.get(user)
            if end is None:
                self._sweep(now_s)
                self._turns.append(user)
                ends[user] = now_s + step_s
                continue
            end = max(now_s, end) + step_s
            if end <= quiet_until_s:
                ends[user] = end
            elif not self._admit_busy(user, now_s):
                parcel.is_counted = False
                over.append(parcel)
        return over

    def _admit_busy(self, user: str, now_s: float) -> bool:
        """Count one payload of a user who has sent much, if it may be sent."""
        ends = self._busy.get(user)
        if ends is None or ends[0] != self._slowest_ends[user]:
            # New among the busy, or quiet for a time, in which only the slowest window was followed.
            level = max(0.0, self._slowest_ends[user] - now_s) / self._slowest_step_s
            ends = self._busy[user] = [now_s + level * step for step in self._steps]
        ends = [max(now_s, end) + step for end, step in zip(ends, self._steps, strict=True)]
        if any(end - now_s > most for end, most in zip(ends, self._most_s, strict=True)):
            return False
        self._busy[user] = ends
        self._slowest_ends[user] = ends[0]
        return True

    def _sweep(self, now_s: float) -> None:
        """Look at the users who have waited longest to be looked at, and forget those of whom all has flowed off."""
        for _ in range(min(_SWEPT_COUNT, len(self._turns))):
            user = self._turns.popleft()
            if self._slowest_ends[user] > now_s:
                self._turns.append(user)
            else:
                del self._slowest_ends[user]
                self._busy.pop(user, None)
