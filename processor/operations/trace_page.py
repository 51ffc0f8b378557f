"""`POST /trace` on the page: a question in, one JSON line for each step out, until the trace ends.

Who may ask: a program on this machine (or in this pod), whatever address the page has. The rest of the page tells
counts; this tells what became of a person's event. Programs on this machine include a browser, which any site could
let ask: so the body must say that it is JSON, which no other site's page can without being asked first, and the request
must be made to an address or to localhost, not to a name that somebody else may have pointed here.
"""

from __future__ import annotations

import ipaddress
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from processor.operations.status import ReadAll
from processor.operations.trace_board import Asker, Board, BusyError, Question

HEARTBEAT_S: Final = 1.0
"""An empty line goes out so often when nothing happens: only a write tells that nobody listens any more."""
GONE: Final = frozenset({"refused", "stopped"})
"""States of destinations of which nothing can be heard any more."""

_decode = msgspec.json.Decoder(Question).decode


def add_trace(application: web.Application, board: Board, read_all: ReadAll) -> None:
    """Let the page take questions about events of the destinations that `read_all` knows."""

    async def trace(request: web.Request) -> web.StreamResponse:
        refusal = _refusal(request)
        if refusal is not None:
            return _said(*refusal)
        names = [name for name, report in read_all().items() if report.get("state") not in GONE]
        try:
            question = _decode(await request.read())
        except msgspec.DecodeError as error:  # names members and bounds, no values
            return _said(HTTPStatus.BAD_REQUEST, str(error))
        wanted = names if question.destination is None else [question.destination]
        if not set(wanted) <= set(names):
            return _said(HTTPStatus.NOT_FOUND, f"no such destination runs here; there are: {', '.join(names)}")
        try:
            asker = board.ask(question, wanted)
        except BusyError as error:
            return _said(HTTPStatus.TOO_MANY_REQUESTS, str(error))
        try:
            return await _told(request, asker)
        finally:
            board.drop(asker)

    application.router.add_post("/trace", trace)


async def _told(request: web.Request, asker: Asker) -> web.StreamResponse:
    """Write what the asker is told, as it comes."""
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"})
    await response.prepare(request)
    while not asker.is_over:
        step = await asker.next(HEARTBEAT_S)
        await response.write(b"\n" if step is None else msgspec.json.encode(step) + b"\n")
    await response.write_eof()
    return response


def _refusal(request: web.Request) -> tuple[HTTPStatus, str] | None:
    """Return why somebody may not ask, None when they may."""
    if not _is_loopback(request.remote):
        return HTTPStatus.FORBIDDEN, "traces are shown to programs on the same machine or in the same pod alone"
    host = urlsplit(f"//{request.host}").hostname or ""
    if host != "localhost" and not _is_address(host):
        return HTTPStatus.FORBIDDEN, "ask by address or by localhost"
    if request.content_type != "application/json":
        return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the question must be application/json"
    return None


def _is_loopback(remote: str | None) -> bool:
    """Return whether a peer's address is one of this machine alone."""
    if remote is None or not _is_address(remote):
        return False
    address = ipaddress.ip_address(remote)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _said(status: HTTPStatus, message: str) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode({"error": message}),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
