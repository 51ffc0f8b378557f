"""The embedded Kafka keeps what the demo needs, and says so when it no longer does."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException

from processor.errors import BrokerError
from processor.sandbox import kafka as kafka_module
from processor.sandbox.events import EventSettings
from processor.sandbox.kafka import EmbeddedKafka
from processor.sandbox.stage import DEMO_FAULTS, stage

_TIMEOUT_S = 30.0


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedKafka]:
    """One cluster for all tests here; they use topics of their own."""
    with EmbeddedKafka() as cluster:
        yield cluster


def _values(embedded: EmbeddedKafka, topic: str, count: int) -> list[bytes | None]:
    """Return the values that a consumer of a group reads from the topic."""
    consumer = Consumer(
        {
            "bootstrap.servers": embedded.bootstrap_servers,
            "group.id": f"group-of-{topic}",
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "cooperative-sticky",
        }
    )
    consumer.subscribe([topic])
    found: list[bytes | None] = []
    deadline_s = time.monotonic() + _TIMEOUT_S
    while len(found) < count and time.monotonic() < deadline_s:
        found.extend(message.value() for message in consumer.consume(1_000, 0.1) if message.error() is None)
    consumer.close()
    return found


def test_a_topic_has_several_partitions_and_is_made_once(embedded: EmbeddedKafka) -> None:
    """Work can be shared, and asking twice changes nothing."""
    assert embedded.create_topic("made") == embedded.create_topic("made") > 1
    assert set(embedded.end_offsets("made").values()) == {0}


def test_what_is_produced_is_read_by_a_group(embedded: EmbeddedKafka) -> None:
    """Keys spread over the partitions, null values survive, and all of it comes back."""
    records = [(f"k-{number}".encode(), f"v-{number}".encode()) for number in range(500)]
    assert embedded.produce("read", [*records, (b"k", None)]) == 501
    ends = embedded.end_offsets("read")
    assert sum(ends.values()) == 501
    assert min(ends.values()) > 0
    assert Counter(_values(embedded, "read", 501)) == Counter([None, *(value for _, value in records)])


def test_a_key_stays_in_its_partition(embedded: EmbeddedKafka) -> None:
    """The order of one user is kept."""
    embedded.produce("keyed", [(b"u-1", str(number).encode()) for number in range(100)])
    assert sorted(embedded.end_offsets("keyed").values()) == [0, 0, 0, 100]


def test_a_full_cluster_is_an_error_and_no_silence(embedded: EmbeddedKafka) -> None:
    """What the mock cluster drops without a word is noticed: bytes that do not compress soon fill it."""
    noise = [(b"k", os.urandom(100_000)) for _ in range(120)]
    with pytest.raises(BrokerError, match="has dropped") as caught:
        embedded.produce("full", noise)
    assert caught.value.code == "EMBEDDED_KAFKA_FULL"


def test_a_rate_is_kept(embedded: EmbeddedKafka) -> None:
    """With a rate, sending takes as long as it must."""
    started_s = time.monotonic()
    embedded.produce("slow", [(b"k", b"v")] * 50, rate_per_s=500)
    assert time.monotonic() - started_s >= 0.1


def test_a_message_that_is_not_stored_is_an_error(embedded: EmbeddedKafka) -> None:
    """A value that the client refuses does not vanish."""
    with pytest.raises(BrokerError) as caught:
        embedded.produce("large", [(b"k", b"x" * 5_000_000)])
    assert caught.value.code == "MSG_SIZE_TOO_LARGE"


def test_a_cluster_that_is_gone_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking and sending end with this program's own error after their time, and not with a count."""
    monkeypatch.setattr(kafka_module, "_ANSWER_S", 0.3)
    monkeypatch.setattr(kafka_module, "_FLUSH_S", 0.3)
    gone = EmbeddedKafka()
    gone.create_topic("gone")
    gone.stop()
    with pytest.raises(BrokerError):
        gone.create_topic("another")
    with pytest.raises(BrokerError) as caught:
        gone.produce("gone", [(b"k", b"v")])
    assert caught.value.code == "_TIMED_OUT"


class _FullSender:
    """A producer whose queue is full until it is polled."""

    def __init__(self) -> None:
        self.is_full = True
        self.sent: list[tuple[str, bytes | None, bytes | None]] = []

    def produce(self, topic: str, value: bytes | None, key: bytes | None, **_: object) -> None:
        """Take the record where there is room."""
        if self.is_full:
            raise BufferError
        self.sent.append((topic, key, value))

    def poll(self, _: float) -> None:
        """Make room."""
        self.is_full = False


def test_a_full_queue_is_waited_for() -> None:
    """Nothing is left out when records come faster than they are sent."""
    sender = _FullSender()
    kafka_module._send(sender, "topic", b"k", b"v", lambda _error, _message: None)  # type: ignore[arg-type]
    assert sender.sent == [("topic", b"k", b"v")]


def test_client_errors_are_translated() -> None:
    """Callers see this program's own error with the client's code."""
    error = kafka_module._translated(KafkaException(KafkaError(KafkaError._TIMED_OUT)))
    assert (error.code, error.fatal) == ("_TIMED_OUT", False)


def test_the_stage_adds_up() -> None:
    """Records made, records on the topic and records expected at each vendor are the same number."""
    with stage() as play:
        play.produce(EventSettings(count=2_000), int(time.time() * 1000))
        assert sum(play.made.values()) == sum(play.kafka.end_offsets(play.topic).values()) == 2_000
        for vendor in ("moveo", "moesif", "moengage"):
            fates = play.expected(vendor)
            assert sum(fates.values()) == 2_000
            assert min(fates["delivered"], fates["dead_lettered"]) > 0
        assert play.vendors.url.startswith("http://127.0.0.1:")


def test_the_demos_bad_day_leaves_most_requests_alone() -> None:
    """Faults of the demo are rare enough for it to end in time, apart from some latency."""
    assert sum(fault.rate * fault.burst_count for fault in DEMO_FAULTS if fault.kind != "latency") < 0.2
