"""The page: health, readiness, metrics and status of all destinations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from processor.model import Outcome
from processor.operations.metrics import CATALOGUE, Exporter
from processor.operations.page import serve
from processor.operations.settings import PageSettings
from processor.operations.status import StatusReport
from processor.operations.tally import Tally

ANY_PORT = PageSettings(port=0)


def report(**changes: object) -> StatusReport:
    """Return the report of a destination at work, with changes."""
    tally = Tally()
    tally.read(10, 4096)
    tally.done(Outcome.DELIVERED, count=6)
    tally.done(Outcome.SKIPPED, "filtered", 2)
    tally.payload("events", Outcome.DELIVERED, 6)
    tally.request("events", "200", body_bytes=900, wire_bytes=300, seconds=0.5)
    tally.retry("events", "http_503")
    tally.warn("time_missing")
    tally.note("circuit_opened")
    tally.expire("t", 3, 5)
    working = StatusReport(
        state="running",
        ready=True,
        alive=True,
        tally=tally.report(),
        partitions=[{"topic": "t", "partition": 0, "lag": 7, "time_lag_s": 1.5}, {"topic": "t", "partition": 1}],
        gauges={"window_records": 2.0},
        mapping_hash="0123456789ab",
        reload={
            "results": {"applied": 2, "refused": 1, "unchanged": 0},
            "last_result": "refused",
            "last_ms": 5,
            "needs_restart": [],
        },
        process={"pid": 1, "memory_bytes": 50_000_000, "cpu_seconds": 1.25},
    )
    return cast(StatusReport, {**working, **changes})


async def ask(reports: Mapping[str, StatusReport], path: str, *, supervised: bool = False) -> httpx.Response:
    """Return the page's answer for these reports."""
    async with serve(ANY_PORT, lambda: reports, supervised=supervised) as port, httpx.AsyncClient() as client:
        return await client.get(f"http://127.0.0.1:{port}{path}")


@pytest.mark.parametrize(
    ("path", "changes", "supervised", "expected"),
    [
        ("/livez", {}, False, 200),
        ("/livez", {"alive": False}, False, 503),
        ("/livez", {"alive": False}, True, 200),
        ("/livez", {"ready": False}, False, 200),
        ("/readyz", {}, False, 200),
        ("/readyz", {"ready": False}, False, 503),
        ("/readyz", {"ready": False}, True, 503),
    ],
)
async def test_health(path: str, changes: dict[str, object], supervised: bool, expected: int) -> None:  # noqa: FBT001 - a column of the table
    """One destination that is not well makes the page say so; a supervisor is alive as long as it answers."""
    answer = await ask({"a": report(), "b": report(**changes)}, path, supervised=supervised)
    assert expected == answer.status_code


async def test_readiness_names_who_is_not_ready_and_why() -> None:
    """The answer holds the failing destinations with state and reason, and no others."""
    held = report(ready=False, state="held", reason="http_401")
    answer = await ask({"good": report(), "bad": held}, "/readyz")
    assert answer.json() == {"ok": False, "failing": {"bad": {"state": "held", "reason": "http_401"}}}


async def test_status_is_the_reports_as_they_are() -> None:
    """The status page holds each destination's report under its name, keys unknown here included."""
    reports = {"a": report(details={"endpoints": ["x"]})}
    answer = await ask(reports, "/status")
    assert answer.json() == {"destinations": reports}
    assert answer.headers["content-type"].startswith("application/json")


async def test_metrics_are_read_at_the_moment_of_asking() -> None:
    """Two scrapes of a moving report differ: nothing is remembered between them."""
    reports = {"a": report()}
    async with serve(ANY_PORT, lambda: reports, supervised=False) as port, httpx.AsyncClient() as client:
        first = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
        reports["a"] = report(partitions=[{"topic": "t", "partition": 0, "lag": 3}])
        second = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    lag = 'segment_bridge_lag_records{{destination="a",partition="0",topic="t"}} {}'
    assert lag.format("7.0") in first
    assert lag.format("3.0") in second


async def test_a_port_in_use_is_an_error() -> None:
    """Two pages cannot share a port; the second says so instead of serving nothing."""
    async with serve(ANY_PORT, dict, supervised=False) as port:
        with pytest.raises(OSError, match=r"^\[Errno \d+\] the page cannot be served .*: .*address already in use"):
            async with serve(PageSettings(port=port), dict, supervised=False):
                pytest.fail("two pages listen on one port")


def samples(reports: Mapping[str, StatusReport]) -> dict[tuple[str, str, str], float]:
    """Return what an independent parser reads from the export: by name, destination and the other labels."""
    exporter = Exporter(lambda: reports)
    try:
        families = list(text_string_to_metric_families(exporter.render().decode()))
    finally:
        exporter.close()
    return {
        (
            sample.name,
            sample.labels["destination"],
            ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()) if key != "destination"),
        ): sample.value
        for family in families
        for sample in family.samples
    }


def test_the_union_of_destinations_is_one_valid_export() -> None:
    """Every metric has a point for every destination, and each name is declared once."""
    exported = samples({"a": report(), "b": report()})
    for metric in CATALOGUE:
        assert {"a", "b"} == {name for metric_name, name, _ in exported if metric_name == metric.name}, metric.name


def test_values_stand_under_their_labels() -> None:
    """Counts appear with the outcome, reason, endpoint and status that they were counted under."""
    exported = samples({"a": report()})
    expected = {
        ("segment_bridge_consumed_records_total", "a", ""): 10,
        ("segment_bridge_records_total", "a", "outcome=delivered,reason="): 6,
        ("segment_bridge_records_total", "a", "outcome=skipped,reason=filtered"): 2,
        ("segment_bridge_in_flight_records", "a", ""): 2,
        ("segment_bridge_requests_total", "a", "endpoint=events,status=200"): 1,
        ("segment_bridge_request_seconds_total", "a", "endpoint=events"): 0.5,
        ("segment_bridge_records_expired_total", "a", "partition=3,topic=t"): 5,
        ("segment_bridge_destination_state", "a", "reason=,state=running"): 1,
        ("segment_bridge_mapping_info", "a", "mapping_hash=0123456789ab"): 1,
        ("segment_bridge_reloads_total", "a", "result=applied"): 2,
        ("segment_bridge_reloads_total", "a", "result=refused"): 1,
        ("segment_bridge_reloads_total", "a", "result=unchanged"): 0,
    }
    assert expected == {key: exported[key] for key in expected}


def test_an_empty_report_exports_what_is_known() -> None:
    """A destination that has said nothing yet is shown as starting, not ready, and breaks nothing."""
    exported = samples({"a": {}})
    assert exported["segment_bridge_destination_ready", "a", ""] == 0
    assert exported["segment_bridge_destination_state", "a", "reason=,state=starting"] == 1
    assert not [key for key in exported if key[0] == "segment_bridge_records_total"]


def test_a_state_that_is_over_is_not_exported() -> None:
    """After a change of state only the new one has a point."""
    reports = {"a": report()}
    exporter = Exporter(lambda: reports)
    exporter.render()
    reports["a"] = report(state="held", reason="http_401")
    text = exporter.render().decode()
    exporter.close()
    assert 'state="held"' in text
    assert 'state="running"' not in text


def test_names_follow_the_convention() -> None:
    """Counters end in _total, every name carries the prefix, and none appears twice."""
    names = [metric.name for metric in CATALOGUE]
    assert len(names) == len(set(names))
    for metric in CATALOGUE:
        assert metric.name.startswith("segment_bridge_")
        assert metric.name.endswith("_total") is (metric.kind == "counter")
