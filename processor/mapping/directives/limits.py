"""What one directive may make of one event: without a bound, a small event could grow to more than memory holds."""

from __future__ import annotations

from typing import Final

from processor.mapping.directives.base import failure

MAX_CHARS: Final = 16_000_000
"""Characters of text that one directive may make; far more than any vendor takes in one payload."""


class Budget:
    """The characters that are left for one run of a directive."""

    __slots__ = ("_left", "_path")

    def __init__(self, path: str) -> None:
        """Start with all of them; `path` is where the directive stands."""
        self._path = path
        self._left = MAX_CHARS

    def spend(self, count: int) -> None:
        """Take characters before they are made.

        Raises:
            MappingError: fewer are left.
        """
        self._left -= count
        if self._left < 0:
            raise failure(self._path, f"would make more than {MAX_CHARS} characters of this event")
