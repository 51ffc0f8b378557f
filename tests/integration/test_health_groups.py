"""When real processes of a group are ready: also one too many, and never one that the group did not let in."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from processor.pipeline.control import ORDERS_UNREAD
from processor.sandbox.faults import Status
from tests.bridge_process import BridgeProcess, Deployment
from tests.kafka_harness import Kafka

pytestmark = pytest.mark.kafka


def is_ready(process: BridgeProcess) -> bool:
    """Return what its page answers to the probe."""
    return process.get("/readyz")[0] == 200


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_process_too_many_stands_by_and_is_ready(kafka: Kafka, tmp_path: Path, protocol: str) -> None:
    """A rolling update with more pods than partitions goes on, and the one that stands by takes over."""
    with Deployment(kafka, tmp_path, partitions=1, root={"kafka": {"group_protocol": protocol}}) as bridge:
        bridge.produce(20)
        processes = [bridge.run(), bridge.run()]
        bridge.until(lambda: all(map(is_ready, processes)), "both are ready")
        bridge.until(
            lambda: sorted(each.state() for each in processes) == [("running", ""), ("standby", "no_partitions")],
            "one reads, the other stands by",
        )
        working, spare = sorted(processes, key=lambda each: each.state())
        assert working.stop() == 0
        bridge.until(lambda: spare.state() == ("running", ""), "the spare one takes over")
        assert is_ready(spare)
        bridge.produce(20)
        bridge.until(bridge.is_all_committed, "it delivers")


def test_a_process_that_kafka_does_not_let_in_is_not_ready(kafka: Kafka, tmp_path: Path) -> None:
    """A rolling update with a wrong address of Kafka stops at its first pod, which is alive all the same."""
    root = {"kafka": {"bootstrap_servers": "127.0.0.1:1"}}
    with Deployment(kafka, tmp_path, partitions=1, root=root) as bridge:
        process = bridge.run()
        bridge.until(lambda: process.state() == ("starting", ORDERS_UNREAD), "it waits to know what was ordered")
        assert not is_ready(process)
        assert process.get("/livez")[0] == 200
        failing = json.loads(process.get("/readyz")[1])["failing"]
        assert set(failing) == {"moveo"}


def test_a_vendor_that_is_down_changes_nothing_and_draining_does(kafka: Kafka, tmp_path: Path) -> None:
    """Through refusals and failures it stays ready; from SIGTERM on it is not, and is alive until it ends."""
    with Deployment(kafka, tmp_path, partitions=1, own={"delivery": {"drain_ms": 4_000}}) as bridge:
        bridge.vendors.set_faults(Status(status=503))
        bridge.produce(20)
        process = bridge.run()
        bridge.until(lambda: process.state() == ("running", "circuit_open"), "the circuit opens")
        assert is_ready(process)
        bridge.vendors.set_faults(Status(status=401))
        bridge.until(lambda: process.state() == ("held", "http_401"), "it is held")
        assert is_ready(process)
        assert process.get("/livez")[0] == 200
        process.send(signal.SIGTERM)
        seen: set[tuple[int, int]] = set()

        def has_ended() -> bool:
            seen.add((process.get("/readyz")[0], process.get("/livez")[0]))
            return process.process.poll() is not None

        bridge.until(has_ended, "it ends")
        assert (503, 200) in seen
        assert (200, 503) not in seen
        assert (503, 503) not in seen
