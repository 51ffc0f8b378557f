"""A simulated topic, and a judge who says what of it is done."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from msgspec import Struct

from processor.delivery.offsets import Key
from processor.model import Record
from tests.parcels import START_MS
from tests.rough_vendor import RoughVendor

TOPIC = "events"

PayloadId = tuple[int, int, int]
"""Partition, offset, and the payload's place among those of its record."""


class Event(Struct, frozen=True):
    """What one record comes to: a payload for each endpoint named, all of the same lanes; a skip when there is none."""

    lanes: tuple[str, ...]
    endpoints: tuple[str, ...]
    size: int = 0
    dedupe_id: str | None = None


class Log:
    """The topic: events by partition and offset, with gaps, and what the group has committed."""

    def __init__(self, partition_count: int) -> None:
        """Start empty."""
        self.events: dict[Key, dict[int, Event]] = {(TOPIC, number): {} for number in range(partition_count)}
        self._offsets: dict[Key, list[int]] = {key: [] for key in self.events}
        self.ends: dict[Key, int] = dict.fromkeys(self.events, 0)
        self.committed: dict[Key, int] = dict.fromkeys(self.events, 0)

    def append(self, partition: int, event: Event, *, gap: int = 0) -> int:
        """Write an event behind `gap` offsets that hold no record; return its offset."""
        key = (TOPIC, partition)
        offset = self.ends[key] + gap
        self.events[key][offset] = event
        self._offsets[key].append(offset)
        self.ends[key] = offset + 1
        return offset

    def records(self, key: Key, position: int, count: int) -> list[Record]:
        """Return the next records of a partition."""
        at = bisect_left(self._offsets[key], position)
        return [Record(TOPIC, key[1], offset, START_MS, b"k", b"{}") for offset in self._offsets[key][at : at + count]]

    def payload_ids(self, key: Key, offset: int) -> list[PayloadId]:
        """Return the payloads that a record comes to."""
        return [(key[1], offset, index) for index in range(len(self.events[key][offset].endpoints))]


class Judge:
    """Says what is done, from the vendor's and the dead-letter topic's own records."""

    def __init__(self, log: Log, vendor: RoughVendor) -> None:
        """Nothing is done."""
        self._log = log
        self._vendor = vendor
        self.letters: set[tuple[int, int]] = set()
        self.reasons: dict[PayloadId, set[str]] = {}
        self._safe = dict.fromkeys(log.events, 0)

    def is_done(self, key: Key, offset: int) -> bool:
        """Return whether every payload of a record was accepted, is a copy, or ended in a letter."""
        refusable = self._vendor.refused | self._vendor.poison
        event = self._log.events[key].get(offset)
        if event is None:
            return True
        if event.dedupe_id is not None and event.dedupe_id in self._vendor.accepted_dedupe_ids:
            return True
        is_lettered = (key[1], offset) in self.letters
        return all(
            one in self._vendor.accepted_ids or (is_lettered and one in refusable)
            for one in self._log.payload_ids(key, offset)
        )

    def safe(self, key: Key) -> int:
        """Return the lowest offset that is not done: nothing beyond it may be committed."""
        while self._safe[key] < self._log.ends[key] and self.is_done(key, self._safe[key]):
            self._safe[key] += 1
        return self._safe[key]

    def is_committed(self, ends: Mapping[Key, int]) -> bool:
        """Return whether every record up to these offsets is done and committed."""
        return all(min(self._log.committed[key], self.safe(key)) >= end for key, end in ends.items())
