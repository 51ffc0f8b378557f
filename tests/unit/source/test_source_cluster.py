"""The admin client behind our questions: what it logs is heard."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any, cast

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from processor.errors import BrokerError
from processor.source.cluster import Cluster
from processor.source.deadline import Deadline
from tests.kafka_harness import random_name, until
from tests.kafka_listeners import free_ports


@pytest.mark.parametrize("question", ["topics", "offsets"])
def test_log_lines_of_the_client_do_not_pile_up(question: str, caplog: pytest.LogCaptureFixture) -> None:
    """While no broker is there each kind of question passes on what the client has to say about that."""
    log = logging.getLogger(random_name("client"))
    caplog.set_level(logging.DEBUG, logger=log.name)
    [port] = free_ports(1)
    cluster = Cluster(AdminClient({"bootstrap.servers": f"127.0.0.1:{port}"}, logger=log))

    def ask() -> bool:
        with contextlib.suppress(BrokerError):
            if question == "topics":
                cluster.topics(["t"], Deadline.after(0.1))
            else:
                cluster.log_ends([("t", 0)], Deadline.after(0.1))
        return any("Connection refused" in record.getMessage() for record in caplog.records)

    until(ask, "the client's log lines are heard")


class Altering:
    """An admin client that sets offsets, after it has refused as often as it was told to."""

    def __init__(self, *refusals: int) -> None:
        """Refuse with these codes first."""
        self._refusals = list(refusals)
        self.asked_count = 0
        self.altered: list[ConsumerGroupTopicPartitions] = []

    def alter_consumer_group_offsets(
        self, request: Iterable[ConsumerGroupTopicPartitions], **_options: object
    ) -> dict[str, Future[Any]]:
        """Set the offsets, or refuse."""
        self.asked_count += 1
        (wanted,) = request
        future: Future[Any] = Future()
        if self._refusals:
            future.set_exception(KafkaException(KafkaError(self._refusals.pop(0))))
        else:
            self.altered.append(wanted)
            future.set_result(wanted)
        return {wanted.group_id: future}


def test_a_group_without_a_coordinator_is_asked_again() -> None:
    """The first group of a cluster, or one whose brokers have just started, gets its offsets all the same."""
    admin = Altering(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.NOT_COORDINATOR)
    Cluster(cast("AdminClient", admin)).set_committed("g", {("t", 0): 7}, {("t", 0): "id-1"}, Deadline.after(10))
    assert [one.offset for group in admin.altered for one in group.topic_partitions or ()] == [7]


@pytest.mark.parametrize(
    ("code", "seconds"), [(KafkaError.UNKNOWN_MEMBER_ID, 5), (KafkaError.COORDINATOR_LOAD_IN_PROGRESS, 0.1)]
)
def test_offsets_that_cannot_be_set(code: int, seconds: float) -> None:
    """A group with members is told at once, and one without a coordinator when the time is up."""
    admin = Altering(*[code] * 100)
    with pytest.raises(BrokerError, match="cannot set the offsets of group g"):
        Cluster(cast("AdminClient", admin)).set_committed(
            "g", {("t", 0): 7}, {("t", 0): "id-1"}, Deadline.after(seconds)
        )
    assert (admin.asked_count, admin.altered) == (1, [])
