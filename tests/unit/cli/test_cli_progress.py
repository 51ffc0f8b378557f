"""The line that tells how far a reading is."""

from __future__ import annotations

import io
from collections.abc import Iterator

from processor.cli.progress import counted


class Terminal(io.StringIO):
    """A stream that a person sees."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_a_person_sees_how_far_it_is() -> None:
    """A few times a second at most, and nothing is left of it."""
    seconds: Iterator[float] = iter([0.0, 0.1, 0.2, 0.2, 0.3])
    stream = Terminal()
    assert list(counted("abc", 1_200, stream, lambda: next(seconds))) == ["a", "b", "c"]
    assert stream.getvalue() == "\r\x1b[K2 of at most 1,200 records (0 %)\r\x1b[K"


def test_a_program_sees_nothing() -> None:
    """Where no terminal is, the line would be noise."""
    stream = io.StringIO()
    assert list(counted("abc", 3, stream)) == ["a", "b", "c"]
    assert stream.getvalue() == ""
