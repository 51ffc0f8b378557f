"""What is wrong with a dead-letter topic."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AdminClient

from processor.delivery.dead_letter_topic import judge, topic_problems
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


def test_brokers_that_cannot_be_asked_are_an_error_of_their_own() -> None:
    """Nothing is said about a topic that nobody could look at."""
    admin = AdminClient({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    with pytest.raises(BrokerError, match="topic dlq cannot be examined"):
        topic_problems(admin, "dlq", [], timeout_s=0.2)
