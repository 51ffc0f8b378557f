"""What became of the attempts to take over changed settings."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TypedDict


class Result(Enum):
    """How a reload ended."""

    APPLIED = "applied"
    """What the file says is in force, as far as that needs no restart."""
    REFUSED = "refused"
    """The file cannot be used; what was in force still is."""
    UNCHANGED = "unchanged"
    """Nothing that could be taken over differs."""


class ReloadReport(TypedDict):
    """Reloads by result since the start of the process, and the last one; its time is in epoch milliseconds.

    `needs_restart` are the keys in which the file differs from what runs, as of the last reload that could read it.
    """

    results: dict[str, int]
    last_result: str | None
    last_ms: int | None
    needs_restart: list[str]


class Reloads:
    """The book of one process's reloads. Event loop only."""

    def __init__(self) -> None:
        """Start with none."""
        self._counts = dict.fromkeys(Result, 0)
        self._last: tuple[Result, int] | None = None
        self._needs_restart: list[str] = []

    def note(self, result: Result, now_ms: int, needs_restart: Sequence[str] | None = None) -> None:
        """Count a reload; `needs_restart` is None where nothing could be compared."""
        self._counts[result] += 1
        self._last = result, now_ms
        if needs_restart is not None:
            self._needs_restart = list(needs_restart)

    def report(self) -> ReloadReport:
        """Return the book as plain values that later reloads do not change."""
        return ReloadReport(
            results={result.value: count for result, count in self._counts.items()},
            last_result=None if self._last is None else self._last[0].value,
            last_ms=None if self._last is None else self._last[1],
            needs_restart=list(self._needs_restart),
        )
