"""Settings that change while `run` goes on: by a signal, by the file alone, and never by a file that is broken."""

from __future__ import annotations

import json
import signal
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from processor.sandbox.faults import Latency, Status
from tests.bridge_process import BridgeProcess, Deployment, merged
from tests.kafka_harness import Kafka

pytestmark = pytest.mark.kafka

VENDORS = ("moveo", "moesif")
ON = {"reload": True}


def change(bridge: Deployment, part: dict[str, Any]) -> None:
    """Replace the file by itself with a change, at once, as an editor or a mount does."""
    content = json.loads(bridge.config.read_text(encoding="utf-8"))
    write(bridge, json.dumps(merged(content, part)))


def write(bridge: Deployment, text: str) -> None:
    """Replace the file at once."""
    new = bridge.config.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.rename(bridge.config)


def results(process: BridgeProcess, destination: str = "moveo") -> dict[str, int]:
    """Return how reloads ended, as the page shows it."""
    found: dict[str, int] = process.report(destination).get("reload", {}).get("results", {})
    return found


def has(process: BridgeProcess, destination: str, result: str) -> bool:
    """Return whether one reload of a destination ended so."""
    return results(process, destination).get(result) == 1


def skipped(process: BridgeProcess) -> dict[str, int]:
    """Return the skipped records by reason."""
    found: dict[str, int] = process.report()["tally"]["records"]["skipped"]
    return found


def test_a_changed_file_is_in_force_for_what_comes_after_it(kafka: Kafka, tmp_path: Path) -> None:
    """What was mapped is delivered, what comes later is mapped anew, and a broken file in between changes nothing."""
    with Deployment(kafka, tmp_path, root=ON) as bridge:
        bridge.produce(100)
        process = bridge.run()
        bridge.until(bridge.is_all_committed, "everything is committed")
        old = process.report()["mapping_hash"]

        write(bridge, bridge.config.read_text(encoding="utf-8")[:-20])
        bridge.until(lambda: results(process).get("refused") == 1, "the broken file is refused")
        assert process.log().count("the old ones stay in force") == 1
        first = bridge.event_ids[:]
        bridge.produce(50)
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert bridge.deliveries() == Counter(bridge.event_ids)
        assert process.report()["mapping_hash"] == old

        write(bridge, json.dumps(bridge._content()))
        bridge.until(lambda: results(process).get("unchanged") == 1, "the mended file is looked at")
        filters = [{"if": 'type = "track"', "actions": [{"type": "DROP"}]}]
        change(bridge, {"destinations": {"moveo": {"filters": filters}}})
        bridge.until(lambda: results(process).get("applied") == 1, "the changed file is taken over")
        new = process.report()["mapping_hash"]
        assert new != old
        assert f"mapping {new}, before it {old}" in process.log()
        metrics = process.get("/metrics")[1]
        assert f'segment_bridge_mapping_info{{destination="moveo",mapping_hash="{new}"}} 1.0' in metrics
        assert 'segment_bridge_reloads_total{destination="moveo",result="refused"} 1.0' in metrics
        bridge.produce(30)
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert skipped(process) == {"filtered": 30}
        assert sum(bridge.deliveries().values()) == len(first) + 50
        assert process.stop() == 0


def test_letters_of_what_was_mapped_before_name_the_old_mapping(kafka: Kafka, tmp_path: Path) -> None:
    """A payload that is refused after the reload was made by the mapping before it."""
    with Deployment(kafka, tmp_path, root=ON) as bridge:
        bridge.create_letter_topic()
        bridge.vendors.set_faults(Latency(ms=5_000), Status(status=400))
        bridge.produce(1)
        process = bridge.run()
        bridge.until(lambda: process.report().get("gauges", {}).get("in_flight_requests"), "it is on the wire")
        old = process.report()["mapping_hash"]
        change(bridge, {"destinations": {"moveo": {"privacy": {"drop": ["$.context.ip"]}}}})
        process.process.send_signal(signal.SIGHUP)
        bridge.until(lambda: results(process).get("applied") == 1, "the changed file is taken over")
        new = process.report()["mapping_hash"]
        bridge.until(bridge.is_all_committed, "the refused event is a letter")
        bridge.produce_values([b"no JSON"])
        bridge.until(bridge.is_all_committed, "the other one is a letter as well")
        hashes = [letter.said["mapping-hash"] for letter in bridge.letters()]
        assert hashes == [old, new]
        assert old != new
        assert process.stop() == 0


def test_a_signal_reaches_every_destination(kafka: Kafka, tmp_path: Path) -> None:
    """The supervisor passes it on; what needs a restart, and what was added, is named and changes nothing."""
    with Deployment(kafka, tmp_path, vendors=VENDORS, root=ON) as bridge:
        bridge.produce(50)
        supervisor = bridge.run()
        bridge.until(lambda: all(results(supervisor, name) for name in VENDORS), "both report")
        supervisor.process.send_signal(signal.SIGHUP)
        for name in VENDORS:
            bridge.until(partial(has, supervisor, name, "unchanged"), f"{name} has looked")
        third = bridge._destination("moesif")
        own = {"delivery": {"max_in_flight": 2, "rate_limit": {"requests_per_second": 1000}}}
        change(bridge, {"destinations": {"moveo": own, "third": third}})
        bridge.until(lambda: results(supervisor)["applied"] == 1, "moveo has taken the rate over")
        assert supervisor.report()["reload"]["needs_restart"] == ["destinations.moveo.delivery.max_in_flight"]
        bridge.until(lambda: "restart to run what was added: destinations.third" in supervisor.log(), "it is named")
        assert supervisor.report("moesif")["reload"]["needs_restart"] == []
        for name in VENDORS:
            bridge.until(partial(bridge.is_all_committed, name), f"{name} has committed everything")
        assert [supervisor.report(name)["restart_count"] for name in VENDORS] == [0, 0]
        assert supervisor.stop() == 0


def test_without_the_setting_a_hang_up_changes_nothing(kafka: Kafka, tmp_path: Path) -> None:
    """It ends no process, and one line says that reloading is off."""
    with Deployment(kafka, tmp_path) as bridge:
        process = bridge.run()
        bridge.until(lambda: process.state() == ("running", ""), "it runs")
        process.process.send_signal(signal.SIGHUP)
        bridge.until(lambda: "SIGHUP changes nothing, as `reload` is off" in process.log(), "it says so")
        bridge.produce(20)
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert "reload" not in process.report()
        assert process.stop() == 0
