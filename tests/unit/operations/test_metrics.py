"""What `/metrics` serves is what the catalogue says, and says what happened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from processor.operations.histogram import EVENT_AGE_SECONDS
from processor.operations.metrics import CATALOGUE, Exporter
from processor.operations.metrics.producer import CONVENTIONAL
from processor.operations.status import StatusReport
from tests.full_report import NOW_MS, full_report
from tests.prometheus_tools import promtool

_SUFFIXES: Final = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*[a-z0-9]")
_CONVENTIONS: Final = ("http_", "messaging_", "segment_bridge_")


def exported(reports: Mapping[str, StatusReport], now_ms: int = NOW_MS) -> str:
    """Return the export of these reports."""
    exporter = Exporter(lambda: reports, lambda: now_ms)
    try:
        return exporter.render().decode()
    finally:
        exporter.close()


def samples(reports: Mapping[str, StatusReport], now_ms: int = NOW_MS) -> dict[tuple[str, str, str], float]:
    """Return what an independent parser reads from the export: by name, destination and the other labels."""
    return {
        (
            sample.name,
            sample.labels["destination"],
            ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()) if key != "destination"),
        ): sample.value
        for family in text_string_to_metric_families(exported(reports, now_ms))
        for sample in family.samples
    }


def test_what_is_exported_is_exactly_the_catalogue() -> None:
    """Names, types and labels of every series are those of a row, and every row has a series."""
    expected = {
        (f"{metric.name}{suffix}", metric.kind, frozenset({"destination", *metric.labels, *le}))
        for metric in CATALOGUE
        for suffix in _SUFFIXES[metric.kind]
        for le in [("le",) if suffix == "_bucket" else ()]
    }
    found = {
        (sample.name, family.type, frozenset(sample.labels))
        for family in text_string_to_metric_families(exported({"a": full_report(), "b": full_report()}))
        for sample in family.samples
    }
    assert expected == found


def test_a_present_value_is_exported_once() -> None:
    """One that has a metric of its own is not among the others as well."""
    found = [labels for name, _, labels in samples({"a": full_report()}) if name == "segment_bridge_present_value"]
    assert found == ["gauge=window_records"]


def test_prometheus_finds_nothing_odd() -> None:
    """Its own tool has no complaint about names, types, units or help of what is served."""
    done = promtool("check", "metrics", given=exported({"a": full_report(), "b": full_report()}))
    assert (0, "") == (done.returncode, done.stdout + done.stderr)


def test_buckets_are_those_of_the_catalogue() -> None:
    """Each histogram has its bounds and one bucket above them, and their counts add up to its count."""
    found = samples({"a": full_report()})
    for metric in CATALOGUE:
        if metric.kind != "histogram":
            continue
        bounds = {
            label.removeprefix("le=")
            for name, _, labels in found
            if name == f"{metric.name}_bucket"
            for label in labels.split(",")
            if label.startswith("le=")
        }
        assert bounds == {*map(str, metric.bounds), "+Inf"}, metric.name


def test_values_stand_under_their_labels() -> None:
    """Counts appear with the outcome, reason, endpoint and status that they were counted under."""
    found = samples({"a": full_report()})
    request = (
        "endpoint=events,error_type={},http_request_method=POST,http_response_status_code={},"
        "server_address=api.vendor.example,server_port=443"
    )
    answered = request.format("", "200")
    unanswered = request.format("timeout", "")
    polled = "messaging_destination_name=t,messaging_operation_name=poll,messaging_system=kafka"
    topic = "endpoint=written,error_type={},messaging_destination_name=target,messaging_operation_name=send,"
    expected = {
        ("segment_bridge_consumed_records_total", ""): 10,
        ("segment_bridge_records_total", "outcome=delivered,reason="): 6,
        ("segment_bridge_records_total", "outcome=skipped,reason=filtered"): 2,
        ("segment_bridge_in_flight_records", ""): 2,
        ("segment_bridge_destination_state", "reason=,state=running"): 1,
        ("segment_bridge_held", "reason="): 0,
        ("segment_bridge_mapping_info", "mapping_hash=0123456789ab"): 1,
        ("segment_bridge_config_info", "config_hash=abcdef012345"): 1,
        ("segment_bridge_reloads_total", "result=applied"): 2,
        ("segment_bridge_reloads_total", "result=unchanged"): 0,
        ("segment_bridge_records_expired_total", "partition=3,topic=t"): 5,
        ("segment_bridge_lag_records", "partition=0,topic=t"): 7,
        ("segment_bridge_uncommitted_records", "partition=0,topic=t"): 4,
        ("segment_bridge_retention_headroom_seconds", "partition=0,topic=t"): 3600,
        ("segment_bridge_since_delivery_seconds", ""): 4,
        ("segment_bridge_assigned_partitions", ""): 2,
        ("segment_bridge_paused_partitions", ""): 1,
        ("segment_bridge_rebalances_total", "kind=lost"): 0,
        ("segment_bridge_commit_failures_total", "reason=rebalance_in_progress"): 1,
        ("segment_bridge_unknown_outcomes_total", ""): 6,
        ("segment_bridge_dedupe_hits_total", ""): 4,
        ("segment_bridge_mapping_seconds_total", ""): 0.25,
        ("segment_bridge_mapping_failures_total", "code=mapping_failed,subscription=presets"): 1,
        ("segment_bridge_dead_letter_failures_total", "reason=unwritable"): 3,
        ("segment_bridge_throttle_wait_seconds_total", ""): 12.5,
        ("segment_bridge_present_value", "gauge=window_records"): 2,
        ("segment_bridge_threads", ""): 12,
        ("segment_bridge_event_age_seconds_count", ""): 6,
        ("segment_bridge_event_age_seconds_sum", ""): 710,
        ("segment_bridge_event_age_seconds_bucket", "le=1.0"): 0,
        ("segment_bridge_event_age_seconds_bucket", "le=5.0"): 5,
        ("segment_bridge_event_age_seconds_bucket", "le=300.0"): 5,
        ("segment_bridge_event_age_seconds_bucket", "le=1800.0"): 6,
        ("segment_bridge_event_age_seconds_bucket", "le=+Inf"): 6,
        ("segment_bridge_batch_payloads_sum", "endpoint=events"): 12,
        ("segment_bridge_batch_bytes_sum", "endpoint=events"): 1800,
        ("http_client_request_duration_seconds_count", answered): 1,
        ("http_client_request_duration_seconds_sum", answered): 0.5,
        ("http_client_request_duration_seconds_sum", unanswered): 20,
        (
            "messaging_client_operation_duration_seconds_count",
            topic.format("") + "messaging_system=kafka",
        ): 1,
        (
            "messaging_client_operation_duration_seconds_sum",
            topic.format("kafka_timed_out") + "messaging_system=kafka",
        ): 30,
        (
            "messaging_client_consumed_messages_total",
            f"messaging_consumer_group_name=bridge.a,{polled}",
        ): 10,
    }
    assert expected == {key: found.get((key[0], "a", key[1])) for key in expected}


def test_present_values_with_a_metric_of_their_own_are_exported_once() -> None:
    """What has a name is not among the nameless ones as well."""
    found = samples({"a": full_report()})
    assert {labels for name, _, labels in found if name == "segment_bridge_present_value"} == {"gauge=window_records"}


def test_the_union_of_destinations_is_one_valid_export() -> None:
    """Every metric has a point for every destination, and each name is declared once."""
    text = exported({"a": full_report(), "b": full_report()})
    declared = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    assert sorted(declared) == sorted({metric.name for metric in CATALOGUE})
    by_metric = {name: set[str]() for name, *_ in samples({"a": full_report(), "b": full_report()})}
    for name, destination, _ in samples({"a": full_report(), "b": full_report()}):
        by_metric[name].add(destination)
    assert all(names == {"a", "b"} for names in by_metric.values()), by_metric


def test_an_empty_report_exports_what_is_known() -> None:
    """A destination that has said nothing yet is shown as starting, not ready, and breaks nothing."""
    found = samples({"a": {}})
    assert found["segment_bridge_destination_ready", "a", ""] == 0
    assert found["segment_bridge_destination_state", "a", "reason=,state=starting"] == 1
    assert {name for name, *_ in found} == {
        "segment_bridge_destination_alive",
        "segment_bridge_destination_ready",
        "segment_bridge_destination_state",
        "segment_bridge_held",
        "segment_bridge_operator_paused",
        "segment_bridge_restarts_total",
    }


def test_no_destinations_are_an_empty_export() -> None:
    """A supervisor that has started nothing yet can be asked."""
    assert exported({}) == ""


def test_a_state_that_is_over_is_not_exported() -> None:
    """After a change of state only the new one has a point; the reason that holds is said by itself."""
    reports = {"a": full_report()}
    exporter = Exporter(lambda: reports)
    exporter.render()
    reports["a"] = full_report(state="held", reason="http_401")
    text = exporter.render().decode()
    exporter.close()
    assert 'state="held"' in text
    assert 'state="running"' not in text
    assert 'segment_bridge_held{destination="a",reason="http_401"} 1.0' in text
    assert 'segment_bridge_held{destination="a",reason=""}' not in text
    assert 'segment_bridge_operator_paused{destination="a"} 0.0' in text


@pytest.mark.parametrize(("state", "expected"), [("running", 0), ("held", 0), ("paused", 1), ("drained", 1)])
def test_what_an_operator_stopped_is_no_hold(state: str, expected: int) -> None:
    """A destination that stands still by order is told from one that its vendor stops."""
    found = samples({"a": full_report(state=state)})
    assert found["segment_bridge_operator_paused", "a", ""] == expected
    assert found["segment_bridge_held", "a", "reason="] == (1 if state == "held" else 0)


@pytest.mark.parametrize(
    ("partitions", "expected"),
    [
        ([], 0),
        ([{"topic": "t", "partition": 0, "lag": 7, "time_lag_s": 300.0}], 0),
        ([{"topic": "t", "partition": 0, "lag": 7, "time_lag_s": 300.5}], 7),
        (
            [
                {"topic": "t", "partition": 0, "lag": 7, "time_lag_s": 301.0},
                {"topic": "t", "partition": 1, "lag": 4, "time_lag_s": 1.0},
                {"topic": "t", "partition": 2, "lag": 2, "time_lag_s": 900.0},
                {"topic": "t", "partition": 3, "lag": None, "time_lag_s": 900.0},
                {"topic": "t", "partition": 4, "lag": 8, "time_lag_s": None},
            ],
            9,
        ),
    ],
)
def test_overdue_is_the_lag_of_late_partitions(partitions: list[dict[str, object]], expected: int) -> None:
    """A partition whose oldest record is late counts with all that it lacks, any other with nothing."""
    found = samples({"a": full_report(partitions=partitions)})
    assert found["segment_bridge_overdue_records", "a", ""] == expected


def test_the_time_since_a_delivery_goes_on_while_nobody_reports() -> None:
    """It is reckoned when it is asked for: a process that has died says nothing more."""
    report = full_report()
    for later_s in (0, 60, 3600):
        found = samples({"a": report}, NOW_MS + later_s * 1000)
        assert found["segment_bridge_since_delivery_seconds", "a", ""] == 4 + later_s
    before = full_report(details={"last_delivery_ms": None})
    assert ("segment_bridge_since_delivery_seconds", "a", "") not in samples({"a": before})


def test_names_follow_the_conventions() -> None:
    """Counters end in _total and nothing else does, units stand in names, and none appears twice."""
    names = [metric.name for metric in CATALOGUE]
    assert len(names) == len(set(names))
    for metric in CATALOGUE:
        assert _NAME.fullmatch(metric.name), metric.name
        assert metric.name.startswith(_CONVENTIONS), metric.name
        assert metric.name.endswith("_total") is (metric.kind == "counter"), metric.name
        stem = metric.name.removesuffix("_total")
        assert stem.endswith("_seconds") is (metric.unit == "s"), metric.name
        assert stem.endswith("_bytes") is (metric.unit == "By"), metric.name
        assert bool(metric.bounds) is (metric.kind == "histogram"), metric.name
        assert "destination" not in metric.labels, metric.name
        assert metric.description.endswith("."), metric.name


def test_conventional_names_are_told_for_every_label() -> None:
    """A metric that the conventions name has a conventional name for each of its labels but our own endpoint."""
    for metric in CATALOGUE:
        is_conventional = not metric.name.startswith("segment_bridge_")
        assert is_conventional is (metric.otel_name is not None), metric.name
        if is_conventional:
            assert set(metric.labels) - {"endpoint"} <= CONVENTIONAL.keys(), metric.name


def test_an_event_is_fresh_within_a_bound_of_its_age() -> None:
    """The objective of 300 s can be read from the histogram, because it is one of its bounds."""
    assert 300.0 in EVENT_AGE_SECONDS
