"""What is wrong with a dead-letter topic."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource

from processor.delivery.dead_letter_topic import TopicProblem, judge, topic_problems
from processor.errors import BrokerError

FIT = {"cleanup.policy": "delete", "min.insync.replicas": "2", "max.message.bytes": "2000000"}


def _severities(change: dict[str, str], source_limit: int = 1_000_000, replicas: int = 3) -> list[str]:
    return [problem.severity for problem in judge("dlq", FIT | change, replicas, {"events": source_limit})]


def test_a_fit_topic_has_no_problem() -> None:
    """Not compacted, writable with a broker less, room for any letter."""
    assert _severities({}) == []


def test_compaction_is_refused() -> None:
    """In any combination: it would delete dead letters, and refuse those without a key."""
    assert _severities({"cleanup.policy": "compact"}) == ["error"]
    assert _severities({"cleanup.policy": "compact,delete"}) == ["error"]


def test_more_replicas_in_sync_than_there_are_is_refused() -> None:
    """Such a topic can never be written with acks=all."""
    assert _severities({}, replicas=1) == ["error"]


def test_less_room_than_the_source_is_a_warning_that_names_the_size() -> None:
    """The headers of a letter need room beside the largest original."""
    assert _severities({"max.message.bytes": "1008191"}) == ["warning"]
    assert _severities({"max.message.bytes": "1008192"}) == []
    [problem] = judge("dlq", FIT, 3, {"events": 3_000_000})
    assert problem.message.endswith("set max.message.bytes=3008192")


class FakeAdmin:
    """Knows topics by their configuration, and the replicas of each partition of the dead-letter topic."""

    def __init__(self, topics: dict[str, dict[str, str]], replicas: list[list[int]]) -> None:
        """Know these."""
        self._topics = topics
        self._replicas = replicas

    def list_topics(self, timeout: float) -> SimpleNamespace:
        """Return the topics."""
        assert timeout > 0
        partitions = {number: SimpleNamespace(replicas=one) for number, one in enumerate(self._replicas)}
        return SimpleNamespace(topics={name: SimpleNamespace(partitions=partitions) for name in self._topics})

    def describe_configs(self, resources: list[ConfigResource], request_timeout: float) -> dict[Any, Future[Any]]:
        """Return what is configured, or that a topic may not be looked at."""
        assert request_timeout > 0
        answers: dict[Any, Future[Any]] = {}
        for resource in resources:
            future = answers[resource] = Future()
            if resource.name in self._topics:
                entries = self._topics[resource.name].items()
                future.set_result({name: SimpleNamespace(value=value) for name, value in entries})
            else:
                future.set_exception(KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)))
        return answers


def _problems(
    topics: dict[str, dict[str, str]], sources: list[str], replicas: list[list[int]] | None = None
) -> list[TopicProblem]:
    """Return what is wrong with the topic `dlq` of a cluster with these topics."""
    admin = FakeAdmin(topics, [[1, 2, 3]] if replicas is None else replicas)
    return topic_problems(cast("AdminClient", admin), "dlq", sources)


def test_a_cluster_is_asked_about_the_topic_and_its_sources() -> None:
    """The smallest set of replicas counts, and each source is compared by its own limit."""
    topics = {"dlq": FIT, "small": {"max.message.bytes": "1000"}, "large": {"max.message.bytes": "9000000"}}
    assert _problems(topics, ["small"]) == []
    [problem] = _problems(topics, ["small", "large"])
    assert (problem.severity, "source topic large" in problem.message) == ("warning", True)
    [problem] = _problems(topics, ["small"], [[1, 2, 3], [1]])
    assert (problem.severity, "it has 1 replicas" in problem.message) == ("error", True)


@pytest.mark.parametrize(("topics", "replicas"), [({}, [[1]]), ({"dlq": FIT}, [])])
def test_a_topic_that_is_not_there_is_an_error(topics: dict[str, dict[str, str]], replicas: list[list[int]]) -> None:
    """Nothing else can be said about it."""
    [problem] = _problems(topics, [], replicas)
    assert (problem.severity, "does not exist" in problem.message) == ("error", True)


def test_a_source_that_may_not_be_looked_at_is_an_error_of_its_own() -> None:
    """It is not taken for one of any size."""
    with pytest.raises(BrokerError, match="topic secret cannot be examined") as caught:
        _problems({"dlq": FIT}, ["secret"])
    assert caught.value.code == "TOPIC_AUTHORIZATION_FAILED"


def test_brokers_that_cannot_be_asked_are_an_error_of_their_own() -> None:
    """Nothing is said about a topic that nobody could look at."""
    admin = AdminClient({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    with pytest.raises(BrokerError, match="topic dlq cannot be examined"):
        topic_problems(admin, "dlq", [], timeout_s=0.2)
