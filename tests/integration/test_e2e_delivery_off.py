"""`deliver: false`: everything but the sending happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bridge_process import Deployment
from tests.kafka_harness import Kafka

pytestmark = pytest.mark.kafka


def test_delivery_off_maps_counts_and_commits(kafka: Kafka, tmp_path: Path) -> None:
    """No request leaves, good events count as skipped and bad ones become letters, and the offsets move on."""
    with Deployment(kafka, tmp_path, own={"deliver": False}) as bridge:
        bridge.create_letter_topic()
        bridge.produce(200)
        bridge.produce_values([b"{no JSON"])
        process = bridge.run()
        bridge.until(bridge.is_all_committed, "everything is committed")
        tally = process.report()["tally"]
        assert tally["records"]["skipped"] == {"delivery_off": 200}
        assert tally["records"]["dead_lettered"] == {"invalid_json": 1}
        assert tally["payloads"] == {"events": {"skipped": 200}}
        assert len(bridge.letters()) == 1
        assert process.stop() == 0
        assert bridge.vendors.counts()["requests"] == {}
