"""Whether the topic of a destination is fit to be written to, asked of its brokers before anything depends on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation, AdminClient

from processor.delivery.dead_letter_topic import (
    MAX_MESSAGE,
    TopicProblem,
    broker_error,
    config_of,
    fewest_replicas,
    replica_problems,
)
from processor.destinations.target import FRAMING_BYTES, TargetSettings

_MAY_WRITE: Final = frozenset({AclOperation.WRITE, AclOperation.ALL})


def target_problems(admin: AdminClient, target: TargetSettings, timeout_s: float = 10.0) -> list[TopicProblem]:
    """Return what is wrong with a destination's topic, nothing when it is fit. It waits: not for the event loop.

    Raises:
        BrokerError: The brokers cannot be asked.
    """
    topic = target.topic
    replica_count = fewest_replicas(admin, topic, timeout_s)
    if replica_count is None:
        text = f"topic {topic} does not exist, or may not be seen: create it, with as many partitions as it is to keep"
        return [TopicProblem("error", text)]
    problems = judge(target, config_of(admin, topic, timeout_s), replica_count)
    if not _may_write(admin, topic, timeout_s):
        problems.append(TopicProblem("error", f"topic {topic} may not be written to with these credentials"))
    return problems


def judge(target: TargetSettings, config: Mapping[str, str], replica_count: int) -> list[TopicProblem]:
    """Return what is wrong with a topic of this configuration."""
    topic, problems = target.topic, []
    if "compact" in config["cleanup.policy"]:
        text = f"topic {topic} is compacted: of the events of one key only the last would be kept; set "
        problems.append(TopicProblem("error", f"{text}cleanup.policy=delete"))
    problems += replica_problems(f"topic {topic}", config, replica_count)
    needed_bytes = target.max_message_bytes + FRAMING_BYTES
    if int(config[MAX_MESSAGE]) < needed_bytes:
        text = f"topic {topic} takes messages of {config[MAX_MESSAGE]} bytes and max_message_bytes lets "
        text += f"{target.max_message_bytes} through: what is refused slows all down; set max.message.bytes="
        problems.append(TopicProblem("warning", f"{text}{needed_bytes}, or lower max_message_bytes"))
    return problems


def cluster_id(admin: AdminClient, timeout_s: float) -> str | None:
    """Return the id of the cluster, None where its brokers name none.

    Raises:
        BrokerError: The brokers cannot be asked.
    """
    try:
        found: str | None = admin.list_topics(timeout=timeout_s).cluster_id
    except KafkaException as error:
        raise broker_error("the cluster does not answer", error) from error
    return found


def _may_write(admin: AdminClient, topic: str, timeout_s: float) -> bool:
    """Return whether the broker lets this client write to a topic; one that says nothing of rights refuses none."""
    question = admin.describe_topics(
        TopicCollection([topic]), include_authorized_operations=True, request_timeout=timeout_s
    )
    try:
        operations = question[topic].result().authorized_operations
    except KafkaException as error:
        raise broker_error(f"topic {topic} cannot be examined", error) from error
    return not operations or not _MAY_WRITE.isdisjoint(operations)
