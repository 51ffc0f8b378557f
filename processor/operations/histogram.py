"""Counts by size: how many values fell into each bucket, in plain integers.

The bounds stand here, beside what counts by them, so that counting needs nothing of the libraries that export.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, TypedDict

REQUEST_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
EVENT_AGE_SECONDS: Final = (
    *(1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0),
    *(3_600.0, 21_600.0, 86_400.0, 604_800.0),
)
BATCH_PAYLOADS: Final = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0)
BATCH_BYTES: Final = (1_024.0, 4_096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0)

_MS: Final = 1000


class HistogramReport(TypedDict):
    """A histogram as plain values. `counts` has one more than there are bounds: what is above the last one."""

    counts: list[int]
    sum: float


class Histogram:
    """How many values are at most each bound and above the one before it, and their sum."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        """Start with nothing counted; the bounds ascend."""
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float, count: int = 1) -> None:
        """Count a value, or several that are alike."""
        self._counts[bisect_left(self._bounds, value)] += count
        self._sum += value * count

    def add_ages(self, now_ms: int, times_ms: Sequence[int]) -> None:
        """Count in seconds how long ago each of these times was; one in the future is no time ago.

        The times of one request are mostly of one bucket: then the oldest and the youngest are looked up alone.
        """
        oldest_s = (now_ms - min(times_ms)) / _MS
        youngest_s = (now_ms - max(times_ms)) / _MS
        at = bisect_left(self._bounds, oldest_s)
        if youngest_s >= 0 and at == bisect_left(self._bounds, youngest_s):
            self._counts[at] += len(times_ms)
            self._sum += (now_ms * len(times_ms) - sum(times_ms)) / _MS
            return
        for time_ms in times_ms:
            self.add(max(0, now_ms - time_ms) / _MS)

    def report(self) -> HistogramReport:
        """Return the counts as plain values that later counting does not change."""
        return HistogramReport(counts=list(self._counts), sum=self._sum)
