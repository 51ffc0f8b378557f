"""A destination and the orders of operators, from the control topic of a Kafka in memory."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import KafkaError

from processor import app
from processor.app import EXIT_FAILURE, EXIT_OK
from processor.delivery.dead_letters import DeadLetters
from processor.source.order_topic import OrderTopic
from processor.source.orders import GIVEN, ORDER, Order, Wanted, encode_key
from tests.fake_kafka import CONTROL, FakeKafka, FakeTopic
from tests.http_peer import eventually, peer
from tests.lone_bridge import SilentClient, accept, bridge, kafka, read, sent, settings, started, track

GROUP = "segment-bridge.one"


@pytest.fixture(autouse=True)
def no_producer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let dead letters go to nobody."""
    monkeypatch.setattr(app, "DeadLetters", partial(DeadLetters, client_class=SilentClient))


def give(cluster: FakeKafka, wanted: Wanted, by: str) -> None:
    """Give an order to the destination."""
    cluster.topics.setdefault(CONTROL, FakeTopic("control", [0], [0]))
    cluster.control.append((encode_key(GROUP, ORDER, GIVEN), msgspec.json.encode(Order(by, wanted, by, 0))))


async def test_a_paused_destination_reads_nothing_and_goes_on_when_it_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paused before it starts: it owns its partition, is ready, and has not read what is there."""
    cluster, clients = kafka()
    give(cluster, Wanted.PAUSED, "ann")
    async with peer(accept) as vendor:
        one = bridge(settings(tmp_path, vendor.port, monkeypatch), clients)
        running = await started(one)
        await eventually(lambda: one.report()["state"] == "paused")
        report = one.report()
        assert (report["ready"], report["details"]["operator"]["by"]) == (True, "ann")
        assert clients.group_consumer.paused == {("events", 0)}
        give(cluster, Wanted.RUNNING, "bob")
        await eventually(lambda: not clients.group_consumer.paused)
        read(clients, track("first"))
        await eventually(lambda: sent(vendor) == ["first"])
        one.stop()
        assert await running == EXIT_OK


async def test_no_event_is_read_before_it_is_known_what_was_ordered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A control topic that gives no answer keeps the destination out of its group; a stop does not wait for it."""
    cluster, clients = kafka()
    cluster.errors["describe_topics"] = [KafkaError._TRANSPORT] * 1_000
    one = bridge(settings(tmp_path, 1, monkeypatch), clients)
    running = await started(one)
    await eventually(lambda: "describe_topics" in cluster.calls)
    report = one.report()
    assert (report["state"], report["reason"], report["ready"]) == ("starting", "control_topic_unread", False)
    one.stop()
    assert await running == EXIT_OK
    assert "subscribe" not in cluster.calls


async def test_a_bug_in_hearing_orders_ends_what_knows_of_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It might be paused. One that has heard what was ordered goes on, and says that it hears nothing any more."""
    _, clients = kafka()
    monkeypatch.setattr(OrderTopic, "turn", lambda _self: 1 // 0)
    one = bridge(settings(tmp_path, 1, monkeypatch), clients)
    assert await one.run() == EXIT_FAILURE
    assert "stops by a bug" in caplog.text
    caplog.clear()
    monkeypatch.undo()
    monkeypatch.setattr(app, "DeadLetters", partial(DeadLetters, client_class=SilentClient))
    _, clients = kafka()
    async with peer(accept) as vendor:
        one = bridge(settings(tmp_path, vendor.port, monkeypatch), clients)
        running = await started(one)
        await one._control.is_loaded.wait()
        monkeypatch.setattr(OrderTopic, "turn", lambda _self: 1 // 0)
        await eventually(lambda: "orders of operators are not heard any more" in caplog.text)
        read(clients, track("first"))
        await eventually(lambda: sent(vendor) == ["first"])
        one.stop()
        assert await running == EXIT_OK
