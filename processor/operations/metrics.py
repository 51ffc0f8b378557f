"""The catalogue of metrics, and their export in the Prometheus format through OpenTelemetry.

Nothing is measured here: observable instruments read the reports of all destinations when somebody asks for
`/metrics`. A supervisor and a single process therefore export in the same way.
Imported only where the page is served, because the libraries behind it cost memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, generate_latest

from processor.operations.status import ReadAll, StatusReport, is_alive, is_ready
from processor.operations.tally import RecordCounts, TallyReport

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Point: TypeAlias = tuple[float, Mapping[str, str]]
Points: TypeAlias = Callable[[StatusReport], Iterable[Point]]
Kind: TypeAlias = Literal["counter", "gauge"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the catalogue: what it is called, what it means, and where in a report its points are."""

    name: str
    kind: Kind
    description: str
    points: Points


def _tally(points: Callable[[TallyReport], Iterable[Point]]) -> Points:
    """Return points read from the tally of a report, none while there is no tally."""

    def read(report: StatusReport) -> Iterable[Point]:
        tally = report.get("tally")
        return () if tally is None else points(tally)

    return read


def _by(label: str, counts: Mapping[str, float]) -> Iterator[Point]:
    return ((count, {label: key}) for key, count in counts.items())


def _by_two(first: str, second: str, counts: Mapping[str, Mapping[str, int]]) -> Iterator[Point]:
    return (
        (count, {first: outer, second: inner}) for outer, inners in counts.items() for inner, count in inners.items()
    )


def _ended(records: RecordCounts) -> Iterator[Point]:
    by_outcome = {
        "delivered": records["delivered"],
        "skipped": records["skipped"],
        "dead_lettered": records["dead_lettered"],
        "released": records["released"],
    }
    return _by_two("outcome", "reason", by_outcome)


def _partition_points(key: Literal["lag", "time_lag_s", "committed", "end"]) -> Points:
    def read(report: StatusReport) -> Iterator[Point]:
        for partition in report.get("partitions", []):
            value = partition.get(key)
            if value is not None:
                yield value, {"topic": partition["topic"], "partition": str(partition["partition"])}

    return read


def _process_points(key: Literal["memory_bytes", "cpu_seconds"]) -> Points:
    def read(report: StatusReport) -> Iterator[Point]:
        process = report.get("process")
        if process is not None:
            yield process[key], {}

    return read


def _mapping(report: StatusReport) -> Iterator[Point]:
    if "mapping_hash" in report:
        yield 1.0, {"mapping_hash": report["mapping_hash"]}


def _reloads(report: StatusReport) -> Iterable[Point]:
    return _by("result", report["reload"]["results"]) if "reload" in report else ()


def _gauges(report: StatusReport) -> Iterator[Point]:
    return _by("gauge", report.get("gauges", {}))


CATALOGUE: tuple[Metric, ...] = (
    Metric(
        "segment_bridge_destination_ready",
        "gauge",
        "1 when the destination consumes and delivers.",
        lambda report: [(float(is_ready(report)), {})],
    ),
    Metric(
        "segment_bridge_destination_alive",
        "gauge",
        "0 when only a restart can help the destination.",
        lambda report: [(float(is_alive(report)), {})],
    ),
    Metric(
        "segment_bridge_destination_state",
        "gauge",
        "1 for the state that the destination is in.",
        lambda report: [(1.0, {"state": report.get("state", "starting"), "reason": report.get("reason", "")})],
    ),
    Metric(
        "segment_bridge_restarts_total",
        "counter",
        "Times that the destination's process was started again.",
        lambda report: [(report.get("restart_count", 0), {})],
    ),
    Metric(
        "segment_bridge_mapping_info",
        "gauge",
        "1 for the hash of the mapping that is in force.",
        _mapping,
    ),
    Metric(
        "segment_bridge_reloads_total",
        "counter",
        "Times that the settings were loaded again, by result: applied, refused (the old ones stay in force) or "
        "unchanged.",
        _reloads,
    ),
    Metric(
        "segment_bridge_consumed_records_total",
        "counter",
        "Records read from Kafka.",
        _tally(lambda tally: [(tally["records"]["consumed"], {})]),
    ),
    Metric(
        "segment_bridge_consumed_bytes_total",
        "counter",
        "Bytes of the values read.",
        _tally(lambda tally: [(tally["consumed_bytes"], {})]),
    ),
    Metric(
        "segment_bridge_records_total",
        "counter",
        "Records that ended, by outcome and reason.",
        _tally(lambda tally: _ended(tally["records"])),
    ),
    Metric(
        "segment_bridge_in_flight_records",
        "gauge",
        "Records read that have not ended.",
        _tally(lambda tally: [(tally["records"]["in_flight"], {})]),
    ),
    Metric(
        "segment_bridge_payloads_total",
        "counter",
        "Payloads that ended, by endpoint and outcome.",
        _tally(lambda tally: _by_two("endpoint", "outcome", tally["payloads"])),
    ),
    Metric(
        "segment_bridge_requests_total",
        "counter",
        "Attempts, by endpoint and by status or the reason why no answer came.",
        _tally(lambda tally: _by_two("endpoint", "status", tally["requests"])),
    ),
    Metric(
        "segment_bridge_request_seconds_total",
        "counter",
        "Time spent waiting for answers, by endpoint.",
        _tally(lambda tally: _by("endpoint", tally["request_seconds"])),
    ),
    Metric(
        "segment_bridge_request_body_bytes_total",
        "counter",
        "Bytes of request bodies before compression.",
        _tally(lambda tally: _by("endpoint", tally["request_bytes"])),
    ),
    Metric(
        "segment_bridge_request_wire_bytes_total",
        "counter",
        "Bytes of request bodies as they were sent.",
        _tally(lambda tally: _by("endpoint", tally["wire_bytes"])),
    ),
    Metric(
        "segment_bridge_retries_total",
        "counter",
        "Batches sent again, by endpoint and reason.",
        _tally(lambda tally: _by_two("endpoint", "reason", tally["retries"])),
    ),
    Metric(
        "segment_bridge_warnings_total",
        "counter",
        "Payloads delivered with something odd about them, by code.",
        _tally(lambda tally: _by("code", tally["warnings"])),
    ),
    Metric(
        "segment_bridge_occurrences_total",
        "counter",
        "Happenings of the pipeline itself, by name.",
        _tally(lambda tally: _by("occurrence", tally["events"])),
    ),
    Metric(
        "segment_bridge_records_expired_total",
        "counter",
        "Records that the broker deleted before they were read, by partition.",
        _tally(lambda tally: _by_two("topic", "partition", tally["expired"])),
    ),
    Metric(
        "segment_bridge_lag_records",
        "gauge",
        "End of the log minus committed, by partition.",
        _partition_points("lag"),
    ),
    Metric(
        "segment_bridge_time_lag_seconds",
        "gauge",
        "Age of the oldest unfinished record, by partition.",
        _partition_points("time_lag_s"),
    ),
    Metric("segment_bridge_pipeline_gauge", "gauge", "Other present values of the pipeline, by name.", _gauges),
    Metric(
        "segment_bridge_memory_bytes",
        "gauge",
        "Resident memory of the process.",
        _process_points("memory_bytes"),
    ),
    Metric(
        "segment_bridge_cpu_seconds_total",
        "counter",
        "CPU time of the process.",
        _process_points("cpu_seconds"),
    ),
)


class Exporter:
    """Renders the reports of all destinations as Prometheus text. Own registry, so that several can live in a test."""

    def __init__(self, read_all: ReadAll) -> None:
        """Register every metric of the catalogue; `read_all` is called at each render."""
        self._registry = CollectorRegistry()
        reader = PrometheusMetricReader(disable_target_info=True, registry=self._registry, scope_info_enabled=False)
        self._provider = MeterProvider(metric_readers=[reader], resource=Resource({}), shutdown_on_exit=False)
        meter = self._provider.get_meter("segment-bridge")
        for metric in CATALOGUE:
            _register(meter, metric, read_all)

    def render(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        return generate_latest(self._registry)

    def close(self) -> None:
        """Release the provider; nothing is rendered afterwards."""
        self._provider.shutdown()


def _register(meter: Meter, metric: Metric, read_all: ReadAll) -> None:
    """Let `meter` read the points of `metric` from every destination, each labelled with its name."""

    def observe(_: CallbackOptions) -> Iterator[Observation]:
        for destination, report in read_all().items():
            for value, labels in metric.points(report):
                yield Observation(value, {"destination": destination, **labels})

    if metric.kind == "counter":
        name = metric.name.removesuffix("_total")  # the exporter adds the suffix to every counter
        meter.create_observable_counter(name, [observe], description=metric.description)
    else:
        meter.create_observable_gauge(metric.name, [observe], description=metric.description)
