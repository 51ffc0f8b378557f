"""Which offset may be committed: a name for every offset between the committable and the highest read one.

Deciders only. One task on the event loop owns the tracker. A record enters with `track` in offset order, is settled
when everything it came to is settled, and leaves from the front only: a finished record behind an unfinished one
waits, so the committable offset never passes an unfinished record.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from msgspec import Struct

from processor.destinations.plan import Plan
from processor.errors import InvariantError
from processor.model import Outcome, Record

Key = tuple[str, int]
"""Topic and partition."""


class Entry(Struct, gc=False):
    """A record on its way, and what has become of it so far.

    `open_count` is how many of its payloads and dead letters are not settled yet, plus one while it is being mapped.
    `plan` is what it was mapped with, which its dead letters name; None until then.
    """

    record: Record
    partition: Partition
    size_bytes: int
    open_count: int = 1
    is_delivered: bool = False
    is_dead: bool = False
    skip_reason: str = ""
    plan: Plan | None = None

    @property
    def outcome(self) -> Outcome:
        """Return how the record ends: dead-lettered if any payload is, else delivered if any is, else skipped."""
        if self.is_dead:
            return Outcome.DEAD_LETTERED
        return Outcome.DELIVERED if self.is_delivered else Outcome.SKIPPED


class Partition:
    """The offsets of one partition during one ownership. `size_bytes` is that of its entries together."""

    __slots__ = ("entries", "highest", "is_leaving", "is_owned", "key", "size_bytes")

    def __init__(self, key: Key, position: int) -> None:
        """Start at `position`, the offset that will be read first."""
        self.key = key
        self.entries: deque[Entry] = deque()
        self.highest = position
        self.is_owned = True
        self.is_leaving = False
        self.size_bytes = 0

    def track(self, record: Record, size_bytes: int) -> Entry:
        """Return the entry of a record that was read just now.

        Raises:
            InvariantError: the record is not above all that were read before; gaps are legal.
        """
        if record.offset < self.highest:
            raise InvariantError(f"offset {record.offset} of {self.key} was read after {self.highest - 1}")
        self.highest = record.offset + 1
        entry = Entry(record, self, size_bytes)
        self.entries.append(entry)
        self.size_bytes += size_bytes
        return entry

    def reach(self, end: int) -> None:
        """Note that the log was read up to `end`: what lies before it and was never seen needs no delivery."""
        self.highest = max(self.highest, end)

    @property
    def committable(self) -> int:
        """Return the lowest unfinished offset, or the highest seen plus one."""
        return self.entries[0].record.offset if self.entries else self.highest

    @property
    def oldest(self) -> Entry | None:
        """Return the entry of the lowest unfinished record."""
        return self.entries[0] if self.entries else None

    def advance(self) -> tuple[int, int]:
        """Drop the finished run at the front; return how many records and bytes left the window."""
        count = size_bytes = 0
        entries = self.entries
        while entries and entries[0].open_count == 0:
            size_bytes += entries.popleft().size_bytes
            count += 1
        self.size_bytes -= size_bytes
        return count, size_bytes

    def release(self) -> list[Entry]:
        """Give up the partition; return the entries that were not finished. Nothing of it counts from now on."""
        unfinished = [entry for entry in self.entries if entry.open_count]
        self.is_owned = False
        self.entries.clear()
        self.size_bytes = 0
        return unfinished


class OffsetTracker:
    """The partitions that this process owns."""

    def __init__(self) -> None:
        """Start with none."""
        self._partitions: dict[Key, Partition] = {}

    def __iter__(self) -> Iterator[Partition]:
        """Iterate over the owned partitions."""
        return iter(self._partitions.values())

    def __len__(self) -> int:
        """Return how many partitions are owned."""
        return len(self._partitions)

    def get(self, key: Key) -> Partition | None:
        """Return a partition, if it is owned."""
        return self._partitions.get(key)

    def assign(self, key: Key, position: int) -> Partition:
        """Return the partition as newly owned from `position` on.

        Raises:
            InvariantError: it is owned already.
        """
        if key in self._partitions:
            raise InvariantError(f"{key} was assigned twice")
        partition = self._partitions[key] = Partition(key, position)
        return partition

    def forget(self, key: Key) -> Partition | None:
        """Return the partition that is owned no longer; the caller releases it."""
        return self._partitions.pop(key, None)

    def committable(self) -> dict[Key, int]:
        """Return the committable offset of every owned partition."""
        return {partition.key: partition.committable for partition in self}
