"""Histograms in plain integers, against counting by hand."""

from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from processor.operations.histogram import (
    BATCH_BYTES,
    BATCH_PAYLOADS,
    EVENT_AGE_SECONDS,
    REQUEST_SECONDS,
    Histogram,
    HistogramReport,
)

NOW_MS = 1_796_000_000_000
BOUNDS = (1.0, 5.0, 60.0)
TIMES = st.lists(st.integers(NOW_MS - 100_000, NOW_MS + 5_000), min_size=1, max_size=40)


def by_hand(values: list[float]) -> HistogramReport:
    """Return the histogram of values, each compared with every bound."""
    edges = [float("-inf"), *BOUNDS, float("inf")]
    counts = [sum(low < value <= high for value in values) for low, high in pairwise(edges)]
    return HistogramReport(counts=counts, sum=sum(values))


def assert_equal(expected: HistogramReport, found: HistogramReport) -> None:
    """Compare counts exactly and sums but for what floats lose."""
    assert expected["counts"] == found["counts"]
    assert abs(expected["sum"] - found["sum"]) < 1e-6


@given(values=st.lists(st.one_of(st.floats(0, 100), st.sampled_from(BOUNDS))))
def test_a_value_falls_into_the_first_bucket_that_reaches_it(values: list[float]) -> None:
    """A bound belongs to the bucket that it closes, as in Prometheus and OTLP; beyond the last there is one more."""
    histogram = Histogram(BOUNDS)
    for value in values:
        histogram.add(value)
    assert_equal(by_hand(values), histogram.report())


@given(batches=st.lists(TIMES, max_size=5))
def test_ages_counted_together_are_the_ages_one_by_one(batches: list[list[int]]) -> None:
    """Looking up only the oldest and the youngest of a batch comes to the same; the future is no time ago."""
    histogram = Histogram(BOUNDS)
    for times_ms in batches:
        histogram.add_ages(NOW_MS, times_ms)
    ages = [max(0, NOW_MS - time_ms) / 1000 for times_ms in batches for time_ms in times_ms]
    assert_equal(by_hand(ages), histogram.report())


def test_a_report_is_fit_for_json_and_does_not_move() -> None:
    """Counting on leaves a report as it was."""
    histogram = Histogram(BOUNDS)
    histogram.add(2.0, count=3)
    report = histogram.report()
    histogram.add(2.0)
    assert json.loads(json.dumps(report)) == {"counts": [0, 3, 0, 0], "sum": 6.0}


def test_bounds_ascend() -> None:
    """A bound out of order would hide values from every bucket behind it."""
    for bounds in (BATCH_BYTES, BATCH_PAYLOADS, EVENT_AGE_SECONDS, REQUEST_SECONDS):
        assert list(bounds) == sorted(set(bounds))
