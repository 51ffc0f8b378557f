"""Requests to a topic of a real Kafka: what is written, what is refused, and what outages come to."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from processor.delivery.kafka import KafkaTransport
from processor.delivery.target_topic import target_problems
from processor.destinations.target import WRITTEN, Message, Target, TargetSettings, packed
from processor.model import Answer
from tests.kafka_harness import Kafka, KafkaCluster, random_name
from tests.topic_reading import headers_of, read_topic

pytestmark = pytest.mark.kafka


@asynccontextmanager
async def _transport(kafka: Kafka, topic: str, **settings: Any) -> AsyncIterator[KafkaTransport]:  # noqa: ANN401 - settings
    target = Target(TargetSettings(topic=topic, **settings))
    properties = {"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0, "reconnect.backoff.max.ms": 500}
    transport = KafkaTransport(target, lambda: properties)
    yield transport
    await transport.aclose()


async def _send(transport: KafkaTransport, messages: Iterable[Message], deadline_s: float = 20.0) -> Answer:
    return await transport.send("PRODUCE", "", {}, b"".join(map(packed, messages)), deadline_s)


async def _send_until_written(
    transport: KafkaTransport, messages: list[Message], deadline_s: float = 2.0
) -> list[Answer]:
    """Send the same request until it is answered as written, each attempt when the last is answered; return answers."""
    answers = [await _send(transport, messages, deadline_s)]
    deadline = time.monotonic() + 60
    while answers[-1].error != WRITTEN:
        assert time.monotonic() < deadline, answers
        answers.append(await _send(transport, messages, deadline_s))
    return answers


def _message(number: int, user: int = 0, size_bytes: int = 10) -> Message:
    return Message(f"m{number}", b"u%d" % user, (b"%d " % number).ljust(size_bytes, b"x"))


def _numbers(kafka: Kafka, topic: str) -> list[int]:
    return [int((message.value() or b"").split()[0]) for message in read_topic(kafka, topic)]


async def test_messages_arrive_as_they_are(kafka: Kafka) -> None:
    """Key, value, headers and time, in the order of the request; no key and no time are none."""
    topic = kafka.create_topic()
    sent = [
        Message("a", b"u1", b"\x00\xff", (("h", b"\xfe"), ("none", None), ("h", b"2")), 1_700_000_000_000),
        Message("b", None, b"{}"),
        Message("c", b"", b""),
    ]
    async with _transport(kafka, topic) as transport:
        assert await _send(transport, sent) == Answer(None, body=b"", error=WRITTEN, sent=False)
    found = read_topic(kafka, topic)
    assert [(one.key(), one.value(), tuple(headers_of(one))) for one in found] == [
        (one.key, one.value, one.headers) for one in sent
    ]
    assert found[0].timestamp() == (TIMESTAMP_CREATE_TIME, 1_700_000_000_000)
    assert abs(found[1].timestamp()[1] - time.time() * 1000) < 60_000


async def test_a_missing_topic_is_named_until_it_is_created(kafka: Kafka) -> None:
    """Nothing is made by itself, nothing is in doubt, and the next request after its creation is written."""
    topic = random_name("missing")
    async with _transport(kafka, topic) as transport:
        answer = await _send(transport, [_message(0)])
        assert answer.error in {"kafka_unknown_topic", "kafka_unknown_topic_or_part"}
        assert not answer.sent
        kafka.create_topic(topic)
        await _send_until_written(transport, [_message(0)])
    assert _numbers(kafka, topic) == [0]


async def test_what_the_client_finds_too_large_is_refused_alone(kafka: Kafka) -> None:
    """Its neighbours are written by the same request."""
    topic = kafka.create_topic()
    async with _transport(kafka, topic, max_message_bytes=10_000) as transport:
        answer = await _send(transport, [_message(0), _message(1, size_bytes=20_000), _message(2)])
    assert (answer.error, json.loads(answer.body)) == (WRITTEN, {"1": "MSG_SIZE_TOO_LARGE"})
    assert _numbers(kafka, topic) == [0, 2]


@pytest.mark.parametrize("compression", ["none", "lz4"])
async def test_what_the_topic_finds_too_large_is_found(kafka: Kafka, compression: str) -> None:
    """The broker refuses whole batches: the guilty one is told from the others, which are written once, in order."""
    topic = kafka.create_topic(config={"max.message.bytes": "20000"})
    messages = [_message(number, number % 3, 9_000) for number in range(20)]
    messages[7] = Message("m7", b"u1", b"7 " + random.Random(7).randbytes(60_000))  # compression does not help it
    async with _transport(kafka, topic, linger_ms=200, compression=compression) as transport:
        answers = await _send_until_written(transport, messages, deadline_s=20.0)  # one by one takes its time
        assert [answer.error for answer in answers[:-1]] == ["kafka_msg_size_too_large"] * (len(answers) - 1)
        assert json.loads(answers[-1].body) == {"7": "MSG_SIZE_TOO_LARGE"}
        answer = await _send(transport, [_message(20), _message(21)])
        assert answer.error == WRITTEN
    assert _numbers(kafka, topic) == [number for number in range(22) if number != 7]


async def test_care_ends_and_begins_anew(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two messages that the topic refuses others travel together again; nothing is swapped or written twice."""
    monkeypatch.setattr("processor.delivery.kafka.CAREFUL_COUNT", 100)
    topic = kafka.create_topic(config={"max.message.bytes": "20000"})
    cares: list[bool] = []
    async with _transport(kafka, topic, compression="none") as transport:
        for start in range(0, 400, 20):
            large = {start + 7} if start in (0, 200) else set()
            sizes = [60_000 if number in large else 100 for number in range(start, start + 20)]
            sent = [_message(start + at, at % 3, size_bytes) for at, size_bytes in enumerate(sizes)]
            answers = await _send_until_written(transport, sent)
            assert (len(answers) > 1, bool(answers[-1].body)) == (bool(large), bool(large))
            cares.append(transport._careful_left_count > 0)
    assert cares == [True] * 5 + [False] * 5 + [True] * 5 + [False] * 5
    assert _numbers(kafka, topic) == [number for number in range(400) if number not in (7, 207)]


async def test_a_dead_broker_fails_requests_and_swaps_nothing(kafka_cluster: Callable[..., KafkaCluster]) -> None:
    """Requests end in time while it is down; afterwards all is there, and first copies are in order for each key."""
    cluster = kafka_cluster(1)
    topic = cluster.create_topic(partitions=3)
    requests = [[_message(50 * index + n, n % 10) for n in range(50)] for index in range(20)]
    async with _transport(cluster, topic) as transport:
        failures: list[str] = []
        for index, request in enumerate(requests):
            if index == 10:
                cluster.kill(1)
                started = time.monotonic()
                failures = [answer.error for answer in [await _send(transport, request, 2.0) for _ in range(2)]]
                assert time.monotonic() - started < 10
                await asyncio.to_thread(cluster.restart, 1)
            await _send_until_written(transport, request)
        assert WRITTEN not in failures
    found = read_topic(cluster, topic)
    numbers = [int((one.value() or b"").split()[0]) for one in found]
    assert set(numbers) == set(range(1_000))
    for user in range(10):
        own = [n for n, one in zip(numbers, found, strict=True) if one.key() == b"u%d" % user]
        first = list(dict.fromkeys(own))
        assert first == sorted(first)
        assert len({one.partition() for one in found if one.key() == b"u%d" % user}) == 1


async def test_a_missing_right_is_named_and_may_be_granted(kafka_cluster: Callable[..., KafkaCluster]) -> None:
    """The broker says no to every request until it may say yes; the check says so before any."""
    authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
    rules = {"authorizer.class.name": authorizer, "allow.everyone.if.no.acl.found": "true"}
    cluster = kafka_cluster(1, **rules)
    topic = cluster.create_topic()
    allowed, denied = _rule(topic, AclOperation.ALL, "ALLOW"), _rule(topic, AclOperation.WRITE, "DENY")
    for created in cluster.admin.create_acls([allowed, denied]).values():
        await asyncio.to_thread(created.result, 20)
    settings = TargetSettings(topic=topic)
    async with _transport(cluster, topic) as transport:
        answer = await _send(transport, [_message(0)])
        assert (answer.error, answer.sent) == ("kafka_topic_authorization_failed", False)
        said = [problem.message for problem in await asyncio.to_thread(target_problems, cluster.admin, settings)]
        assert said == [f"topic {topic} may not be written to with these credentials"]
        await asyncio.to_thread(cluster.admin.delete_acls([_filter(denied)])[_filter(denied)].result, 20)
        await _send_until_written(transport, [_message(0)])
    assert target_problems(cluster.admin, settings) == []
    assert _numbers(cluster, topic) == [0]


def _rule(topic: str, operation: AclOperation, kind: str) -> AclBinding:
    """Return a rule about everybody and a topic."""
    return AclBinding(
        ResourceType.TOPIC,
        topic,
        ResourcePatternType.LITERAL,
        "User:ANONYMOUS",
        "*",
        operation,
        AclPermissionType[kind],
    )


def _filter(rule: AclBinding) -> AclBindingFilter:
    """Return what finds one rule."""
    return AclBindingFilter(
        rule.restype,
        rule.name,
        rule.resource_pattern_type,
        rule.principal,
        rule.host,
        rule.operation,
        rule.permission_type,
    )


async def test_what_was_written_of_a_failed_request_is_not_written_again(kafka: Kafka) -> None:
    """A request whose other half could not be written is sent as a whole, and costs no repeats."""
    topic = kafka.create_topic()
    async with _transport(kafka, topic) as transport:
        await _send(transport, [_message(0)])
        transport._written["m1"] = None
        assert (await _send(transport, [_message(1), _message(2)])).error == WRITTEN
        assert transport._written == {}
    assert _numbers(kafka, topic) == [0, 2]
