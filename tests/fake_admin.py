"""The admin client of a Kafka in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from types import SimpleNamespace
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from tests.fake_kafka import FakeKafka, FakeTopic


class FakeAdmin:
    """Answers about topics and offsets with futures that are done."""

    def __init__(self, kafka: FakeKafka) -> None:
        """Answer from this cluster."""
        self._kafka = kafka

    def poll(self, timeout: float) -> int:
        """Count it: log lines are handed over here."""
        assert timeout == 0
        self._kafka.calls.append("admin poll")
        return 0

    def describe_topics(
        self,
        topics: Any,  # noqa: ANN401 - the client's own class
        request_timeout: float,
        *,
        include_authorized_operations: bool = False,
    ) -> dict[str, Future[Any]]:
        """Return the topics, or that they are unknown; a question for rights is a call of its own."""
        assert request_timeout > 0
        call = "describe_rights" if include_authorized_operations else "describe_topics"
        return {name: self._future(call, partial(self._topic, name)) for name in topics.topic_names}

    def list_offsets(self, wanted: dict[TopicPartition, Any], **_options: object) -> dict[TopicPartition, Future[Any]]:
        """Return starts, ends, or offsets at a time: a time is taken for an offset."""
        return {each: self._future("list_offsets", partial(self._offset, each, wanted[each])) for each in wanted}

    def create_topics(self, new: Iterable[Any], request_timeout: float) -> dict[str, Future[Any]]:
        """Make the control topic."""
        assert request_timeout > 0
        return {each.topic: self._future("create_topics", partial(self._create, each.topic)) for each in new}

    def describe_configs(self, resources: Iterable[Any], request_timeout: float) -> dict[Any, Future[Any]]:
        """Return the cleanup policy, the same for every topic."""
        assert request_timeout > 0
        policy = {"cleanup.policy": SimpleNamespace(value=self._kafka.cleanup_policy)}
        return {each: self._future("describe_configs", lambda: policy) for each in resources}

    def describe_consumer_groups(self, group_ids: Iterable[str], **options: object) -> dict[str, Future[Any]]:
        """Return who is in the group, the same for every group; of its rights nothing is told."""
        call = "describe_groups" if options.get("include_authorized_operations") else "describe_consumer_groups"
        members = [SimpleNamespace(member_id=name, host=f"/{host}") for name, host in self._kafka.members.items()]
        found = SimpleNamespace(members=members, authorized_operations=None)
        return {each: self._future(call, lambda: found) for each in group_ids}

    def _future(self, name: str, answer: Callable[[], object]) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            self._kafka.called(name)
            future.set_result(answer())
        except KafkaException as error:
            future.set_exception(error)
        return future

    def _topic(self, name: str) -> object:
        topic = self._kafka.topics.get(name)
        if topic is None:
            raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
        return SimpleNamespace(topic_id=topic.topic_id, partitions=list(topic.starts), authorized_operations=None)

    def _offset(self, partition: TopicPartition, spec: Any) -> object:  # noqa: ANN401 - the client's own class
        topic = self._kafka.topics[partition.topic]
        start, end = topic.starts[partition.partition], topic.ends[partition.partition]
        wanted = getattr(spec, "timestamp", None)
        if wanted is None:
            offset = end if isinstance(spec, type(OffsetSpec.latest())) else start
        else:
            offset = max(start, wanted) if wanted < end else -1
        return SimpleNamespace(offset=offset)

    def _create(self, name: str) -> None:
        self._kafka.topics[name] = FakeTopic("control", [0], [0])
