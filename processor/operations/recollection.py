"""What the page remembers of the reports that it has seen: how the lag went, and what failed when.

Reports say how things are now and how often something happened since a process started. Comparing each with the one
before costs the pipeline nothing, and survives the process that it tells of. Everything here is bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias, TypedDict, TypeVar

from processor.operations.status import StatusReport, total_lag

POINT_COUNT: Final = 120
POINT_MS: Final = 15_000
"""A point of the history stands for so long; all of them for half an hour."""
FAILURE_COUNT: Final = 30
"""So many kinds of failure of a destination are remembered, the latest ones."""
TROUBLES: Final = frozenset(
    {
        "broker_error",
        "headers_lost",
        "records_expired",
        "start_waiting",
        "store_refused",
        "topic_missing",
        "topic_recreated",
        "unknown_outcomes",
    }
)
"""Occurrences that are failures; others are told by state and outcomes, or need nobody."""
GONE: Final = frozenset({"restarting", "refused", "stopped"})
"""States of a destination without a process: what its last report says of partitions is over."""

What: TypeAlias = Literal["request", "dead_letter", "hold", "occurrence"]
Number = TypeVar("Number", int, float)
Failure: TypeAlias = tuple[What, str, str]
"""What failed, where (the endpoint of a request, else nothing), and the reason as a code."""


class HistoryReport(TypedDict):
    """One destination's last half hour, oldest first; a list for each figure, all of one length.

    `start_ms` is the epoch time at which the first point begins, `interval_s` how long each lasts. `lag` (records) and
    `time_lag_s` are the highest that were seen in a point, None where they were not known; `delivered` are the records
    that were delivered in it. The last point is still growing.
    """

    start_ms: int
    interval_s: float
    lag: list[int | None]
    time_lag_s: list[float | None]
    delivered: list[int]


class FailureReport(TypedDict):
    """A kind of failure. `count` is since the start of the process, `latest_ms` when it was last seen to grow."""

    what: What
    where: str
    reason: str
    count: int
    latest_ms: int


class Past:
    """What is remembered of one destination."""

    __slots__ = ("_counts", "_delivered", "_failures", "_hold", "_last_point", "_points")

    def __init__(self) -> None:
        """Start with nothing."""
        self._points: deque[tuple[int | None, float | None, int]] = deque(maxlen=POINT_COUNT)
        self._last_point = 0
        self._delivered = 0
        self._counts: dict[Failure, int] = {}
        self._failures: dict[Failure, tuple[int, int]] = {}
        self._hold = ""

    def look(self, report: StatusReport, now_ms: int) -> None:
        """Take in how a destination is at this time."""
        self._look_at_lag(report, now_ms)
        self._look_at_failures(report, now_ms)

    def _look_at_lag(self, report: StatusReport, now_ms: int) -> None:
        """Let the present point grow; what nobody looked at in between has points that know nothing."""
        point = now_ms // POINT_MS
        missed_count = point - self._last_point if self._points else 1
        if missed_count < 0:  # the wall clock was set back: what is remembered lies in the future
            self._points.clear()
            missed_count = 1
        for _ in range(min(missed_count, POINT_COUNT)):
            self._points.append((None, None, 0))
        self._last_point = point
        lag, time_lag_s, delivered_count = self._points[-1]
        self._points[-1] = (
            _higher(lag, _lag(report)),
            _higher(time_lag_s, _time_lag_s(report)),
            delivered_count + self._newly_delivered(report),
        )

    def _newly_delivered(self, report: StatusReport) -> int:
        """Return the records delivered since the last look; a process that was started again counts from zero."""
        tally = report.get("tally")
        if tally is None:
            return 0
        before, self._delivered = self._delivered, sum(tally["records"]["delivered"].values())
        return self._delivered - before if self._delivered >= before else self._delivered

    def _look_at_failures(self, report: StatusReport, now_ms: int) -> None:
        """Remember the failures that have become more."""
        hold = report.get("reason", "") if report.get("state") == "held" else ""
        if hold:
            times, _ = self._failures.get(("hold", "", hold), (0, 0))
            self._remember(("hold", "", hold), times + (hold != self._hold), now_ms)
        self._hold = hold
        for failure, count in _failures(report):
            before = self._counts.get(failure, 0)
            self._counts[failure] = count
            if count > before or 0 < count < before:
                self._remember(failure, count, now_ms)

    def _remember(self, failure: Failure, count: int, now_ms: int) -> None:
        """Put a failure behind all others, and forget the one that was quiet longest when there are too many."""
        self._failures.pop(failure, None)
        self._failures[failure] = count, now_ms
        if len(self._failures) > FAILURE_COUNT:
            del self._failures[next(iter(self._failures))]

    def history(self) -> HistoryReport:
        """Return the history as plain values."""
        first = self._last_point - len(self._points) + 1
        return HistoryReport(
            start_ms=first * POINT_MS,
            interval_s=POINT_MS / 1000,
            lag=[lag for lag, _, _ in self._points],
            time_lag_s=[time_lag_s for _, time_lag_s, _ in self._points],
            delivered=[count for _, _, count in self._points],
        )

    def failures(self) -> list[FailureReport]:
        """Return the failures, the latest first."""
        return [
            FailureReport(what=what, where=where, reason=reason, count=count, latest_ms=latest_ms)
            for (what, where, reason), (count, latest_ms) in reversed(self._failures.items())
        ]


class Recollection:
    """What is remembered of every destination."""

    def __init__(self) -> None:
        """Start with no destination."""
        self._pasts: dict[str, Past] = {}

    def look(self, reports: Mapping[str, StatusReport], now_ms: int) -> None:
        """Take in the present reports; a destination that has none any more is forgotten."""
        self._pasts = {name: self._pasts[name] if name in self._pasts else Past() for name in reports}
        for name, report in reports.items():
            self._pasts[name].look(report, now_ms)

    def histories(self) -> dict[str, HistoryReport]:
        """Return the history of each destination."""
        return {name: past.history() for name, past in self._pasts.items()}

    def failures(self) -> dict[str, list[FailureReport]]:
        """Return the latest failures of each destination."""
        return {name: past.failures() for name, past in self._pasts.items()}


def _lag(report: StatusReport) -> int | None:
    return None if report.get("state") in GONE else total_lag(report)


def _time_lag_s(report: StatusReport) -> float | None:
    """Return the longest time lag of a partition in tenths, None where it is not known, or known to be 0 for some."""
    if report.get("state") in GONE:
        return None
    ages = [partition.get("time_lag_s") for partition in report.get("partitions", [])]
    longest = max((age for age in ages if age is not None), default=0.0)
    return round(longest, 1) if longest or (ages and None not in ages) else None


def _higher(one: Number | None, other: Number | None) -> Number | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _failures(report: StatusReport) -> Iterator[tuple[Failure, int]]:
    """Yield every failure that a report counts."""
    tally = report.get("tally")
    if tally is None:
        return
    for endpoint, reasons in tally["retries"].items():
        for reason, count in reasons.items():
            yield ("request", endpoint, reason), count
    for reason, count in tally["records"]["dead_lettered"].items():
        yield ("dead_letter", "", reason), count
    for name, count in tally["events"].items():
        if name in TROUBLES:
            yield ("occurrence", "", name), count
