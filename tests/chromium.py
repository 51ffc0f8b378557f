"""Debian's Chromium, driven by Playwright, as tests and the screenshots of the documentation use it.

Only a browser that the system has is started; none is ever downloaded.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from playwright.async_api import Browser, Playwright, async_playwright

from processor.operations.page import Page
from tests.needed import give_up

NAMES = ("chromium", "chromium-browser")


def executable_or_reason() -> tuple[str | None, str]:
    """Return the path of Chromium, or None and why there is none."""
    for name in (os.environ.get("CHROMIUM"), *NAMES):
        found = None if name is None else shutil.which(name)
        if found is not None:
            return found, ""
    return None, "no Chromium on the path: install the system's package `chromium`, or name one in CHROMIUM"


def required_executable() -> str:
    """Return the path of Chromium; without one the test is skipped, or fails where it must be there."""
    path, reason = executable_or_reason()
    return give_up(reason) if path is None else path


async def launched(playwright: Playwright, executable: str) -> Browser:
    """Return a browser; in containers its own sandbox cannot be made, and it sees nothing but this machine."""
    return await playwright.chromium.launch(
        executable_path=executable, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    )


@asynccontextmanager
async def browser(executable: str) -> AsyncIterator[Browser]:
    """Run a browser inside the block."""
    async with async_playwright() as playwright:
        opened = await launched(playwright, executable)
        try:
            yield opened
        finally:
            await opened.close()


@asynccontextmanager
async def served(page: Page) -> AsyncIterator[str]:
    """Serve a page inside the block; gives its address."""
    runner = web.AppRunner(page.application(), access_log=None, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()
        page.close()
