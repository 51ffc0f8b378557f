"""The control topic: a small compacted topic that keeps founding records, and what operators have ordered.

It is read to its end by a consumer that joins no group, and written with acknowledgement of all replicas, so that a
record once read was there before anything that is asked afterwards.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import NewTopic

from processor.errors import BrokerError, InvariantError
from processor.source.cluster import Cluster
from processor.source.control_reader import ControlReader, ControlRecord, late, refused
from processor.source.deadline import Deadline
from processor.source.founding import Founding
from processor.source.orders import Book
from processor.source.trouble import kafka_error

READ_TIMEOUT_S = 0.1


class ControlTopic:
    """Records of one group. One thread calls; every call is bounded by a deadline."""

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
        self._reader: ControlReader | None = None
        self._foundings: dict[str, Founding] = {}
        self.book = Book(group_id)
        """What of the group's orders was read so far."""

    def read(self, deadline: Deadline) -> dict[str, Founding]:
        """Return the group's founding records by topic, as they are at this moment or later; `book` is as new.

        Raises:
            BrokerError: The topic cannot be made or read; `fatal` when a right or a setting is missing.
        """
        reader = self._connected(deadline)
        end = reader.end(deadline.request_s)
        while reader.position < end:
            if deadline.is_over:
                raise late(self.name, "read")
            try:
                record = reader.read(min(READ_TIMEOUT_S, deadline.left_s))
            except BrokerError:
                self.close()
                raise
            if record is not None:
                self._keep(record)
        return dict(self._foundings)

    def write(self, topic: str, founding: Founding, deadline: Deadline) -> None:
        """Return when all replicas have the founding record.

        Raises:
            BrokerError: It could not be written in time, or a right is missing.
        """
        self.put({self._key(topic): msgspec.json.encode(founding)}, deadline)

    def put(self, records: dict[bytes, bytes | None], deadline: Deadline) -> None:
        """Return when all replicas have these records, each by its key; one without value takes back that before it.

        Raises:
            BrokerError: They could not be written in time, or a right is missing.
        """
        if not records:
            return
        self._ensure(deadline)
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _message: Message[Any, Any]) -> None:
            if error is not None:
                failures.append(error)

        producer = self._make_producer()
        for key, value in records.items():
            producer.produce(self.name, value, key, 0, on_delivery=delivered)
        left_count = producer.flush(deadline.left_s)
        if failures:
            raise refused(self.name, failures[0], "write")
        if left_count:
            producer.purge()
            raise late(self.name, "write")

    def close(self) -> None:
        """Disconnect; the next read starts anew."""
        reader, self._reader = self._reader, None
        self._foundings, self.book = {}, Book(self._group_id)
        if reader is not None:
            reader.close()

    def _connected(self, deadline: Deadline) -> ControlReader:
        if self._reader is None:
            self._ensure(deadline)
            self._reader = ControlReader(self.name, self._make_consumer())
        return self._reader

    def _keep(self, record: ControlRecord) -> None:
        topic = self._topic_of(record.key)
        if topic is None:
            self.book.take(record.key, record.value)
            return
        if record.value is None:
            self._foundings.pop(topic, None)
            return
        try:
            self._foundings[topic] = msgspec.json.decode(record.value, type=Founding)
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
                    raise late(self.name, "find")
        require_compacted(self._cluster, self.name, deadline)

    def _create(self, deadline: Deadline) -> None:
        new = NewTopic(self.name, num_partitions=1, config={"cleanup.policy": "compact"})
        try:
            self._cluster.admin.create_topics([new], request_timeout=deadline.request_s)[self.name].result(
                deadline.left_s
            )
        except KafkaException as error:
            if kafka_error(error).code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise refused(self.name, error, "create") from error
        except TimeoutError as error:
            raise late(self.name, "create") from error


def require_compacted(cluster: Cluster, name: str, deadline: Deadline) -> None:
    """Return when the control topic, which exists, is compacted, or where that cannot be looked at.

    Raises:
        BrokerError: It is not (`fatal`), or the cluster did not answer.
    """
    otherwise = "its records expire: a group that lost its offsets is not recognised, and what is paused goes on"
    cluster.require_compacted(name, deadline, called=f"control topic {name}", otherwise=otherwise)
