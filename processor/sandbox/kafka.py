"""A Kafka inside this process: librdkafka's mock cluster, which comes with the client. For the demo only.

What it is good for: producing, consumer groups of both protocols, committed offsets, the ends of the log; also from
other processes, over loopback. What it is not: it keeps about 5 MB of stored batches a partition and then silently
drops the oldest, topics always have four partitions and no configuration, and every request that a controller answers
(creating, describing and deleting topics) times out. Batches are stored as they are sent, so compression stretches
the room; `produce` compresses, and raises when the start of the log has moved all the same.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from processor.errors import BrokerError

_ANSWER_S = 10.0
_FLUSH_S = 30.0

_Delivered = Callable[[KafkaError | None, Message], None]


class EmbeddedKafka:
    """A mock cluster, alive as long as this object is. Use as a context manager."""

    def __init__(self, broker_count: int = 1) -> None:
        """Start the brokers; they listen on free ports of loopback.

        Raises:
            BrokerError: When they do not answer.
        """
        # The client that owns the cluster is otherwise idle: it never needs the address, but must be given one.
        self._owner: Producer | None = Producer(
            {"bootstrap.servers": "unused.invalid:1", "test.mock.num.brokers": broker_count, "log_level": 0}
        )
        try:
            brokers = self._owner.list_topics(timeout=_ANSWER_S).brokers.values()
        except KafkaException as error:
            raise _translated(error) from error
        self.bootstrap_servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        self._admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})

    def __enter__(self) -> Self:
        """Return the running cluster."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def stop(self) -> None:
        """Stop the brokers and forget all topics."""
        self._owner = None

    def create_topic(self, topic: str) -> int:
        """Make the topic unless it is there, and return how many partitions it has: the mock cluster decides.

        Raises:
            BrokerError: When the cluster does not answer.
        """
        try:
            found = self._admin.list_topics(topic, timeout=_ANSWER_S).topics[topic]
        except KafkaException as error:
            raise _translated(error) from error
        return len(found.partitions)

    def produce(
        self, topic: str, records: Iterable[tuple[bytes | None, bytes | None]], *, rate_per_s: float | None = None
    ) -> int:
        """Send keys and values, wait until all are stored, and return how many there were.

        Partitions are chosen by key as Kafka's own client does. With `rate_per_s` they are sent no faster than that.

        Raises:
            BrokerError: When one is not stored, or when the cluster has dropped older records to make room.
        """
        failures: Counter[str] = Counter()

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failures[error.name()] += 1

        sender = self._sender()
        count = 0
        started_s = time.monotonic()
        for count, (key, value) in enumerate(records, 1):
            _send(sender, topic, key, value, delivered)
            _serve(sender, started_s if rate_per_s is None else started_s + count / rate_per_s)
        unanswered = sender.flush(_FLUSH_S)
        if unanswered:
            failures["_TIMED_OUT"] += unanswered
        if failures:
            raise BrokerError(f"not stored: {dict(failures)}", code=failures.most_common(1)[0][0], fatal=False)
        self._ensure_nothing_dropped(topic)
        return count

    def end_offsets(self, topic: str) -> dict[int, int]:
        """Return the end of the log of each partition.

        Raises:
            BrokerError: When the cluster does not answer.
        """
        return self._offsets(topic, OffsetSpec.latest())

    def _sender(self) -> Producer:
        return Producer(
            {
                "bootstrap.servers": self.bootstrap_servers,
                "enable.idempotence": True,
                "compression.type": "zstd",
                "partitioner": "murmur2_random",
                "linger.ms": 20,
                "log_level": 0,
            }
        )

    def _offsets(self, topic: str, spec: OffsetSpec) -> dict[int, int]:
        partitions = range(self.create_topic(topic))
        try:
            asked = self._admin.list_offsets({TopicPartition(topic, number): spec for number in partitions})
            return {place.partition: int(future.result(_ANSWER_S).offset) for place, future in asked.items()}
        except KafkaException as error:
            raise _translated(error) from error

    def _ensure_nothing_dropped(self, topic: str) -> None:
        dropped = sum(self._offsets(topic, OffsetSpec.earliest()).values())
        if dropped:
            raise BrokerError(
                f"the embedded Kafka is full and has dropped {dropped} records: send fewer, or use a real one",
                code="EMBEDDED_KAFKA_FULL",
                fatal=True,
            )


def _send(sender: Producer, topic: str, key: bytes | None, value: bytes | None, delivered: _Delivered) -> None:
    """Queue one record, making room first where the queue is full."""
    while True:
        try:
            sender.produce(topic, value, key, on_delivery=delivered)
        except BufferError:
            sender.poll(0.1)
        except KafkaException as error:
            raise _translated(error) from error
        else:
            return


def _serve(sender: Producer, until_s: float) -> None:
    """Hear what was stored, at least once and until the given time."""
    sender.poll(0)
    while (left_s := until_s - time.monotonic()) > 0:
        sender.poll(left_s)


def _translated(error: KafkaException) -> BrokerError:
    cause: KafkaError = error.args[0]
    return BrokerError(f"the embedded Kafka refuses: {cause.str()}", code=cause.name(), fatal=cause.fatal())
