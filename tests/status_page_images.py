"""Write the pictures of the status page that the documentation shows: `python -m tests.status_page_images`."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from processor.operations.page import Page
from tests.chromium import browser, executable_or_reason, served
from tests.status_reports import four, remembered

FOLDER = Path(__file__).parents[1] / "docs" / "images"
MAX_BYTES = 200_000
VIEWS: dict[str, dict[str, Any]] = {
    "status-page.png": {"viewport": {"width": 1180, "height": 1250}, "color_scheme": "light"},
    "status-page-phone.png": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}


async def write(executable: str) -> None:
    """Write every picture; raises where one is too large for the repository."""
    now_ms = time.time_ns() // 1_000_000
    page = Page(lambda: four(time.time_ns() // 1_000_000), supervised=True)
    page._host = "bridge-7d9f"  # not this machine's
    remembered(page, now_ms)
    async with served(page) as url, browser(executable) as chromium:
        for name, view in VIEWS.items():
            tab = await chromium.new_page(**view)
            await tab.goto(url)
            await tab.locator("article").nth(3).wait_for()
            picture = await tab.screenshot(type="png")
            if len(picture) > MAX_BYTES:
                raise RuntimeError(f"{name} has {len(picture)} bytes, more than {MAX_BYTES}")
            (FOLDER / name).write_bytes(picture)
            await tab.close()


def main() -> int:
    """Write the pictures; return 1 without a browser."""
    executable, reason = executable_or_reason()
    if executable is None:
        print(reason, file=sys.stderr)  # noqa: T201 - a command's answer
        return 1
    asyncio.run(write(executable))
    return 0


if __name__ == "__main__":
    sys.exit(main())
