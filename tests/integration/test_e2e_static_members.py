"""Processes that the group knows by name: one that comes back in time finds its partitions as it left them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.bridge_process import BridgeProcess, Deployment
from tests.kafka_harness import Kafka

pytestmark = pytest.mark.kafka


def owned(process: BridgeProcess) -> set[int]:
    """Return the partitions that a process owns by its own account."""
    return {int(each["partition"]) for each in process.report().get("partitions", ())}


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_process_that_comes_back_finds_its_partitions(
    kafka: Kafka, tmp_path: Path, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart moves no partition: the other process keeps its own alone, and nothing is lost or repeated."""
    own: dict[str, Any] = {"properties": {"group.instance.id": {"env": "POD_NAME"}}, "group_protocol": protocol}
    root = {"kafka": {**own, "consumer": {"session_timeout_ms": 45_000}}}
    with Deployment(kafka, tmp_path, partitions=4, root=root) as bridge:

        def run(name: str) -> BridgeProcess:
            monkeypatch.setenv("POD_NAME", name)
            return bridge.run()

        first, second = run("bridge-0"), run("bridge-1")
        bridge.until(lambda: (len(owned(first)), len(owned(second))) == (2, 2), "they share the partitions")
        firsts, seconds = owned(first), owned(second)
        assert first.stop() == 0
        bridge.produce(400)
        bridge.until(lambda: second.report()["tally"]["records"]["delivered"], "the second one delivers")
        assert seconds == owned(second), "nobody took over while the first one was away"
        again = run("bridge-0")
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert (firsts, seconds) == (owned(again), owned(second))
        assert bridge.deliveries() == Counter(bridge.event_ids)
        assert "group.instance.id" not in again.log()
        assert [process.stop() for process in (again, second)] == [0, 0]
