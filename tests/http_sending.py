"""A client that is closed in time, and an ordinary request to send with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from processor.delivery.http import HttpClient
from processor.delivery.http_settings import HttpSettings
from processor.model import Answer
from tests.http_peer import Exchange, Request

DEADLINE_S = 5.0
SOON_S = 0.2
"""A deadline that a test waits out."""
BODY = b'[{"event":"Order Completed"}]'


class Clock:
    """Monotonic seconds that pass when a test says so."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.now_s = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


@asynccontextmanager
async def client_of(clock: Clock | None = None, **settings: Any) -> AsyncIterator[HttpClient]:  # noqa: ANN401 - any setting
    """Run a client inside the block."""
    made = HttpClient(HttpSettings(**settings), 4) if clock is None else HttpClient(HttpSettings(**settings), 4, clock)
    try:
        yield made
    finally:
        await made.aclose()


async def send(client: HttpClient, port: int, **changes: Any) -> Answer:  # noqa: ANN401 - any part of a request
    """Send one request, ordinary but for the changes."""
    request: dict[str, Any] = {
        "method": "POST",
        "url": f"http://127.0.0.1:{port}/v1/events",
        "headers": {"Authorization": "made-up-key", "Content-Type": "application/json"},
        "content": BODY,
        "deadline_s": DEADLINE_S,
    }
    return await client.send(**request | changes)


async def fine(exchange: Exchange, _request: Request) -> None:
    """Answer 200."""
    await exchange.answer()
