"""What the cluster says about topics, asked through the admin client within a deadline.

Nothing here touches the consumer. The client's own statistics and cached watermarks freeze while a partition is
paused, so lag is always computed from these answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec, ResourceType

from processor.errors import BrokerError
from processor.source.coordinator import coordinated
from processor.source.deadline import Deadline
from processor.source.partitions import Offsets, Partition, to_client
from processor.source.trouble import broker_error, kafka_error

REQUEST_TIMEOUT_S = 5.0
NO_RECORD = -1
"""What the cluster answers when no record is as late as the time that was asked for."""

_UNTOLD = frozenset(
    {"TOPIC_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED", "UNSUPPORTED_VERSION", "_UNSUPPORTED_FEATURE"}
)
"""Answers that never tell a configuration: a right is missing, or the broker does not know the question."""


class TopicState(NamedTuple):
    """A topic as it is now: its id changes when it is deleted and made again."""

    topic_id: str
    partition_count: int

    def partitions(self, topic: str) -> list[Partition]:
        """Return all partitions of the topic that has this state."""
        return [(topic, number) for number in range(self.partition_count)]


class TopicQuestion:
    """A question about topics that is on its way; asking does not wait for the answer."""

    def __init__(self, futures: Mapping[str, Future[Any]]) -> None:
        """Take the futures of the admin client, by topic."""
        self._futures = dict(futures)

    @property
    def is_answered(self) -> bool:
        """Say whether `states` would not wait."""
        return all(future.done() for future in self._futures.values())

    def states(self, deadline: Deadline) -> dict[str, TopicState | None]:
        """Return the topics' states, None for one that does not exist.

        Raises:
            BrokerError: No answer within the deadline, or a refusal.
        """
        return {topic: self._state(topic, deadline) for topic in self._futures}

    def _state(self, topic: str, deadline: Deadline) -> TopicState | None:
        try:
            found = self._futures[topic].result(deadline.left_s)
        except KafkaException as error:
            if kafka_error(error).code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return None
            raise broker_error(error, f"cannot describe topic {topic}") from error
        except TimeoutError as error:
            raise _late(f"cannot describe topic {topic}") from error
        return TopicState(str(found.topic_id), len(found.partitions))


class Cluster:
    """The admin client with answers as this program's values. Any thread may call; every call is bounded."""

    def __init__(self, admin: AdminClient) -> None:
        """Ask through `admin`."""
        self.admin = admin

    def ask_topics(self, topics: Iterable[str], timeout_s: float) -> TopicQuestion:
        """Return a question about these topics, without waiting."""
        self._serve()
        collection = TopicCollection(sorted(topics))
        return TopicQuestion(self.admin.describe_topics(collection, request_timeout=max(timeout_s, 0.001)))

    def topics(self, topics: Iterable[str], deadline: Deadline) -> dict[str, TopicState | None]:
        """Return the topics' states, None for one that does not exist."""
        return self.ask_topics(topics, deadline.left_s).states(deadline)

    def log_starts(self, partitions: Iterable[Partition], deadline: Deadline) -> Offsets:
        """Return the first offset that can still be read, of each partition."""
        return self._offsets(partitions, OffsetSpec.earliest(), deadline)

    def log_ends(self, partitions: Iterable[Partition], deadline: Deadline) -> Offsets:
        """Return the offset after the last one that a reader of committed records can see, of each partition."""
        return self._offsets(partitions, OffsetSpec.latest(), deadline)

    def offsets_at(self, partitions: Iterable[Partition], time_ms: int, deadline: Deadline) -> Offsets:
        """Return the first offset whose record is at `time_ms` or later; the end of the log where there is none.

        The ends are asked first: a record written in between is then not skipped.
        """
        wanted = list(partitions)
        ends = self.log_ends(wanted, deadline)
        found = self._offsets(wanted, OffsetSpec.for_timestamp(time_ms), deadline)
        return {partition: ends[partition] if offset == NO_RECORD else offset for partition, offset in found.items()}

    def require_compacted(self, topic: str, deadline: Deadline, *, called: str, otherwise: str) -> None:
        """Return when the topic, which exists, is compacted, or where that cannot be looked at: the operator says so.

        Args:
            topic: The topic.
            deadline: Until when.
            called: What an operator calls it.
            otherwise: What becomes of its records if it is not compacted.

        Raises:
            BrokerError: It is not compacted (`fatal`), or there was no answer within the deadline.
        """
        configuration = self.configuration(topic, deadline)
        policy = None if configuration is None else configuration["cleanup.policy"]
        if policy not in (None, "compact"):
            text = f"{called} has cleanup.policy={policy}: it must be compact, or {otherwise}"
            raise BrokerError(text, code="INVALID_CONFIG", fatal=True)

    def configuration(self, topic: str, deadline: Deadline) -> dict[str, str] | None:
        """Return the topic's configuration, None where it cannot be looked at.

        Raises:
            BrokerError: No answer within the deadline.
        """
        self._serve()
        doing = f"cannot look at the configuration of topic {topic}"
        resource = ConfigResource(ResourceType.TOPIC, topic)
        futures = _asking(doing, lambda: self.admin.describe_configs([resource], request_timeout=_timeout(deadline)))
        try:
            found = _result(futures[resource], deadline, doing)
        except BrokerError as error:
            if error.code in _UNTOLD:
                return None
            raise
        return {name: str(entry.value) for name, entry in found.items()}

    def set_committed(
        self, group_id: str, offsets: Offsets, topic_ids: Mapping[Partition, str], deadline: Deadline
    ) -> None:
        """Make the offsets the group's; possible only while no process is in the group.

        A group without a coordinator is asked again: the first group of a cluster has none for a moment.

        Raises:
            BrokerError: The group is in use, a right is missing, or no answer came within the deadline.
        """
        coordinated(lambda: self._set_committed(group_id, offsets, topic_ids, deadline), deadline)

    def _set_committed(
        self, group_id: str, offsets: Offsets, topic_ids: Mapping[Partition, str], deadline: Deadline
    ) -> None:
        doing = f"cannot set the offsets of group {group_id} (is a process of it still running?)"
        request = [ConsumerGroupTopicPartitions(group_id, to_client(offsets, topic_ids))]
        futures = _asking(
            doing, lambda: self.admin.alter_consumer_group_offsets(request, request_timeout=_timeout(deadline))
        )
        for each in _result(futures[group_id], deadline, doing).topic_partitions:
            if each.error is not None:
                raise broker_error(each.error, doing)

    def _serve(self) -> None:
        """Let the client hand its log lines over: it does so nowhere else, and they pile up while a broker is down."""
        self.admin.poll(0)

    def _offsets(self, partitions: Iterable[Partition], spec: OffsetSpec, deadline: Deadline) -> Offsets:
        wanted = {TopicPartition(topic, number): spec for topic, number in partitions}
        if not wanted:
            return {}
        self._serve()
        doing = "cannot read where partitions start and end"
        futures = _asking(
            doing,
            lambda: self.admin.list_offsets(
                wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=_timeout(deadline)
            ),
        )
        return {
            (each.topic, each.partition): _known(_result(future, deadline, doing).offset, doing)
            for each, future in futures.items()
        }


def existing(cluster: Cluster, topics: Iterable[str], deadline: Deadline) -> dict[str, TopicState]:
    """Return the states of topics that must be there.

    Raises:
        BrokerError: One of them does not exist, or the cluster did not say so within the deadline.
    """
    states = cluster.topics(topics, deadline)
    missing = sorted(topic for topic, state in states.items() if state is None)
    if missing:
        raise BrokerError(f"no such topic: {', '.join(missing)}", code="UNKNOWN_TOPIC_OR_PART", fatal=True)
    return {topic: state for topic, state in states.items() if state is not None}


def _known(offset: int, doing: str) -> int:
    """Return the offset that the cluster named, or -1 where no record is at the time that was asked for.

    A request that the client gave up, as when a leader has died, comes back as a success with an invalid offset: taken
    for an answer it would become somebody's position.
    """
    if offset < NO_RECORD:
        raise _late(doing)
    return offset


def _timeout(deadline: Deadline) -> float:
    """Return what one request may take; zero would mean the client's own default.

    A request to a broker that has died only ends with its timeout, and only the next one finds the new leader.
    """
    return min(deadline.request_s, REQUEST_TIMEOUT_S)


def _asking(doing: str, ask: Any) -> Any:  # noqa: ANN401 - futures of whatever the client answers
    try:
        return ask()
    except (KafkaException, ValueError) as error:
        raise broker_error(error, doing) from error


def _result(future: Future[Any], deadline: Deadline, doing: str) -> Any:  # noqa: ANN401 - whatever the client answers
    try:
        return future.result(deadline.left_s)
    except KafkaException as error:
        raise broker_error(error, doing) from error
    except TimeoutError as error:
        raise _late(doing) from error


def _late(doing: str) -> BrokerError:
    return BrokerError(f"{doing}: no answer in time", code="_TIMED_OUT", fatal=False)
