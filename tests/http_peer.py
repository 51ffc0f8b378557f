"""A peer for HTTP tests that does exactly what it is told, down to the moment at which a connection breaks.

It speaks just enough HTTP/1.1 over asyncio streams: an HTTP library on this side would repair what a test wants broken.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Request:
    """One request as it came in."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class Exchange:
    """The streams of one connection, for a script to answer on."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self, status: int = 200, body: bytes = b"{}", **headers: str) -> None:
        """Write a whole answer; underscores in header names stand for hyphens."""
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async def write(self, content: bytes) -> None:
        """Write bytes as they are."""
        self.writer.write(content)
        await self.writer.drain()

    def cut(self) -> None:
        """Reset the connection."""
        self.writer.transport.abort()


Script = Callable[[Exchange, Request], Awaitable[None]]


@dataclass
class Peer:
    """A server on loopback. `requests` are those whose body arrived whole."""

    script: Script
    reads_bodies: bool = True
    requests: list[Request] = field(default_factory=list)
    connection_count: int = 0
    open_count: int = 0
    port: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by tests that let a waiting script go on."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection by the script until it ends."""
        self.connection_count += 1
        self.open_count += 1
        number = self.connection_count
        try:
            while (request := await self._request(reader, number)) is not None:
                self.requests.append(request)
                await self.script(Exchange(reader, writer), request)
                if writer.is_closing():
                    return
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            return
        finally:
            self.open_count -= 1
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, number: int) -> Request | None:
        head = await reader.readuntil(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines)}
        length = int(headers.get("content-length", "0"))
        body = await reader.readexactly(length) if self.reads_bodies else b""
        return Request(line, headers, body, number)


@asynccontextmanager
async def peer(script: Script, tls: ssl.SSLContext | None = None, *, reads_bodies: bool = True) -> AsyncIterator[Peer]:
    """Run a peer on a free port inside the block."""
    running = Peer(script, reads_bodies)
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0, ssl=tls)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        running.released.set()
        server.close()
        await eventually(lambda: running.open_count == 0)


async def eventually(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    """Wait until a condition holds; fails when it does not within the time."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - conditions of sockets have no event to wait on
            await asyncio.sleep(0.002)
