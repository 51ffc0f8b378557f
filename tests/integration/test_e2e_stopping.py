"""SIGTERM under load: the end comes within the drain budget, and the next process goes on exactly there."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from processor.sandbox.faults import Latency
from tests.bridge_process import Deployment
from tests.kafka_harness import Kafka
from tests.numbered_events import out_of_order

pytestmark = pytest.mark.kafka

DRAIN_S = 3.0
CLOSE_S = 10.0
"""What leaving the group, closing clients and ending Python may take beyond the budget on a busy machine."""


def test_stop_under_load_repeats_nothing(kafka: Kafka, tmp_path: Path) -> None:
    """Stopped in the middle, it ends in time with 0; after a restart the vendor has got every event exactly once."""
    own = {"delivery": {"drain_ms": int(DRAIN_S * 1000), "max_window_count": 400}}
    with Deployment(kafka, tmp_path, own=own) as bridge:
        bridge.vendors.set_faults(Latency(ms=20, max_ms=60))
        bridge.produce(3_000)
        first = bridge.run()
        bridge.until(lambda: bridge.vendors.item_count("moveo") >= 300, "it is under load")
        began_s = time.monotonic()
        assert first.stop() == 0
        assert time.monotonic() - began_s < DRAIN_S + CLOSE_S
        done = len(bridge.accepted())
        assert done < 3_000, "it was stopped in the middle"
        assert sum(bridge.committed().values()) == done
        second = bridge.run()
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert bridge.deliveries() == Counter(bridge.event_ids)
        assert out_of_order(bridge.accepted()) == []
        assert second.stop() == 0


def test_stop_does_not_wait_for_a_vendor_that_hangs(kafka: Kafka, tmp_path: Path) -> None:
    """With requests that nobody answers it still ends in time and with 0, commits nothing and loses nothing."""
    own = {"delivery": {"drain_ms": 1_000}}
    with Deployment(kafka, tmp_path, own=own) as bridge:
        bridge.vendors.set_faults(Latency(ms=60_000))
        bridge.produce(200)
        first = bridge.run()
        bridge.until(
            lambda: first.report().get("gauges", {}).get("in_flight_requests", 0) > 0, "a request is under way"
        )
        began_s = time.monotonic()
        assert first.stop() == 0
        assert time.monotonic() - began_s < 1 + CLOSE_S
        assert sum(bridge.committed().values()) == 0
        bridge.vendors.set_faults()
        second = bridge.run()
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert bridge.deliveries().keys() == set(bridge.event_ids)
        assert second.stop() == 0
