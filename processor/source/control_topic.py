"""The control topic: a small compacted topic that keeps one founding record for each group and topic.

It is read to its end by a consumer that joins no group, and written with acknowledgement of all replicas, so that a
record once read was there before anything that is asked afterwards.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import NewTopic

from processor.errors import BrokerError, InvariantError
from processor.source.cluster import Cluster
from processor.source.deadline import Deadline
from processor.source.founding import Founding
from processor.source.trouble import broker_error, kafka_error

READ_TIMEOUT_S = 0.1


class ControlTopic:
    """Founding records of one group. One thread calls; every call is bounded by a deadline."""

    def __init__(
        self,
        name: str,
        group_id: str,
        cluster: Cluster,
        make_consumer: Callable[[], Consumer],
        make_producer: Callable[[], Producer],
    ) -> None:
        """Connect nothing yet.

        Args:
            name: The control topic's name.
            group_id: The group whose records are read and written.
            cluster: Where the topic is looked up and, when missing, made.
            make_consumer: Gives a consumer that can be assigned without joining a group, with end-of-partition events.
            make_producer: Gives an idempotent producer.
        """
        self.name = name
        self._group_id = group_id
        self._cluster = cluster
        self._make_consumer = make_consumer
        self._make_producer = make_producer
        self._consumer: Consumer | None = None
        self._next_offset = 0
        self._records: dict[str, Founding] = {}

    def read(self, deadline: Deadline) -> dict[str, Founding]:
        """Return the group's founding records by topic, as they are at this moment or later.

        Raises:
            BrokerError: The topic cannot be made or read; `fatal` when a right or a setting is missing.
        """
        try:
            consumer = self._connected(deadline)
            _, end = consumer.get_watermark_offsets(TopicPartition(self.name, 0), deadline.request_s, cached=False)
            while self._next_offset < end:
                self._take(consumer, deadline)
        except KafkaException as error:
            raise self._refused(error, "read") from error
        return dict(self._records)

    def write(self, topic: str, founding: Founding, deadline: Deadline) -> None:
        """Return when all replicas have the record.

        Raises:
            BrokerError: It could not be written in time, or a right is missing.
        """
        self._ensure(deadline)
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _message: Message[Any, Any]) -> None:
            if error is not None:
                failures.append(error)

        producer = self._make_producer()
        producer.produce(self.name, msgspec.json.encode(founding), self._key(topic), 0, on_delivery=delivered)
        left_count = producer.flush(deadline.left_s)
        if failures:
            raise self._refused(failures[0], "write")
        if left_count:
            producer.purge()
            raise self._late("write")

    def close(self) -> None:
        """Disconnect; the next read starts anew."""
        consumer, self._consumer = self._consumer, None
        self._records, self._next_offset = {}, 0
        if consumer is not None:
            consumer.close()

    def _connected(self, deadline: Deadline) -> Consumer:
        if self._consumer is None:
            self._ensure(deadline)
            self._consumer = self._make_consumer()
            self._consumer.assign([TopicPartition(self.name, 0, OFFSET_BEGINNING)])
        return self._consumer

    def _take(self, consumer: Consumer, deadline: Deadline) -> None:
        if deadline.is_over:
            raise self._late("read")
        message = consumer.poll(min(READ_TIMEOUT_S, deadline.left_s))
        if message is None:
            return
        error, offset = message.error(), message.offset()
        if error is None:
            self._keep(message.key(), message.value())
        elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client's own spelling of a constant
            self._reset_unless_transient(error)
            return
        if offset is not None:
            self._next_offset = max(self._next_offset, offset + (1 if error is None else 0))

    def _reset_unless_transient(self, error: KafkaError) -> None:
        """Connect anew next time; errors that the client reports while it retries are only waited out."""
        trouble = self._refused(error, "read")
        if trouble.fatal or error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - the client's own spelling
            self.close()
            raise trouble

    def _keep(self, key: bytes | None, value: bytes | None) -> None:
        topic = self._topic_of(key)
        if topic is None:
            return
        if value is None:
            self._records.pop(topic, None)
            return
        try:
            self._records[topic] = msgspec.json.decode(value, type=Founding)
        except msgspec.DecodeError as error:
            text = f"control topic {self.name} holds a record of group {self._group_id} that nobody can read: {error}"
            raise InvariantError(text, safe=text) from error

    def _key(self, topic: str) -> bytes:
        return msgspec.json.encode([self._group_id, topic])

    def _topic_of(self, key: bytes | None) -> str | None:
        """Return the topic of a key of this group; None for keys of others."""
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            group_id, topic = msgspec.json.decode(b"null" if key is None else key, type=tuple[str, str])
            return topic if group_id == self._group_id else None
        return None

    def _ensure(self, deadline: Deadline) -> None:
        """Make the topic exist, compacted; one that is not would lose its records one day."""
        if self._cluster.topics([self.name], deadline)[self.name] is None:
            self._create(deadline)
            while self._cluster.topics([self.name], deadline)[self.name] is None:
                if deadline.is_over:
                    raise self._late("find")
        require_compacted(self._cluster, self.name, deadline)

    def _create(self, deadline: Deadline) -> None:
        new = NewTopic(self.name, num_partitions=1, config={"cleanup.policy": "compact"})
        try:
            self._cluster.admin.create_topics([new], request_timeout=deadline.request_s)[self.name].result(
                deadline.left_s
            )
        except KafkaException as error:
            if kafka_error(error).code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise self._refused(error, "create") from error
        except TimeoutError as error:
            raise self._late("create") from error

    def _refused(self, error: BaseException | KafkaError, doing: str) -> BrokerError:
        """Return what went wrong and what the operator can do about it."""
        return broker_error(
            error,
            f"cannot {doing} control topic {self.name} (the bridge needs the rights Create, Describe, Read and Write "
            "on it; or make it beforehand with 1 partition and cleanup.policy=compact)",
        )

    def _late(self, doing: str) -> BrokerError:
        return BrokerError(f"cannot {doing} control topic {self.name} in time", code="_TIMED_OUT", fatal=False)


def require_compacted(cluster: Cluster, name: str, deadline: Deadline) -> None:
    """Return when the control topic, which exists, is compacted, or where that cannot be looked at.

    Raises:
        BrokerError: It is not (`fatal`), or the cluster did not answer.
    """
    otherwise = "its records expire and a group that lost its offsets is not recognised"
    cluster.require_compacted(name, deadline, called=f"control topic {name}", otherwise=otherwise)
