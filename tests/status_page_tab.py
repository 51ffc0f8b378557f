"""The status page as a test opens it: in a browser, with a bridge behind it that says what the test wants."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Browser
from playwright.async_api import Page as Sheet

from processor.operations.page import Page
from processor.operations.status import StatusReport
from tests.chromium import served
from tests.status_reports import four, remembered

CHECKS = (Path(__file__).parent / "browser" / "page_checks.js").read_text(encoding="utf-8")
PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
INTERVAL_MS = 2_000
"""The page's own pause between questions."""


def now_ms() -> int:
    """Return the wall clock."""
    return time.time_ns() // 1_000_000


class Bridge:
    """A page with reports that a test sets, and a count of how often it was asked for its status."""

    def __init__(self) -> None:
        """Begin with four destinations and half an hour behind them."""
        self.reports: dict[str, StatusReport] = four(now_ms())
        self.page = Page(lambda: self.reports, supervised=True)
        self.is_down = self.has_failed = False
        self.asked_count = 0
        self._application = self.page.application
        self.page.application = self._watched  # type: ignore[method-assign]  # a layer between browser and page

    def _watched(self) -> web.Application:
        @web.middleware
        async def watch(request: web.Request, handler: Any) -> web.StreamResponse:  # noqa: ANN401 - any handler
            if request.path == "/status":
                self.asked_count += 1
                if self.is_down:
                    self.has_failed = True
                    raise web.HTTPServiceUnavailable
            response: web.StreamResponse = await handler(request)
            return response

        application = self._application()
        application.middlewares.append(watch)
        return application


class Tab:
    """An open page, what it complained of, and the bridge behind it. Its timers go only when a test lets them."""

    def __init__(self, page: Sheet, bridge: Bridge, url: str) -> None:
        """Listen from the beginning."""
        self.page, self.bridge, self.url = page, bridge, url
        self.complaints: list[str] = []
        self.requested: set[str] = set()
        page.on("console", lambda message: self._hear(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requested.add(request.url))

    def _hear(self, text: str) -> None:
        """Keep what the browser writes down, but for the answers that the test itself made fail."""
        if not (self.bridge.has_failed and "the server responded with a status of 503" in text):
            self.complaints.append(text)

    async def next_answer(self) -> None:
        """Let the page ask once more, and return when it has shown the answer."""
        async with self.page.expect_response(f"{self.url}status") as answer:
            await self.page.clock.run_for(INTERVAL_MS)
        response = await answer.value
        if response.ok:  # the page reads no more of one that is not
            await response.finished()

    async def text(self, selector: str = "body") -> str:
        """Return what is to be read."""
        return str(await self.page.locator(selector).first.inner_text())

    async def checks(self) -> dict[str, Any]:
        """Return what the checks say of the page as it is."""
        found: dict[str, Any] = await self.page.evaluate(CHECKS)
        return found


@asynccontextmanager
async def tab(browser: Browser, bridge: Bridge | None = None, **context: Any) -> AsyncIterator[Tab]:  # noqa: ANN401 - what Playwright takes
    """Open the page inside the block; nothing may complain in it."""
    known = Bridge() if bridge is None else bridge
    if bridge is None:
        remembered(known.page, now_ms())
    async with served(known.page) as url:
        opened = await browser.new_context(**{"viewport": DESKTOP, "reduced_motion": "reduce", **context})
        try:
            page = await opened.new_page()
            found = Tab(page, known, url)
            await page.clock.install()
            await page.goto(url)
            await page.clock.run_for(10)
            await page.locator("article").first.wait_for()
            yield found
            assert [] == found.complaints
            assert found.requested <= {url, f"{url}status"}
        finally:
            await opened.close()
