"""A destination and its suppressed users: from a file or a topic, at start and while it runs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, Message

from processor import app
from processor.app import EXIT_FAILURE, EXIT_OK
from processor.delivery.dead_letters import DeadLetters
from processor.pipeline import suppression
from processor.source.suppressed import keep_fresh
from processor.source.suppressed_topic import SuppressedTopic
from tests.fake_topics import FakeTopicReader
from tests.http_peer import eventually, peer
from tests.lone_bridge import SilentClient, accept, bridge, kafka, read, sent, settings, started, track


@pytest.fixture(autouse=True)
def no_producer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let dead letters go to nobody."""
    monkeypatch.setattr(app, "DeadLetters", partial(DeadLetters, client_class=SilentClient))


async def test_suppressed_users_follow_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a listed user is sent, and one who is listed while the destination runs is not sent from then on."""
    ids = tmp_path / "ids.txt"
    ids.write_text("u-1\n")
    monkeypatch.setattr(suppression, "keep_fresh", partial(keep_fresh, look_s=0.01))
    _, clients = kafka()
    async with peer(accept) as vendor:
        own = settings(tmp_path, vendor.port, monkeypatch, {"suppressed_users": {"file": str(ids)}})
        one = bridge(own, clients)
        read(clients, track("one") | {"userId": "u-1"}, track("two") | {"userId": "u-2"})
        running = await started(one)
        await eventually(lambda: sent(vendor) == ["two"])
        ids.write_text("u-1\nu-2\n")
        await eventually(lambda: one.report()["gauges"]["suppressed_ids"] == 2)
        read(clients, track("three") | {"userId": "u-2"}, track("four") | {"userId": "u-3"}, offset=2)
        await eventually(lambda: sent(vendor) == ["two", "four"])
        assert one.report()["tally"]["records"]["skipped"] == {"suppressed_user": 2}
        one.stop()
        assert await running == EXIT_OK


def _listed(offset: int, user: bytes, value: bytes | None = b"") -> Message[Any, Any]:
    """Return a record of the topic of suppressed users."""
    return Message(topic="users", partition=0, offset=offset, key=user, value=value, timestamp=(1, 1_000))


async def test_no_event_is_read_before_the_topic_of_suppressed_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until its end is reached the destination is not ready and in no group; then records of the topic act at once."""
    cluster, clients = kafka()
    cluster.add("users", 2)
    reader = FakeTopicReader(cluster, _listed(0, b"u-1"))
    clients.topic_readers.append(cast(Consumer, reader))
    async with peer(accept) as vendor:
        own = settings(tmp_path, vendor.port, monkeypatch, {"suppressed_users": {"topic": "users"}})
        one = bridge(own, clients)
        read(clients, track("one") | {"userId": "u-1"}, track("two") | {"userId": "u-2"})
        running = await started(one)
        await eventually(lambda: not reader.script)
        report = one.report()
        assert (report["state"], report["reason"], report["ready"]) == ("starting", "suppressed_users_unread", False)
        assert "subscribe" not in cluster.calls
        reader.script.append(_listed(1, b"u-9"))
        await eventually(lambda: sent(vendor) == ["two"])
        gauges = one.report()["gauges"]
        assert (gauges["suppressed_ids"], gauges["suppressed_ids_up_to_date"]) == (2, 1)
        reader.script.extend([_listed(2, b"u-1", None), _listed(3, b"u-2"), _listed(4, b"u-8")])
        await eventually(lambda: one.report()["gauges"]["suppressed_ids"] == 3)
        read(clients, track("three") | {"userId": "u-2"}, track("four") | {"userId": "u-1"}, offset=2)
        await eventually(lambda: sent(vendor) == ["two", "four"])
        one.stop()
        assert await running == EXIT_OK
    assert reader.is_closed


async def test_a_topic_that_cannot_list_users_ends_the_destination(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing was read, and the log says what is wrong."""
    cluster, clients = kafka()
    own = settings(tmp_path, 1, monkeypatch, {"suppressed_users": {"topic": "users"}})
    assert await bridge(own, clients).run() == EXIT_FAILURE
    assert "topic users of suppressed users does not exist" in caplog.text
    assert "subscribe" not in cluster.calls


async def test_a_stop_does_not_wait_for_suppressed_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A destination that still waits for its list stops in order, and was in no group."""
    cluster, clients = kafka()
    cluster.add("users", 2)
    clients.topic_readers.append(cast(Consumer, FakeTopicReader(cluster)))
    own = settings(tmp_path, 1, monkeypatch, {"suppressed_users": {"topic": "users"}})
    one = bridge(own, clients)
    running = await started(one)
    one.stop()
    assert await running == EXIT_OK
    assert "subscribe" not in cluster.calls


async def test_following_that_ends_by_a_bug_ends_the_destination(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody would know any more who may not be sent."""
    _, clients = kafka()
    monkeypatch.setattr(SuppressedTopic, "turn", lambda _self: 1 // 0)
    own = settings(tmp_path, 1, monkeypatch, {"suppressed_users": {"topic": "users"}})
    assert await bridge(own, clients).run() == EXIT_FAILURE
    assert "stops by a bug" in caplog.text
