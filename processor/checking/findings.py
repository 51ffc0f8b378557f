"""What a check found, by what it means for somebody who is about to start the bridge."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Self, TypeAlias

from processor.config.problems import Path

Place: TypeAlias = Callable[[Path, str], str]
"""Puts file, line and key before what is wrong there."""


class Findings(NamedTuple):
    """Problems keep the bridge from being started, warnings should be read, notes are good news or what is not known.

    What is `silent` gave no answer, which says nothing against the settings.
    """

    problems: list[str]
    warnings: list[str]
    notes: list[str]
    silent: list[str]

    @classmethod
    def none(cls) -> Self:
        """Return findings to add to."""
        return cls([], [], [], [])

    def add(self, more: Findings) -> None:
        """Add other findings behind these."""
        for own, others in zip(self, more, strict=True):
            own.extend(others)
