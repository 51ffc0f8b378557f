"""Records of a time range: which ones, in which order, how many, and what is not waited for for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException

from processor.errors import BrokerError
from processor.source.clients import Clients
from processor.source.time_range import SILENCE_S, Span, TimeRange, _shares, time_range
from tests.fake_clients import FakeClients
from tests.fake_kafka import FakeKafka, error_message, record_message
from tests.fake_topics import FakeTopicReader, Step

EOF = KafkaError._PARTITION_EOF


def world(*script: Step) -> tuple[FakeKafka, Clients, FakeTopicReader]:
    """Return a cluster with a topic of three partitions, its clients, and the reader that they give."""
    kafka = FakeKafka()
    kafka.add("t", 10, 0, 4)
    clients, reader = FakeClients(kafka), FakeTopicReader(kafka, *script)
    clients.topic_readers.append(cast(Consumer, reader))
    return kafka, cast(Clients, clients), reader


def offsets(found: TimeRange) -> list[tuple[int, int]]:
    """Return partition and offset of the records."""
    return [(record.partition, record.offset) for record in found.records()]


def test_records_of_a_range_come_partition_by_partition() -> None:
    """From the first record at one time to the last before another; the fake's offsets are its times, in ms."""
    script = [*(record_message("t", 0, offset) for offset in (2, 3, 5, 6)), record_message("t", 2, 2)]
    _, clients, reader = world(*script, record_message("t", 2, 3))
    found = time_range(clients, ["t"], "1970-01-01T00:00:00.002Z", "1970-01-01T00:00:00.006Z")
    assert found.most == 6
    assert offsets(found) == [(0, 2), (0, 3), (0, 5), (2, 2), (2, 3)]
    assert (reader.history, reader.is_closed) == ([("t", 0, 2), ("t", 2, 2)], True)


def test_a_range_ends_where_the_log_ends() -> None:
    """Also when no record is at its last offsets, and when it began before the log."""
    _, clients, _ = world(record_message("t", 0, 4), error_message(EOF, "t", 0, 10), record_message("t", 2, 3))
    assert offsets(time_range(clients, ["t"], "earliest", "latest")) == [(0, 4), (2, 3)]


@pytest.mark.parametrize(
    ("start", "end"), [("latest", "latest"), ("latest", "earliest"), ("2026-01-31T08:00Z", "latest")]
)
def test_an_empty_range(start: str, end: str) -> None:
    """Nothing is read when nothing is in it, not even by mistake when it is the wrong way round."""
    _, clients, reader = world()
    found = time_range(clients, ["t"], start, end)
    assert (found.most, offsets(found), reader.history) == (0, [], [])


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(None, [10, 4, 4]), (1, [0, 1, 0]), (6, [2, 2, 2]), (13, [5, 4, 4]), (100, [10, 4, 4])],
)
def test_a_limit_is_spread_over_the_partitions(limit: int | None, expected: list[int]) -> None:
    """What a small partition does not need a large one has."""
    spans = [Span(("t", number), 5, 5 + size) for number, size in enumerate((10, 4, 4))]
    assert expected == _shares(spans, limit)


def test_no_more_is_read_than_asked_for() -> None:
    """The rest of a partition is left, and one without a share is not even opened."""
    _, clients, reader = world(record_message("t", 2, 0), record_message("t", 2, 1))
    found = time_range(clients, ["t"], "earliest", "latest", limit=1)
    assert (found.most, offsets(found), reader.history) == (1, [(2, 0)], [("t", 2, 0)])


def test_a_topic_that_is_not_there() -> None:
    """Nothing is read instead."""
    _, clients, _ = world()
    with pytest.raises(BrokerError, match="no such topic: other"):
        time_range(clients, ["t", "other"], "earliest", "latest")


@pytest.mark.parametrize(
    "code", [KafkaError._AUTO_OFFSET_RESET, KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_TOPIC_OR_PART]
)
def test_what_would_leave_out_records_is_an_error(code: int) -> None:
    """Deleted records and missing rights end the reading; the consumer is closed."""
    _, clients, reader = world(record_message("t", 0, 0), error_message(code, "t"))
    with pytest.raises(BrokerError, match="cannot read topic t"):
        offsets(time_range(clients, ["t"], "earliest", "latest"))
    assert reader.is_closed


def test_a_client_that_fails_is_an_error() -> None:
    """It is told as a broker's."""
    _, clients, _ = world(KafkaException(KafkaError(KafkaError._FAIL)))
    with pytest.raises(BrokerError, match="cannot read a topic"):
        offsets(time_range(clients, ["t"], "earliest", "latest"))


def test_a_broker_that_says_nothing_is_not_waited_for_for_ever() -> None:
    """A short outage is waited out; every record begins the wait anew."""
    kafka, clients, _ = world(error_message(KafkaError._TRANSPORT, "t"), record_message("t", 0, 0))
    clock: Iterator[float] = iter([0, 1, SILENCE_S, 2 * SILENCE_S - 1, 2 * SILENCE_S, 2 * SILENCE_S + 1])
    found = TimeRange(clients, [Span(("t", 0), 0, 10)], limit=None, clock=lambda: next(clock))
    with pytest.raises(BrokerError, match=r"cannot read t\[0\]: nothing came for 60 s"):
        offsets(found)
    assert kafka.calls[-1] == "close"
