"""Whether a request can still be answered before a flush ends."""

from __future__ import annotations

import pytest

from processor.delivery.flush_time import FlushTime


def test_without_a_flush_everything_may_start() -> None:
    """Nothing ends, however slow the answers are."""
    time = FlushTime()
    time.note(1e6)
    assert time.allows(1e9)


def test_without_answers_half_of_the_time_is_kept_for_one() -> None:
    """Of ten seconds the last five start nothing."""
    time = FlushTime()
    time.begin(100.0, 110.0)
    assert [time.allows(at_s) for at_s in (104.9, 105.0)] == [True, False]


@pytest.mark.parametrize(
    ("durations_s", "last_s"), [((1.0,), 108.0), ((3.0, 1.0), 104.3), ((3.0,) + (1.0,) * 50, 108.0)]
)
def test_an_answer_may_take_twice_as_long_as_the_slowest_of_late(durations_s: tuple[float, ...], last_s: float) -> None:
    """A slow one counts for a while, less and less."""
    time = FlushTime()
    for duration_s in durations_s:
        time.note(duration_s)
    time.begin(100.0, 110.0)
    assert [time.allows(at_s) for at_s in (last_s - 0.01, last_s + 0.01)] == [True, False]
