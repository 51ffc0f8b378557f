"""SIGTERM and SIGINT, the two orders to stop, and SIGHUP, the order to look at the settings again."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

log = logging.getLogger(__name__)

EXIT_INTERRUPTED: Final = 130
"""The exit code of a program that a person stopped by Ctrl-C."""

EXIT_KILLED: Final = 1
"""The exit code of a program that was told to stop a second time before it had done so."""

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stop_signals(on_stop: Callable[[], None], *, at_once: bool = False) -> Iterator[list[signal.Signals]]:
    """Call `on_stop` on the running loop for each order to stop inside the block; gives the list of those seen.

    With `at_once`, a second order ends the process without further ado: nothing that was not done is lost by that.
    """
    seen: list[signal.Signals] = []
    loop = asyncio.get_running_loop()

    def note(number: signal.Signals) -> None:
        if at_once and seen:
            log.warning("told to stop a second time: ending at once", extra={"signal": number.name})
            os._exit(exit_code(EXIT_KILLED, [number]))
        seen.append(number)
        on_stop()

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, note, number)
    try:
        yield seen
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


@contextmanager
def reload_signal(on_reload: Callable[[], None]) -> Iterator[None]:
    """Call `on_reload` on the running loop for each SIGHUP inside the block, which would end the process otherwise."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, on_reload)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def exit_code(code: int, seen: Sequence[signal.Signals]) -> int:
    """Return the exit code of a run that ended with `code` after these signals."""
    return EXIT_INTERRUPTED if signal.SIGINT in seen else code
