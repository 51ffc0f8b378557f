"""One total budget for work of several steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_LEAST_S: Final = 0.001
"""Zero would mean the Kafka client's own default."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of the monotonic clock until which work may last; handed down instead of a timeout per step."""

    at_s: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """Return the deadline that is `seconds` from now."""
        return cls(clock() + seconds, clock)

    @property
    def left_s(self) -> float:
        """Return the seconds that are left, never negative."""
        return max(0.0, self.at_s - self.clock())

    @property
    def request_s(self) -> float:
        """Return the seconds that a request may take: what is left, and a moment where nothing is."""
        return max(self.left_s, _LEAST_S)

    @property
    def is_over(self) -> bool:
        """Say whether nothing is left."""
        return self.clock() >= self.at_s
