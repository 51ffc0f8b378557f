"""How far a long reading is, told on standard error where a person sees it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO, TypeVar

T = TypeVar("T")

PAUSE_S = 0.2
"""Time between two updates of the line."""
_CLEAR = "\r\x1b[K"


def counted(
    items: Iterable[T], most: int, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
) -> Iterator[T]:
    """Yield the items; on a terminal a line says how many of at most so many there were, and is gone at the end."""
    target = sys.stderr if stream is None else stream
    if not target.isatty():
        yield from items
        return
    told_s = clock()
    try:
        for count, item in enumerate(items, 1):
            yield item
            if clock() - told_s >= PAUSE_S:
                told_s = clock()
                target.write(f"{_CLEAR}{count:,} of at most {most:,} records ({100 * count // max(most, 1)} %)")
                target.flush()
    finally:
        target.write(_CLEAR)
        target.flush()
