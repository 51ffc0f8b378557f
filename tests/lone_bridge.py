"""One destination put together, as tests of it need it: everything but Kafka is real, the vendor is on loopback."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from processor.app import Bridge
from processor.settings import Settings, load_settings
from processor.source.clients import Clients
from tests.fake_clients import FakeClients
from tests.fake_kafka import FakeConsumer, FakeKafka, FakeReader
from tests.http_peer import Exchange, Peer, Request, eventually

P0 = ("events", 0)


def settings(
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


def kafka() -> tuple[FakeKafka, BridgeClients]:
    """Return a cluster with the topic, and the clients of a group that has begun on it."""
    kafka = FakeKafka()
    kafka.add("events", 100)
    kafka.committed = {P0: (0, "id-1")}
    clients = BridgeClients(kafka)
    clients.group_consumer.script.append(lambda consumer: consumer.give(P0))
    return kafka, clients


def bridge(settings: Settings, clients: FakeClients) -> Bridge:
    """Return the destination with these clients."""
    return Bridge(settings, "one", lambda _kafka_settings, _group: cast("Clients", clients))


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


async def started(bridge: Bridge) -> asyncio.Task[int]:
    """Return the running destination, once its parts are there."""
    running = asyncio.create_task(bridge.run())
    await eventually(lambda: hasattr(bridge, "pipeline"))
    return running


def read(clients: FakeClients, *values: object, offset: int = 0) -> None:
    """Have the group's consumer read records with these values."""
    for number, value in enumerate(values, offset):
        content = None if value is None else json.dumps(value).encode()
        clients.group_consumer.script.append(
            Message(topic="events", partition=0, offset=number, key=b"k", value=content, timestamp=(1, 1_000))
        )


def track(name: str) -> dict[str, Any]:
    """Return a Segment event."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"type": "track", "event": name, "userId": "u1", "messageId": name, "timestamp": now}


def sent(vendor: Peer) -> list[str]:
    """Return the names of the actions that the vendor got."""
    return [item["action_name"] for request in vendor.requests for item in json.loads(gzip.decompress(request.body))]


async def accept(exchange: Exchange, _request: Request) -> None:
    """Answer as Moesif does."""
    await exchange.answer(201)
