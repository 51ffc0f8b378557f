"""One destination put together: everything but Kafka is real, and the vendor answers on loopback."""

from __future__ import annotations

import asyncio
import json
import logging
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
from confluent_kafka import KafkaError

from processor import app
from processor.app import EXIT_FAILURE, EXIT_OK
from processor.delivery.dead_letters import DeadLetters
from processor.errors import InvariantError
from tests.http_peer import eventually, peer
from tests.lone_bridge import P0, SilentClient
from tests.lone_bridge import accept as _accept
from tests.lone_bridge import bridge as _bridge
from tests.lone_bridge import kafka as _kafka
from tests.lone_bridge import read as _read
from tests.lone_bridge import sent as _sent
from tests.lone_bridge import settings as _settings
from tests.lone_bridge import started as _started
from tests.lone_bridge import track as _track


@pytest.fixture(autouse=True)
def no_producer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let dead letters go to nobody."""
    monkeypatch.setattr(app, "DeadLetters", partial(DeadLetters, client_class=SilentClient))


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
        assert report["tally"]["consumed_by_topic"] == {"events": 2}
        assert report["rebalances"] == {"assigned": 1, "revoked": 0, "lost": 0}
        assert (report["commit_failures"], set(report["dead_letter_failures"].values())) == ({}, {0})
        assert (report["gauges"]["paused_partitions"], report["throttle_wait_s"]) == (0, 0.0)
        assert report["endpoints"]["actions"] == {
            "method": "POST",
            "address": "127.0.0.1",
            "port": vendor.port,
            "topic": None,
            "success": "",
        }
        await eventually(lambda: bridge.report()["gauges"]["event_loop_delay_s"] > 0)
        bridge.stop()
        assert await running == EXIT_OK
        assert _sent(vendor) == ["one", "two"]
    assert kafka.committed[P0] == (2, "id-1")
    assert clients.group_consumer.is_closed
    assert bridge.report()["state"] == "stopping"


async def test_a_consumer_thread_that_stands_makes_the_process_not_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn that outlasts the client's own limit can only be ended by a restart; a stop has limits of its own."""
    _, clients = _kafka()
    async with peer(_accept) as vendor:
        bridge = _bridge(_settings(tmp_path, vendor.port, monkeypatch), clients)
        running = await _started(bridge)
        await eventually(lambda: bridge.report()["state"] == "running")
        report = bridge.report()
        assert (report["alive"], report["ready"]) == (True, True)
        assert report["loops"]["poll_age_s"] is not None
        age_s = bridge._settings.kafka.consumer.max_poll_interval_ms / 1000 + 1
        with monkeypatch.context() as patch:
            patch.setattr(type(bridge._consumer), "turn_age_s", age_s)
            report = bridge.report()
            assert (report["alive"], report["ready"], report["loops"]) == (False, True, {"poll_age_s": age_s})
            bridge._is_stopping = True
            assert bridge.report()["alive"]
            bridge._is_stopping = False
        bridge.stop()
        assert await running == EXIT_OK


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


async def test_a_vendors_settings_reach_window_and_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is copied from Moveo One's page bounds what is in memory, and tells each request without the token."""
    _, clients = _kafka()
    _read(clients, _track("one"))
    async with peer(_accept) as vendor:
        pasted = {"apiKey": {"env": "APPLICATION_ID"}, "maxQueueBytes": 7_000_000, "maxRetries": 3, "debug": True}
        pasted["endpoint"] = f"http://127.0.0.1:{vendor.port}/events"
        own = {"type": "moveo", "settings": pasted, "delivery": {"endpoints": {"events": {"max_wait_ms": 0}}}}
        bridge = _bridge(_settings(tmp_path, vendor.port, monkeypatch, own=own), clients)
        running = await _started(bridge)
        await eventually(lambda: "was answered after" in caplog.text)
        assert bridge.pipeline._window.max_bytes == 7_000_000
        assert bridge.pipeline.dispatcher._settings.max_attempts == 4
        bridge.stop()
        assert await running == EXIT_OK
        (request,) = vendor.requests
    (line,) = (record.getMessage() for record in caplog.records if "was answered after" in record.getMessage())
    assert f"POST http://127.0.0.1:{vendor.port}/events with {len(request.body)} bytes" in line
    assert "a-made-up-key" not in line
