"""The page of a process: `/`, `/livez`, `/readyz`, `/metrics`, `/status`; `trace_page` adds `/trace`.

Imported only where it is served. It answers from what it can read at once: no request waits for a destination.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from aiohttp import web

from processor import __version__
from processor.operations.front import Front
from processor.operations.health import Failing, not_alive, not_ready
from processor.operations.metrics import CONTENT_TYPE, Exporter
from processor.operations.recollection import Recollection
from processor.operations.settings import PageSettings
from processor.operations.status import ReadAll, StatusReport
from processor.operations.trace_board import Board
from processor.operations.trace_page import add_trace

logger = logging.getLogger(__name__)

LOOK_INTERVAL_S: Final = 5.0
"""Pause between looks at the reports that are remembered; the page also looks whenever somebody asks for `/status`."""
EVENT_LOOP_LIMIT_S: Final = 60.0
"""Age of the last look at which the event loop counts as standing: many times what any work on it may take."""

HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""What every answer carries unless it says otherwise: nobody keeps it, frames it or guesses what it is."""


class Page:
    """Answers questions about the destinations that `read_all` tells of."""

    def __init__(self, read_all: ReadAll, *, supervised: bool) -> None:
        """Serve what `read_all` returns.

        Args:
            read_all: The latest report of each destination.
            supervised: Whether somebody inside restarts what is not alive.
        """
        self._read_all = read_all
        self._supervised = supervised
        self._exporter = Exporter(read_all)
        self._front = Front()
        self._recollection = Recollection()
        self._host = socket.gethostname()
        self._looked_s = time.monotonic()

    def application(self) -> web.Application:
        """Return the routes as an aiohttp application."""
        app = web.Application()
        app.router.add_get("/", self._index)
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/status", self._status)
        app.on_response_prepare.append(_guard)
        return app

    async def look_on(self) -> None:
        """Remember how things are, again and again until cancelled."""
        while True:
            self._looked_s = time.monotonic()
            try:
                self._look()
            except Exception:  # the next look may succeed, and health must not depend on it
                logger.exception("the page cannot remember how the destinations are")
            await asyncio.sleep(LOOK_INTERVAL_S)

    def close(self) -> None:
        """Release the exporter."""
        self._exporter.close()

    def _look(self) -> tuple[Mapping[str, StatusReport], int]:
        """Return the present reports and the time in epoch milliseconds, and remember what they say."""
        reports, now_ms = self._read_all(), time.time_ns() // 1_000_000
        self._recollection.look(reports, now_ms)
        return reports, now_ms

    async def _index(self, _: web.Request) -> web.Response:
        return web.Response(
            body=self._front.body,
            content_type="text/html",
            charset="utf-8",
            headers={"Content-Security-Policy": self._front.policy},
        )

    async def _livez(self, _: web.Request) -> web.Response:
        age_s = time.monotonic() - self._looked_s
        failing = not_alive(
            self._read_all(), is_supervised=self._supervised, event_loop_age_s=age_s, limit_s=EVENT_LOOP_LIMIT_S
        )
        return _verdict(failing)

    async def _readyz(self, _: web.Request) -> web.Response:
        return _verdict(not_ready(self._read_all()))

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._exporter.render(), headers={"Content-Type": CONTENT_TYPE})

    async def _status(self, _: web.Request) -> web.Response:
        reports, now_ms = self._look()
        return _json(
            200,
            {
                "now_ms": now_ms,
                "version": __version__,
                "host": self._host,
                "destinations": reports,
                "history": self._recollection.histories(),
                "failures": self._recollection.failures(),
            },
        )


async def _guard(_: web.Request, response: web.StreamResponse) -> None:
    """Put the headers of every answer onto this one, where it has none of its own; say nothing of what serves it."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "segment-bridge"


def _verdict(failing: Failing) -> web.Response:
    """Return 200 when nothing fails, else 503, and in both cases what does and why."""
    return _json(503 if failing else 200, {"ok": not failing, "failing": failing})


def _json(status: int, content: Any) -> web.Response:  # noqa: ANN401 - any JSON value
    return web.Response(status=status, body=msgspec.json.encode(content), content_type="application/json")


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
    looks = asyncio.create_task(page.look_on(), name="page")
    try:
        await _listen(web.TCPSite(runner, settings.host, settings.port))
        port = int(runner.addresses[0][1])
        logger.info("page is served", extra={"url": f"http://{settings.host}:{port}/status"})
        yield port
    finally:
        looks.cancel()
        await asyncio.gather(looks, return_exceptions=True)
        await runner.cleanup()
        page.close()


async def _listen(site: web.TCPSite) -> None:
    try:
        await site.start()
    except OSError as error:
        raise OSError(
            error.errno, f"the page cannot be served (operations.page.host and port): {error.strerror}"
        ) from error
