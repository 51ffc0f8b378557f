"""Partitions and offsets as plain values, and how they become the Kafka client's.

Every offset that this program commits carries the id of its topic as metadata. So an offset says itself which topic it
belongs to, and one that outlived a topic deleted and made again is never taken for a position in the new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from confluent_kafka import TopicPartition

Partition: TypeAlias = tuple[str, int]
"""A topic's name and a partition's number."""

Offsets: TypeAlias = dict[Partition, int]
"""For each partition the next offset to read."""


class Committed(NamedTuple):
    """A committed offset; `topic_id` is empty when another tool committed it."""

    offset: int
    topic_id: str


def to_client(offsets: Mapping[Partition, int], topic_ids: Mapping[Partition, str]) -> list[TopicPartition]:
    """Return the client's form of offsets to commit or to store, each with the id of its topic."""
    return [
        TopicPartition(partition[0], partition[1], offset, metadata=topic_ids[partition])
        for partition, offset in offsets.items()
    ]


def at(offsets: Mapping[Partition, int]) -> list[TopicPartition]:
    """Return the client's form of positions to read from."""
    return [TopicPartition(topic, number, offset) for (topic, number), offset in sorted(offsets.items())]


def to_client_partitions(partitions: Iterable[Partition]) -> list[TopicPartition]:
    """Return the client's form of partitions without offsets."""
    return [TopicPartition(topic, number) for topic, number in sorted(partitions)]


def from_client(partitions: Iterable[TopicPartition]) -> set[Partition]:
    """Return the partitions that the client named."""
    return {(each.topic, each.partition) for each in partitions}


def committed_of(partitions: Iterable[TopicPartition]) -> dict[Partition, Committed]:
    """Return the partitions that have a committed offset; those without one are left out."""
    return {
        (each.topic, each.partition): Committed(each.offset, each.metadata or "")
        for each in partitions
        if each.offset >= 0
    }


def text(partitions: Iterable[Partition]) -> str:
    """Return partitions as a person reads them: `events[0], events[3]`."""
    return ", ".join(f"{topic}[{number}]" for topic, number in sorted(partitions))
