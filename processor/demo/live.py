"""The live view: a table that redraws itself on a terminal, and a line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

from processor.demo.books import Reading

LINE_INTERVAL_S: Final = 2.0
RATE_WINDOW_S: Final = 2.0


class View(Protocol):
    """Shows how far the destinations are."""

    def show(self, produced: int, readings: Mapping[str, Reading], now_s: float) -> None:
        """Show this state; called several times a second."""


class Rates:
    """Records ended a second, over the last moments."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._seen: dict[str, list[tuple[float, int]]] = {}

    def rate(self, name: str, ended: int, now_s: float) -> float:
        """Return the rate of a destination that now has ended so many."""
        seen = self._seen.setdefault(name, [])
        seen.append((now_s, ended))
        while len(seen) > 1 and now_s - seen[1][0] >= RATE_WINDOW_S:
            seen.pop(0)
        from_s, from_ended = seen[0]
        return (ended - from_ended) / (now_s - from_s) if now_s > from_s else 0.0


class TableView:
    """A table that redraws itself."""

    def __init__(self, live: Live) -> None:
        """Draw on `live`."""
        self._live = live
        self._rates = Rates()

    def show(self, produced: int, readings: Mapping[str, Reading], now_s: float) -> None:
        """Show this state."""
        table = Table(title=f"{produced:,} events produced", title_justify="left")
        for column in ("destination", "read", "delivered", "skipped", "dead-lettered", "in flight", "lag", "rate /s"):
            table.add_column(column, justify="left" if column == "destination" else "right")
        for name, now in readings.items():
            label = name if now.state == "running" else f"{name} ({' '.join(filter(None, (now.state, now.reason)))})"
            counts = (now.consumed, now.delivered, now.skipped, now.dead_lettered, now.in_flight)
            rate = self._rates.rate(name, now.ended, now_s)
            table.add_row(label, *(f"{count:,}" for count in counts), _lag(now.lag), f"{rate:,.0f}")
        self._live.update(table)


class LineView:
    """One line every few seconds, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        """Write to `console`."""
        self._console = console
        self._next_s = 0.0

    def show(self, produced: int, readings: Mapping[str, Reading], now_s: float) -> None:
        """Show this state unless the last line is recent."""
        if now_s < self._next_s:
            return
        self._next_s = now_s + LINE_INTERVAL_S
        said = [f"{name} {now.ended:,} done, lag {_lag(now.lag)}" for name, now in readings.items()]
        self._console.print(f"{produced:,} produced; {'; '.join(said)}", highlight=False, soft_wrap=True)


def _lag(lag: int | None) -> str:
    return "?" if lag is None else f"{lag:,}"


@contextmanager
def view(console: Console) -> Iterator[View]:
    """Give the view that suits where the output goes."""
    if not console.is_terminal:
        yield LineView(console)
        return
    with Live(console=console, refresh_per_second=8) as live:
        yield TableView(live)
