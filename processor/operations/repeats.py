"""How often the same message may be written.

Decides with a given time. Bounded: however many different messages there are, only the latest few hundred are counted.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

MAX_KEY_COUNT: Final = 512
"""Messages that are counted at once; beyond it the one that was quiet longest is forgotten."""


@dataclass(slots=True)
class _Window:
    started_s: float
    written_count: int = 0
    left_out_count: int = 0


class Repeats:
    """Admits each message `limit` times in each window of `window_s` seconds."""

    def __init__(self, limit: int, window_s: float) -> None:
        """Start with no message seen."""
        self._limit = limit
        self._window_s = window_s
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def admit(self, key: str, now_s: float) -> int | None:
        """Return how many messages like this were left out before it, or None when this one is left out as well."""
        window = self._current(key, now_s)
        if window.written_count >= self._limit:
            window.left_out_count += 1
            return None
        window.written_count += 1
        left_out_count, window.left_out_count = window.left_out_count, 0
        return left_out_count

    def _current(self, key: str, now_s: float) -> _Window:
        """Return the window that `now_s` falls into; a new one carries over what the old one left out."""
        window = self._windows.pop(key, None)
        if window is None:
            window = _Window(now_s)
        elif now_s - window.started_s >= self._window_s:
            window = _Window(now_s, left_out_count=window.left_out_count)
        self._windows[key] = window
        if len(self._windows) > MAX_KEY_COUNT:
            self._windows.popitem(last=False)
        return window
