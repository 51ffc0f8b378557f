"""`run` and `offsets` against a real Kafka: several destinations, one port, and a position set by a person."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from processor.sandbox.settings import SandboxKeys
from processor.sandbox.standins import StandIns
from tests.kafka_harness import Kafka, random_name, until
from tests.page_requests import got

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).parents[2]
KEYS = SandboxKeys()
ENVIRON = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "MOVEO_API_KEY": KEYS.moveo_api_keys[0],
    "MOESIF_APPLICATION_ID": KEYS.moesif_application_ids[0],
}
EVENT = b'{"type":"track","event":"Seen","userId":"u%d","messageId":"m%d"}'


class World:
    """A topic on a real Kafka, the stand-ins, and a file that tells two destinations about them."""

    def __init__(self, kafka: Kafka, vendors: StandIns, folder: Path) -> None:
        """Make topics and file."""
        self.kafka = kafka
        self.vendors = vendors
        self.topic, self.prefix = kafka.create_topic(partitions=3), random_name("group")
        letters = kafka.create_topic()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.config = folder / "bridge.yaml"
        self.config.write_text(json.dumps(self._content(letters)), encoding="utf-8")

    def _content(self, letters: str) -> dict[str, Any]:
        moveo = {
            "api_key": {"env": "MOVEO_API_KEY"},
            "endpoint": f"{self.vendors.url}/api/analytic/external/segment-destination",
            "flush_interval_ms": 50,
        }
        moesif = {
            "application_id": {"env": "MOESIF_APPLICATION_ID"},
            "base_url": self.vendors.url,
            "flush_interval_ms": 50,
        }
        return {
            "kafka": {
                "bootstrap_servers": self.kafka.bootstrap_servers,
                "topics": [self.topic],
                "group_prefix": self.prefix,
                "control_topic": random_name("control"),
            },
            "destinations": {
                "moveo": {"type": "moveo", "start": "earliest", "settings": moveo, "subscriptions": "default"},
                "moesif": {"type": "moesif", "start": "earliest", "settings": moesif, "subscriptions": "default"},
            },
            "dead_letters": {"topic": letters},
            "operations": {"page": {"port": self.port}},
        }

    def produce(self, count: int) -> None:
        """Put events of different users on the topic."""
        values = [EVENT % (number, number) for number in range(count)]
        self.kafka.produce(self.topic, values, key=lambda number: b"u%d" % number)

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of the page; 0 while nothing listens."""
        return got(f"http://127.0.0.1:{self.port}{path}")

    def delivered(self) -> Mapping[str, int]:
        """Return how many records each destination says it has delivered."""
        destinations = json.loads(self.get("/status")[1])["destinations"]
        return {name: report["tally"]["records"]["delivered"].get("", 0) for name, report in destinations.items()}

    def committed(self, destination: str) -> dict[int, int]:
        """Return the group's offsets, asked from outside."""
        found = self.kafka.committed(f"{self.prefix}.{destination}")
        return {number: each.offset for (topic, number), each in found.items() if topic == self.topic}


@pytest.fixture
def world(kafka: Kafka, tmp_path: Path) -> Iterator[World]:
    """Everything that two destinations need."""
    with StandIns() as vendors:
        yield World(kafka, vendors, tmp_path)


@pytest.fixture
def start() -> Iterator[Callable[[World], subprocess.Popen[bytes]]]:
    """A function that starts `run` with the file of a world; what still runs at the end is stopped, children too."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(world: World) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "processor", "run", "--config", str(world.config)]
        started.append(subprocess.Popen(command, env=ENVIRON, stderr=subprocess.DEVNULL))
        return started[-1]

    yield begin
    for running in started:
        if running.poll() is None:  # a supervisor that is killed leaves its children behind, for a while
            running.terminate()
            running.terminate()
        running.wait(60)


def test_run_serves_all_destinations_on_one_port(
    world: World, start: Callable[[World], subprocess.Popen[bytes]]
) -> None:
    """Two supervised processes deliver, one page shows both, and SIGTERM ends with 0 and everything committed."""
    world.produce(300)
    running = start(world)
    until(lambda: world.get("/readyz")[0] == 200, "both are ready", timeout_s=60)
    until(lambda: world.delivered() == {"moveo": 300, "moesif": 300}, "all is delivered", timeout_s=60)
    metrics = world.get("/metrics")[1]
    for name in ("moveo", "moesif"):
        assert f'segment_bridge_consumed_records_total{{destination="{name}"}} 300.0' in metrics
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=60) == 0
    for name in ("moveo", "moesif"):
        assert sum(world.committed(name).values()) == 300
        assert world.vendors.item_count(name) == 300


def offsets(world: World, to: str, destination: str = "moveo") -> subprocess.CompletedProcess[str]:
    """Return what `offsets` does, without the vendors' keys."""
    command = [sys.executable, "-m", "processor", "offsets", destination, "--to", to, "--config", str(world.config)]
    return subprocess.run(command, env=os.environ, capture_output=True, check=False, timeout=90, text=True)


def test_offsets_sets_the_position_of_one_destination(world: World) -> None:
    """The group of the destination named goes to the end and back to the start; the other group is left alone."""
    world.produce(30)
    latest = offsets(world, "latest")
    assert latest.returncode == 0, latest.stderr
    assert sum(world.committed("moveo").values()) == 30
    assert len(latest.stdout.splitlines()) == 3
    earliest = offsets(world, "earliest")
    assert earliest.returncode == 0, earliest.stderr
    assert world.committed("moveo") == {0: 0, 1: 0, 2: 0}
    assert world.committed("moesif") == {}


def test_offsets_refuses_while_the_destination_runs(
    world: World, start: Callable[[World], subprocess.Popen[bytes]]
) -> None:
    """Nobody moves a position under a process that reads: exit code 1, and the position stays."""
    world.produce(30)
    start(world)
    until(lambda: world.get("/readyz")[0] == 200, "both are ready", timeout_s=60)
    until(lambda: sum(world.committed("moveo").values()) == 30, "all is committed", timeout_s=60)
    refused = offsets(world, "earliest")
    assert refused.returncode == 1
    assert sum(world.committed("moveo").values()) == 30
