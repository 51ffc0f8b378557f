"""The page of a process: `/livez`, `/readyz`, `/metrics`, `/status`; `tracing_page` adds `/trace`.

Imported only where it is served. It answers from what it can read at once: no request waits for a destination.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from processor.operations.metrics import CONTENT_TYPE, Exporter
from processor.operations.settings import PageSettings
from processor.operations.status import ReadAll, StatusReport, is_alive, is_ready
from processor.operations.tracing_board import Board
from processor.operations.tracing_page import add_trace

logger = logging.getLogger(__name__)


class Page:
    """Answers questions about the destinations that `read_all` tells of."""

    def __init__(self, read_all: ReadAll, *, supervised: bool) -> None:
        """Serve what `read_all` returns.

        Args:
            read_all: The latest report of each destination.
            supervised: Whether somebody inside restarts what is not alive. Then the process is alive as long as it
                answers: restarting everything for one destination would touch the others.
        """
        self._read_all = read_all
        self._supervised = supervised
        self._exporter = Exporter(read_all)

    def application(self) -> web.Application:
        """Return the routes as an aiohttp application."""
        app = web.Application()
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/status", self._status)
        return app

    def close(self) -> None:
        """Release the exporter."""
        self._exporter.close()

    async def _livez(self, _: web.Request) -> web.Response:
        return self._verdict(lambda report: self._supervised or is_alive(report))

    async def _readyz(self, _: web.Request) -> web.Response:
        return self._verdict(is_ready)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._exporter.render(), headers={"Content-Type": CONTENT_TYPE})

    async def _status(self, _: web.Request) -> web.Response:
        return _json(200, {"destinations": self._read_all()})

    def _verdict(self, is_well: Callable[[StatusReport], bool]) -> web.Response:
        """Return 200 when all destinations are well, else 503, and in both cases which are not and why."""
        failing = {
            name: {"state": report.get("state", "starting"), "reason": report.get("reason", "")}
            for name, report in self._read_all().items()
            if not is_well(report)
        }
        return _json(503 if failing else 200, {"ok": not failing, "failing": failing})


def _json(status: int, content: Any) -> web.Response:  # noqa: ANN401 - any JSON value
    return web.Response(
        status=status,
        body=msgspec.json.encode(content),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


@asynccontextmanager
async def serve(
    settings: PageSettings, read_all: ReadAll, *, supervised: bool, board: Board | None = None
) -> AsyncIterator[int]:
    """Serve the page inside the block; gives the port, which is another than asked for only when 0 was.

    Raises:
        OSError: The address cannot be listened on; says that it is about the page.
    """
    page = Page(read_all, supervised=supervised)
    application = page.application()
    if board is not None:
        add_trace(application, board, read_all)
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await _listen(web.TCPSite(runner, settings.host, settings.port))
        port = int(runner.addresses[0][1])
        logger.info("page is served", extra={"url": f"http://{settings.host}:{port}/status"})
        yield port
    finally:
        await runner.cleanup()
        page.close()


async def _listen(site: web.TCPSite) -> None:
    try:
        await site.start()
    except OSError as error:
        raise OSError(
            error.errno, f"the page cannot be served (operations.page.host and port): {error.strerror}"
        ) from error
