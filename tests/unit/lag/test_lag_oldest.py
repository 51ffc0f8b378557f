"""Oldest unfinished records: the first that can be seen at a position, and what is said where there is none."""

from __future__ import annotations

from typing import cast

import pytest
from confluent_kafka import Consumer, KafkaError, Message

from processor.errors import BrokerError
from processor.lag.oldest import Oldest, OldestRecords
from processor.lag.places import Place
from processor.source.deadline import Deadline
from processor.source.founding import Step
from tests.fake_kafka import FakeKafka, error_message
from tests.fake_topics import FakeTopicReader
from tests.fake_topics import Step as ScriptStep

EOF = KafkaError._PARTITION_EOF


def place(number: int, position: int | None, end: int, topic_id: str = "id") -> Place:
    """Return where a group stands in a partition."""
    return Place(("t", number), Step.RESUME, position, position, 0, end, topic_id)


def record(number: int, offset: int, time_ms: int) -> Message:
    """Return a record."""
    return Message(topic="t", partition=number, offset=offset, key=b"k", value=b"v", timestamp=(1, time_ms))


class World:
    """Readers by script, one for each look that needs one."""

    def __init__(self, *scripts: list[ScriptStep]) -> None:
        """Hand these out in order."""
        self.readers = [FakeTopicReader(FakeKafka(), *script) for script in scripts]
        self.made = 0
        self.oldest = OldestRecords(self._make)

    def _make(self) -> Consumer:
        self.made += 1
        return cast("Consumer", self.readers[self.made - 1])

    def look(self, *places: Place, seconds: float = 5.0) -> dict[tuple[int, int], Oldest]:
        """Return what is found, by the number of the partition and the position."""
        found = self.oldest.of(places, Deadline.after(seconds))
        return {(partition[1], position): one for (partition, position), one in found.items()}


def test_the_first_record_that_can_be_seen_counts() -> None:
    """Of each partition that is behind, be its offset the position or, behind a gap, a later one."""
    world = World([record(0, 4, 40), record(0, 5, 50), record(2, 9, 90)])
    found = world.look(place(0, 4, 10), place(1, 6, 6), place(2, 7, 10), place(3, None, 10))
    assert found == {(0, 4): Oldest(40), (2, 7): Oldest(90)}
    assert world.readers[0].history == [("t", 0, 4), ("t", 2, 7)]
    assert (world.readers[0].assigned, world.readers[0].is_closed) == ({}, True)


def test_an_end_without_a_record_means_that_nothing_is_unfinished() -> None:
    """As behind aborted transactions."""
    world = World([error_message(EOF, "t", 0, 10)])
    assert world.look(place(0, 4, 10)) == {(0, 4): Oldest(None)}


def test_an_end_before_that_of_the_log_is_none() -> None:
    """A replica that lags behind its leader ends sooner; what the leader has is still to come."""
    world = World([error_message(EOF, "t", 0, 4), lambda: None, record(0, 4, 40)])
    assert world.look(place(0, 4, 10)) == {(0, 4): Oldest(40)}


def test_what_is_known_is_not_read_again_until_the_group_moves() -> None:
    """Another topic of the same name, or a place where nothing was seen, is read again."""
    world = World(
        [record(0, 4, 40), error_message(EOF, "t", 1, 10)],
        [record(1, 10, 100)],
        [record(0, 6, 60)],
        [record(0, 6, 61)],
    )
    first = world.look(place(0, 4, 10), place(1, 4, 10))
    assert first == {(0, 4): Oldest(40), (1, 4): Oldest(None)}
    assert world.look(place(0, 4, 20), place(1, 4, 11)) == {(0, 4): Oldest(40), (1, 4): Oldest(100)}
    assert world.look(place(0, 6, 20)) == {(0, 6): Oldest(60)}
    assert world.look(place(0, 6, 20)) == {(0, 6): Oldest(60)}
    assert world.look(place(0, 6, 20, "other")) == {(0, 6): Oldest(61)}
    assert world.made == 4


def test_groups_at_different_places_of_a_partition_take_turns() -> None:
    """A consumer reads a partition at one place at a time; equal places are read once."""
    world = World([record(0, 4, 40), lambda: None, record(0, 7, 70)])
    assert world.look(place(0, 4, 10), place(0, 7, 10), place(0, 4, 10)) == {(0, 4): Oldest(40), (0, 7): Oldest(70)}
    assert world.readers[0].history == [("t", 0, 4), ("t", 0, 7)]


def test_what_does_not_come_in_time_is_not_known() -> None:
    """Nor is what was deleted in this moment; the others are told."""
    gone = error_message(KafkaError._AUTO_OFFSET_RESET, "t", 1, 4)
    world = World([gone, error_message(KafkaError._TRANSPORT, "t"), record(0, 4, 40)])
    assert world.look(place(0, 4, 10), place(1, 4, 10)) == {(0, 4): Oldest(40)}
    assert World([]).look(place(0, 4, 10), seconds=0.0) == {}


def test_a_missing_right_is_an_error() -> None:
    """Waiting would not help."""
    world = World([error_message(KafkaError.TOPIC_AUTHORIZATION_FAILED, "t")])
    with pytest.raises(BrokerError, match="cannot read topic t"):
        world.look(place(0, 4, 10))
    assert world.readers[0].is_closed
