"""The times of single records, looked at by a reader that joins no group."""

from __future__ import annotations

from typing import cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from processor.errors import BrokerError
from processor.source.deadline import Deadline
from processor.source.first_records import FirstRecords
from processor.source.partitions import Partition
from tests.fake_kafka import FakeKafka, error_message
from tests.fake_topics import FakeTopicReader, Step

P0: Partition = ("t", 0)
P1: Partition = ("t", 1)


def written(partition: int, offset: int, time_ms: int) -> Step:
    """Return a record as the client returns it."""
    return Message(topic="t", partition=partition, offset=offset, value=b"{}", timestamp=(1, time_ms))


def asked(*script: Step, deadline: Deadline | None = None) -> tuple[dict[Partition, int | None], FakeTopicReader]:
    """Return the times at the offsets 5 and 7, and the reader that was used."""
    reader = FakeTopicReader(FakeKafka(), *script)
    first = FirstRecords(lambda: cast("Consumer", reader))
    try:
        return first.times_ms({P0: 5, P1: 7}, deadline or Deadline.after(10)), reader
    finally:
        assert reader.is_closed


def test_the_first_record_of_each_partition_tells() -> None:
    """What stands behind it is of no interest, and a gap in front of it neither."""
    times_ms, reader = asked(written(0, 5, 100), written(0, 6, 50), written(1, 9, 300))
    assert times_ms == {P0: 100, P1: 300}
    assert reader.history == [("t", 0, 5), ("t", 1, 7)]


def test_an_end_says_that_there_is_none() -> None:
    """Where only markers of transactions stand, nothing waits."""
    times_ms, _ = asked(written(0, 5, 100), error_message(KafkaError._PARTITION_EOF, "t", 1, 8))
    assert times_ms == {P0: 100, P1: None}


def test_a_partition_that_does_not_answer_is_left_out() -> None:
    """It is asked again with the next question."""
    times_ms, _ = asked(written(0, 5, 100), deadline=Deadline.after(0.3))
    assert times_ms == {P0: 100}


def test_a_client_that_cannot_go_on_is_an_error_and_is_closed() -> None:
    """The caller hears of it as of any trouble of the cluster."""
    with pytest.raises(BrokerError):
        asked(KafkaException(KafkaError(KafkaError._FATAL)))


def test_a_record_that_is_deleted_in_this_moment_is_left_out() -> None:
    """Without waiting for it any longer than for the others."""
    gone, deadline = error_message(KafkaError._AUTO_OFFSET_RESET, "t", 1, 7), Deadline.after(5)
    times_ms, reader = asked(gone, error_message(KafkaError._TRANSPORT, "t"), written(0, 5, 100), deadline=deadline)
    assert times_ms == {P0: 100}
    assert reader.assigned == {}
    assert not deadline.is_over


def test_a_missing_right_is_an_error() -> None:
    """Waiting would not help."""
    with pytest.raises(BrokerError, match="cannot read topic t"):
        asked(error_message(KafkaError.TOPIC_AUTHORIZATION_FAILED, "t"))
