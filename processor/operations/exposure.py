"""Where a destination's process shows its state: on its own page, or to the supervisor that started it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from processor.operations.channel import REPORT_INTERVAL_S, reporting
from processor.operations.settings import PageSettings
from processor.operations.showing import showing
from processor.operations.status import Read
from processor.operations.trace_board import Board


@asynccontextmanager
async def expose(
    destination: str,
    read: Read,
    settings: PageSettings,
    *,
    on_orphaned: Callable[[], None],
    link: socket.socket | None,
    board: Board | None = None,
    report_interval_s: float = REPORT_INTERVAL_S,
) -> AsyncIterator[None]:
    """Show what `read` returns while the block runs.

    Args:
        destination: The name under which the page shows the report.
        read: Gives the present report; called on the event loop, must not wait.
        settings: Where the page is served by a process that stands alone.
        on_orphaned: Called once when the supervisor is gone: stop as on SIGTERM.
        link: The socket to the supervisor (`channel.inherited()`), None for a process that stands alone.
        board: Where those who ask about single events are kept; None: nobody can ask.
        report_interval_s: How often a supervised process reports.

    Raises:
        OSError: The page's address cannot be listened on.
    """
    if link is not None:
        async with reporting(link, read, on_orphaned, report_interval_s, board=board, destination=destination):
            yield
    else:
        async with showing(settings, lambda: {destination: read()}, supervised=False, board=board):
            yield
