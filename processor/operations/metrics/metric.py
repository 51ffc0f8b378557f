"""What a metric is, and how its points are found in a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from processor.operations.histogram import HistogramReport
from processor.operations.status import PartitionReport, ProcessReport, StatusReport
from processor.operations.tally import TallyReport

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]
Value: TypeAlias = "float | HistogramReport"
Point: TypeAlias = "tuple[Value, Mapping[str, str]]"
"""A value and its labels, `destination` aside; a histogram's value is its counts by bucket."""
Points: TypeAlias = Callable[[StatusReport, int], Iterable[Point]]
"""Gives the points of one destination at a time in epoch milliseconds."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the catalogue: what it is called, what it means, and where in a report its points are.

    Attributes:
        name: The name in Prometheus, and in OpenTelemetry unless `otel_name` says another. A histogram's series carry
            `_bucket`, `_count` and `_sum` behind it.
        kind: What Prometheus calls its type.
        unit: In UCUM, as OpenTelemetry writes units: `s`, `By`, or what is counted in braces; `1` where it is a fact.
        labels: The labels beside `destination`, which every series has. One that does not apply is empty.
        description: What it counts or measures.
        points: Where its points are.
        bounds: The upper bounds of a histogram's buckets, in its unit.
        otel_name: The name by the semantic conventions of OpenTelemetry, where they have one.
    """

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    description: str
    points: Points
    bounds: Sequence[float] = ()
    otel_name: str | None = None


def reported(read: Callable[[StatusReport], Iterable[Point]]) -> Points:
    """Return points that are in the report whatever the time is."""
    return lambda report, _: read(report)


def tallied(read: Callable[[TallyReport], Iterable[Point]]) -> Points:
    """Return points read from the tally of a report, none while there is no tally."""

    def points(report: StatusReport, _: int) -> Iterable[Point]:
        tally = report.get("tally")
        return () if tally is None else read(tally)

    return points


def per_partition(read: Callable[[PartitionReport], float | None]) -> Points:
    """Return a point for each assigned partition of which the value is known."""

    def points(report: StatusReport, _: int) -> Iterator[Point]:
        for partition in report.get("partitions", []):
            value = read(partition)
            if value is not None:
                yield value, {"topic": partition["topic"], "partition": str(partition["partition"])}

    return points


def in_process(read: Callable[[ProcessReport], float | None]) -> Points:
    """Return the point of a figure of the process, none where the system does not tell it."""

    def points(report: StatusReport, _: int) -> Iterator[Point]:
        process = report.get("process")
        value = None if process is None else read(process)
        if value is not None:
            yield value, {}

    return points


def gauge(name: str) -> Points:
    """Return the point of one of the report's present values, none where it has no such."""

    def points(report: StatusReport, _: int) -> Iterator[Point]:
        gauges = report.get("gauges", {})
        if name in gauges:
            yield gauges[name], {}

    return points


def by(label: str, values: Mapping[str, Value]) -> Iterator[Point]:
    """Return a point for each value, labelled with its key."""
    return ((value, {label: key}) for key, value in values.items())


def by_two(first: str, second: str, counts: Mapping[str, Mapping[str, int]]) -> Iterator[Point]:
    """Return a point for each count, labelled with its two keys."""
    return (
        (count, {first: outer, second: inner}) for outer, inners in counts.items() for inner, count in inners.items()
    )


def fact(is_true: bool) -> float:  # noqa: FBT001 - the one thing it is about
    """Return what a gauge says about something that is so or not."""
    return 1.0 if is_true else 0.0
