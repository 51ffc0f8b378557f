"""SIGTERM and SIGINT, the two orders to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

EXIT_INTERRUPTED: Final = 130
"""The exit code of a program that a person stopped by Ctrl-C."""

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stop_signals(on_stop: Callable[[], None]) -> Iterator[list[signal.Signals]]:
    """Call `on_stop` on the running loop for each order to stop inside the block; gives the list of those seen."""
    seen: list[signal.Signals] = []
    loop = asyncio.get_running_loop()

    def note(number: signal.Signals) -> None:
        seen.append(number)
        on_stop()

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, note, number)
    try:
        yield seen
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


def exit_code(code: int, seen: Sequence[signal.Signals]) -> int:
    """Return the exit code of a run that ended with `code` after these signals."""
    return EXIT_INTERRUPTED if signal.SIGINT in seen else code
