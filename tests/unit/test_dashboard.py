"""The dashboard is what its builder builds, and asks only for what exists."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest

from helm.dashboard.build import FILE, GRID_WIDTH, text
from processor.operations.metrics import CATALOGUE
from tests.alert_rules import known_series
from tests.promql_names import names, problems

LEGEND = re.compile(r"{{(\w+)}}")


def panels() -> list[dict[str, Any]]:
    """Return everything that stands on the committed dashboard, rows included."""
    found: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))["panels"]
    return found


def queries() -> list[tuple[str, str, str]]:
    """Return title, PromQL and legend of every query."""
    return [
        (panel["title"], target["expr"], target["legendFormat"])
        for panel in panels()
        for target in panel.get("targets", ())
    ]


def test_the_committed_dashboard_is_current() -> None:
    """What the chart carries is what the code builds."""
    assert text() == FILE.read_text(encoding="utf-8"), "stale: run `python -m helm.dashboard.build`"


@pytest.mark.parametrize(("title", "promql", "legend"), queries())
def test_query_names_what_exists(title: str, promql: str, legend: str) -> None:
    """Every metric of a panel is in the catalogue or recorded by the rules, and its legend has the labels it shows."""
    assert [] == problems(promql, known_series()), title
    found = names(promql)
    recorded = {label for name in found.selected if ":" in name for label in known_series()[name]}
    assert set(LEGEND.findall(legend)) <= found.grouped | recorded


@pytest.mark.parametrize(("title", "promql", "legend"), queries())
def test_query_follows_the_choice_of_destination(title: str, promql: str, legend: str) -> None:
    """Each selector is narrowed by what is chosen at the top, and each line says whose it is."""
    assert all("destination" in labels for labels in names(promql).selected.values()), title
    assert legend.startswith("{{destination}}")


def test_every_metric_that_tells_something_is_shown() -> None:
    """What is exported and stands on no panel is left out on purpose."""
    shown = {name for _, promql, _ in queries() for name in names(promql).selected}
    hidden = [
        metric.name
        for metric in CATALOGUE
        if not any(name.removesuffix(end) == metric.name for name in shown for end in ("", "_bucket", "_count"))
    ]
    late = {"segment_bridge_event_age_seconds"} - set(hidden)
    assert late, "the test finds what is shown"
    assert LEFT_OUT == set(hidden)


LEFT_OUT = {
    "messaging_client_consumed_messages_total",  # consumed records, by topic
    "messaging_client_operation_duration_seconds",  # of destinations of type kafka alone
    "segment_bridge_batch_bytes",  # bytes of requests are shown as a rate
    "segment_bridge_consumed_bytes_total",
    "segment_bridge_destination_alive",  # an alert's
    "segment_bridge_destination_ready",  # an alert's
    "segment_bridge_occurrences_total",  # what has no metric of its own
    "segment_bridge_payloads_total",  # records are shown by outcome
    "segment_bridge_present_value",
    "segment_bridge_start_time_seconds",
}


def test_panels_do_not_overlap() -> None:
    """Each has its own number and its own place on the grid."""
    places = [panel["gridPos"] for panel in panels()]
    assert len(places) == len({panel["id"] for panel in panels()})
    assert all(place["x"] + place["w"] <= GRID_WIDTH for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]


def test_every_panel_explains_itself() -> None:
    """A figure without its meaning and unit is a riddle."""
    assert [] == [panel for panel in panels() if panel["type"] != "row" and not panel["description"]]
