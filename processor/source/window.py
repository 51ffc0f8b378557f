"""What is read and not yet done: the bound on memory and on repeats after a crash.

Two threads share a window and need no lock: each number has one writer. The consumer thread adds what it hands over,
the event loop settles what became committable or was released.
"""

from __future__ import annotations

from enum import Enum

EXCESS_SHARE = 4
"""What is let in although the window is full may fill this part of a window more: a quarter."""
MIN_EXCESS_COUNT = 200
"""So many records may always be let in beyond a small window: one for each failure, until a payload is given up."""


class Window:
    """Counts records and bytes between the highest read and the committable offset, of one process."""

    def __init__(self, max_count: int, max_bytes: int) -> None:
        """Start empty.

        Args:
            max_count: Records at which reading stops.
            max_bytes: Bytes of keys and values at which reading stops.
        """
        self.max_count = max_count
        self.max_bytes = max_bytes
        self._added_count = 0
        self._added_bytes = 0
        self._settled_count = 0
        self._settled_bytes = 0
        self._let_in_up_to = 0
        self._aside_count = 0
        self._aside_bytes = 0

    def add(self, count: int, size_bytes: int) -> None:
        """Count records as read. Consumer thread only; called before they are handed over."""
        self._added_count += count
        self._added_bytes += size_bytes

    def settle(self, count: int, size_bytes: int) -> None:
        """Count records as done or released. Event loop only; every record added is settled exactly once."""
        self._settled_count += count
        self._settled_bytes += size_bytes

    def let_in(self, count: int) -> None:
        """Have so many more records read although the window is full, as long as its excess allows. Event loop only."""
        excess_count, excess_bytes = self.count - self.max_count, self.size_bytes - self.max_bytes
        max_excess_count = max(self.max_count // EXCESS_SHARE, MIN_EXCESS_COUNT)
        if excess_count < max_excess_count and excess_bytes * EXCESS_SHARE < self.max_bytes:
            self._let_in_up_to = self._added_count + count

    def set_aside(self, count: int, size_bytes: int) -> None:
        """Leave so many of the records in it out of whether it is low: they stay for long. Event loop only."""
        self._aside_count, self._aside_bytes = count, size_bytes

    @property
    def count(self) -> int:
        """Return the records that are read and not settled."""
        return self._added_count - self._settled_count

    @property
    def size_bytes(self) -> int:
        """Return the bytes that are read and not settled."""
        return self._added_bytes - self._settled_bytes

    @property
    def is_letting_in(self) -> bool:
        """Say whether a record is wanted however full the window is."""
        return self._added_count < self._let_in_up_to

    @property
    def room_count(self) -> int:
        """Return how many records may be read now: what is let in, else up to a full window; never negative."""
        if self.is_letting_in:
            return self._let_in_up_to - self._added_count
        return max(0, self.max_count - self.count)

    @property
    def is_full(self) -> bool:
        """Say whether a bound is reached and nothing is let in beyond it."""
        is_reached = self.count >= self.max_count or self.size_bytes >= self.max_bytes
        return is_reached and not self.is_letting_in

    def is_exceeded(self, count: int, size_bytes: int) -> bool:
        """Say whether so many of the records in it are more than there is room for: its unfair part.

        One that keeps to this leaves as much as it takes, and each further one leaves as much again.
        """
        return count > self.max_count - self.count or size_bytes > self.max_bytes - self.size_bytes

    @property
    def is_low(self) -> bool:
        """Say whether at most half of both bounds is used, but for what is set aside: then a paused source goes on."""
        return (
            2 * self.count - self._aside_count <= self.max_count
            and 2 * self.size_bytes - self._aside_bytes <= self.max_bytes
        )


class Flow(Enum):
    """How the consumer thread treats the fetcher."""

    READ = "read"
    """Take records."""
    BRIM = "brim"
    """Take nothing for a moment, and leave what is prefetched where it is."""
    PAUSE = "pause"
    """Pause every partition, and keep polling so that the group sees a living member."""


class Valve:
    """Decides between reading and pausing, with hysteresis at both ends.

    A pause makes the client discard what it prefetched, so a window that is full for a moment only waits at the brim;
    one that stays full longer than the grace pauses, and then goes on when half of it is free or something is let in.
    """

    def __init__(self, grace_s: float) -> None:
        """Start open."""
        self._grace_s = grace_s
        self._full_since_s: float | None = None
        self._is_paused = False

    def turn(self, window: Window, *, held: bool, now_s: float) -> Flow:
        """Return what to do at this moment of the monotonic clock; `held` pauses at once."""
        if self._is_paused and (window.is_low or window.is_letting_in):
            self._is_paused, self._full_since_s = False, None
        if not self._is_paused and window.is_full:
            self._full_since_s = now_s if self._full_since_s is None else self._full_since_s
            self._is_paused = now_s - self._full_since_s >= self._grace_s
        elif not self._is_paused:
            self._full_since_s = None
        if held or self._is_paused:
            return Flow.PAUSE
        return Flow.READ if self._full_since_s is None else Flow.BRIM
