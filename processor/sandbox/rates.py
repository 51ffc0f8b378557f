"""How much a stand-in takes in a window of time. Decides only: time is passed in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Rate:
    """At most so much a window of so many seconds, windows following each other."""

    most: int
    window_s: float = 1.0
    _window: int = -1
    _taken: int = 0

    def left(self, now_s: float) -> int:
        """Return how much the window of this moment still takes."""
        return self.most - (self._taken if self._window_of(now_s) == self._window else 0)

    def take(self, count: int, now_s: float) -> None:
        """Count what is taken, as much as is left at most."""
        left = self.left(now_s)
        assert count <= left, "more than is left"
        self._window, self._taken = self._window_of(now_s), self.most - left + count

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until the next window."""
        return (self._window_of(now_s) + 1) * self.window_s - now_s

    def _window_of(self, now_s: float) -> int:
        return int(now_s // self.window_s)
