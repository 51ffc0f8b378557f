"""Answers that are late, broken, too large or not what they say."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from typing import Any

import pytest

from tests.http_peer import Exchange, Request, peer
from tests.http_sending import SOON_S, client_of, send


@pytest.mark.parametrize(("status", "expected"), [(200, None), (202, None), (429, 429), (503, 503), (401, 401)])
async def test_a_body_that_does_not_end_in_time(status: int, expected: int | None) -> None:
    """A success without its whole body is no answer; any other status stands, with what had come of its body."""

    async def script(exchange: Exchange, _request: Request) -> None:
        await exchange.write(f"HTTP/1.1 {status} X\r\nContent-Length: 100\r\nRetry-After: 3\r\n\r\nslow".encode())
        await server.released.wait()

    async with peer(script) as server, client_of() as client:
        answer = await send(client, server.port, deadline_s=SOON_S)
    assert (answer.status, answer.error, answer.sent) == (expected, "timeout", True)
    assert (answer.body, answer.headers.get("retry-after")) == ((b"slow", "3") if expected else (b"", None))


@pytest.mark.parametrize(("status", "expected"), [(200, None), (500, 500)])
async def test_a_body_that_breaks_off(status: int, expected: int | None) -> None:
    """The same when the connection ends in the middle of the body."""

    async def script(exchange: Exchange, _request: Request) -> None:
        await exchange.write(f"HTTP/1.1 {status} X\r\nContent-Length: 100\r\n\r\nhalf".encode())
        exchange.writer.close()

    async with peer(script) as server, client_of() as client:
        answer = await send(client, server.port)
    assert (answer.status, answer.error, answer.sent) == (expected, "reset", True)


async def test_an_answer_beyond_the_limit_is_cut_and_its_connection_closed() -> None:
    """The status stands, the body is the beginning, the rest is never read, and the next request has a connection."""

    async def script(exchange: Exchange, request: Request) -> None:
        if request.connection > 1:
            await exchange.answer(body=b"small")
            return
        await exchange.write(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await exchange.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")

    async with peer(script) as server, client_of(max_answer_bytes=2000) as client:
        answer = await send(client, server.port)
        assert (answer.status, answer.body, answer.error) == (200, b"x" * 2000, "too_large")
        assert (await send(client, server.port)).body == b"small"


async def test_an_answer_of_exactly_the_limit_is_whole() -> None:
    """The limit itself is allowed."""

    async def script(exchange: Exchange, _request: Request) -> None:
        await exchange.answer(body=b"x" * 2000)

    async with peer(script) as server, client_of(max_answer_bytes=2000) as client:
        answer = await send(client, server.port)
    assert (len(answer.body), answer.error) == (2000, "")


@pytest.mark.parametrize(
    ("coding", "encode"),
    [
        ("gzip", gzip.compress),
        ("X-GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("identity", bytes),
        ("br", bytes),
    ],
)
async def test_answers_are_decompressed(coding: str, encode: Any) -> None:  # noqa: ANN401 - bytes to bytes
    """What a server compresses without being asked is read all the same; unknown codings stay as they come."""

    async def script(exchange: Exchange, _request: Request) -> None:
        await exchange.answer(body=encode(b'{"ok":1}'), Content_Encoding=coding)

    async with peer(script) as server, client_of() as client:
        answer = await send(client, server.port)
    assert answer.body == b'{"ok":1}'


async def test_a_gzip_bomb_costs_no_more_than_the_limit() -> None:
    """The limit holds after decompression: a small body that unpacks to 100 MB is cut."""
    bomb = gzip.compress(bytes(100_000_000), 9)

    async def script(exchange: Exchange, _request: Request) -> None:
        await exchange.answer(body=bomb, Content_Encoding="gzip")

    async with peer(script) as server, client_of(max_answer_bytes=1_000_000) as client:
        tracemalloc.start()
        answer = await send(client, server.port)
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (answer.status, len(answer.body), answer.error) == (200, 1_000_000, "too_large")
    assert peak_bytes < 20_000_000


async def test_a_body_that_is_not_what_its_coding_says_stays_as_it_is() -> None:
    """A wrong header does not cost the answer."""

    async def script(exchange: Exchange, _request: Request) -> None:
        await exchange.answer(body=b"plain", Content_Encoding="gzip")

    async with peer(script) as server, client_of() as client:
        assert (await send(client, server.port)).body == b"plain"


async def test_an_answer_before_the_body_was_read_counts() -> None:
    """A vendor that refuses by the length alone is heard although it never reads the body."""

    async def script(exchange: Exchange, _request: Request) -> None:
        await exchange.answer(413, b"too much", Connection="close")
        await server.released.wait()

    async with peer(script, reads_bodies=False) as server, client_of() as client:
        answer = await send(client, server.port, content=b"x" * 50_000_000)
    assert (answer.status, answer.body) == (413, b"too much")
