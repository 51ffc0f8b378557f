"""Makes partitions, entries, parcels and batches for tests of the deciders."""

from __future__ import annotations

from itertools import count

from processor.delivery.batches import Batch
from processor.delivery.offsets import Entry, Partition
from processor.delivery.parcel import Parcel
from processor.model import Headers, Payload, Record

START_MS = 1_773_576_000_000


def record(offset: int, *, partition: int = 0, topic: str = "events", headers: Headers = ()) -> Record:
    """Return a record with a small value."""
    return Record(topic, partition, offset, START_MS + offset, b"key", b"{}", headers)


class Maker:
    """Makes parcels that count up: sequence, offset and time."""

    def __init__(self) -> None:
        """Start with one partition, at offset zero."""
        self.partition = Partition(("events", 0), 0)
        self._numbers = count(1)

    def entry(self, partition: Partition | None = None, headers: Headers = ()) -> Entry:
        """Return the entry of the next record of a partition."""
        owner = self.partition if partition is None else partition
        return owner.track(record(owner.highest, partition=owner.key[1], headers=headers), 2)

    def parcel(
        self,
        *lanes: str,
        endpoint: str = "actions",
        size: int = 10,
        dedupe_id: str | None = None,
        at_s: float | None = None,
        entry: Entry | None = None,
    ) -> Parcel:
        """Return the next parcel; it came in at its sequence number in seconds unless a time is given."""
        number = next(self._numbers)
        payload = Payload("act", endpoint, b"x" * size, lanes, dedupe_id=dedupe_id)
        since_s = float(number) if at_s is None else at_s
        return Parcel(payload, self.entry() if entry is None else entry, number, since_s)

    def batch(self, *lanes: str | tuple[str, ...], endpoint: str = "actions") -> Batch:
        """Return a batch of one parcel for each lane or tuple of lanes."""
        parcels = [self.parcel(*((one,) if isinstance(one, str) else one), endpoint=endpoint) for one in lanes]
        return Batch(endpoint, parcels)
