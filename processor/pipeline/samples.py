"""What is looked at a few times a second, because counting it would cost more than it tells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

INTERVAL_S: Final = 0.25
WINDOW_S: Final = 10.0


class Samples:
    """The delay of the event loop, and the time in which sending was throttled."""

    def __init__(self, is_throttled: Callable[[], bool]) -> None:
        """Start with nothing seen; `is_throttled` says whether something waits for a pause or a rate limit now."""
        self._is_throttled = is_throttled
        self._window_ends_s = 0.0
        self._longest_s = 0.0
        self._longest_before_s = 0.0
        self.throttle_wait_s = 0.0

    @property
    def event_loop_delay_s(self) -> float:
        """Return the longest delay in this window and the one before it."""
        return max(self._longest_s, self._longest_before_s)

    async def run(self) -> None:
        """Look again and again until cancelled."""
        loop = asyncio.get_running_loop()
        last_s = loop.time()
        while True:
            await asyncio.sleep(INTERVAL_S)
            now_s = loop.time()
            self.look(now_s, now_s - last_s)
            last_s = now_s

    def look(self, now_s: float, elapsed_s: float) -> None:
        """Take in how long ago the last look was, which should have been one interval."""
        if now_s >= self._window_ends_s:
            is_adjacent = now_s < self._window_ends_s + WINDOW_S
            self._longest_before_s = self._longest_s if is_adjacent else 0.0
            self._longest_s = 0.0
            self._window_ends_s = now_s + WINDOW_S
        self._longest_s = max(self._longest_s, elapsed_s - INTERVAL_S)
        if self._is_throttled():
            self.throttle_wait_s += elapsed_s
