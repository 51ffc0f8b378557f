"""Properties of the Kafka clients, ours and those of the settings. Kafka's secrets are revealed here alone."""

from __future__ import annotations

from typing import Any, TypeAlias

from processor.config import revealed
from processor.destinations.target import TargetSettings
from processor.source.settings import KafkaSettings

Properties: TypeAlias = dict[str, Any]

LEADERS_MAX_AGE_MS = 5_000
_OF_THE_MEMBER = "group.instance.id"
"""Whom the group takes a process for: a property of the one client that joins it, which others would warn of."""


def client_properties(kafka: KafkaSettings) -> Properties:
    """Return what every client needs: the brokers and the properties of the settings, secrets revealed.

    What only the member of a group needs is left out. The result must not be logged.
    """
    return {
        "statistics.interval.ms": 0,
        **revealed({name: value for name, value in kafka.properties.items() if name != _OF_THE_MEMBER}),
        "bootstrap.servers": kafka.bootstrap_servers,
    }


def target_cluster(kafka: KafkaSettings, target: TargetSettings) -> KafkaSettings:
    """Return how the cluster of a destination's topic is reached: that of events, or one of its own."""
    if target.bootstrap_servers is None:
        return kafka.model_copy(update={"properties": {**kafka.properties, **target.properties}})
    own = {"bootstrap_servers": target.bootstrap_servers, "properties": target.properties}
    return kafka.model_copy(update=own)


def consumer_properties(kafka: KafkaSettings, group_id: str) -> Properties:
    """Return the properties of the consumer that a destination reads with.

    A commit happens only for offsets that the program stored, no position is ever chosen by the client, and the end
    of a partition is reported, so that compacted and transactional topics show no lag for ever.
    """
    settings = kafka.consumer
    member = {name: value for name, value in kafka.properties.items() if name == _OF_THE_MEMBER}
    return {
        "client.id": group_id,
        **client_properties(kafka),
        **revealed(member),
        "group.id": group_id,
        "group.protocol": kafka.group_protocol,
        "enable.auto.commit": True,
        "enable.auto.offset.store": False,
        "auto.commit.interval.ms": settings.commit_interval_ms,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        "max.poll.interval.ms": settings.max_poll_interval_ms,
        "topic.metadata.refresh.interval.ms": settings.metadata_refresh_ms,
        "queued.max.messages.kbytes": settings.queued_max_kbytes,
        "fetch.max.bytes": settings.fetch_max_bytes,
        "fetch.message.max.bytes": settings.partition_fetch_max_bytes,
        "allow.auto.create.topics": False,
        **_group_properties(kafka),
    }


def reader_properties(kafka: KafkaSettings, group_id: str) -> Properties:
    """Return the properties of a consumer that is assigned partitions and joins no group.

    The client wants a group all the same; the destination's own is the one that rights exist for.
    """
    return {
        "client.id": f"{group_id}.control",
        **client_properties(kafka),
        "group.id": group_id,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "allow.auto.create.topics": False,
        "queued.max.messages.kbytes": 1_024,
    }


def topic_properties(kafka: KafkaSettings, group_id: str, purpose: str) -> Properties:
    """Return the properties of a consumer that reads whole topics, joins no group, and is known by its purpose.

    It fetches ahead as much as a destination's own consumer does, and sees committed records alone, as that one.
    """
    settings = kafka.consumer
    return {
        **reader_properties(kafka, group_id),
        "client.id": f"{group_id}.{purpose}",
        "isolation.level": "read_committed",
        "topic.metadata.refresh.interval.ms": LEADERS_MAX_AGE_MS,
        "queued.max.messages.kbytes": settings.queued_max_kbytes,
        "fetch.max.bytes": settings.fetch_max_bytes,
        "fetch.message.max.bytes": settings.partition_fetch_max_bytes,
    }


def admin_properties(kafka: KafkaSettings, client_id: str) -> Properties:
    """Return the properties of an admin client.

    What it knows about leaders soon grows old: otherwise it would ask a leader that has died for a quarter of an hour.
    """
    return {
        "client.id": client_id,
        "metadata.max.age.ms": LEADERS_MAX_AGE_MS,
        "topic.metadata.refresh.interval.ms": LEADERS_MAX_AGE_MS,
        **client_properties(kafka),
    }


def producer_properties(kafka: KafkaSettings, client_id: str) -> Properties:
    """Return the properties of a producer that loses and repeats nothing."""
    return {
        "client.id": client_id,
        **client_properties(kafka),
        "enable.idempotence": True,
        "acks": "all",
        "allow.auto.create.topics": False,
    }


def _group_properties(kafka: KafkaSettings) -> Properties:
    """Return what only a classic group knows: with KIP-848 the broker decides, and the client refuses these keys."""
    if kafka.group_protocol == "consumer":
        return {}
    settings = kafka.consumer
    return {
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": settings.session_timeout_ms,
        "heartbeat.interval.ms": settings.heartbeat_interval_ms,
    }
