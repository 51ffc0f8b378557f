"""From reports to OpenTelemetry's metrics.

The counts are made already, in the processes of the destinations, histograms by bucket. OpenTelemetry's instruments
would count anew, and know no asynchronous histogram; so what they would come to is made here from the same classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from processor import __version__
from processor.operations.metrics import metric as catalogue
from processor.operations.metrics.catalogue import CATALOGUE
from processor.operations.status import StatusReport

Labels = Mapping[str, str]
Reports = Mapping[str, StatusReport]

_SCOPE: Final = InstrumentationScope("segment-bridge", __version__)
_NS_PER_MS: Final = 1_000_000
_NS_PER_S: Final = 1_000_000_000

CONVENTIONAL: Final = {
    "error_type": "error.type",
    "http_request_method": "http.request.method",
    "http_response_status_code": "http.response.status_code",
    "messaging_consumer_group_name": "messaging.consumer.group.name",
    "messaging_destination_name": "messaging.destination.name",
    "messaging_operation_name": "messaging.operation.name",
    "messaging_system": "messaging.system",
    "server_address": "server.address",
    "server_port": "server.port",
}
"""Labels by the semantic conventions: the name in Prometheus, and that in OpenTelemetry."""
_NUMBERS: Final = frozenset({"http_response_status_code", "server_port"})
_FIRST_ERROR: Final = 400


def pulled(reports: Reports, now_ms: int) -> MetricsData:
    """Return the metrics as Prometheus sees them: every series of a metric has all labels of its row."""
    return _metrics_data(reports, now_ms, Resource({}), is_pushed=False)


def pushed(reports: Reports, now_ms: int, resource: Resource) -> MetricsData:
    """Return the metrics with the names of the semantic conventions, without attributes that do not apply."""
    return _metrics_data(reports, now_ms, resource, is_pushed=True)


def _metrics_data(reports: Reports, now_ms: int, resource: Resource, *, is_pushed: bool) -> MetricsData:
    rows = (_metric(row, reports, now_ms, is_pushed=is_pushed) for row in CATALOGUE)
    scope = ScopeMetrics(_SCOPE, [one for one in rows if one is not None], "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _metric(row: catalogue.Metric, reports: Reports, now_ms: int, *, is_pushed: bool) -> Metric | None:
    """Return a metric with the points of all destinations, None where there are none."""
    points = list(_points(row, reports, now_ms, is_pushed=is_pushed))
    if not points:
        return None
    name = row.otel_name if is_pushed and row.otel_name is not None else row.name
    return Metric(name, row.description, row.unit, _data(row, points))


def _data(row: catalogue.Metric, points: Sequence[NumberDataPoint | HistogramDataPoint]) -> Sum | Gauge | Histogram:
    """Return points as what they are points of."""
    numbers = [point for point in points if isinstance(point, NumberDataPoint)]
    match row.kind:
        case "counter":
            return Sum(numbers, AggregationTemporality.CUMULATIVE, is_monotonic=True)
        case "gauge":
            return Gauge(numbers)
        case "histogram":
            histograms = [point for point in points if isinstance(point, HistogramDataPoint)]
            return Histogram(histograms, AggregationTemporality.CUMULATIVE)


def _points(
    row: catalogue.Metric, reports: Reports, now_ms: int, *, is_pushed: bool
) -> Iterator[NumberDataPoint | HistogramDataPoint]:
    """Return the points of every destination; counts are since the start of its process."""
    now_ns = now_ms * _NS_PER_MS
    for destination, report in reports.items():
        start_s = report["process"].get("start_time_s") if "process" in report else None
        start_ns = now_ns if start_s is None else int(start_s * _NS_PER_S)
        for value, labels in row.points(report, now_ms):
            attributes = _attributes(row, destination, labels, is_pushed=is_pushed)
            if isinstance(value, dict):
                yield _histogram(value["counts"], value["sum"], row, attributes, (start_ns, now_ns))
            else:
                yield NumberDataPoint(attributes, start_ns, now_ns, value)


def _histogram(
    counts: Sequence[int],
    total: float,
    row: catalogue.Metric,
    attributes: Mapping[str, str | int],
    span_ns: tuple[int, int],
) -> HistogramDataPoint:
    """Return a histogram's point, without the smallest and the largest value, which nobody has kept."""
    start_ns, now_ns = span_ns
    return HistogramDataPoint(
        attributes=attributes,
        start_time_unix_nano=start_ns,
        time_unix_nano=now_ns,
        count=sum(counts),
        sum=total,
        bucket_counts=counts,
        explicit_bounds=row.bounds,
        min=None,  # type: ignore[arg-type] # both are optional in OTLP, and left out so
        max=None,  # type: ignore[arg-type]
    )


def _attributes(row: catalogue.Metric, destination: str, labels: Labels, *, is_pushed: bool) -> dict[str, str | int]:
    """Return the labels of a series as its form wants them."""
    if row.otel_name is None or not is_pushed:
        return {"destination": destination, **{label: labels[label] for label in row.labels}}
    named: dict[str, str | int] = {"destination": destination}
    for label in row.labels:
        value = labels[label]
        if value:
            named[CONVENTIONAL.get(label, label)] = int(value) if label in _NUMBERS else value
    status = named.get("http.response.status_code")
    if isinstance(status, int) and status >= _FIRST_ERROR:
        named["error.type"] = str(status)
    return named
