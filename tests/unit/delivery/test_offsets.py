"""A name for every offset: what is committable, what left the window, what is released."""

from __future__ import annotations

import pytest

from processor.delivery.offsets import Entry, OffsetTracker, Partition
from processor.errors import InvariantError
from processor.model import Outcome
from tests.parcels import record


def _partition(*offsets: int, position: int = 0) -> tuple[Partition, list[Entry]]:
    """Return a partition and the entries of these offsets, ten bytes each."""
    partition = Partition(("events", 0), position)
    return partition, [partition.track(record(offset), 10) for offset in offsets]


def test_nothing_read_means_that_the_position_is_committable() -> None:
    """A partition on which nothing was read commits the position that it started from."""
    assert _partition(position=7)[0].committable == 7


def test_a_finished_record_behind_an_unfinished_one_waits() -> None:
    """The committable offset stays at the first unfinished record, and nothing leaves the window past it."""
    partition, (first, second, third) = _partition(0, 1, 2)
    second.open_count = third.open_count = 0
    assert (partition.advance(), partition.committable) == ((0, 0), 0)
    first.open_count = 0
    assert (partition.advance(), partition.committable) == ((3, 30), 3)
    assert partition.oldest is None


def test_gaps_are_legal_and_only_seen_records_count() -> None:
    """Offsets may jump; the offset after the last seen one is committable once all seen ones are done."""
    partition, (first, second) = _partition(3, 9, position=2)
    first.open_count = 0
    partition.advance()
    assert (partition.committable, partition.oldest) == (9, second)
    second.open_count = 0
    partition.advance()
    assert partition.committable == 10


def test_an_end_counts_only_behind_unfinished_records_and_never_backwards() -> None:
    """The end of the log is committable when nothing is outstanding, and an older end changes nothing."""
    partition, (only,) = _partition(4)
    partition.reach(20)
    assert partition.committable == 4
    only.open_count = 0
    partition.advance()
    partition.reach(15)
    assert partition.committable == 20


@pytest.mark.parametrize("offset", [0, 4])
def test_a_record_read_twice_is_a_bug(offset: int) -> None:
    """A record at or below one that was read before is refused: committing on would be a guess."""
    partition, _ = _partition(4)
    with pytest.raises(InvariantError, match="was read after 4"):
        partition.track(record(offset), 1)


def test_release_returns_what_was_not_finished_and_ends_the_ownership() -> None:
    """Finished records are no longer of interest; the others are given up."""
    partition, (first, second) = _partition(0, 1)
    second.open_count = 0
    assert partition.release() == [first]
    assert (partition.is_owned, len(partition.entries)) == (False, 0)


@pytest.mark.parametrize(
    ("dead", "delivered", "outcome"),
    [
        (True, True, Outcome.DEAD_LETTERED),
        (True, False, Outcome.DEAD_LETTERED),
        (False, True, Outcome.DELIVERED),
        (False, False, Outcome.SKIPPED),
    ],
)
def test_a_record_ends_as_the_worst_of_its_payloads(outcome: Outcome, *, dead: bool, delivered: bool) -> None:
    """Dead-lettered if any payload is, else delivered if any is, else skipped."""
    _, (entry,) = _partition(0)
    entry.is_dead, entry.is_delivered = dead, delivered
    assert entry.outcome is outcome


def test_a_tracker_knows_what_it_owns() -> None:
    """Partitions are found, counted and iterated until they are forgotten; forgetting twice is harmless."""
    tracker = OffsetTracker()
    one, two = tracker.assign(("events", 0), 5), tracker.assign(("events", 1), 6)
    assert tracker.committable() == {("events", 0): 5, ("events", 1): 6}
    assert tracker.forget(("events", 0)) is one
    assert tracker.forget(("events", 0)) is None
    assert (list(tracker), len(tracker), tracker.get(("events", 0))) == ([two], 1, None)


def test_a_partition_assigned_twice_is_a_bug() -> None:
    """Two owners of one partition in one process would commit over each other."""
    tracker = OffsetTracker()
    tracker.assign(("events", 0), 5)
    with pytest.raises(InvariantError, match="assigned twice"):
        tracker.assign(("events", 0), 5)
