"""What two looks at a partition come to, by tables."""

from __future__ import annotations

from typing import Any

import pytest

from processor.lag.figures import (
    BEHIND,
    BEHIND_S,
    BEYOND_END,
    CIRCUIT_OPEN,
    EXPIRED,
    FLOWING,
    HELD,
    IDLE,
    NO_OWNER,
    NOT_STARTED,
    OFFSETS_LOST,
    PAUSED,
    STALL_S,
    STALLED,
    STATES,
    Rest,
    Row,
    above,
    catch_up_s,
    row,
    total,
)
from processor.lag.groups import Group, Owner
from processor.lag.oldest import Oldest
from processor.lag.places import Place
from processor.source.founding import Step

P0 = ("events", 0)
NOW_MS = 1_000_000_000
OWNED = Group("g", "STABLE", {P0: Owner("bridge", "10.0.0.1", "m")}, 1)
EMPTY = Group("g", "EMPTY")
HIDDEN = Group("g", trouble="a right is missing")


def place(committed: int | None = 10, end: int = 10, **other: Any) -> Place:  # noqa: ANN401 - any field
    """Return where a group stands; it goes on at its offset, or at the start of the log."""
    plain = {"step": Step.RESUME, "position": committed if committed is not None else 0, "log_start": 0}
    return Place(partition=P0, committed=committed, end=end, topic_id="id", **{**plain, **other})


def aged(seconds: float) -> Oldest:
    """Return an oldest record of that age."""
    return Oldest(round(NOW_MS - seconds * 1000))


def figures(
    now: Place, before: Place | None = None, oldest: Oldest | None = None, group: Group = OWNED, elapsed_s: float = 2.0
) -> Row:
    """Return the figures of a partition."""
    return row(now, before, elapsed_s, oldest, group, NOW_MS)


def test_a_partition_in_full() -> None:
    """Every figure of one that moves."""
    found = figures(place(100, 160), place(60, 140), aged(5))
    expected = Row(
        topic="events",
        partition=0,
        committed=100,
        end=160,
        lag=60,
        time_lag_s=5.0,
        rate_in=10.0,
        rate_out=20.0,
        catch_up_s=6.0,
        state=FLOWING,
        owner=Owner("bridge", "10.0.0.1", "m"),
    )
    assert expected == found


@pytest.mark.parametrize(
    ("now", "oldest", "lag", "age_s"),
    [
        (place(10, 10), None, 0, 0.0),
        (place(4, 10), aged(3), 6, 3.0),
        (place(4, 10), aged(-3), 6, 0.0),
        (place(4, 10), Oldest(None), 6, 0.0),
        (place(4, 10), Oldest(-1), 6, None),
        (place(4, 10), None, 6, None),
        (place(4, 10, position=7, log_start=7), aged(9), 6, 9.0),
        (place(12, 10, position=12), None, 0, 0.0),
        (place(None, 10, step=Step.FOUND), aged(8), 10, 8.0),
        (place(None, 10, step=Step.FOUND, position=10), None, 0, 0.0),
        (place(None, 10, step=Step.RECREATED, position=3, log_start=3), aged(8), 7, 8.0),
        (place(None, 10, step=Step.VANISHED, position=None), None, None, None),
    ],
)
def test_lag_in_records_and_in_time(now: Place, oldest: Oldest | None, lag: int | None, age_s: float | None) -> None:
    """Records are counted as Kafka does; the age is that of a record that can be seen, and unknown is not zero."""
    found = figures(now, oldest=oldest)
    assert (lag, age_s) == (found.lag, found.time_lag_s)


@pytest.mark.parametrize(
    ("before", "now", "elapsed_s", "expected"),
    [
        (None, place(4, 10), 0.0, (None, None)),
        (place(4, 10), place(8, 12), 2.0, (1.0, 2.0)),
        (place(4, 10), place(8, 12), 0.0, (None, None)),
        (place(4, 10)._replace(topic_id="old"), place(8, 12), 2.0, (None, None)),
        (place(None, 10, step=Step.FOUND), place(8, 12), 2.0, (1.0, None)),
        (place(None, 10, step=Step.FOUND), place(None, 12, step=Step.FOUND), 2.0, (1.0, 0.0)),
        (place(8, 12), place(4, 10), 2.0, (0.0, 0.0)),
    ],
)
def test_rates_need_two_looks_at_the_same_thing(
    before: Place | None, now: Place, elapsed_s: float, expected: tuple[float | None, float | None]
) -> None:
    """Another topic of the same name is another thing, and what has just begun has no rate."""
    found = figures(now, before, aged(1), elapsed_s=elapsed_s)
    assert expected == (found.rate_in, found.rate_out)


@pytest.mark.parametrize(
    ("lag", "rates", "expected"),
    [
        (0, (5.0, 1.0), 0.0),
        (0, (None, None), 0.0),
        (10, (1.0, 3.0), 5.0),
        (10, (3.0, 3.0), None),
        (10, (3.0, 1.0), None),
        (10, (None, 1.0), None),
        (10, (1.0, None), None),
        (None, (1.0, 3.0), None),
    ],
)
def test_time_to_catch_up(lag: int | None, rates: tuple[float | None, float | None], expected: float | None) -> None:
    """It is known where more is done than comes in."""
    assert expected == catch_up_s(lag, *rates)


MOVED, STOOD = place(2, 10), place(4, 10)
"""Before `place(4, 10)`: one that has been committed since, one that has not."""
BEHIND_ONE = place(4, 10)


@pytest.mark.parametrize(
    ("now", "before", "oldest", "group", "expected"),
    [
        (place(None, 10, step=Step.VANISHED, position=None), None, None, EMPTY, OFFSETS_LOST),
        (place(4, 10, position=7, log_start=7), MOVED, aged(1), OWNED, EXPIRED),
        (place(12, 10, position=12), None, None, OWNED, BEYOND_END),
        (BEHIND_ONE, MOVED, aged(1), EMPTY, NO_OWNER),
        (place(10, 10), None, None, EMPTY, NO_OWNER),
        (place(10, 10), None, None, HIDDEN, IDLE),
        (place(None, 10, step=Step.FOUND), None, aged(1), EMPTY, NOT_STARTED),
        (place(None, 10, step=Step.FOUND), None, aged(1), OWNED, NOT_STARTED),
        (place(None, 10, step=Step.FOUND), None, aged(1), Group("g", "STABLE", {}, 1), NO_OWNER),
        (place(10, 10), place(10, 10), None, OWNED, IDLE),
        (BEHIND_ONE, STOOD, Oldest(None), OWNED, IDLE),
        (BEHIND_ONE, STOOD, aged(STALL_S), OWNED, STALLED),
        (BEHIND_ONE, STOOD, None, OWNED, STALLED),
        (BEHIND_ONE, STOOD, aged(STALL_S - 0.1), OWNED, FLOWING),
        (BEHIND_ONE, MOVED, aged(BEHIND_S), OWNED, BEHIND),
        (BEHIND_ONE, MOVED, aged(BEHIND_S - 0.1), OWNED, FLOWING),
        (BEHIND_ONE, MOVED, None, OWNED, BEHIND),
        (BEHIND_ONE, None, aged(1), OWNED, FLOWING),
        (BEHIND_ONE, None, aged(BEHIND_S), OWNED, BEHIND),
    ],
)
def test_states(now: Place, before: Place | None, oldest: Oldest | None, group: Group, expected: str) -> None:
    """What needs an operator is said before how fast it goes."""
    assert expected == figures(now, before, oldest, group).state
    assert expected in STATES


@pytest.mark.parametrize(
    ("now", "group", "expected"),
    [
        (BEHIND_ONE, OWNED, PAUSED),
        (BEHIND_ONE, EMPTY, PAUSED),
        (place(10, 10), OWNED, PAUSED),
        (place(4, 10, position=7, log_start=7), OWNED, EXPIRED),
    ],
)
def test_a_pause_is_said_before_what_follows_from_it(now: Place, group: Group, expected: str) -> None:
    """That it stands, or nobody owns it, is then no news; that records are lost is."""
    assert row(now, now, 2.0, aged(BEHIND_S), group, NOW_MS, Rest(is_paused=True)).state == expected


@pytest.mark.parametrize(
    ("now", "group", "reason", "expected"),
    [
        (BEHIND_ONE, OWNED, "http_401", HELD),
        (BEHIND_ONE, HIDDEN, "http_401", HELD),
        (place(10, 10), OWNED, "http_401", HELD),
        (place(None, 10, step=Step.FOUND), OWNED, "http_401", HELD),
        (BEHIND_ONE, OWNED, "circuit_open", CIRCUIT_OPEN),
        (BEHIND_ONE, EMPTY, "http_401", NO_OWNER),
        (place(4, 10, position=7, log_start=7), OWNED, "http_401", EXPIRED),
    ],
)
def test_what_its_process_says_comes_before_what_offsets_say(
    now: Place, group: Group, reason: str, expected: str
) -> None:
    """Of the partitions that the process owns, from the moment on in which it says so, and with its reason."""
    found = row(now, now, 2.0, aged(1), group, NOW_MS, Rest(halted={P0: reason}))
    assert (found.state, found.reason) == (expected, reason if expected == HELD else "")
    elsewhere = row(BEHIND_ONE, MOVED, 2.0, aged(1), OWNED, NOW_MS, Rest(halted={("events", 1): reason}))
    assert (elsewhere.state, elsewhere.reason) == (FLOWING, "")
    paused = row(now, now, 2.0, aged(1), group, NOW_MS, Rest(is_paused=True, halted={P0: reason}))
    assert paused.reason == ""


@pytest.mark.parametrize(
    ("before", "age_s", "expected"),
    [
        (STOOD, 30.0 + STALL_S - 0.1, FLOWING),
        (STOOD, 30.0 + STALL_S, STALLED),
        (MOVED, 30.0 + BEHIND_S - 0.1, FLOWING),
        (MOVED, 30.0 + BEHIND_S, BEHIND),
    ],
)
def test_waiting_for_a_batch_to_fill_is_no_standstill(before: Place, age_s: float, expected: str) -> None:
    """A destination whose batches wait for half a minute commits nothing in between, and works."""
    found = row(BEHIND_ONE, before, 2.0, aged(age_s), OWNED, NOW_MS, Rest(wait_s=30.0))
    assert (expected, age_s) == (found.state, found.time_lag_s)


def test_expired_records_are_counted() -> None:
    """Those between the offset and the start of the log; without an offset nobody has lost anything."""
    assert figures(place(4, 10, position=7, log_start=7)).expired == 3
    assert figures(place(None, 10, step=Step.ADDED, position=7, log_start=7)).expired == 0


def test_a_destination_is_the_sum_of_its_partitions() -> None:
    """Sums, the oldest record, the worst state."""
    rows = [
        Row(lag=3, time_lag_s=4.0, rate_in=1.0, rate_out=2.0, state=FLOWING, expired=1),
        Row(lag=2, time_lag_s=9.0, rate_in=1.0, rate_out=5.0, state=STALLED, expired=2),
    ]
    whole = Row(
        lag=5,
        time_lag_s=9.0,
        rate_in=2.0,
        rate_out=7.0,
        catch_up_s=1.0,
        state=STALLED,
        expired=3,
    )
    assert whole == total(rows)
    held = Row(lag=0, time_lag_s=0.0, rate_in=0.0, rate_out=0.0, state=HELD, reason="http_401")
    assert (total([*rows, held]).state, total([*rows, held]).reason) == (HELD, "http_401")
    other = Row(lag=None, time_lag_s=None, rate_in=None, rate_out=None, state=IDLE)
    found = total([*rows, other])
    unknown = (found.lag, found.time_lag_s, found.rate_in, found.rate_out, found.catch_up_s)
    assert (None,) * 5 == unknown
    assert Row(lag=0, time_lag_s=0.0, rate_in=0, rate_out=0, catch_up_s=0.0) == total([])


@pytest.mark.parametrize(
    ("lag", "ages", "bounds", "expected"),
    [
        (5, [1.0], (5, 1.0), []),
        (6, [1.0], (5, None), ["lag 6 is above 5"]),
        (None, [1.0], (5, None), ["its lag is not known"]),
        (5, [1.0, 2.0], (None, 1.5), ["the oldest unfinished record is older than 1.5 s, or not known: t[1]"]),
        (
            9,
            [2.0, None, 2.0, 2.0],
            (5, 1.0),
            ["lag 9 is above 5", "the oldest unfinished record is older than 1 s, or not known: t[0], t[1], t[2]"],
        ),
        (9, [2.0], (None, None), []),
    ],
)
def test_bounds(
    lag: int | None, ages: list[float | None], bounds: tuple[int | None, float | None], expected: list[str]
) -> None:
    """A bound itself is fine; what is not known is not."""
    rows = [Row(topic="t", partition=number, time_lag_s=age) for number, age in enumerate(ages)]
    found = above(rows, Row(lag=lag), *bounds)
    more = [" and 1 more" if len(ages) > 3 and "older" in text else "" for text in expected]
    assert [f"{text}{tail}" for text, tail in zip(expected, more, strict=True)] == found
