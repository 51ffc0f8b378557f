"""How a supervised process tells its supervisor how it is: lines of JSON on an inherited socket.

Questions about single events come down the same socket, and what is said of them goes up (`trace_relay`).
It also tells the process that its supervisor is gone, however that died: the end of the stream. Nothing else does so
on every system, and a destination that outlives its supervisor would have nobody to stop it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Final, cast

import msgspec

from processor.operations.status import Read, StatusReport
from processor.operations.trace_board import Board
from processor.operations.trace_relay import ASKER, Desk, Member

logger = logging.getLogger(__name__)

ENVIRONMENT_KEY: Final = "SEGMENT_BRIDGE_STATUS_FD"
MAX_LINE_BYTES: Final = 8 * 1024 * 1024
"""Room for the report of a process with tens of thousands of partitions."""

REPORT_INTERVAL_S: Final = 1.0

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def inherited(environ: MutableMapping[str, str] = os.environ) -> socket.socket | None:
    """Return the socket to the supervisor, or None when this process has none.

    The variable is taken out of the environment, so that no process started from here believes it is meant.
    """
    number = environ.pop(ENVIRONMENT_KEY, None)
    if number is None:
        return None
    opened = socket.socket(fileno=int(number))
    opened.set_inheritable(False)
    return opened


def environment_for(child_end: socket.socket, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process that inherits `child_end`."""
    return {**environ, ENVIRONMENT_KEY: str(child_end.fileno())}


@asynccontextmanager
async def reporting(
    link: socket.socket,
    read: Read,
    on_orphaned: Callable[[], None],
    interval_s: float = REPORT_INTERVAL_S,
    *,
    board: Board | None = None,
    destination: str = "",
) -> AsyncIterator[None]:
    """Report inside the block every `interval_s` and once at its end; call `on_orphaned` when the supervisor is gone.

    A supervisor that reads slowly delays only its own view: reports wait in this task and nowhere else.
    What it asks about events of `destination` is asked at `board`.
    """
    reader, writer = await asyncio.open_connection(sock=link)
    desk = Desk(Board() if board is None else board, destination, partial(_put, writer))
    watch = asyncio.create_task(_watch(reader, desk, on_orphaned), name="supervisor watch")
    report = asyncio.create_task(_report(writer, read, interval_s), name="status reports")
    try:
        yield
    finally:
        desk.close()
        for task in (watch, report):
            task.cancel()
        await asyncio.gather(watch, report, return_exceptions=True)
        with suppress(OSError):
            await asyncio.wait_for(_send(writer, read()), timeout=interval_s)
        writer.close()


async def _report(writer: asyncio.StreamWriter, read: Read, interval_s: float) -> None:
    with suppress(OSError):  # the supervisor is gone, which `_watch` deals with
        while True:
            await _send(writer, read())
            await asyncio.sleep(interval_s)


async def _send(writer: asyncio.StreamWriter, report: StatusReport) -> None:
    await _put(writer, msgspec.json.encode(report) + b"\n")


async def _put(writer: asyncio.StreamWriter, line: bytes) -> None:
    writer.write(line)
    await writer.drain()


async def _watch(reader: asyncio.StreamReader, desk: Desk, on_orphaned: Callable[[], None]) -> None:
    """Hand on what the supervisor asks; return when its end is closed."""
    with suppress(OSError):
        while line := await _line(reader):
            desk.heard(line)
    logger.warning("supervisor is gone, stopping")
    on_orphaned()


async def reports(link: socket.socket, member: Member | None = None) -> AsyncGenerator[StatusReport, None]:
    """Yield the reports that arrive from a process, until it closes its end. Runs in the supervisor.

    A line that is no report is left out: a process can harm its own view and nothing else.
    `member` hears what it says of events that somebody asks about.
    """
    reader, writer = await asyncio.open_connection(sock=link, limit=MAX_LINE_BYTES)
    try:
        async for line in _decoded(reader):
            if ASKER not in line:
                if member is not None:
                    member.joined(writer.write)
                yield cast(StatusReport, line)  # our own process wrote it
            elif member is not None:
                member.heard(line)
    finally:
        if member is not None:
            member.left()
        writer.close()


async def _decoded(reader: asyncio.StreamReader) -> AsyncIterator[dict[str, Any]]:
    with suppress(OSError):
        while line := await _line(reader):
            try:
                yield _decode(line)
            except msgspec.DecodeError:
                logger.warning("unreadable status report", extra={"line_bytes": len(line)})


async def _line(reader: asyncio.StreamReader) -> bytes:
    """Return the next line; one beyond the limit comes back as nothing to decode, and the end as nothing at all."""
    try:
        return await reader.readline()
    except ValueError:  # asyncio's word for a line that is too long; it has dropped it
        return b"\n"
