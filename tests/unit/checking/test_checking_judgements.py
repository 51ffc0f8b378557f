"""What follows from answers of Kafka: limits, rights and samples, as plain values."""

from __future__ import annotations

from typing import Any

import pytest

from processor.checking.limits import (
    ASSUMED,
    compaction_warnings,
    letter_warnings,
    partition_notes,
    record_warnings,
    retention_warnings,
    size_retention_notes,
)
from processor.checking.sample import MAX_USER_COUNT, Sample, users_of
from processor.model import Record
from processor.settings.access import Need, said_of_group, said_of_topic
from processor.source.rights import TopicView

CONFIGURATION = {
    "cleanup.policy": "delete",
    "retention.ms": "604800000",
    "retention.bytes": "-1",
    "max.message.bytes": "1048588",
}
DAY_S = 86_400.0


@pytest.mark.parametrize(
    ("changed", "outage_s", "is_short"),
    [
        ({}, DAY_S, False),
        ({}, 8 * DAY_S, True),
        ({"retention.ms": "86400000"}, DAY_S, False),
        ({"retention.ms": "86399999"}, DAY_S, True),
        ({"retention.ms": "-1"}, DAY_S, False),
        ({"retention.ms": "1", "cleanup.policy": "compact"}, DAY_S, False),
        ({"retention.ms": "1", "cleanup.policy": "compact,delete"}, DAY_S, True),
    ],
)
def test_retention_is_compared_with_an_outage(changed: dict[str, str], outage_s: float, is_short: bool) -> None:  # noqa: FBT001 - a case
    """Only what is deleted by time can be too early."""
    assert bool([*retention_warnings("t", {**CONFIGURATION, **changed}, outage_s)]) == is_short


def test_sizes_and_policies_are_told() -> None:
    """Kafka's and our defaults go together; what is smaller than a topic's messages is told with both numbers."""
    assert not [
        *compaction_warnings("t", CONFIGURATION),
        *size_retention_notes("t", CONFIGURATION),
        *letter_warnings("t", CONFIGURATION, 8_388_608),
        *record_warnings("t", CONFIGURATION, 1_048_576),
    ]
    assert [*compaction_warnings("t", {"cleanup.policy": "compact"})]
    assert [*size_retention_notes("t", {**CONFIGURATION, "retention.bytes": "5"})]
    assert next(iter(letter_warnings("t", CONFIGURATION, 1_048_588))).endswith("set 1056780")
    assert [*record_warnings("t", CONFIGURATION, 1_000_000)]


def test_nothing_is_said_of_what_a_broker_does_not_tell() -> None:
    """A setting that is not among its answers is neither short nor small."""
    assert ASSUMED.keys() == CONFIGURATION.keys()
    assert not [
        *retention_warnings("t", ASSUMED, DAY_S),
        *compaction_warnings("t", ASSUMED),
        *size_retention_notes("t", ASSUMED),
        *letter_warnings("t", ASSUMED, 1_048_576),
        *record_warnings("t", ASSUMED, 1_048_576),
    ]


def test_different_partition_counts_are_told() -> None:
    """One topic, or topics alike, are nothing to tell."""
    assert not [*partition_notes({"a": 3}), *partition_notes({"a": 3, "b": 3}), *partition_notes({})]
    assert "(a 3, b 6)" in next(partition_notes({"b": 6, "a": 3}))


NEED = Need(("k",), "t", "topic", frozenset({"READ", "WRITE"}))


@pytest.mark.parametrize(
    ("need", "view", "said"),
    [
        (NEED, TopicView(3, frozenset({"READ", "WRITE", "DESCRIBE"})), []),
        (NEED, TopicView(3, None), []),
        (NEED, TopicView(3, frozenset({"WRITE"})), ["topic t: not granted: Read; grant it on this topic"]),
        (NEED, TopicView(3, frozenset({"DESCRIBE"})), ["topic t: not granted: Read and Write; grant it on this topic"]),
        (
            NEED,
            TopicView(None, frozenset()),
            ["topic t may not be seen, be there one or not: grant Read and Write on it"],
        ),
        (NEED, TopicView(None, None), ["topic t does not exist: create it, or mend the name"]),
        (NEED._replace(is_made=True), TopicView(None, None), []),
        (NEED._replace(is_examined=True), TopicView(None, None), []),
    ],
)
def test_rights_that_lack_are_named(need: Need, view: TopicView, said: list[str]) -> None:
    """What the broker does not tell is not held against anybody."""
    assert [*said_of_topic(need, view)] == said


def test_a_group_must_be_readable() -> None:
    """To describe it is not enough."""
    assert not [*said_of_group("g", None), *said_of_group("g", frozenset({"READ"}))]
    assert [*said_of_group("g", frozenset({"DESCRIBE"}))] == [
        "consumer group g: not granted: Read; grant it on this group"
    ]


def record(partition: int, key: bytes | None = b"k") -> Record:
    """Return a record of the topic."""
    return Record("t", partition, 0, 0, key)


def test_a_sample_tells_shares_and_no_user() -> None:
    """Users in one partition each, with keys, are nothing to tell."""
    sample = Sample("t")
    assert not [*sample.warnings()]
    sample.add(record(0), ["a", "b"])
    sample.add(record(1), ["c"])
    assert not [*sample.warnings()]
    sample.add(record(1, None), ["a"])
    unkeyed, spread = sample.warnings()
    assert "of its newest 3 records 1 (33%) have no key" in unkeyed
    assert "those of 1 users of 3 lie in several partitions" in spread


def test_a_sample_remembers_a_bounded_number_of_users() -> None:
    """Those met first are followed, later ones are not."""
    sample = Sample("t")
    sample.add(record(0), map(str, range(MAX_USER_COUNT + 10)))
    sample.add(record(1), ["0", str(MAX_USER_COUNT + 5)])
    (spread,) = sample.warnings()
    assert f"those of 1 users of {MAX_USER_COUNT} lie" in spread


@pytest.mark.parametrize(
    ("event", "users"),
    [
        ({"userId": "u", "anonymousId": "a"}, ["u"]),
        ({"anonymousId": "a"}, ["a"]),
        ({"userId": 5}, ["5"]),
        ({"userId": 5.0}, ["5"]),
        ({"userId": float("inf")}, []),
        ({"userId": float("inf"), "anonymousId": "a"}, ["a"]),
        ({"userId": True}, []),
        ({"userId": " "}, []),
        ({"userId": ["x"]}, []),
        ({}, []),
        ("text", []),
        (None, []),
    ],
)
def test_users_of_any_value(event: Any, users: list[str]) -> None:  # noqa: ANN401 - any JSON value
    """Whatever a record holds, no user or one is found."""
    assert [*users_of([event])] == users
