"""How much a stand-in takes in a window of time. Decides only: time is passed in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Rate:
    """At most so much a window of so many seconds, windows following each other; no bound where `most` is None."""

    most: int | None
    window_s: float = 1.0
    _window: int = -1
    _taken: int = 0

    def wait_s(self, now_s: float, count: int = 1) -> float:
        """Return 0 and count what is taken, or how long to wait for the next window when it would be too much."""
        if self.most is None:
            return 0.0
        window = int(now_s // self.window_s)
        if window != self._window:
            self._window, self._taken = window, 0
        if self._taken + count > self.most:
            return (window + 1) * self.window_s - now_s
        self._taken += count
        return 0.0
