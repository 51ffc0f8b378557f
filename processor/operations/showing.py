"""What a process that stands alone, or a supervisor, shows of its destinations: its page, and metrics that are pushed.

What either takes is imported only where it is wanted, because it costs memory.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from processor.operations.otel_variables import OTLP, doubts, exporters, is_disabled
from processor.operations.settings import PageSettings
from processor.operations.status import ReadAll
from processor.operations.trace_board import Board

log = logging.getLogger(__name__)


def is_push_wanted(environ: Mapping[str, str]) -> bool:
    """Return whether OpenTelemetry's variables ask for metrics by OTLP; by default they are only there to be pulled."""
    return OTLP in exporters("METRICS", environ) and not is_disabled(environ)


@asynccontextmanager
async def showing(
    settings: PageSettings,
    read_all: ReadAll,
    *,
    supervised: bool,
    board: Board | None = None,
    environ: Mapping[str, str] = os.environ,
) -> AsyncIterator[None]:
    """Serve the page where it is enabled, and push metrics where the environment asks for it, inside the block.

    Raises:
        OSError: The page's address cannot be listened on.
    """
    for doubt in doubts("METRICS", environ):
        log.warning("%s", doubt)
    async with AsyncExitStack() as stack:
        if is_push_wanted(environ):
            from processor.operations.metrics.push import pushing  # noqa: PLC0415 - costs memory

            await stack.enter_async_context(pushing(read_all, environ))
        if settings.enabled:
            from processor.operations.page import serve  # noqa: PLC0415 - as above

            await stack.enter_async_context(serve(settings, read_all, supervised=supervised, board=board))
        yield
