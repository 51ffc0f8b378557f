"""One look ahead: a timer that is moved more often than it goes off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

SHORTEST_S = 0.001
"""A timer never goes off sooner than this, so that a time that lies behind by rounding makes no busy loop."""


class Timer:
    """Calls once when its time has come. Every method is called on the event loop."""

    def __init__(self, call: Callable[[], None]) -> None:
        """Start unset."""
        self._call = call
        self._handle: asyncio.TimerHandle | None = None
        self._at_s = float("inf")

    def set(self, at_s: float, now_s: float) -> None:
        """Call at this monotonic time, or sooner if it was set to a sooner one that still lies ahead.

        An earlier look costs less than setting the timer anew for each record.
        """
        if self._handle is not None and now_s < self._at_s <= at_s:
            return
        self.cancel()
        self._at_s = at_s
        self._handle = asyncio.get_running_loop().call_later(max(SHORTEST_S, at_s - now_s), self._go_off)

    def cancel(self) -> None:
        """Forget the time."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
            self._at_s = float("inf")

    def _go_off(self) -> None:
        """Call."""
        self._handle = None
        self._at_s = float("inf")
        self._call()
