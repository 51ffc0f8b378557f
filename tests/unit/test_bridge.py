"""One destination put together: everything but Kafka is real, and the vendor answers on loopback."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from processor import app
from processor.app import EXIT_FAILURE, EXIT_OK, Bridge
from processor.delivery.dead_letters import DeadLetters
from processor.errors import InvariantError
from processor.settings import Settings, load_settings
from processor.source.clients import Clients
from processor.source.suppressed import keep_fresh
from tests.fake_kafka import FakeClients, FakeConsumer, FakeKafka, FakeReader
from tests.http_peer import Exchange, Peer, Request, eventually, peer

P0 = ("events", 0)


def _settings(
    folder: Path,
    port: int,
    monkeypatch: pytest.MonkeyPatch,
    own: Mapping[str, Any] | None = None,
    **delivery: Any,  # noqa: ANN401 - any setting
) -> Settings:
    """Return the settings of one destination whose vendor is on that port; `own` are more of its settings."""
    monkeypatch.setenv("APPLICATION_ID", "a-made-up-key")
    destination = {
        "type": "moesif",
        "start": "earliest",
        "settings": {"application_id": {"env": "APPLICATION_ID"}, "base_url": f"http://127.0.0.1:{port}"},
        "delivery": {"drain_ms": 2_000, "endpoints": {"actions": {"max_wait_ms": 0}}, **delivery},
        **({} if own is None else own),
    }
    file = folder / "bridge.yaml"
    content = {
        "kafka": {"bootstrap_servers": "127.0.0.1:1", "topics": ["events"], "consumer": {"poll_timeout_ms": 1}},
        "destinations": {"one": destination},
        "operations": {"page": {"enabled": False}},
    }
    file.write_text(json.dumps(content), encoding="utf-8")
    return load_settings(file)


class Reader(FakeReader):
    """A consumer that joins no group, and is asked for the group's offsets as well."""

    def __init__(self, kafka: FakeKafka) -> None:
        """Ask this cluster."""
        super().__init__(kafka)
        self._group = FakeConsumer(kafka)

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        """Return the group's offsets."""
        return self._group.committed(partitions, timeout)


class BridgeClients(FakeClients):
    """Makes readers that know the group's offsets."""

    def reader(self) -> Consumer:
        """Return a reader."""
        return cast("Consumer", Reader(self.kafka))


def _kafka() -> tuple[FakeKafka, BridgeClients]:
    """Return a cluster with the topic, and the clients of a group that has begun on it."""
    kafka = FakeKafka()
    kafka.add("events", 100)
    kafka.committed = {P0: (0, "id-1")}
    clients = BridgeClients(kafka)
    clients.group_consumer.script.append(lambda consumer: consumer.give(P0))
    return kafka, clients


def _bridge(settings: Settings, clients: FakeClients) -> Bridge:
    """Return the destination with these clients."""
    return Bridge(settings, "one", lambda _kafka, _group: cast("Clients", clients))


class SilentClient:
    """A Kafka client for dead letters that never hears from its broker."""

    def __init__(self, _properties: dict[str, Any]) -> None:
        """Connect to nobody."""

    def produce(self, *_: object, **__: object) -> None:
        """Keep a letter."""

    def poll(self, timeout: float = -1) -> int:
        """Hear nothing."""
        time.sleep(max(timeout, 0.0))
        return 0

    def purge(self) -> None:
        """Give up."""


@pytest.fixture(autouse=True)
def no_producer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let dead letters go to nobody."""
    monkeypatch.setattr(app, "DeadLetters", partial(DeadLetters, client_class=SilentClient))


async def _started(bridge: Bridge) -> asyncio.Task[int]:
    """Return the running destination, once its parts are there."""
    running = asyncio.create_task(bridge.run())
    await eventually(lambda: hasattr(bridge, "pipeline"))
    return running


def _read(clients: FakeClients, *values: object, offset: int = 0) -> None:
    """Have the group's consumer read records with these values."""
    for number, value in enumerate(values, offset):
        content = None if value is None else json.dumps(value).encode()
        clients.group_consumer.script.append(
            Message(topic="events", partition=0, offset=number, key=b"k", value=content, timestamp=(1, 1_000))
        )


def _track(name: str) -> dict[str, Any]:
    """Return a Segment event."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"type": "track", "event": name, "userId": "u1", "messageId": name, "timestamp": now}


def _sent(vendor: Peer) -> list[str]:
    """Return the names of the actions that the vendor got."""
    return [item["action_name"] for request in vendor.requests for item in json.loads(gzip.decompress(request.body))]


async def _accept(exchange: Exchange, _request: Request) -> None:
    """Answer as Moesif does."""
    await exchange.answer(201)


async def test_records_reach_the_vendor_and_their_offsets_are_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the consumer to the vendor and back; an orderly end commits and exits with 0."""
    kafka, clients = _kafka()
    _read(clients, _track("one"), _track("two"))
    async with peer(_accept) as vendor:
        bridge = _bridge(_settings(tmp_path, vendor.port, monkeypatch, http={"max_answer_bytes": 1024}), clients)
        running = await _started(bridge)
        await eventually(lambda: len(_sent(vendor)) == 2)
        await eventually(lambda: bridge.report()["gauges"]["outstanding_records"] == 0)
        report = bridge.report()
        assert (report["state"], report["ready"], report["type"]) == ("running", True, "moesif")
        assert report["tally"]["records"]["delivered"] == {"": 2}
        bridge.stop()
        assert await running == EXIT_OK
        assert _sent(vendor) == ["one", "two"]
    assert kafka.committed[P0] == (2, "id-1")
    assert clients.group_consumer.is_closed
    assert bridge.report()["state"] == "stopping"


async def test_a_consumer_that_fails_ends_the_destination(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What the broker refuses for good is an exit code and a line for the operator; nothing more is committed."""
    kafka, clients = _kafka()
    _read(clients, _track("one"))
    async with peer(_accept) as vendor:
        bridge = _bridge(_settings(tmp_path, vendor.port, monkeypatch), clients)
        running = await _started(bridge)
        await eventually(lambda: kafka.committed[P0][0] == 0 and len(_sent(vendor)) == 1)
        error = KafkaError(KafkaError._FATAL, "fenced", fatal=True)
        clients.group_consumer.script.append(lambda consumer: consumer.on_error(error))
        with caplog.at_level(logging.ERROR):
            assert await running == EXIT_FAILURE
    assert "cannot go on" in caplog.text


async def test_a_failure_while_stopping_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An orderly end that could not leave the group is not told as one that went well."""
    kafka, clients = _kafka()
    async with peer(_accept) as vendor:
        bridge = _bridge(_settings(tmp_path, vendor.port, monkeypatch), clients)
        running = await _started(bridge)
        await eventually(lambda: bridge.report()["state"] == "running")
        kafka.errors["close"] = [KafkaError._FAIL, KafkaError._FAIL]
        bridge.stop()
        with caplog.at_level(logging.ERROR):
            assert await running == EXIT_FAILURE
    assert "cannot go on" in caplog.text


async def test_a_bug_is_told_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What nobody foresaw ends the process, and the log says that nothing further was committed."""
    _, clients = _kafka()
    async with peer(_accept) as vendor:
        bridge = _bridge(_settings(tmp_path, vendor.port, monkeypatch), clients)
        running = await _started(bridge)
        await eventually(lambda: bridge.report()["state"] == "running")
        with caplog.at_level(logging.ERROR):
            bridge.pipeline.fail(InvariantError("a bug"))
            assert await running == EXIT_FAILURE
    assert "nothing further was committed" in caplog.text


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the parts that are closed have next to no time."""
    monkeypatch.setattr(app, "CLOSE_SLACK_S", 0.4)


@pytest.mark.usefixtures("impatient")
async def test_a_dead_letter_that_was_not_written_is_no_clean_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its record is not committed, and the exit code says that something was left."""
    kafka, clients = _kafka()
    _read(clients, None)
    async with peer(_accept) as vendor:
        bridge = _bridge(_settings(tmp_path, vendor.port, monkeypatch, drain_ms=100), clients)
        running = await _started(bridge)
        await eventually(lambda: bridge.report()["gauges"]["outstanding_records"] == 1)
        bridge.stop()
        with caplog.at_level(logging.ERROR):
            assert await running == EXIT_FAILURE
    assert "dead letters not written in time: 1" in caplog.text
    assert kafka.committed[P0] == (0, "id-1")


async def test_a_writer_of_dead_letters_that_ends_by_a_bug_ends_the_destination(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it records could be refused and never written: the process must not stand there held for ever."""
    _, clients = _kafka()
    async with peer(_accept) as vendor:
        bridge = _bridge(_settings(tmp_path, vendor.port, monkeypatch), clients)
        running = await _started(bridge)
        await eventually(lambda: bridge.report()["state"] == "running")
        monkeypatch.setattr(bridge._dead_letters._book, "wait_s", _broken)
        with caplog.at_level(logging.ERROR):
            assert await running == EXIT_FAILURE
    assert "the writer of dead letters ended by a bug" in caplog.text


def _broken(_now_s: float) -> float:
    raise ZeroDivisionError


@pytest.mark.usefixtures("impatient")
async def test_a_consumer_thread_that_does_not_end_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that blocks cannot keep the process."""
    _, clients = _kafka()
    async with peer(_accept) as vendor:
        bridge = _bridge(_settings(tmp_path, vendor.port, monkeypatch, drain_ms=0), clients)
        running = await _started(bridge)
        await eventually(lambda: bridge.report()["state"] == "running")
        loop, blocked = asyncio.get_running_loop(), asyncio.Event()
        waiting = asyncio.Event()

        def block(_consumer: object) -> None:
            loop.call_soon_threadsafe(waiting.set)
            asyncio.run_coroutine_threadsafe(blocked.wait(), loop).result(60.0)

        clients.group_consumer.script.append(block)
        await waiting.wait()
        bridge.stop()
        with caplog.at_level(logging.ERROR):
            assert await running == EXIT_FAILURE
        blocked.set()
        assert await asyncio.to_thread(bridge._consumer.join, 30.0)
    assert "the consumer thread did not end in time" in caplog.text


class KeepingClient(SilentClient):
    """The same, that shows what it was given."""

    messages: ClassVar[list[tuple[Any, Any, Any]]] = []

    def produce(self, *message: object, headers: object = None, **_: object) -> None:
        """Keep value, key and headers of a letter."""
        _topic, value, key = message
        self.messages.append((value, key, headers))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("covers", [False, True])
async def test_dead_letters_show_what_is_private_unless_it_is_asked_otherwise(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    covers: bool,  # noqa: FBT001 - a table
) -> None:
    """An event that cannot be delivered, and a value that is none, on their whole way to the Kafka client."""
    monkeypatch.setattr(KeepingClient, "messages", [])
    monkeypatch.setattr(app, "DeadLetters", partial(DeadLetters, client_class=KeepingClient))
    _, clients = _kafka()
    context = {"ip": "203.0.113.9", "locale": "en-GB"}
    _read(clients, {"type": "track", "event": "A", "context": context}, {"context": context})
    async with peer(_accept) as vendor:
        privacy = {"drop": ["$.context.ip"], "dead_letters": covers}
        bridge = _bridge(_settings(tmp_path, vendor.port, monkeypatch, {"privacy": privacy}, drain_ms=100), clients)
        running = await _started(bridge)
        await eventually(lambda: len(KeepingClient.messages) == 2)
        bridge.stop()
        await running
    (value, key, _), (other, _, headers) = KeepingClient.messages
    if covers:
        assert json.loads(value) == {"type": "track", "event": "A", "context": {"locale": "en-GB"}}
        assert (key, other) == (None, None)
        assert ("segment-bridge-value-omitted", b"true") in headers
    assert ("203.0.113.9" in str(KeepingClient.messages)) is not covers


async def test_suppressed_users_follow_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a listed user is sent, and one who is listed while the destination runs is not sent from then on."""
    ids = tmp_path / "ids.txt"
    ids.write_text("u-1\n")
    monkeypatch.setattr(app, "keep_fresh", partial(keep_fresh, look_s=0.01))
    _, clients = _kafka()
    async with peer(_accept) as vendor:
        settings = _settings(tmp_path, vendor.port, monkeypatch, {"suppressed_users": {"file": str(ids)}})
        bridge = _bridge(settings, clients)
        _read(clients, _track("one") | {"userId": "u-1"}, _track("two") | {"userId": "u-2"})
        running = await _started(bridge)
        await eventually(lambda: _sent(vendor) == ["two"])
        ids.write_text("u-1\nu-2\n")
        await eventually(lambda: bridge._suppressed is not None and len(bridge._suppressed) == 2)
        _read(clients, _track("three") | {"userId": "u-2"}, _track("four") | {"userId": "u-3"}, offset=2)
        await eventually(lambda: _sent(vendor) == ["two", "four"])
        assert bridge.report()["tally"]["records"]["skipped"] == {"suppressed_user": 2}
        bridge.stop()
        assert await running == EXIT_OK


async def test_a_watch_that_ends_by_a_bug_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Deliveries go on without it, and the log says that lag is not known any more."""
    _, clients = _kafka()
    async with peer(_accept) as vendor:
        bridge = _bridge(_settings(tmp_path, vendor.port, monkeypatch), clients)
        bridge._connect()

        async def broken() -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(bridge, "_connect", lambda: None)
        monkeypatch.setattr(bridge._watch, "run", broken)
        running = await _started(bridge)
        with caplog.at_level(logging.ERROR):
            await eventually(lambda: "lag is not watched any more" in caplog.text)
        _read(clients, _track("one"))
        await eventually(lambda: _sent(vendor) == ["one"])
        bridge.stop()
        assert await running == EXIT_OK
