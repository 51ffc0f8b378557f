"""What is shown while the demo runs, on a terminal and in a pipe."""

from __future__ import annotations

import io

from rich.console import Console

from processor.demo.books import Reading
from processor.demo.live import LINE_INTERVAL_S, RATE_WINDOW_S, Rates, view


def console(*, is_terminal: bool) -> Console:
    """Return a screen that keeps what it is shown."""
    return Console(file=io.StringIO(), force_terminal=is_terminal, width=140, color_system=None)


def shown(screen: Console) -> str:
    """Return what the screen was shown."""
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_a_terminal_gets_a_table() -> None:
    """Each destination has a row with read, delivered, skipped, dead-lettered, in flight, lag and rate."""
    screen = console(is_terminal=True)
    with view(screen) as table:
        table.show(1200, {"moesif": Reading(900, 20, 700, 150, 30, lag=None, state="running")}, 1.0)
    text = shown(screen)
    assert "1,200 events produced" in text
    for part in ("moesif", "900", "700", "150", "30", "20", "?", "rate /s"):
        assert part in text


def test_a_state_other_than_running_is_shown_with_its_reason() -> None:
    """Somebody who watches sees why nothing moves."""
    screen = console(is_terminal=True)
    with view(screen) as table:
        table.show(10, {"moveo": Reading(state="held", reason="http_401")}, 1.0)
    assert "moveo (held http_401)" in shown(screen)


def test_a_pipe_gets_a_line_now_and_then() -> None:
    """Lines do not come faster than their interval, and each tells of every destination."""
    screen = console(is_terminal=False)
    with view(screen) as lines:
        for now_s in (10.0, 10.1, 10.0 + LINE_INTERVAL_S):
            lines.show(5, {"a": Reading(delivered=2, lag=3), "b": Reading()}, now_s)
    assert shown(screen).splitlines() == ["5 produced; a 2 done, lag 3; b 0 done, lag ?"] * 2


def test_rate_is_over_the_last_moments() -> None:
    """The rate follows what happens now, and not the average since the start."""
    rates = Rates()
    assert rates.rate("a", 100, 0.0) == 0.0
    assert rates.rate("a", 300, 1.0) == 200.0
    for second in range(2, 6):
        rates.rate("a", 300, float(second))
    assert rates.rate("a", 300, 5.0 + RATE_WINDOW_S) == 0.0
