"""The metrics of real processes: counts that add up under load, lag that is right while nothing moves, and pushes."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from processor.operations.metrics import CATALOGUE
from processor.sandbox.faults import Latency, Status
from processor.source.clients import KafkaClients
from processor.source.cluster import Cluster
from processor.source.deadline import Deadline
from processor.source.first_records import FirstRecords
from tests.bridge_process import BridgeProcess, Deployment
from tests.kafka_harness import Kafka, random_name
from tests.otlp_receiver import plain, receiver
from tests.source_recorder import kafka_settings

pytestmark = pytest.mark.kafka

ENDED = "segment_bridge_records_total"


def scrape(process: BridgeProcess) -> dict[str, dict[str, float]]:
    """Return the samples of a scrape, by name and by labels beside the destination."""
    status, text = process.get("/metrics")
    assert status == 200
    found: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = sorted(f"{key}={value}" for key, value in sample.labels.items() if key != "destination")
            found[sample.name][",".join(labels)] = sample.value
    return found


def alone(samples: dict[str, dict[str, float]], name: str) -> float:
    """Return the value of the one series of a metric."""
    (value,) = samples[name].values()
    return value


def assert_adds_up(samples: dict[str, dict[str, float]]) -> None:
    """Every record that was read has ended or is in flight, and as many are in flight as the books hold unfinished."""
    in_flight = alone(samples, "segment_bridge_in_flight_records")
    ended = sum(samples[ENDED].values())
    assert alone(samples, "segment_bridge_consumed_records_total") == ended + in_flight
    assert samples["segment_bridge_present_value"]["gauge=outstanding_records"] == in_flight
    assert sum(samples["messaging_client_consumed_messages_total"].values()) == ended + in_flight
    delivered = samples[ENDED].get("outcome=delivered,reason=", 0.0)
    assert alone(samples, "segment_bridge_event_age_seconds_count") == delivered


def ends_of(bridge: Deployment) -> int:
    """Return where the topic's partitions end together, as the brokers say."""
    partitions = [(bridge.topic, number) for number in range(3)]
    return sum(Cluster(bridge.kafka.admin).log_ends(partitions, Deadline.after(20)).values())


def test_counts_add_up_on_every_scrape_under_load(kafka: Kafka, tmp_path: Path) -> None:
    """Delivered, skipped, refused and unfinished: at no moment of a run is a record missing or counted twice."""
    with Deployment(kafka, tmp_path) as bridge:
        bridge.create_letter_topic()
        bridge.vendors.set_faults(Latency(ms=40))
        bridge.produce(8_000, user_count=400)
        bridge.produce_values([b"{no JSON", b'{"type": "nothing"}', None, b"[]"] * 25)
        process = bridge.run()
        bridge.until(lambda: process.report().get("tally", {}).get("records", {}).get("consumed"), "it reads")
        scrapes = []
        while not bridge.is_all_committed():
            scrapes.append(scrape(process))
        for samples in scrapes:
            assert_adds_up(samples)
        moving = {alone(one, "segment_bridge_in_flight_records") for one in scrapes}
        assert len(moving) > 2, "the scrapes saw nothing in flight"
        bridge.until(lambda: process.lag() == 0, "the lag is seen to be gone")
        last = scrape(process)
        assert_adds_up(last)
        assert sum(last[ENDED].values()) == bridge.record_count
        assert last[ENDED]["outcome=delivered,reason="] == 8_000
        assert set(last["segment_bridge_time_lag_seconds"].values()) == {0.0}
        assert {name.removesuffix("_count") for name in last} >= {
            "http_client_request_duration_seconds",
            "segment_bridge_batch_payloads",
            "segment_bridge_event_loop_delay_seconds",
            "segment_bridge_open_files",
        }
        names = {metric.name for metric in CATALOGUE}
        for name in last:
            assert name in names or name.rpartition("_")[0] in names, name


def test_lag_is_right_while_nothing_moves(kafka: Kafka, tmp_path: Path) -> None:
    """While it is held, the lag is what an outside reader sees, also of records that nobody has read."""
    with Deployment(kafka, tmp_path) as bridge:
        bridge.create_letter_topic()
        bridge.produce(50)
        process = bridge.run()
        bridge.until(bridge.is_all_committed, "the first events are committed")
        bridge.vendors.set_faults(Status(status=401))
        bridge.produce(100, user_count=1)  # all of one partition
        bridge.until(lambda: process.state()[0] == "held", "it is held")
        bridge.until(lambda: alone(scrape(process), "segment_bridge_paused_partitions") == 3, "it is paused")
        bridge.produce(70)
        outside = ends_of(bridge) - sum(bridge.committed().values())
        assert outside == 170
        bridge.until(lambda: sum(scrape(process)["segment_bridge_lag_records"].values()) == outside, "the lag is right")
        bridge.until(lambda: min(scrape(process)["segment_bridge_time_lag_seconds"].values()) > 3, "all grow old")
        read = [one["uncommitted"] for one in process.report()["partitions"]]
        assert sorted(read)[:2] == [0, 0], "the age of what nobody has read is not seen here"
        samples = scrape(process)
        assert samples["segment_bridge_held"] == {"reason=http_401": 1.0}
        headroom = samples["segment_bridge_retention_headroom_seconds"]
        retention_s = float(Cluster(kafka.admin).configuration(bridge.topic, Deadline.after(20))["retention.ms"]) / 1000  # type: ignore[index]
        for labels, time_lag_s in samples["segment_bridge_time_lag_seconds"].items():
            assert abs(headroom[labels] + time_lag_s - retention_s) < 1e-3
        assert alone(samples, "segment_bridge_assigned_partitions") == 3
        assert samples["segment_bridge_rebalances_total"]["kind=assigned"] >= 1
        bridge.vendors.set_faults()
        bridge.until(bridge.is_all_committed, "everything is committed")
        bridge.until(lambda: alone(scrape(process), "segment_bridge_held") == 0, "it is seen to go on")


def test_several_processes_are_pushed_by_their_supervisor(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the standard variables a collector gets the histograms of every destination, under the service's name."""
    with receiver() as collector:
        environ = {
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_METRIC_EXPORT_INTERVAL": "200",
            "OTEL_SERVICE_NAME": "events",
        }
        for name, value in environ.items():
            monkeypatch.setitem(os.environ, name, value)
        with Deployment(kafka, tmp_path, vendors=("moveo", "moesif")) as bridge:
            bridge.create_letter_topic()
            bridge.produce(200)
            process = bridge.run()

            def delivered() -> dict[Any, int]:
                if not collector.pushes:
                    return {}
                ages = collector.metrics().get("segment_bridge_event_age_seconds")
                points = () if ages is None else ages.histogram.data_points
                return {plain(point.attributes)["destination"]: point.count for point in points}

            bridge.until(lambda: delivered() == {"moveo": 200, "moesif": 200}, "all deliveries are pushed")
            assert collector.resource()["service.name"] == "events"
            assert len({push.resource_metrics[0].resource.SerializeToString() for push in collector.pushes}) == 1
            assert process.stop() == 0


def test_the_time_of_a_record_is_looked_at_from_outside(kafka: Kafka) -> None:
    """The record at an offset tells its time, behind the end there is none, and no group is made."""
    topic, group_id = kafka.create_topic(partitions=2), random_name("group")
    kafka.produce(topic, [b"{}"] * 5, key=b"u")
    ends = Cluster(kafka.admin).log_ends([(topic, 0), (topic, 1)], Deadline.after(20))
    (full,) = [partition for partition, end in ends.items() if end == 5]
    (empty,) = ends.keys() - {full}
    clients = KafkaClients(kafka_settings(kafka, [topic]), group_id)
    before_ms = time.time() * 1000
    times_ms = FirstRecords(clients.reader).times_ms({full: 3, empty: 0}, Deadline.after(20))
    time_ms = times_ms[full]
    assert time_ms is not None
    assert before_ms - 60_000 < time_ms <= before_ms
    assert times_ms[empty] is None
    groups = kafka.admin.list_consumer_groups(request_timeout=20).result(20).valid
    assert group_id not in {group.group_id for group in groups}
