"""The offset tracker against a model that keeps every offset in a list."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from processor.delivery.offsets import Entry, OffsetTracker
from tests.parcels import record

KEYS = [("events", 0), ("events", 1)]
NUMBERS = st.integers(0, 10_000)


@dataclass
class Owned:
    """What the model knows of one partition: every entry that was read, and how far it was read."""

    entries: list[Entry]
    seen_to: int
    left_count: int = 0

    @property
    def committable(self) -> int:
        """Return the offset that may be committed, the slow way."""
        return min((entry.record.offset for entry in self.entries if entry.open_count), default=self.seen_to)


class Offsets(RuleBasedStateMachine):
    """Tracks, settles, reaches and revokes in any order."""

    def __init__(self) -> None:
        """Own nothing."""
        super().__init__()
        self.tracker = OffsetTracker()
        self.model: dict[tuple[str, int], Owned] = {}
        self.window_count = 0
        self.window_bytes = 0

    @rule(key=st.sampled_from(KEYS), position=st.integers(0, 50))
    def assign(self, key: tuple[str, int], position: int) -> None:
        """Own a partition that is not owned."""
        if key not in self.model:
            self.tracker.assign(key, position)
            self.model[key] = Owned([], position)

    @precondition(lambda self: self.model)
    @rule(pick=NUMBERS, gap=st.integers(0, 3), size=st.integers(0, 100), parts=st.integers(1, 3))
    def track(self, pick: int, gap: int, size: int, parts: int) -> None:
        """Read the next record, perhaps after a gap; it comes to several payloads."""
        key, owned = self._pick(pick)
        partition = self.tracker.get(key)
        assert partition is not None
        entry = partition.track(record(owned.seen_to + gap, partition=key[1]), size)
        entry.open_count = parts
        owned.entries.append(entry)
        owned.seen_to += gap + 1
        self.window_count += 1
        self.window_bytes += size

    @precondition(lambda self: any(entry.open_count for owned in self.model.values() for entry in owned.entries))
    @rule(pick=NUMBERS)
    def settle_part(self, pick: int) -> None:
        """Settle one part of any record."""
        waiting = [entry for owned in self.model.values() for entry in owned.entries if entry.open_count]
        waiting[pick % len(waiting)].open_count -= 1

    @precondition(lambda self: self.model)
    @rule(pick=NUMBERS, further=st.integers(-3, 5))
    def reach(self, pick: int, further: int) -> None:
        """Come to an end of the log, which may be an old one."""
        key, owned = self._pick(pick)
        partition = self.tracker.get(key)
        assert partition is not None
        partition.reach(owned.seen_to + further)
        owned.seen_to = max(owned.seen_to, owned.seen_to + further)

    @precondition(lambda self: self.model)
    @rule(pick=NUMBERS)
    def advance(self, pick: int) -> None:
        """Take the finished run out of the window."""
        key, owned = self._pick(pick)
        partition = self.tracker.get(key)
        assert partition is not None
        count, size_bytes = partition.advance()
        left = owned.entries[owned.left_count : owned.left_count + count]
        assert all(entry.open_count == 0 for entry in left)
        assert size_bytes == sum(entry.size_bytes for entry in left)
        owned.left_count += count
        assert partition.committable == owned.committable
        self.window_count -= count
        self.window_bytes -= size_bytes

    @precondition(lambda self: self.model)
    @rule(pick=NUMBERS)
    def revoke(self, pick: int) -> None:
        """Give a partition up: what was not finished is named, and it all leaves the window."""
        key, owned = self._pick(pick)
        partition = self.tracker.forget(key)
        assert partition is not None
        held = list(partition.entries)
        assert partition.release() == [entry for entry in owned.entries if entry.open_count]
        assert held == owned.entries[owned.left_count :]
        self.window_count -= len(held)
        self.window_bytes -= sum(entry.size_bytes for entry in held)
        del self.model[key]

    def _pick(self, pick: int) -> tuple[tuple[str, int], Owned]:
        """Return one of the owned partitions."""
        return list(self.model.items())[pick % len(self.model)]

    @invariant()
    def never_past_an_unfinished_record(self) -> None:
        """What may be committed is never beyond what the model allows."""
        assert self.tracker.committable().keys() == self.model.keys()
        for key, offset in self.tracker.committable().items():
            assert offset <= self.model[key].committable

    @invariant()
    def the_window_adds_up(self) -> None:
        """The records and bytes in the window are those of the entries that are kept."""
        kept = [entry for partition in self.tracker for entry in partition.entries]
        assert (self.window_count, self.window_bytes) == (len(kept), sum(entry.size_bytes for entry in kept))


TestOffsets = Offsets.TestCase
TestOffsets.settings = settings(max_examples=60, stateful_step_count=60)
