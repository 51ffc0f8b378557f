"""Ids that were delivered lately, for vendors that remove no duplicates themselves.

An id enters when its payload is delivered. A copy that comes up while the first is in flight waits for its outcome: its
lane is parked and woken. The window is kept per partition, bounded in time and count, and emptied on revoke: the next
owner does not know what this one delivered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import Enum

from processor.delivery.offsets import Key
from processor.delivery.parcel import Parcel

BYPASS_HEADERS = frozenset({"segment-bridge-redrive", "segment-bridge-replay"})
"""Record headers of deliberate repeats: they are sent even if their id was delivered before."""


class Seen(Enum):
    """What the window knows of an id."""

    NEVER = "never"
    IN_FLIGHT = "in_flight"
    DELIVERED = "delivered"


class _Window:
    """The ids of one partition: when each was delivered, and their order."""

    __slots__ = ("delivered_at_s", "order")

    def __init__(self) -> None:
        """Start empty."""
        self.delivered_at_s: dict[str, float] = {}
        self.order: deque[str] = deque()


class DedupeWindow:
    """The ids of one destination. Not used at all where the vendor removes duplicates."""

    def __init__(self, *, max_age_s: float, max_count: int) -> None:
        """Remember at most `max_count` ids a partition, each for `max_age_s`; zero of either: nothing is remembered."""
        self._max_age_s = max_age_s
        self._max_count = max_count
        self._windows: dict[Key, _Window] = {}
        self._in_flight: dict[str, list[str]] = {}
        self._now_s = 0.0

    def tick(self, now_s: float) -> None:
        """Set the monotonic time that the next calls speak of."""
        self._now_s = now_s

    def look(self, parcel: Parcel) -> Seen:
        """Return what is known of a parcel's id. Deliberate repeats are always new."""
        dedupe_id = parcel.payload.dedupe_id
        if dedupe_id is None or is_deliberate(parcel):
            return Seen.NEVER
        window = self._windows.get(parcel.entry.partition.key)
        at_s = None if window is None else window.delivered_at_s.get(dedupe_id)
        if at_s is not None and self._now_s - at_s < self._max_age_s:
            return Seen.DELIVERED
        return Seen.IN_FLIGHT if dedupe_id in self._in_flight else Seen.NEVER

    def start(self, parcel: Parcel) -> None:
        """Note that the id of a parcel is in flight from now on."""
        if parcel.payload.dedupe_id is not None:
            self._in_flight.setdefault(parcel.payload.dedupe_id, [])

    def park(self, parcel: Parcel, lane_key: str) -> None:
        """Remember that a lane waits for the outcome of this parcel's id."""
        if parcel.payload.dedupe_id is not None:
            self._in_flight.setdefault(parcel.payload.dedupe_id, []).append(lane_key)

    def deliver(self, parcels: Iterable[Parcel]) -> list[str]:
        """Enter the ids of delivered parcels; return the lanes that waited for them."""
        woken: list[str] = []
        for parcel in parcels:
            dedupe_id = parcel.payload.dedupe_id
            if dedupe_id is not None:
                woken += self._in_flight.pop(dedupe_id, ())
                if parcel.entry.partition.is_owned:
                    self._enter(parcel.entry.partition.key, dedupe_id)
        return woken

    def cancel(self, parcels: Iterable[Parcel]) -> list[str]:
        """Note that these parcels are in flight no longer and were not delivered; return the lanes that waited."""
        woken: list[str] = []
        for parcel in parcels:
            if parcel.payload.dedupe_id is not None:
                woken += self._in_flight.pop(parcel.payload.dedupe_id, ())
        return woken

    def forget(self, key: Key) -> None:
        """Empty the window of a partition."""
        self._windows.pop(key, None)

    def count(self, key: Key) -> int:
        """Return how many ids are remembered of a partition."""
        window = self._windows.get(key)
        return 0 if window is None else len(window.order)

    def _enter(self, key: Key, dedupe_id: str) -> None:
        """Remember an id, and forget what is too old or too much. A deliberate repeat does not renew its id."""
        if self._max_count == 0 or self._max_age_s == 0:
            return
        window = self._windows.setdefault(key, _Window())
        at_s, order = window.delivered_at_s, window.order
        # First: an id that comes back after its time is a new one.
        while order and self._now_s - at_s[order[0]] >= self._max_age_s:
            del at_s[order.popleft()]
        if dedupe_id in at_s:
            return
        at_s[dedupe_id] = self._now_s
        order.append(dedupe_id)
        if len(order) > self._max_count:
            del at_s[order.popleft()]


def is_deliberate(parcel: Parcel) -> bool:
    """Return whether the record was written by a redrive or a replay."""
    return any(name in BYPASS_HEADERS for name, _ in parcel.entry.record.headers)
