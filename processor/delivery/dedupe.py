"""Ids that were delivered lately, for vendors that remove no duplicates themselves.

An id enters when its payload is delivered. A copy that comes up while the first is in flight waits for its outcome: its
lane is parked and woken. The window is bounded in time and, over all partitions, in count. The ids that a partition
brought go with it: the next owner does not know what this one delivered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from enum import Enum

from msgspec import Struct, field

from processor.delivery.offsets import Key
from processor.delivery.parcel import Parcel

BYPASS_HEADERS = frozenset({"segment-bridge-redrive", "segment-bridge-replay"})
"""Record headers of deliberate repeats: they are sent even if their id was delivered before."""


class Seen(Enum):
    """What the window knows of an id."""

    NEVER = "never"
    IN_FLIGHT = "in_flight"
    DELIVERED = "delivered"


class _Delivered(Struct, gc=False):
    """An id, when it was delivered, and by which partition's record."""

    dedupe_id: str
    at_s: float
    key: Key


class _InFlight(Struct):
    """The parcel whose outcome decides about an id, and the lanes that wait for it."""

    parcel: Parcel
    lanes: list[str] = field(default_factory=list)


class DedupeWindow:
    """The ids of one destination. Not used at all where the vendor removes duplicates."""

    def __init__(self, *, max_age_s: float, max_count: int) -> None:
        """Remember at most `max_count` ids, each for `max_age_s`; zero of either: nothing is remembered."""
        self._max_age_s = max_age_s
        self._max_count = max_count
        self._delivered: dict[str, _Delivered] = {}
        self._order: deque[_Delivered] = deque()
        self._in_flight: dict[str, _InFlight] = {}
        self._now_s = 0.0

    def __len__(self) -> int:
        """Return how many ids are remembered."""
        return len(self._order)

    def tick(self, now_s: float) -> None:
        """Set the monotonic time that the next calls speak of."""
        self._now_s = now_s

    def look(self, parcel: Parcel) -> Seen:
        """Return what is known of a parcel's id. Deliberate repeats are always new."""
        dedupe_id = parcel.payload.dedupe_id
        if dedupe_id is None or is_deliberate(parcel):
            return Seen.NEVER
        delivered = self._delivered.get(dedupe_id)
        if delivered is not None and not self._is_old(delivered):
            return Seen.DELIVERED
        return Seen.IN_FLIGHT if dedupe_id in self._in_flight else Seen.NEVER

    def start(self, parcel: Parcel) -> None:
        """Note that the id of a parcel is in flight from now on. Beside a deliberate repeat the first one decides."""
        dedupe_id = parcel.payload.dedupe_id
        if dedupe_id is not None and dedupe_id not in self._in_flight:
            self._in_flight[dedupe_id] = _InFlight(parcel)

    def park(self, parcel: Parcel, lane_key: str) -> None:
        """Remember that a lane waits for the outcome of the id of this parcel, which `look` found in flight."""
        dedupe_id = parcel.payload.dedupe_id
        assert dedupe_id is not None
        self._in_flight[dedupe_id].lanes.append(lane_key)

    def deliver(self, parcels: Iterable[Parcel]) -> list[str]:
        """Enter the ids of delivered parcels; return the lanes that waited for them."""
        woken: list[str] = []
        for parcel in parcels:
            if parcel.payload.dedupe_id is not None:
                woken += self._land(parcel)
                if parcel.entry.partition.is_owned:
                    self._enter(parcel.payload.dedupe_id, parcel.entry.partition.key)
        return woken

    def cancel(self, parcels: Iterable[Parcel]) -> list[str]:
        """Note that these parcels are in flight no longer and were not delivered; return the lanes that waited."""
        return [lane for parcel in parcels for lane in self._land(parcel)]

    def forget(self, keys: Collection[Key]) -> None:
        """Forget what these partitions brought."""
        if any(one.key in keys for one in self._order):
            self._order = deque(one for one in self._order if one.key not in keys)
            self._delivered = {one.dedupe_id: one for one in self._order}

    def _land(self, parcel: Parcel) -> list[str]:
        """Take a parcel out of those in flight; return the lanes that waited for it."""
        dedupe_id = parcel.payload.dedupe_id
        if dedupe_id is None or dedupe_id not in self._in_flight or self._in_flight[dedupe_id].parcel is not parcel:
            return []
        return self._in_flight.pop(dedupe_id).lanes

    def _is_old(self, delivered: _Delivered) -> bool:
        """Return whether the time of an id is over."""
        return self._now_s - delivered.at_s >= self._max_age_s

    def _enter(self, dedupe_id: str, key: Key) -> None:
        """Remember an id, and forget what is too old or too much. A deliberate repeat does not renew its id."""
        if self._max_count == 0 or self._max_age_s == 0:
            return
        # First: an id that comes back after its time is a new one.
        while self._order and self._is_old(self._order[0]):
            self._drop_oldest()
        if dedupe_id in self._delivered:
            return
        delivered = self._delivered[dedupe_id] = _Delivered(dedupe_id, self._now_s, key)
        self._order.append(delivered)
        if len(self._order) > self._max_count:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        """Forget the id that was delivered first."""
        del self._delivered[self._order.popleft().dedupe_id]


def is_deliberate(parcel: Parcel) -> bool:
    """Return whether the record was written by a redrive or a replay."""
    return any(name in BYPASS_HEADERS for name, _ in parcel.entry.record.headers)
