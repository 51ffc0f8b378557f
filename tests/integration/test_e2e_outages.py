"""What the bridge does while a vendor refuses or is down, and when it is back: nothing is lost, and it goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from processor.sandbox.faults import Status
from processor.sandbox.standins import StandIns
from tests.bridge_process import KEYS, Deployment
from tests.kafka_harness import Kafka
from tests.numbered_events import out_of_order

pytestmark = pytest.mark.kafka

HELD_METRIC = 'segment_bridge_destination_state{destination="moveo",reason="http_401",state="held"}'


def test_refused_key_holds_until_its_file_is_rotated(kafka: Kafka, tmp_path: Path) -> None:
    """On 401 nothing moves and page, metrics and log say why; with a new key in the file it goes on by itself."""
    key_file = tmp_path / "moveo.key"
    key_file.write_text("revoked-key\n", encoding="utf-8")
    with Deployment(kafka, tmp_path, own={"settings": {"api_key": {"file": str(key_file)}}}) as bridge:
        bridge.create_letter_topic()
        bridge.produce(100)
        process = bridge.run()
        bridge.until(lambda: process.state() == ("held", "http_401"), "it is held")
        probed = bridge.vendors.counts()["requests"]["moveo/events/401"] + 3
        bridge.until(lambda: bridge.vendors.counts()["requests"]["moveo/events/401"] >= probed, "it goes on probing")
        assert sum(bridge.committed().values()) == 0
        assert bridge.letters() == []
        assert process.get("/readyz")[0] == 200
        assert f"{HELD_METRIC} 1.0" in process.get("/metrics")[1]
        assert "destination moveo is held: http_401" in process.log()
        assert "revoked-key" not in process.log()
        key_file.write_text(f"{KEYS.moveo_api_keys[0]}\n", encoding="utf-8")
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert bridge.deliveries() == Counter(bridge.event_ids)
        assert bridge.letters() == []
        assert process.state() == ("running", "")
        assert process.stop() == 0


def answer_500(vendors: StandIns) -> Callable[[], object]:
    """Let the vendor fail on everything; return what mends it."""
    vendors.set_faults(Status(status=500))
    return vendors.set_faults


def hang_up(vendors: StandIns) -> Callable[[], object]:
    """Let nobody listen at the vendor's address; return what mends it."""
    vendors.stop()
    return vendors.start


@pytest.mark.parametrize("fail", [answer_500, hang_up])
def test_outage_loses_and_reorders_nothing(
    kafka: Kafka, tmp_path: Path, fail: Callable[[StandIns], Callable[[], object]]
) -> None:
    """While the vendor is down nothing is dead-lettered or committed and the lag is shown; then all is delivered."""
    with Deployment(kafka, tmp_path) as bridge:
        bridge.create_letter_topic()
        bridge.produce(60)
        process = bridge.run()
        bridge.until(bridge.is_all_committed, "the first events are committed")
        mend = fail(bridge.vendors)
        bridge.produce(240)
        bridge.until(lambda: process.state() == ("running", "circuit_open"), "the circuit opens")
        bridge.until(lambda: process.time_lag_s() > 2, "the time lag grows")
        bridge.until(lambda: process.lag() == 240, "the lag is shown")
        assert sum(bridge.committed().values()) == 60
        assert len(bridge.accepted()) == 60
        mend()
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert bridge.deliveries() == Counter(bridge.event_ids)
        assert out_of_order(bridge.accepted()) == []
        assert bridge.letters() == []
        bridge.until(lambda: process.state() == ("running", "") and process.time_lag_s() == 0, "the page shows no lag")
        assert process.stop() == 0


def test_refusal_of_everything_does_not_drain_the_topic(kafka: Kafka, tmp_path: Path) -> None:
    """When the vendor refuses all events as bad, few become dead letters; it holds, and goes on when that is mended."""
    guard = {"window_count": 20, "refused_count": 10, "min_users": 5}
    with Deployment(kafka, tmp_path, own={"delivery": {"guard": guard}}) as bridge:
        bridge.create_letter_topic()
        bridge.vendors.set_faults(Status(status=400))
        bridge.produce(400)
        process = bridge.run()
        bridge.until(lambda: process.state() == ("held", "guard_tripped"), "it is held")
        probed = bridge.vendors.counts()["requests"]["moveo/events/400"] + 3
        bridge.until(lambda: bridge.vendors.counts()["requests"]["moveo/events/400"] >= probed, "it goes on probing")
        assert bridge.accepted() == []
        assert 0 < len(bridge.letters()) < 10
        bridge.vendors.set_faults()
        bridge.until(bridge.is_all_committed, "everything is committed")
        letters = bridge.letters()
        assert {letter.said["reason"] for letter in letters} == {"http_400"}
        refused = Counter(letter.event_id for letter in letters)
        assert bridge.deliveries() + refused == Counter(bridge.event_ids)
        assert 0 < len(letters) < 10
        assert process.stop() == 0
