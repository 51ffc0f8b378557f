"""`run` of all destinations: a process for each, one page, and orders to stop that reach every one of them."""

from __future__ import annotations

import os
import signal
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from processor.sandbox.faults import Latency
from tests.bridge_process import BridgeProcess, Deployment
from tests.kafka_harness import Kafka

pytestmark = pytest.mark.kafka

VENDORS = ("moveo", "moesif", "moengage")


def states(process: BridgeProcess) -> dict[str, str]:
    """Return the state of each destination as the one page shows it."""
    return {name: report["state"] for name, report in process.reports().items()}


def member_counts(bridge: Deployment) -> list[int]:
    """Return how many processes are in the group of each destination, by the brokers' account."""
    return [bridge.member_count(name) for name in VENDORS]


def test_killed_destination_is_started_again(kafka: Kafka, tmp_path: Path) -> None:
    """One process is killed under load: it comes back, everything is delivered, and SIGTERM ends all of them with 0."""
    with Deployment(kafka, tmp_path, vendors=VENDORS) as bridge:
        bridge.create_letter_topic()
        bridge.vendors.set_faults(Latency(ms=200))
        bridge.produce(1_000)
        supervisor = bridge.run()
        bridge.until(lambda: states(supervisor) == dict.fromkeys(VENDORS, "running"), "the page shows all as running")
        bridge.until(lambda: bridge.vendors.item_count("moesif") > 0, "it is under load")
        killed = supervisor.report("moesif")["process"]["pid"]
        os.kill(killed, signal.SIGKILL)
        bridge.until(lambda: supervisor.report("moesif")["restart_count"] == 1, "the page counts the restart")
        for name in VENDORS:
            bridge.until(partial(bridge.is_all_committed, name), f"{name} has committed everything")
            assert bridge.deliveries(name).keys() == set(bridge.event_ids)
        bridge.until(lambda: states(supervisor) == dict.fromkeys(VENDORS, "running"), "the page shows all as running")
        assert supervisor.report("moesif")["process"]["pid"] != killed
        assert supervisor.get("/readyz")[0] == 200
        assert {name: supervisor.report(name)["restart_count"] for name in VENDORS} == {
            "moveo": 0,
            "moesif": 1,
            "moengage": 0,
        }
        assert bridge.deliveries("moveo") == Counter(bridge.event_ids), "the others were left alone"
        assert supervisor.stop() == 0
        assert member_counts(bridge) == [0, 0, 0]


def test_interrupt_ends_all_in_order(kafka: Kafka, tmp_path: Path) -> None:
    """Ctrl-C drains every destination and gives 130; nothing is delivered twice afterwards."""
    with Deployment(kafka, tmp_path, vendors=VENDORS) as bridge:
        bridge.produce(100)
        supervisor = bridge.run()
        for name in VENDORS:
            bridge.until(partial(bridge.is_all_committed, name), f"{name} has committed everything")
        supervisor.send(signal.SIGINT)
        assert supervisor.ended() == 130
        assert member_counts(bridge) == [0, 0, 0]


def test_destinations_end_with_their_supervisor(kafka: Kafka, tmp_path: Path) -> None:
    """A supervisor that is killed leaves nobody behind: its processes commit what is done and leave their groups."""
    with Deployment(kafka, tmp_path, vendors=VENDORS) as bridge:
        bridge.produce(100)
        supervisor = bridge.run()
        bridge.until(lambda: states(supervisor) == dict.fromkeys(VENDORS, "running"), "every destination runs")
        supervisor.send(signal.SIGKILL)
        assert supervisor.ended() == -signal.SIGKILL
        bridge.until(lambda: member_counts(bridge) == [0, 0, 0], "every destination has left its group")
        for name in VENDORS:
            assert sum(bridge.committed(name).values()) == len(bridge.accepted(name))
