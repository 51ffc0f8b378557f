"""The HTTP client against a peer that misbehaves in every way that matters."""

from __future__ import annotations

import asyncio
import gzip
import socket
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from processor.delivery.http import HttpClient
from processor.delivery.http_settings import HttpSettings
from processor.model import Answer
from tests.http_peer import Exchange, Request, eventually, peer

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


async def test_a_request_arrives_as_given_and_its_answer_comes_back() -> None:
    """Method, path, headers and body arrive whole, and nothing is added that a vendor could stumble over."""

    async def script(exchange: Exchange, _request: Request) -> None:
        await exchange.answer(202, b'{"ok":true}', Retry_After="7", X_Limit="a")

    async with peer(script) as server, client_of() as client:
        answer = await send(client, server.port)
    (request,) = server.requests
    assert request.line == "POST /v1/events HTTP/1.1"
    assert request.body == BODY
    assert request.headers["authorization"] == "made-up-key"
    assert request.headers["content-length"] == str(len(BODY))
    assert request.headers["user-agent"].startswith("segment-bridge/")
    assert not {"transfer-encoding", "cookie", "expect"} & request.headers.keys()
    assert (answer.status, answer.body, answer.error) == (202, b'{"ok":true}', "")
    assert (answer.headers["retry-after"], answer.headers["x-limit"]) == ("7", "a")


async def test_a_request_without_a_body_has_none() -> None:
    """A probe by GET sends no body and no length."""
    async with peer(fine) as server, client_of() as client:
        answer = await send(client, server.port, method="GET", content=b"")
    assert answer.status == 200
    assert server.requests[0].line.startswith("GET ")
    assert "content-length" not in server.requests[0].headers


async def test_a_large_body_arrives_whole() -> None:
    """Megabytes go out under one exact length."""
    content = bytes(range(256)) * 20_000
    async with peer(fine) as server, client_of() as client:
        assert (await send(client, server.port, content=content)).status == 200
    assert server.requests[0].body == content


async def test_connections_are_used_again() -> None:
    """Requests one after the other share a connection."""
    async with peer(fine) as server, client_of() as client:
        for _ in range(5):
            assert (await send(client, server.port)).status == 200
    assert server.connection_count == 1


async def test_redirects_are_answers() -> None:
    """A redirect is not followed: its target would get the key."""

    async def script(exchange: Exchange, _request: Request) -> None:
        await exchange.answer(307, b"", Location=f"http://127.0.0.1:{server.port}/elsewhere")

    async with peer(script) as server, client_of() as client:
        answer = await send(client, server.port)
    assert answer.status == 307
    assert answer.headers["location"].endswith("/elsewhere")
    assert len(server.requests) == 1


async def test_cookies_are_forgotten() -> None:
    """A cookie that a vendor sets does not come back to it; a name, as cookies of bare addresses never count."""

    async def script(exchange: Exchange, _request: Request) -> None:
        await exchange.answer(Set_Cookie="session=1; Path=/")

    async with peer(script) as server, client_of() as client:
        for _ in range(2):
            await send(client, server.port, url=f"http://localhost:{server.port}/v1/events")
    assert "cookie" not in server.requests[1].headers


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the settings name a proxy: a variable left over in a container must not send events elsewhere."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with peer(fine) as server, client_of() as client:
        assert (await send(client, server.port)).status == 200


async def test_a_proxy_of_the_settings_gets_the_request_and_its_credentials() -> None:
    """Requests go to the proxy under their full address, with the proxy's user and password."""
    with pytest.MonkeyPatch.context() as environment:
        async with peer(fine) as server:
            environment.setenv("TEST_PROXY", f"http://user:pass@127.0.0.1:{server.port}")
            async with client_of(proxy={"env": "TEST_PROXY"}) as client:
                answer = await client.send("POST", "http://vendor.invalid/x", {}, BODY, DEADLINE_S)
    assert answer.status == 200
    assert server.requests[0].line == "POST http://vendor.invalid/x HTTP/1.1"
    assert server.requests[0].headers["proxy-authorization"] == "Basic dXNlcjpwYXNz"


async def test_a_refused_connection_has_sent_nothing() -> None:
    """Nobody listens: the vendor certainly has nothing."""
    async with client_of() as client:
        answer = await send(client, unused_port())
    assert answer == Answer(None, error="connect", sent=False)


async def test_a_name_that_does_not_exist_has_sent_nothing() -> None:
    """No address, no connection."""
    async with client_of() as client:
        answer = await client.send("POST", "http://vendor.invalid/", {}, BODY, DEADLINE_S)
    assert (answer.error, answer.sent) == ("connect", False)


async def test_waiting_for_a_free_connection_ends_with_nothing_sent() -> None:
    """More requests than connections: the last one gives up in time and is known not to have left."""

    async def script(exchange: Exchange, _request: Request) -> None:
        await server.released.wait()
        await exchange.answer()

    async with peer(script) as server, client_of(connect_timeout_s=SOON_S) as client:
        others = [asyncio.create_task(send(client, server.port)) for _ in range(4)]
        await eventually(lambda: len(server.requests) == 4)
        answer = await send(client, server.port)
        server.released.set()
        assert [other.status for other in await asyncio.gather(*others)] == [200] * 4
    assert (answer.status, answer.error, answer.sent) == (None, "connect", False)


async def test_a_deadline_before_the_connection_has_sent_nothing() -> None:
    """A deadline shorter than the wait for a connection is told apart from one that ran out at the vendor."""

    async def script(exchange: Exchange, _request: Request) -> None:
        await server.released.wait()
        await exchange.answer()

    async with peer(script) as server, client_of() as client:
        others = [asyncio.create_task(send(client, server.port)) for _ in range(4)]
        await eventually(lambda: len(server.requests) == 4)
        answer = await send(client, server.port, deadline_s=SOON_S)
        server.released.set()
        await asyncio.gather(*others)
    assert (answer.error, answer.sent) == ("connect", False)


async def test_a_vendor_that_does_not_answer_times_out_as_sent() -> None:
    """The request is out: whether it was accepted is unknown."""

    async def script(_exchange: Exchange, _request: Request) -> None:
        await server.released.wait()

    async with peer(script) as server, client_of() as client:
        answer = await send(client, server.port, deadline_s=SOON_S)
    assert answer == Answer(None, error="timeout", sent=True)
    assert len(server.requests) == 1


async def test_a_connection_cut_after_the_request_is_a_reset() -> None:
    """The vendor had the whole request and hung up."""

    async def script(exchange: Exchange, _request: Request) -> None:
        exchange.cut()

    async with peer(script) as server, client_of() as client:
        answer = await send(client, server.port)
    assert answer == Answer(None, error="reset", sent=True)
    assert len(server.requests) == 1, "a request is never repeated behind the dispatcher's back"


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_kept_connection_that_was_closed_meanwhile_is_a_reset(method: str) -> None:
    """A stale connection gives no answer, is not retried here even for idempotent methods, and the next one works."""

    async def script(exchange: Exchange, _request: Request) -> None:
        if len(server.requests) == 2:
            exchange.cut()
            return
        await exchange.answer()

    async with peer(script) as server, client_of() as client:
        assert (await send(client, server.port, method=method)).status == 200
        assert await send(client, server.port, method=method) == Answer(None, error="reset", sent=True)
        assert (await send(client, server.port, method=method)).status == 200
    assert len(server.requests) == 3


async def test_what_is_no_http_is_a_reset() -> None:
    """Another protocol on the port is a broken connection, not an answer."""

    async def script(exchange: Exchange, _request: Request) -> None:
        await exchange.write(b"220 mail.example ESMTP\r\n\r\n")
        exchange.writer.close()

    async with peer(script) as server, client_of() as client:
        answer = await send(client, server.port)
    assert (answer.status, answer.error, answer.sent) == (None, "reset", True)


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


@pytest.mark.parametrize(
    "change",
    [
        {"url": "ftp://127.0.0.1/"},
        {"url": "http://"},
        {"url": "no address"},
        {"url": "http://127.0.0.1:99999/"},
        {"headers": {"X-Key": "line\nbreak"}},
        {"headers": {"X-Key": "no ascii: \N{SNOWMAN}"}},
    ],
)
async def test_what_http_cannot_carry_is_an_answer_too(change: dict[str, Any]) -> None:
    """A broken address or header neither raises nor reaches the vendor."""
    async with peer(fine) as server, client_of() as client:
        answer = await send(client, server.port, **change)
    assert (answer.status, answer.error, answer.sent) == (None, "invalid", False)
    assert server.requests == []


async def test_a_fault_of_our_own_is_an_answer_and_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    """What nobody foresaw does not end the dispatcher, and does not stay unseen."""

    def broken() -> float:
        raise KeyError("clock")

    client = HttpClient(HttpSettings(), 1, broken)
    answer = await client.send("POST", "http://127.0.0.1:1/", {}, BODY, DEADLINE_S)
    await client.aclose()
    assert answer == Answer(None, error="unexpected", sent=False)
    assert [record.message for record in caplog.records] == ["request failed in an unexpected way"]


async def test_cancelling_gives_the_connection_back_to_nobody() -> None:
    """A cancelled request raises, its connection is closed, and the client works on."""

    async def script(exchange: Exchange, request: Request) -> None:
        if request.connection == 1:
            await server.released.wait()
        await exchange.answer()

    async with peer(script) as server, client_of() as client:
        task = asyncio.create_task(send(client, server.port))
        await eventually(lambda: len(server.requests) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await send(client, server.port)).status == 200
        assert server.connection_count == 2


async def test_old_connections_take_no_new_request_and_break_none() -> None:
    """At the largest age a new connection is opened; a request under way on the old one is answered, then it closes."""

    async def script(exchange: Exchange, request: Request) -> None:
        if request.connection == 1:
            await server.released.wait()
        await exchange.answer(body=str(request.connection).encode())

    clock = Clock()
    async with peer(script) as server, client_of(clock, max_connection_age_s=60) as client:
        old = asyncio.create_task(send(client, server.port))
        await eventually(lambda: len(server.requests) == 1)
        clock.now_s = 60.0
        assert (await send(client, server.port)).body == b"2"
        assert not old.done()
        server.released.set()
        assert (await old).body == b"1"
        await eventually(lambda: server.open_count == 1)
        assert (await send(client, server.port)).body == b"2"


async def test_idle_connections_of_an_old_pool_close_at_the_swap() -> None:
    """Without requests under way the old connections close at once."""
    clock = Clock()
    async with peer(fine) as server, client_of(clock, max_connection_age_s=60) as client:
        await send(client, server.port)
        clock.now_s = 61.0
        await send(client, server.port)
        await eventually(lambda: server.open_count == 1)
        assert server.connection_count == 2


async def test_an_idle_connection_is_closed_in_time() -> None:
    """An unused connection does not outlive its setting."""
    async with peer(fine) as server, client_of(idle_connection_s=0.05) as client:
        await send(client, server.port)
        await eventually(lambda: server.open_count == 0)


async def test_it_talks_to_a_real_server() -> None:
    """The same client against aiohttp's own server, with parallel requests."""

    async def echo(request: web.Request) -> web.Response:
        return web.json_response({"bytes": len(await request.read())})

    application = web.Application()
    application.router.add_post("/v1/events", echo)
    async with TestServer(application) as server, client_of() as client:
        assert server.port is not None
        answers = await asyncio.gather(*(send(client, server.port) for _ in range(40)))
    assert {(answer.status, answer.body) for answer in answers} == {(200, b'{"bytes": %d}' % len(BODY))}


def unused_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_proxy_in_a_file_is_read_again_when_connections_are_old(tmp_path: Path) -> None:
    """A proxy whose address or password was changed in its file is used from the next swap on, without a restart."""
    clock = Clock()
    reference = tmp_path / "proxy"
    async with peer(fine) as first, peer(fine) as second:
        reference.write_text(f"http://user:old@127.0.0.1:{first.port}\n")
        async with client_of(clock, proxy={"file": str(reference)}, max_connection_age_s=60) as client:
            await client.send("POST", "http://vendor.invalid/", {}, BODY, DEADLINE_S)
            reference.write_text(f"http://user:new@127.0.0.1:{second.port}\n")
            clock.now_s = 60.0
            await client.send("POST", "http://vendor.invalid/", {}, BODY, DEADLINE_S)
    assert [len(first.requests), len(second.requests)] == [1, 1]
    assert second.requests[0].headers["proxy-authorization"] == "Basic dXNlcjpuZXc="
