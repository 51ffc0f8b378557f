"""Ids that were delivered lately, for vendors that remove no duplicates themselves.

An id enters when its payload is delivered. A copy that comes up while the first is in flight waits for its outcome: its
lane is parked and woken. The window is bounded in time and, for each partition, in count: a busy partition does not
shorten the memory of a quiet one. The ids that a partition brought go with it: the next owner does not know what this
one delivered. Of an id that was delivered its digest is kept, twice: in a set, and in the order of its partition.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import Enum

from msgspec import Struct, field

from processor.delivery.digests import DigestQueue, DigestSet, digest_of
from processor.delivery.offsets import Key
from processor.delivery.parcel import Parcel

BYPASS_HEADERS = frozenset({"segment-bridge-redrive", "segment-bridge-replay"})
"""Record headers of deliberate repeats: they are sent even if their id was delivered before."""


class Seen(Enum):
    """What the window knows of an id."""

    NEVER = "never"
    IN_FLIGHT = "in_flight"
    DELIVERED = "delivered"


class _InFlight(Struct):
    """The parcel whose outcome decides about an id, and the lanes that wait for it."""

    parcel: Parcel
    lanes: list[str] = field(default_factory=list)


class DedupeWindow:
    """The ids of one destination. Not used at all where the vendor removes duplicates."""

    def __init__(self, *, max_age_s: float, max_count: int) -> None:
        """Remember at most `max_count` ids of a partition, each for `max_age_s`; zero of either: nothing."""
        self._max_age_s = max_age_s
        self._max_count = max_count
        self._delivered = DigestSet()
        self._orders: dict[Key, DigestQueue] = {}
        self._in_flight: dict[str, _InFlight] = {}
        self._now_s = 0.0
        self._next_old_s = float("inf")

    def __len__(self) -> int:
        """Return how many ids are remembered."""
        return len(self._delivered)

    def tick(self, now_s: float) -> None:
        """Set the monotonic time that the next calls speak of, and forget the ids whose time is over."""
        self._now_s = now_s
        if now_s >= self._next_old_s:
            self._forget_old()

    def look(self, parcel: Parcel) -> Seen:
        """Return what is known of a parcel's id. Deliberate repeats are always new."""
        dedupe_id = parcel.payload.dedupe_id
        if dedupe_id is None or is_deliberate(parcel):
            return Seen.NEVER
        if len(self._delivered) and _digest(parcel, dedupe_id) in self._delivered:
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
            dedupe_id = parcel.payload.dedupe_id
            if dedupe_id is not None:
                woken += self._land(parcel)
                if parcel.entry.partition.is_owned:
                    self._enter(_digest(parcel, dedupe_id), parcel.entry.partition.key)
        return woken

    def cancel(self, parcels: Iterable[Parcel]) -> list[str]:
        """Note that these parcels are in flight no longer and were not delivered; return the lanes that waited."""
        return [lane for parcel in parcels for lane in self._land(parcel)]

    def forget(self, keys: Collection[Key]) -> None:
        """Forget what these partitions brought."""
        orders = [order for key in keys if (order := self._orders.pop(key, None)) is not None]
        if orders and not self._orders:
            self._delivered.clear()  # one by one would take a second for a million
            return
        for order in orders:
            while order:
                self._delivered.remove(order.popleft())

    def _land(self, parcel: Parcel) -> list[str]:
        """Take a parcel out of those in flight; return the lanes that waited for it."""
        dedupe_id = parcel.payload.dedupe_id
        if dedupe_id is None or dedupe_id not in self._in_flight or self._in_flight[dedupe_id].parcel is not parcel:
            return []
        return self._in_flight.pop(dedupe_id).lanes

    def _enter(self, digest: bytes, key: Key) -> None:
        """Remember an id, and forget what is too much. A deliberate repeat does not renew its id."""
        if self._max_count == 0 or self._max_age_s == 0 or not self._delivered.add(digest):
            return
        order = self._orders.setdefault(key, DigestQueue())
        order.append(digest, self._now_s)
        self._next_old_s = min(self._next_old_s, self._now_s + self._max_age_s)
        if len(order) > self._max_count:
            self._delivered.remove(order.popleft())

    def _forget_old(self) -> None:
        """Forget what was delivered too long ago, and note when there is more of that."""
        until_s = self._now_s - self._max_age_s
        self.forget([key for key, order in self._orders.items() if order.newest_s <= until_s])
        for order in self._orders.values():
            while order.oldest_s <= until_s:
                self._delivered.remove(order.popleft())
        oldest_s = min((order.oldest_s for order in self._orders.values()), default=float("inf"))
        self._next_old_s = oldest_s + self._max_age_s


def _digest(parcel: Parcel, dedupe_id: str) -> bytes:
    """Return the digest of a parcel's id, which is made once."""
    if parcel.dedupe_digest is None:
        parcel.dedupe_digest = digest_of(dedupe_id)
    return parcel.dedupe_digest


def is_deliberate(parcel: Parcel) -> bool:
    """Return whether the record was written by a redrive or a replay."""
    return any(name in BYPASS_HEADERS for name, _ in parcel.entry.record.headers)
