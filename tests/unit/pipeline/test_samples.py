"""What is looked at a few times a second."""

from __future__ import annotations

import asyncio
import time

from processor.pipeline.samples import INTERVAL_S, WINDOW_S, Samples
from tests.http_peer import eventually


def samples(throttled: str = "") -> Samples:
    """Return samples of a destination that is throttled, look by look, where `y` stands."""
    answers = iter(throttled)
    return Samples(lambda: next(answers, "n") == "y")


def test_the_longest_delay_of_this_window_and_the_last_counts() -> None:
    """A single long turn is shown for ten seconds at least, then forgotten."""
    one, now_s = samples(), 1_000.0
    one.look(now_s, INTERVAL_S + 0.5)
    one.look(now_s + 1, INTERVAL_S + 0.1)
    assert round(one.event_loop_delay_s, 6) == 0.5
    one.look(now_s + WINDOW_S + 1, INTERVAL_S + 0.2)
    assert round(one.event_loop_delay_s, 6) == 0.5
    one.look(now_s + 2 * WINDOW_S + 2, INTERVAL_S)
    assert round(one.event_loop_delay_s, 6) == 0.2


def test_a_window_long_ago_counts_nothing() -> None:
    """After a pause of the whole process the delay is that of the pause, not what was before."""
    one = samples()
    one.look(1_000.0, INTERVAL_S + 5.0)
    one.look(1_000.0 + 5 * WINDOW_S, INTERVAL_S + 0.1)
    assert round(one.event_loop_delay_s, 6) == 0.1


def test_an_early_turn_is_no_delay() -> None:
    """Timers may be early by a hair."""
    one = samples()
    one.look(1_000.0, INTERVAL_S - 0.001)
    assert one.event_loop_delay_s == 0.0


def test_throttled_time_adds_up() -> None:
    """The time since the last look counts where something waits now."""
    one = samples("ynyy")
    for number in range(4):
        one.look(1_000.0 + number, 0.25)
    assert one.throttle_wait_s == 0.75


async def test_a_loop_that_is_kept_busy_is_noticed() -> None:
    """Work that does not let go of the loop shows as its delay."""
    one = samples("y" * 1_000)
    running = asyncio.create_task(one.run())
    try:
        await eventually(lambda: one.throttle_wait_s > 0)
        deadline_s = time.monotonic() + 2 * INTERVAL_S
        while time.monotonic() < deadline_s:
            pass
        await eventually(lambda: one.event_loop_delay_s > INTERVAL_S / 2)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
