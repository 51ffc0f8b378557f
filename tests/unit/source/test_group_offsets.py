"""A group's offsets seen from outside, on a Kafka in memory."""

from __future__ import annotations

from typing import cast

import pytest
from confluent_kafka import Consumer, KafkaError

from processor.errors import BrokerError
from processor.source import coordinator
from processor.source.deadline import Deadline
from processor.source.group_offsets import GroupOffsets
from tests.fake_kafka import FakeConsumer, FakeKafka


class Outside:
    """An outside reader, and the consumers that it has made."""

    def __init__(self) -> None:
        """Begin with two partitions, of which one has an offset."""
        self.kafka = FakeKafka()
        self.kafka.committed["t", 0] = (7, "id-1")
        self.consumers: list[FakeConsumer] = []
        self.offsets = GroupOffsets("g", self._make)

    def _make(self) -> Consumer:
        self.consumers.append(FakeConsumer(self.kafka))
        return cast("Consumer", self.consumers[-1])

    def read(self) -> object:
        """Return the offsets of both partitions."""
        return self.offsets.committed([("t", 0), ("t", 1)], Deadline.after(5))


def test_partitions_without_an_offset_are_left_out() -> None:
    """What was committed comes with its topic's id; nothing is made up for the other partition."""
    assert Outside().read() == {("t", 0): (7, "id-1")}


def test_one_consumer_serves_all_questions_until_it_is_closed() -> None:
    """Nothing is connected before the first question, and after the end another question connects anew."""
    outside = Outside()
    assert outside.consumers == []
    outside.read()
    outside.read()
    assert [each.is_closed for each in outside.consumers] == [False]
    outside.offsets.close()
    outside.offsets.close()
    assert [each.is_closed for each in outside.consumers] == [True]
    outside.read()
    assert [each.is_closed for each in outside.consumers] == [True, False]


def test_log_lines_of_the_client_do_not_pile_up() -> None:
    """Each question polls once: the client hands its log lines over nowhere else."""
    outside = Outside()
    outside.read()
    outside.read()
    assert outside.kafka.calls.count("poll") == 2


def test_refusals_become_our_error() -> None:
    """A failed question and a refused partition both name the group."""
    outside = Outside()
    outside.kafka.refused["committed"] = {("t", 1): KafkaError.GROUP_AUTHORIZATION_FAILED}
    with pytest.raises(BrokerError, match="cannot read the offsets of group g") as caught:
        outside.read()
    assert caught.value.fatal
    outside.kafka.errors["committed"] = [KafkaError._TIMED_OUT]
    with pytest.raises(BrokerError, match="cannot read the offsets of group g") as caught:
        outside.read()
    assert not caught.value.fatal


def test_a_group_whose_coordinator_is_still_to_be_found_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first group of a cluster, or one whose broker has just gone, has none for a moment: that is no failure."""
    monkeypatch.setattr(coordinator, "_PAUSE_S", 0.001)
    outside = Outside()
    outside.kafka.errors["committed"] = [KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS]
    assert outside.read() == {("t", 0): (7, "id-1")}
    assert outside.kafka.calls.count("committed") == 3


def test_a_group_that_gets_no_coordinator_in_time_is_an_error() -> None:
    """The deadline holds, and another failure is told at once."""
    outside = Outside()
    outside.kafka.errors["committed"] = [KafkaError.NOT_COORDINATOR, KafkaError.GROUP_AUTHORIZATION_FAILED]
    with pytest.raises(BrokerError, match="NOT_COORDINATOR"):
        outside.offsets.committed([("t", 0)], Deadline.after(0.1))
    with pytest.raises(BrokerError, match="GROUP_AUTHORIZATION_FAILED"):
        outside.read()
    assert outside.kafka.calls.count("committed") == 2
