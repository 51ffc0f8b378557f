"""Each threshold of an alert from both sides: just below it nothing fires, just above it does.

The cases of `tests/alerts` are stories, and a threshold that is a quarter off would pass them; these would not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.alert_rules import FILE, alerts
from tests.prometheus_tools import promtool

LAG_S = "segment_bridge_time_lag_seconds"
AGE = "segment_bridge_event_age_seconds"
OVERDUE = {"segment_bridge_overdue_records": "0x120"}


class Edge(NamedTuple):
    """A threshold: series, a sample a minute, in which X stands for a value on either side of it."""

    alert: str
    labels: dict[str, str]
    minute: int
    series: dict[str, str]
    quiet: float
    firing: float


def _late(window: str, quiet: int, firing: int) -> Edge:
    """Return the edge of a burn rate by how many of a thousand events are in time."""
    series = {f"{AGE}_count": "0+1000x120", f'{AGE}_bucket{{le="300"}}': "0+Xx120", **OVERDUE}
    return Edge("SegmentBridgeFreshnessBudgetBurn", {"window": window}, 90, series, quiet, firing)


def _used(severity: str, quiet: int, firing: int) -> Edge:
    """Return the edge of a share of the retention by the age of a record that has 1000 s left."""
    series = {LAG_S: "Xx60", "segment_bridge_retention_headroom_seconds": "1000x60"}
    return Edge("SegmentBridgeRetentionHeadroom", {"severity": severity}, 20, series, quiet, firing)


def _letters(severity: str, letters: str, delivered: str, quiet: float, firing: float) -> Edge:
    """Return the edge of a dead-letter rate by dead letters or deliveries a minute."""
    name = "segment_bridge_records_total"
    series = {f'{name}{{outcome="dead_lettered"}}': letters, f'{name}{{outcome="delivered"}}': delivered}
    return Edge("SegmentBridgeDeadLetterRate", {"severity": severity}, 40, series, quiet, firing)


def _growing(lag: str, age: str, quiet: float, firing: float) -> Edge:
    """Return the edge of a lag that grows, by records or by age."""
    series = {"segment_bridge_lag_records": lag, LAG_S: age}
    return Edge("SegmentBridgeLagGrowing", {}, 60, series, quiet, firing)


def _throttled(waited: str, age: str, quiet: float, firing: float) -> Edge:
    """Return the edge of a rate limit, by the seconds waited in a minute or by age."""
    series = {"segment_bridge_throttle_wait_seconds_total": waited, LAG_S: age}
    return Edge("SegmentBridgeThrottled", {}, 40, series, quiet, firing)


EDGES = {
    "burn of an hour": _late("1h", 929, 927),
    "burn of six hours": _late("6h", 971, 969),
    "burn of a day": _late("1d", 986, 984),
    "burn of three days": _late("3d", 996, 994),
    "ten late events": Edge(
        "SegmentBridgeFreshnessBudgetBurn",
        {"window": "1h"},
        90,
        {f"{AGE}_count": "0+Xx120", f'{AGE}_bucket{{le="300"}}': "0x120", **OVERDUE},
        0.16,
        0.17,
    ),
    "a quarter of an hour, then five minutes": Edge("SegmentBridgePartitionStalled", {}, 20, {LAG_S: "X+60x60"}, 0, 1),
    "as fast as the clock": Edge("SegmentBridgePartitionStalled", {}, 40, {LAG_S: "2000+Xx60"}, 53.9, 54.1),
    "a fifth more": _growing("1000+Xx90", "120x90", 8.3, 8.4),
    "growing for a minute": _growing("0+1000x90", "Xx90", 60, 61),
    "half of the retention": _used("warning", 1_000, 1_001),
    "four fifths of the retention": _used("critical", 4_000, 4_001),
    "one dead letter in a hundred": _letters("warning", "0+1x60", "0+Xx60", 99.5, 98.5),
    "one dead letter in ten": _letters("critical", "0+1x60", "0+Xx60", 9.05, 8.95),
    "ten dead letters": _letters("warning", "0+Xx60", "0+1x60", 0.66, 0.68),
    "ten dead letters at night": _letters("critical", "0+Xx60", "0+1x60", 0.66, 0.68),
    "four rebalances": Edge(
        "SegmentBridgeRebalanceStorm",
        {},
        60,
        {'segment_bridge_rebalances_total{kind="revoked"}': "0+Xx90", "segment_bridge_assigned_partitions": "3x90"},
        0.26,
        0.27,
    ),
    "half of the time": _throttled("0+Xx60", "120x60", 29.9, 30.1),
    "throttled for a minute": _throttled("0+45x60", "Xx60", 60, 61),
}


def both_sides(edge: Edge) -> Iterator[dict[str, Any]]:
    """Yield what promtool is to try: the value that fires nothing, and the one that does."""
    wanted = {"alertname": edge.alert, "alertstate": "firing", **edge.labels}
    expression = f"count(ALERTS{{{','.join(f'{name}={json.dumps(value)}' for name, value in wanted.items())}}})"
    for value, samples in ((edge.quiet, []), (edge.firing, [{"labels": "{}", "value": 1}])):
        yield {
            "interval": "1m",
            "input_series": [
                {"series": name, "values": values.replace("X", f"{value:g}", 1)} for name, values in edge.series.items()
            ],
            "promql_expr_test": [{"expr": expression, "eval_time": f"{edge.minute}m", "exp_samples": samples}],
        }


@pytest.mark.parametrize("name", EDGES)
def test_a_threshold_is_where_it_is_said_to_be(name: str, tmp_path: Path) -> None:
    """One side of it is quiet, the other is not."""
    content = {
        "rule_files": [str(FILE)],
        "evaluation_interval": "1m",
        "group_eval_order": [
            f"segment-bridge.{group}"
            for group in ("freshness", "freshness-long", "freshness-alerts", "state", "alerts")
        ],
        "tests": list(both_sides(EDGES[name])),
    }
    path = tmp_path / "edge.yaml"
    path.write_text(json.dumps(content), encoding="utf-8")
    done = promtool("test", "rules", path)
    assert 0 == done.returncode, done.stdout + done.stderr


def test_edges_are_those_of_alerts_that_exist() -> None:
    """A name that is gone would be quiet on both sides, and fail for the wrong reason."""
    assert {edge.alert for edge in EDGES.values()} <= {rule["alert"] for rule in alerts()}
