"""The clients of a group on a Kafka in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import cast

from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import AdminClient

from processor.source.clients import OnCommit
from tests.fake_admin import FakeAdmin
from tests.fake_kafka import FakeConsumer, FakeKafka, FakeProducer, FakeReader


class FakeClients:
    """Makes fake clients of one cluster."""

    def __init__(self, kafka: FakeKafka) -> None:
        """Make the group's consumer at once, so that a test can script it."""
        self.kafka = kafka
        self.group_consumer = FakeConsumer(kafka)
        self.topic_readers: deque[Consumer] = deque()

    def consumer(self, on_error: Callable[[KafkaError], None], on_commit: OnCommit) -> Consumer:
        """Return the scripted consumer."""
        self.group_consumer.on_commit = on_commit
        self.group_consumer.on_error = on_error
        return cast("Consumer", self.group_consumer)

    def reader(self) -> Consumer:
        """Return a reader of the control topic."""
        return cast("Consumer", FakeReader(self.kafka))

    def topic_reader(self, purpose: str) -> Consumer:
        """Return the next of the readers that a test has scripted."""
        assert purpose
        return self.topic_readers.popleft()

    def producer(self) -> Producer:
        """Return a writer of the control topic."""
        return cast("Producer", FakeProducer(self.kafka))

    def admin(self) -> AdminClient:
        """Return an admin client."""
        return cast("AdminClient", FakeAdmin(self.kafka))
