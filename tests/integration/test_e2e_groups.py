"""Where a destination's group begins and goes on, with several real processes in it."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from pathlib import Path

import pytest

from processor.sandbox.faults import Latency
from tests.bridge_process import BridgeProcess, Deployment
from tests.kafka_harness import Kafka
from tests.numbered_events import out_of_order

pytestmark = pytest.mark.kafka


def partition_count(process: BridgeProcess) -> int:
    """Return how many partitions a process owns by its own account."""
    return len(process.report().get("partitions", ()))


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_group_shares_its_work_with_one_that_joins_and_leaves(kafka: Kafka, tmp_path: Path, protocol: str) -> None:
    """A second process joins under load and takes half, then the first one leaves: no event is lost, order is kept."""
    # Small fetches, so that records of every partition wait at any time; a budget that leaves some of them undone.
    root = {"kafka": {"group_protocol": protocol, "consumer": {"partition_fetch_max_bytes": 4_096}}}
    own = {"delivery": {"max_window_count": 200, "drain_ms": 600}}
    with Deployment(kafka, tmp_path, partitions=4, root=root, own=own) as bridge:
        bridge.vendors.set_faults(Latency(ms=400))
        bridge.produce(3_000, user_count=200)
        first = bridge.run()
        bridge.until(lambda: bridge.vendors.item_count("moveo") >= 200, "the first one delivers")
        second = bridge.run()
        bridge.until(lambda: (partition_count(first), partition_count(second)) == (2, 2), "they share the partitions")
        assert first.report()["tally"]["records"]["released"], "it gave partitions away with records undone"
        bridge.until(lambda: second.report()["tally"]["records"]["delivered"], "the second one delivers")
        assert first.stop() == 0
        assert not bridge.is_all_committed(), "it left in the middle"
        bridge.vendors.set_faults()
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert partition_count(second) == 4
        deliveries = bridge.deliveries()
        assert deliveries.keys() == set(bridge.event_ids)
        assert deliveries.total() <= 3_000 + 2 * 200, "at most a window is repeated for each change of the group"
        assert out_of_order(bridge.accepted()) == []
        assert second.stop() == 0


def test_processes_that_start_together_at_latest_deliver_what_comes_after(kafka: Kafka, tmp_path: Path) -> None:
    """Two processes of a new group with start: latest skip what was there before, and nothing that comes later."""
    with Deployment(kafka, tmp_path, own={"start": "latest"}) as bridge:
        bridge.produce(60)
        processes = [bridge.run(), bridge.run()]
        bridge.until(bridge.is_all_committed, "the start is committed")
        later = bridge.produce(300)
        bridge.until(bridge.is_all_committed, "what came later is committed")
        assert bridge.deliveries() == Counter(later)
        bridge.until(lambda: sorted(map(partition_count, processes)) == [1, 2], "both have partitions")
        assert [process.stop() for process in processes] == [0, 0]


def test_lost_offsets_stop_it_until_the_command_that_it_names(kafka: Kafka, tmp_path: Path) -> None:
    """A group that has lost its offsets ends with 1 and names a command; that command makes it run again."""
    with Deployment(kafka, tmp_path) as bridge:
        bridge.produce(30)
        process = bridge.run()
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert process.stop() == 0
        group_id = bridge.group_id()
        kafka.admin.delete_consumer_groups([group_id], request_timeout=20)[group_id].result(20)
        later = bridge.produce(20)
        stopped = bridge.run()
        assert stopped.ended() == 1
        assert bridge.committed() == {}
        assert len(bridge.accepted()) == 30
        named = re.search(r"segment-bridge (offsets moveo --to POSITION --config FILE)", stopped.log())
        assert named is not None, stopped.log()
        command = named[1].replace("POSITION", "earliest").replace("FILE", str(bridge.config))
        assert bridge.command(*shlex.split(command)).ended() == 0
        assert bridge.committed() == {0: 0, 1: 0, 2: 0}
        again = bridge.run()
        bridge.until(bridge.is_all_committed, "everything is committed once more")
        assert bridge.deliveries() == Counter({name: 1 if name in later else 2 for name in bridge.event_ids})
        assert again.stop() == 0
