"""Dead letters and their offsets through a whole bridge: a topic that is missing, and records that hold many events."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from processor.sandbox.faults import Refuse
from tests.bridge_process import Deployment
from tests.kafka_harness import Kafka
from tests.numbered_events import track

pytestmark = pytest.mark.kafka

QUICK_TO_HOLD = {"dead_letters": {"delivery_timeout_s": 1}}
"""The client gives a letter up, for now, after a second; else it tries for half a minute before the first word."""


def test_missing_letter_topic_holds_until_it_is_made(kafka: Kafka, tmp_path: Path) -> None:
    """A bad record whose letter cannot be written blocks its offset and the destination; the topic settles it."""
    with Deployment(kafka, tmp_path, partitions=1, root=QUICK_TO_HOLD) as bridge:
        bridge.produce_values([b"{no JSON"], b"u7")
        process = bridge.run()
        bridge.until(lambda: process.state() == ("held", "dead_letters_unwritable"), "it is held")
        later = bridge.produce(50)
        bridge.until(lambda: process.lag() == 51, "the lag is seen")
        assert bridge.committed() == {0: 0}
        assert bridge.accepted() == []
        assert bridge.letter_topic in process.log()
        bridge.create_letter_topic()
        bridge.until(bridge.is_all_committed, "everything is committed")
        [letter] = bridge.letters()
        assert (letter.key, letter.value) == (b"u7", b"{no JSON")
        assert letter.said["reason"] == "invalid_json"
        assert letter.said["source-offset"] == "0"
        assert bridge.deliveries() == Counter(later)
        assert process.state() == ("running", "")
        assert process.stop() == 0


def test_stop_says_which_letters_are_left(kafka: Kafka, tmp_path: Path) -> None:
    """A process that is stopped before a letter could be written ends with 1, says so, and leaves the record alone."""
    own = {"delivery": {"drain_ms": 100}}
    with Deployment(kafka, tmp_path, partitions=1, own=own, root=QUICK_TO_HOLD) as bridge:
        bridge.produce_values([b"{no JSON"])
        process = bridge.run()
        bridge.until(lambda: process.state() == ("held", "dead_letters_unwritable"), "it is held")
        assert process.stop() == 1
        assert "dead letters not written in time: 1" in process.log()
        assert bridge.committed() == {0: 0}


def test_record_with_many_events_is_done_when_all_of_them_are(kafka: Kafka, tmp_path: Path) -> None:
    """Segment's batch body: every event goes out, the bad one is one letter, and the offset waits for the last one."""
    own = {"delivery": {"endpoints": {"events": {"max_batch_count": 1}}, "circuit": {"failure_count": 1_000}}}
    good = [json.loads(track(number)) for number in range(4)]
    body = json.dumps({"batch": [*good[:2], {"type": "track", "userId": "u9"}, *good[2:]], "writeKey": "w"}).encode()
    with Deployment(kafka, tmp_path, partitions=1, own=own) as bridge:
        bridge.create_letter_topic()
        bridge.vendors.set_faults(Refuse(ids=frozenset({"m3"}), status=500))
        bridge.produce_values([body])
        process = bridge.run()
        bridge.until(lambda: bridge.deliveries() == Counter(["m0", "m1", "m2"]), "three of four are delivered")
        bridge.until(lambda: len(bridge.letters()) == 1, "the bad one is dead-lettered")
        bridge.until(lambda: bridge.vendors.happened()["moveo/events/refuse_500"] >= 2, "the last one is retried")
        assert bridge.committed() == {0: 0}
        bridge.vendors.set_faults()
        bridge.until(bridge.is_all_committed, "the record is committed")
        assert bridge.committed() == {0: 1}
        assert bridge.deliveries() == Counter(["m0", "m1", "m2", "m3"])
        [letter] = bridge.letters()
        assert letter.value == body
        assert letter.said["event-index"] == "2"
        assert letter.said["reason"] == "missing_event_name"
        assert process.stop() == 0
