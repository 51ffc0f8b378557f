"""Dead letters in a real Kafka: untouched originals, missing topics, sizes, and brokers that die."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from jsonschema import Draft202012Validator

from processor.delivery.dead_letter_form import letter_headers, original_headers
from processor.delivery.dead_letter_settings import DeadLetterSettings
from processor.delivery.dead_letter_topic import topic_problems
from processor.delivery.dead_letters import DeadLetter, DeadLetters
from processor.errors import BrokerError
from processor.model import Headers, Record
from tests.kafka_harness import Kafka, KafkaCluster, random_name

pytestmark = pytest.mark.kafka

T = TypeVar("T")

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "dead-letter-headers.schema.json").read_text())


class Desk:
    """Running dead letters, with what they told the event loop."""

    def __init__(self, kafka: Kafka, topic: str, **settings: Any) -> None:  # noqa: ANN401 - settings
        """Nothing is started."""
        self.states: list[tuple[bool, str]] = []
        self.acknowledged: list[int] = []
        self._news = asyncio.Event()
        self.letters = DeadLetters(
            DeadLetterSettings(topic=topic, **settings),
            {"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0, "reconnect.backoff.max.ms": 500},
            mask=lambda text: text.replace("sk-1", "***"),
            on_state=lambda writable, message: self._hear(self.states, (writable, message)),
            on_crash=lambda crash: self._hear(self.states, (False, repr(crash))),
        )

    def _hear(self, heard: list[T], what: T) -> None:
        """Write something down and let those who wait look again."""
        heard.append(what)
        self._news.set()

    def send(self, offset: int, value: bytes | None, key: bytes | None = b"k", headers: Headers = ()) -> None:
        """Send a letter about a record at this offset."""
        letter = DeadLetter(
            record=Record("events", 3, offset, 1_700_000_000_000, key, value, headers),
            reason="http_400",
            message="refused",
            destination="moesif",
            status=400,
            answer=b"no, sk-1",
            attempt_count=1,
            version="1.0.0",
            mapping_hash="0123456789ab",
            time_ms=1_700_000_000_001,
        )
        self.letters.send(letter, lambda: self._hear(self.acknowledged, offset))

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Return when a condition on what was heard holds; fail when it does not in time."""
        try:
            async with asyncio.timeout(60):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pytest.fail(f"{what}: {self.states}, {len(self.acknowledged)} acknowledged")

    async def until_written(self, count: int) -> None:
        """Return when so many letters are acknowledged."""
        await self.until(lambda: len(self.acknowledged) >= count, f"{count} letters are written")


@asynccontextmanager
async def _desk(kafka: Kafka, topic: str, **settings: Any) -> AsyncIterator[Desk]:  # noqa: ANN401 - settings
    desk = Desk(kafka, topic, **settings)
    desk.letters.start()
    yield desk
    assert await desk.letters.close(30) == 0


def _read(kafka: Kafka, topic: str) -> list[Message]:
    """Return every record of a topic, by an outside reader."""
    consumer = Consumer(
        {"bootstrap.servers": kafka.bootstrap_servers, "group.id": random_name(), "enable.partition.eof": True}
    )
    partitions = [TopicPartition(topic, number, 0) for number in range(kafka.partition_count(topic))]
    consumer.assign(partitions)
    messages: list[Message] = []
    ended = 0
    while ended < len(partitions):
        message = consumer.poll(10)
        assert message is not None, "the reader hears nothing"
        if message.error() is None:
            messages.append(message)
        else:
            ended += 1
    consumer.close()
    return messages


def _said(message: Message) -> dict[str, str]:
    return letter_headers(_headers(message))


def _headers(message: Message) -> Any:  # noqa: ANN401 - the client's own union of types
    return message.headers() or []


async def test_the_original_arrives_untouched_with_what_is_said_about_it(kafka: Kafka) -> None:
    """Bytes that are no text, a null value, no key, odd headers: everything as it was, and headers by the schema."""
    topic = kafka.create_topic(partitions=3)
    headers: Headers = (("trace", b"\xff"), ("none", None), ("segment-bridge-reason", b"theirs"), ("trace", b"again"))
    originals: list[tuple[bytes | None, bytes | None]] = [
        (b"k\xff", b"\x00\xff"),
        (None, b"{}"),
        (b"k", None),
        (b"", b""),
    ]
    async with _desk(kafka, topic) as desk:
        for offset, (key, value) in enumerate(originals):
            desk.send(offset, value, key, headers)
        await desk.until_written(len(originals))
    found = {int(_said(message)["segment-bridge-source-offset"]): message for message in _read(kafka, topic)}
    assert [(found[offset].key(), found[offset].value()) for offset in range(len(originals))] == originals
    for message in found.values():
        assert original_headers(_headers(message)) == headers
        assert [problem.message for problem in Draft202012Validator(SCHEMA).iter_errors(_said(message))] == []
        assert _said(message)["segment-bridge-answer"] == "no, ***"


async def test_a_missing_topic_holds_until_it_is_created(kafka: Kafka) -> None:
    """Letters for a topic that does not exist are kept and told about, and written once it is there."""
    topic = random_name("missing")
    async with _desk(kafka, topic, delivery_timeout_s=1, retry_base_s=0.2, retry_cap_s=0.5) as desk:
        for offset in range(5):
            desk.send(offset, b"{}")
        await desk.until(lambda: bool(desk.states), "the trouble is told")
        assert not desk.states[0][0]
        assert topic in desk.states[0][1]
        assert desk.acknowledged == []
        kafka.create_topic(topic)
        await desk.until_written(5)
        await desk.until(lambda: desk.states[-1] == (True, ""), "the recovery is told")
    assert len(_read(kafka, topic)) >= 5


async def test_only_a_letter_too_large_for_its_topic_loses_its_value(kafka: Kafka) -> None:
    """The broker refuses whole requests for their size: innocent letters in them keep their values."""
    topic = kafka.create_topic(config={"max.message.bytes": "20000"})
    values = [b"x" * size for size in (100, 15_000, 30_000, 15_000, 200)]
    async with _desk(kafka, topic, linger_ms=200) as desk:
        for offset, value in enumerate(values):
            desk.send(offset, value)
        await desk.until_written(len(values))
        assert desk.letters.omitted_count == 1
    found = {int(_said(message)["segment-bridge-source-offset"]): message for message in _read(kafka, topic)}
    assert [found[offset].value() for offset in range(5)] == [None if value == values[2] else value for value in values]
    assert _said(found[2])["segment-bridge-value-omitted"] == "true"
    assert _said(found[2])["segment-bridge-value-bytes"] == "30000"
    assert found[2].key() == b"k"
    assert desk.states == []


async def test_a_letter_beyond_the_clients_limit_loses_its_value(kafka: Kafka) -> None:
    """The client's own limit has the same effect as the topic's."""
    topic = kafka.create_topic()
    async with _desk(kafka, topic, max_message_bytes=16_384) as desk:
        desk.send(0, b"x" * 20_000)
        desk.send(1, b"x" * 10_000)
        await desk.until_written(2)
    values = {_said(message)["segment-bridge-source-offset"]: message.value() for message in _read(kafka, topic)}
    assert values == {"0": None, "1": b"x" * 10_000}


async def test_headers_and_key_too_large_leave_the_coordinates(kafka: Kafka) -> None:
    """When even the letter without its value does not fit, what remains says where the original is."""
    topic = kafka.create_topic(config={"max.message.bytes": "10000"})
    async with _desk(kafka, topic) as desk:
        desk.send(7, b"{}", headers=(("huge", b"h" * 20_000),))
        await desk.until_written(1)
    [message] = _read(kafka, topic)
    assert (message.key(), message.value(), original_headers(_headers(message))) == (None, None, ())
    assert _said(message)["segment-bridge-headers-omitted"] == "true"
    assert _said(message)["segment-bridge-source-offset"] == "7"


async def test_a_fatal_error_of_the_client_loses_no_letter(kafka: Kafka) -> None:
    """The client raises it while it is served: another client writes what the first one had."""
    topic = kafka.create_topic(config={"max.message.bytes": "20000"})
    desk = Desk(kafka, topic, retry_base_s=0.1, linger_ms=200)
    desk.letters._properties["enable.gapless.guarantee"] = True  # any refusal of the broker is then fatal
    desk.letters.start()
    desk.send(0, b"{}")
    desk.send(1, b"x" * 30_000)
    await desk.until_written(2)
    assert await desk.letters.close(30) == 0
    assert sorted(desk.acknowledged) == [0, 1]


async def test_letters_survive_the_death_of_the_broker(kafka_cluster: Callable[..., KafkaCluster]) -> None:
    """With letters in flight the only broker is killed and restarted: each letter is written and acknowledged."""
    cluster = kafka_cluster(1)
    topic = cluster.create_topic(partitions=3)
    async with _desk(cluster, topic, delivery_timeout_s=2, retry_base_s=0.2, retry_cap_s=1) as desk:
        for offset in range(200):
            desk.send(offset, b"%d" % offset, b"%d" % offset)
        await desk.until_written(1)
        cluster.kill(1)
        for offset in range(200, 400):
            desk.send(offset, b"%d" % offset, b"%d" % offset)
        await desk.until(lambda: any(not writable for writable, _ in desk.states), "the trouble is told")
        assert len(desk.acknowledged) < 400
        await asyncio.to_thread(cluster.restart, 1)
        await desk.until_written(400)
        await desk.until(lambda: desk.states[-1] == (True, ""), "the recovery is told")
    assert sorted(desk.acknowledged) == list(range(400))
    assert {int(message.value() or b"-1") for message in _read(cluster, topic)} == set(range(400))


def test_the_check_of_the_topic_asks_the_brokers(kafka: Kafka) -> None:
    """A fit topic passes; a missing, a compacted and a narrow one are found, and an unknown source is an error."""
    source = kafka.create_topic()
    fit = kafka.create_topic(config={"max.message.bytes": "2000000"})
    compacted = kafka.create_topic(config={"cleanup.policy": "compact", "max.message.bytes": "2000000"})
    narrow = kafka.create_topic(config={"max.message.bytes": "1000"})
    found = {
        topic: [problem.severity for problem in topic_problems(kafka.admin, topic, [source])]
        for topic in (fit, compacted, narrow, "missing")
    }
    assert found == {fit: [], compacted: ["error"], narrow: ["warning"], "missing": ["error"]}
    with pytest.raises(BrokerError) as caught:
        topic_problems(kafka.admin, fit, ["missing"])
    assert caught.value.code == "UNKNOWN_TOPIC_OR_PART"


async def test_a_compacted_topic_without_a_key_holds(kafka: Kafka) -> None:
    """What the broker refuses for good is kept and told, never dropped."""
    topic = kafka.create_topic(config={"cleanup.policy": "compact"})
    desk = Desk(kafka, topic, retry_base_s=0.1)
    desk.letters.start()
    desk.send(0, b"{}", None)
    await desk.until(lambda: bool(desk.states), "the trouble is told")
    assert desk.states[0] == (False, f"dead-letter topic {topic}: INVALID_RECORD")
    assert (await desk.letters.close(0.5), desk.acknowledged) == (1, [])
