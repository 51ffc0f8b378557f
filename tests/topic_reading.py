"""What an outside reader finds in a topic."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import OffsetSpec

from tests.kafka_harness import QUIET, Kafka, random_name


def read_topic(kafka: Kafka, topic: str) -> list[Message]:
    """Return every record of a topic, each partition in its order."""
    consumer = Consumer(
        {
            **QUIET,
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": random_name(),
            "enable.partition.eof": True,
        }
    )
    partitions = [TopicPartition(topic, number, 0) for number in range(kafka.partition_count(topic))]
    consumer.assign(partitions)
    found: list[Message] = []
    ended = 0
    try:
        while ended < len(partitions):
            message = consumer.poll(10)
            assert message is not None, "the reader hears nothing"
            if message.error() is None:
                found.append(message)
            else:
                ended += 1
    finally:
        consumer.close()
    return found


def record_count(kafka: Kafka, topic: str) -> int:
    """Return how many records a topic has, without reading them."""
    wanted = {TopicPartition(topic, n): OffsetSpec.latest() for n in range(kafka.partition_count(topic))}
    return sum(found.result(20).offset for found in kafka.admin.list_offsets(wanted, request_timeout=20).values())


def headers_of(message: Message) -> Any:  # noqa: ANN401 - the client's own union of types
    """Return the headers of a record, none as an empty list."""
    return message.headers() or []
