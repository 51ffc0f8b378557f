"""The machine's clocks and chance, for those who act; deciders are told the time."""

from __future__ import annotations

import random
import time


class SystemClock:
    """The machine's clocks and chance."""

    def now_s(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()

    def wall_ms(self) -> int:
        """Return epoch milliseconds."""
        return time.time_ns() // 1_000_000

    def chance(self) -> float:
        """Return a number from zero to below one."""
        return random.random()  # noqa: S311 - jitter, no secret
