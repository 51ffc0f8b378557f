"""Whether the dead-letter topic is fit for its purpose, asked of the brokers before anything depends on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from msgspec import Struct

from processor.errors import BrokerError

HEADERS_BYTES: Final = 8192
"""Room that a letter needs beside the original message: our headers and Kafka's own framing."""

MAX_MESSAGE: Final = "max.message.bytes"


class TopicProblem(Struct, frozen=True, gc=False):
    """Something about the topic that an operator should know; an `error` means that it must not be used so."""

    severity: Literal["error", "warning"]
    message: str


def topic_problems(
    admin: AdminClient, topic: str, source_topics: Iterable[str], timeout_s: float = 10.0
) -> list[TopicProblem]:
    """Return what is wrong with the dead-letter topic, nothing when it is fit. Waits for the brokers: not for the loop.

    Raises:
        BrokerError: The brokers cannot be asked, or a source topic cannot.
    """
    replica_count = fewest_replicas(admin, topic, timeout_s)
    if replica_count is None:
        return [
            TopicProblem(
                "error", f"dead-letter topic {topic} does not exist, or may not be seen: create it, without compaction"
            )
        ]
    config = config_of(admin, topic, timeout_s)
    limits = {source: int(config_of(admin, source, timeout_s)[MAX_MESSAGE]) for source in source_topics}
    return judge(topic, config, replica_count, limits)


def judge(
    topic: str, config: Mapping[str, str], replica_count: int, source_limits: Mapping[str, int]
) -> list[TopicProblem]:
    """Return what is wrong with a topic of this configuration.

    `source_limits` are the source topics' `max.message.bytes`.
    """
    problems = []
    if "compact" in config["cleanup.policy"]:
        problems.append(
            TopicProblem(
                "error",
                f"dead-letter topic {topic} is compacted: of the letters of one user only the last would be kept, and "
                "letters without a key are refused; set cleanup.policy=delete",
            )
        )
    problems += replica_problems(f"dead-letter topic {topic}", config, replica_count)
    return problems + [
        TopicProblem(
            "warning",
            f"dead-letter topic {topic} takes messages of {config[MAX_MESSAGE]} bytes and source topic {source} of "
            f"{limit}: letters that do not fit are written without their value; set "
            f"max.message.bytes={limit + HEADERS_BYTES}",
        )
        for source, limit in source_limits.items()
        if int(config[MAX_MESSAGE]) < limit + HEADERS_BYTES
    ]


def replica_problems(topic: str, config: Mapping[str, str], replica_count: int) -> list[TopicProblem]:
    """Return that a topic, named as in a sentence, has fewer replicas than a write needs, if it has."""
    needed = config["min.insync.replicas"]
    if int(needed) <= replica_count:
        return []
    text = f"{topic} cannot be written: it has {replica_count} replicas, and min.insync.replicas={needed}"
    return [TopicProblem("error", text)]


def fewest_replicas(admin: AdminClient, topic: str, timeout_s: float) -> int | None:
    """Return the fewest replicas that a partition of the topic has, None when there is no such topic."""
    try:
        found = admin.list_topics(timeout=timeout_s).topics.get(topic)
    except KafkaException as error:
        raise broker_error(f"topic {topic} cannot be examined", error) from error
    if found is None or not found.partitions:
        return None
    return min(len(partition.replicas) for partition in found.partitions.values())


def config_of(admin: AdminClient, topic: str, timeout_s: float) -> dict[str, str]:
    """Return the configuration of a topic that exists."""
    resource = ConfigResource(ResourceType.TOPIC, topic)
    try:
        entries = admin.describe_configs([resource], request_timeout=timeout_s)[resource].result()
    except KafkaException as error:
        raise broker_error(f"topic {topic} cannot be examined", error) from error
    return {name: entry.value for name, entry in entries.items()}


def broker_error(what_failed: str, error: KafkaException) -> BrokerError:
    """Return what brokers said when they were asked, with what could not be done for it."""
    code = error.args[0].name()
    return BrokerError(f"{what_failed}: {error.args[0].str()}", code=code, fatal=False)
