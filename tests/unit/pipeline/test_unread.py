"""Which partitions are looked at for the age of what waits unread in them."""

from __future__ import annotations

from processor.delivery.offsets import Key, Partition
from processor.pipeline.unread import MAX_COUNT, Unread
from tests.parcels import record

KEY: Key = ("events", 0)


def test_a_partition_that_is_read_is_not_looked_at() -> None:
    """One with records in the window tells its age by itself, one that moves is about to."""
    unread, partition = Unread(), Partition(KEY, 5)
    assert unread.wanted([partition], {KEY: 9}) == {}
    partition.reach(6)
    assert unread.wanted([partition], {KEY: 9}) == {}
    assert unread.wanted([partition], {KEY: 9}) == {KEY: 6}
    partition.track(record(6), 10)
    assert unread.wanted([partition], {KEY: 9}) == {}


def test_an_idle_partition_is_not_looked_at() -> None:
    """At the end of the log, or with an end that nobody knows, nothing waits."""
    unread, partition = Unread(), Partition(KEY, 5)
    for ends in ({KEY: 5}, {}, {KEY: 5}):
        assert unread.wanted([partition], ends) == {}


def test_what_is_known_counts_until_it_is_read() -> None:
    """A record is asked for once; its time is forgotten with the first read, also when that is finished at once."""
    unread, partition = Unread(), Partition(KEY, 5)
    unread.wanted([partition], {KEY: 9})
    assert unread.wanted([partition], {KEY: 9}) == {KEY: 5}
    unread.learn({KEY: 5}, {KEY: 1_000})
    assert unread.age_s(partition, 3_500) == 2.5
    assert unread.age_s(partition, 500) == 0.0
    assert unread.wanted([partition], {KEY: 12}) == {}
    entry = partition.track(record(5), 10)
    assert unread.age_s(partition, 3_500) is None
    entry.open_count = 0
    partition.advance()
    assert unread.age_s(partition, 3_500) is None


def test_where_nothing_was_seen_something_may_come() -> None:
    """Behind the marker of a transaction: it is looked at again once the log has grown, and not before."""
    unread, partition = Unread(), Partition(KEY, 5)
    unread.wanted([partition], {KEY: 6})
    assert unread.wanted([partition], {KEY: 6}) == {KEY: 5}
    unread.learn({KEY: 5}, {KEY: None})
    assert (unread.wanted([partition], {KEY: 6}), unread.age_s(partition, 3_500)) == ({}, 0.0)
    assert (unread.wanted([partition], {KEY: 9}), unread.age_s(partition, 3_500)) == ({KEY: 5}, None)


def test_an_answer_that_comes_too_late_counts_nothing() -> None:
    """The partition has moved on while the record was looked at."""
    unread, partition = Unread(), Partition(KEY, 5)
    partition.reach(7)
    unread.learn({KEY: 5}, {KEY: 1_000})
    assert unread.age_s(partition, 3_500) is None


def test_only_so_many_are_looked_at_in_one_go() -> None:
    """A process with many partitions does not fetch a record of all of them at once; the others follow."""
    unread = Unread()
    partitions = [Partition(("events", number), 0) for number in range(MAX_COUNT + 3)]
    ends = {one.key: 4 for one in partitions}
    unread.wanted(partitions, ends)
    first = unread.wanted(partitions, ends)
    assert len(first) == MAX_COUNT
    unread.learn(first, dict.fromkeys(first, 1_000))
    second = unread.wanted(partitions, ends)
    assert len(second) == 3
    assert first.keys().isdisjoint(second)
