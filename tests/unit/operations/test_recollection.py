"""What the page remembers: points of lag and failures, from one look to the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from processor.model import Outcome
from processor.operations.recollection import (
    FAILURE_COUNT,
    GONE,
    POINT_COUNT,
    POINT_MS,
    TROUBLES,
    FailureReport,
    HistoryReport,
    Recollection,
)
from processor.operations.status import State, StatusReport
from processor.operations.tally import Tally
from processor.source.notices import NoticeCode

START_MS = 1_000 * POINT_MS


def lagging(*lags: int | None, time_lag_s: float | None = 1.0, state: State = "running") -> StatusReport:
    """Return the report of a destination whose partitions have these lags."""
    partitions: Any = [
        {"topic": "t", "partition": number, "lag": lag, "time_lag_s": time_lag_s} for number, lag in enumerate(lags)
    ]
    return StatusReport(state=state, partitions=partitions)


def counted(tally: Tally, state: State = "running", reason: str = "") -> StatusReport:
    """Return the report of a destination with these counts."""
    return StatusReport(state=state, reason=reason, tally=tally.report())


def history(memory: Recollection) -> HistoryReport:
    """Return the history of the only destination."""
    (found,) = memory.histories().values()
    return found


def failures(memory: Recollection) -> list[FailureReport]:
    """Return the failures of the only destination."""
    (found,) = memory.failures().values()
    return found


def looked(*looks: tuple[int, StatusReport]) -> Recollection:
    """Return what is remembered after looks, each at milliseconds after the start of a point."""
    memory = Recollection()
    for at_ms, report in looks:
        memory.look({"a": report}, START_MS + at_ms)
    return memory


def test_a_point_keeps_the_highest_of_its_looks() -> None:
    """A peak between two points is seen, and the next point begins anew."""
    memory = looked(
        (0, lagging(3, time_lag_s=0.26)),
        (5_000, lagging(9, 1, time_lag_s=7.0)),
        (10_000, lagging(2)),
        (POINT_MS, lagging(1, time_lag_s=0.0)),
    )
    assert history(memory) == {
        "start_ms": START_MS,
        "interval_s": POINT_MS / 1000,
        "lag": [10, 1],
        "time_lag_s": [7.0, 0.0],
        "delivered": [0, 0],
    }


def test_what_is_not_known_is_no_zero() -> None:
    """Without partitions, without marks, and while nobody looked, a point knows nothing."""
    memory = looked((0, {}), (POINT_MS, lagging(None, time_lag_s=None)), (4 * POINT_MS, lagging(5)))
    assert history(memory)["lag"] == [None, None, None, None, 5]
    assert history(memory)["time_lag_s"] == [None, None, None, None, 1.0]


def test_a_process_that_is_gone_has_no_lag() -> None:
    """Its last report still tells of partitions, which are somebody else's by now."""
    for state in sorted(GONE):
        memory = looked((0, lagging(5)), (POINT_MS, lagging(5, state=state)))  # type: ignore[arg-type]  # one of State
        assert history(memory)["lag"] == [5, None]
        assert history(memory)["time_lag_s"] == [1.0, None]


def test_the_history_is_bounded() -> None:
    """After any time, and after a pause longer than everything that is kept, there are so many points and no more."""
    memory = Recollection()
    for point in range(3 * POINT_COUNT):
        memory.look({"a": lagging(point)}, START_MS + point * POINT_MS)
    kept = history(memory)
    assert kept["lag"] == list(range(2 * POINT_COUNT, 3 * POINT_COUNT))
    assert kept["start_ms"] == START_MS + 2 * POINT_COUNT * POINT_MS
    memory.look({"a": lagging(7)}, START_MS + 10_000 * POINT_MS)
    assert history(memory)["lag"] == [None] * (POINT_COUNT - 1) + [7]


def test_a_clock_that_is_set_back_begins_a_new_history() -> None:
    """What lies in the future is no history."""
    memory = looked((5 * POINT_MS, lagging(1)), (0, lagging(2)))
    assert history(memory)["lag"] == [2]
    assert history(memory)["start_ms"] == START_MS


def test_deliveries_count_where_they_were_seen_also_after_a_restart() -> None:
    """A process that begins again counts from zero; what it has delivered since then is what counts."""
    tally, fresh = Tally(), Tally()
    tally.done(Outcome.DELIVERED, count=10)
    first = counted(tally)
    tally.done(Outcome.DELIVERED, count=5)
    fresh.done(Outcome.DELIVERED, count=2)
    memory = looked((0, first), (5_000, counted(tally)), (POINT_MS, {}), (2 * POINT_MS, counted(fresh)))
    assert history(memory)["delivered"] == [15, 0, 2]


def test_failures_are_told_by_what_and_reason_the_latest_first() -> None:
    """Requests by endpoint, dead letters and troubles: with their counts, and when they last became more."""
    tally = Tally()
    tally.retry("events", "http_503")
    tally.done(Outcome.DEAD_LETTERED, "no_identity", 2)
    first = counted(tally)
    tally.note("broker_error")
    tally.note("holds")
    tally.retry("events", "http_503")
    memory = looked((0, first), (5_000, counted(tally)), (10_000, counted(tally)))
    later_ms = START_MS + 5_000
    assert sorted(failures(memory)[:2], key=lambda each: each["what"]) == [
        {"what": "occurrence", "where": "", "reason": "broker_error", "count": 1, "latest_ms": later_ms},
        {"what": "request", "where": "events", "reason": "http_503", "count": 2, "latest_ms": later_ms},
    ]
    assert failures(memory)[2:] == [
        {"what": "dead_letter", "where": "", "reason": "no_identity", "count": 2, "latest_ms": START_MS}
    ]


def test_a_failure_of_a_process_that_began_again_is_a_new_one() -> None:
    """Its count is smaller than before, and it has happened all the same."""
    before, after = Tally(), Tally()
    for _ in range(3):
        before.retry("events", "timeout")
    after.retry("events", "timeout")
    memory = looked((0, counted(before)), (5_000, counted(after)), (6_000, counted(Tally())))
    assert failures(memory) == [
        {"what": "request", "where": "events", "reason": "timeout", "count": 1, "latest_ms": START_MS + 5_000}
    ]


def test_a_hold_counts_how_often_it_began_and_when_it_was_last_seen() -> None:
    """Looking at one hold for long counts it once; a second one counts again."""
    tally = Tally()
    held, well = counted(tally, "held", "http_401"), counted(tally)
    memory = looked((0, held), (5_000, held), (10_000, well), (15_000, held), (20_000, well))
    assert failures(memory) == [
        {"what": "hold", "where": "", "reason": "http_401", "count": 2, "latest_ms": START_MS + 15_000}
    ]


def test_failures_are_bounded_and_the_oldest_go() -> None:
    """A vendor with ever new answers fills no memory."""
    tally, memory = Tally(), Recollection()
    for number in range(FAILURE_COUNT + 5):
        tally.retry("events", f"http_{number}")
        memory.look({"a": counted(tally)}, START_MS + number)
    reasons = [each["reason"] for each in failures(memory)]
    assert reasons == [f"http_{number}" for number in range(FAILURE_COUNT + 4, 4, -1)]


def test_each_destination_has_its_own_memory_until_it_is_gone() -> None:
    """Nothing of one is told of another, and what is not reported any more is forgotten."""
    memory = Recollection()
    both: Mapping[str, StatusReport] = {"a": lagging(1), "b": lagging(2)}
    memory.look(both, START_MS)
    assert {name: each["lag"] for name, each in memory.histories().items()} == {"a": [1], "b": [2]}
    memory.look({"b": lagging(3)}, START_MS)
    assert {name: each["lag"] for name, each in memory.histories().items()} == {"b": [3]}
    assert set(memory.failures()) == {"b"}


def test_troubles_are_occurrences_that_exist() -> None:
    """A name that nothing counts under would never be seen."""
    assert set() == TROUBLES - {code.value for code in NoticeCode} - {"unknown_outcomes"}
