"""What has become of every record that was read: the offset tracker, the counts and the window, kept in step.

Only the event loop writes here. A record is opened once, settled once, and leaves its partition in offset order; what
that makes committable is handed to the consumer thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from processor.delivery.offsets import Entry, Key, OffsetTracker, Partition
from processor.errors import InvariantError
from processor.model import Outcome, Record
from processor.operations.tally import Tally
from processor.source.intake import size_bytes
from processor.source.window import Window


class Ledger:
    """The books of one pipeline."""

    def __init__(self, tally: Tally, window: Window) -> None:
        """Start empty."""
        self.tally = tally
        self.tracker = OffsetTracker()
        self._window = window
        self._dirty: set[Partition] = set()
        self._stored: dict[Key, int] = {}
        self._delivered_ms = 0

    def open_all(self, records: Iterable[Record], *, is_stopping: bool = False) -> list[Entry | None]:
        """Return the entries of records that are being mapped; `close` ends the mapping of each.

        None stands for a record that was read just before its partition or, if it `is_stopping`, the process went:
        nobody has seen it, the next owner reads it.
        """
        entries: list[Entry | None] = []
        by_topic: dict[str, int] = {}
        value_bytes = 0
        for record in records:
            size = size_bytes(record)
            topic = record.topic
            partition = self.tracker.get((topic, record.partition))
            if partition is None or partition.is_leaving or is_stopping:
                self._window.settle(1, size)
                entries.append(None)
                continue
            entries.append(partition.track(record, size))
            by_topic[topic] = by_topic.get(topic, 0) + 1
            value_bytes += len(record.value or b"")
        self.tally.read(sum(by_topic.values()), value_bytes)
        self.tally.read_from(by_topic)
        return entries

    def close(self, entry: Entry) -> None:
        """Settle one part of a record: its mapping, a payload, or a dead letter.

        Raises:
            InvariantError: more was settled than was opened.
        """
        entry.open_count -= 1
        if entry.open_count <= 0:
            self._end(entry)

    def deliver(self, entries: Iterable[Entry], now_ms: int) -> None:
        """Settle a payload of each of these records as delivered just now.

        Raises:
            InvariantError: more was settled than was opened.
        """
        self._delivered_ms = now_ms
        times_ms: list[int] = []
        for entry in entries:
            entry.is_delivered = True
            entry.open_count -= 1
            if entry.open_count == 0 and entry.partition.is_owned and not entry.is_dead:
                times_ms.append(entry.record.timestamp_ms)  # nearly always, and then counted together
                self._dirty.add(entry.partition)
            elif entry.open_count <= 0:
                self._end(entry)
        if times_ms:
            self.tally.done(Outcome.DELIVERED, count=len(times_ms))
            self.tally.aged(now_ms, times_ms)

    def _end(self, entry: Entry) -> None:
        """Count a record of which nothing is open any more."""
        if entry.open_count < 0:
            raise InvariantError(f"offset {entry.record.offset} of {entry.partition.key} was settled twice")
        if not entry.partition.is_owned:
            # It was counted as released when the partition went; the next owner repeats it.
            self.tally.note("settled_after_release")
            return
        outcome = entry.outcome
        self.tally.done(outcome, entry.skip_reason if outcome is not Outcome.DELIVERED else "")
        if outcome is Outcome.DELIVERED:
            self.tally.aged(self._delivered_ms, (entry.record.timestamp_ms,))
        self._dirty.add(entry.partition)

    def reach(self, key: Key, end: int) -> None:
        """Note that a partition was read to the end of its log, unless it is being given up with records unread."""
        partition = self.tracker.get(key)
        if partition is not None and not partition.is_leaving:
            partition.reach(end)
            self._dirty.add(partition)

    def sweep(self, store: Callable[[dict[Key, int]], None]) -> None:
        """Let finished records leave the window, and hand over what has become committable."""
        offsets: dict[Key, int] = {}
        for partition in self._dirty:
            self._advance(partition)
            if partition.is_owned and self._stored.get(partition.key) != partition.committable:
                offsets[partition.key] = self._stored[partition.key] = partition.committable
        self._dirty.clear()
        if offsets:
            store(offsets)

    def _advance(self, partition: Partition) -> None:
        """Take the finished run out of the window."""
        count, bytes_left = partition.advance()
        if count:
            self._window.settle(count, bytes_left)

    def release(self, keys: Iterable[Key]) -> dict[Key, int]:
        """Give up partitions; return the committable offset of each. What was unfinished counts as released."""
        offsets: dict[Key, int] = {}
        for key in keys:
            partition = self.tracker.forget(key)
            if partition is None:
                continue
            self._advance(partition)
            offsets[key] = partition.committable
            waiting = list(partition.entries)
            self.tally.done(Outcome.RELEASED, count=len(partition.release()))
            self._recount(waiting)
            self._window.settle(len(waiting), sum(entry.size_bytes for entry in waiting))
            self._dirty.discard(partition)
            self._stored.pop(key, None)
        return offsets

    def _recount(self, waiting: list[Entry]) -> None:
        """Note finished records that are read again by the next owner, because an older one was not finished."""
        finished = sum(entry.open_count == 0 for entry in waiting)
        if finished:
            self.tally.note("repeats_after_release", finished)

    @property
    def outstanding_count(self) -> int:
        """Return how many records were opened and have not ended."""
        return sum(entry.open_count > 0 for partition in self.tracker for entry in partition.entries)

    def time_lag_s(self, key: Key, wall_ms: int) -> float:
        """Return the age of a partition's oldest unfinished record in seconds; 0 when it is idle."""
        partition = self.tracker.get(key)
        if partition is None or (oldest := partition.oldest) is None:
            return 0.0
        return max(0.0, (wall_ms - oldest.record.timestamp_ms) / 1000)
