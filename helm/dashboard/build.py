"""Writes the Grafana dashboard of the chart: `python -m helm.dashboard.build`, in the root of the tree.

What is committed is `helm/segment-bridge/files/dashboard.json`, which the chart and `docker-compose.yml` use as it is;
a test fails when it is not what this builds. It stands beside the chart because it makes a file of the chart, and
outside the chart's folder because Helm would pack it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Final, TypeAlias

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as models

from helm.dashboard.panels import ROWS, Look, Panel, Query

FILE: Final = Path(__file__).parents[1] / "segment-bridge" / "files" / "dashboard.json"

SOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
GRID_WIDTH: Final = 24
HEIGHTS: Final[Mapping[Look, int]] = {"figure": 4, "lines": 8, "stack": 8, "states": 7}

Builder: TypeAlias = stat.Panel | timeseries.Panel | statetimeline.Panel


def text() -> str:
    """Return the dashboard as it is committed."""
    return JSONEncoder(sort_keys=True, indent=2).encode(_dashboard().build()) + "\n"


def _dashboard() -> dashboard.Dashboard:
    built = (
        dashboard.Dashboard("segment-bridge")
        .uid("segment-bridge")
        .description("Segment events from Kafka to vendors: lag, freshness, outcomes, answers, processes.")
        .tags(["segment-bridge", "kafka"])
        .time("now-6h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .editable()
    )
    for variable in _variables():
        built = built.with_variable(variable)
    top, numbers = 0, count(1)
    for title, panels in ROWS.items():
        place = models.GridPos(h=1, w=GRID_WIDTH, x=0, y=top)
        built = built.with_row(dashboard.Row(title).id(next(numbers)).grid_pos(place))
        places = _places(panels, top + 1)
        for panel, place in zip(panels, places, strict=True):
            built = built.with_panel(_panel(panel).id(next(numbers)).grid_pos(place))
        top = max(place.y + place.h for place in places)
    return built


def _variables() -> Sequence[dashboard.DatasourceVariable | dashboard.QueryVariable]:
    """Return what can be chosen at the top: the Prometheus, then installation and destination."""
    return [
        dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"),
        _choice("namespace", "Namespace", "label_values(segment_bridge_destination_alive, namespace)"),
        _choice("job", "Job", 'label_values(segment_bridge_destination_alive{namespace=~"$namespace"}, job)'),
        _choice(
            "destination",
            "Destination",
            'label_values(segment_bridge_destination_alive{namespace=~"$namespace",job=~"$job"}, destination)',
        ),
    ]


def _choice(name: str, label: str, query: str) -> dashboard.QueryVariable:
    """Return a variable of which several values may be chosen; all of them also fits series without the label."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .query(query)
        .datasource(SOURCE)
        .multi(True)  # noqa: FBT003 - the SDK's way
        .include_all(True)  # noqa: FBT003 - as above
        .all_value(".*")
        .current(models.VariableOption(selected=True, text="All", value="$__all"))
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )


def _places(panels: Sequence[Panel], top: int) -> list[models.GridPos]:
    """Return where the panels of a row stand: from left to right, on a new line where there is no more room."""
    places: list[models.GridPos] = []
    left = height = 0
    for panel in panels:
        if left + panel.width > GRID_WIDTH:
            left, top, height = 0, top + height, 0
        places.append(models.GridPos(h=HEIGHTS[panel.look], w=panel.width, x=left, y=top))
        left += panel.width
        height = max(height, HEIGHTS[panel.look])
    return places


def _panel(panel: Panel) -> Builder:
    """Return the builder of one panel."""
    built = _looking(panel.look).title(panel.title).description(panel.description).unit(panel.unit).datasource(SOURCE)
    for number, query in enumerate(panel.queries):
        built = built.with_target(_target(query, chr(ord("A") + number)))
    if panel.steps is not None:
        built = built.thresholds(_thresholds(*panel.steps))
    return built.min(0)


def _looking(look: Look) -> Builder:
    match look:
        case "figure":
            latest = common.ReduceDataOptions().calcs(["lastNotNull"])
            return stat.Panel().reduce_options(latest).graph_mode(shapes.BigValueGraphMode.AREA)
        case "states":
            return statetimeline.Panel().show_value(shapes.VisibilityMode.NEVER).merge_values(True)  # noqa: FBT003 - as above
        case "lines":
            return _lines()
        case "stack":
            return _lines().fill_opacity(40).stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL))


def _lines() -> timeseries.Panel:
    legend = common.VizLegendOptions().display_mode(shapes.LegendDisplayMode.LIST).show_legend(True)  # noqa: FBT003 - as above
    tooltip = common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI).sort(shapes.SortOrder.DESCENDING)
    return timeseries.Panel().line_width(1).show_points(shapes.VisibilityMode.NEVER).legend(legend).tooltip(tooltip)


def _target(query: Query, name: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(query.promql).legend_format(query.legend).ref_id(name).datasource(SOURCE)


def _thresholds(orange: float, red: float) -> dashboard.ThresholdsConfig:
    """Return green below the first value, orange from it on, red from the second."""
    steps = [(None, "green"), (orange, "orange"), (red, "red")]
    return (
        dashboard.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([models.Threshold(value=value, color=color) for value, color in steps])
    )


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{FILE} is written\n")
