"""The HTTP client against a peer that misbehaves in every way that matters."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from processor.delivery.http import HttpClient
from processor.delivery.http_settings import HttpSettings
from processor.model import Answer
from tests.http_peer import Exchange, Request, eventually, peer
from tests.http_sending import BODY, DEADLINE_S, SOON_S, Clock, client_of, fine, send


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
    """Nobody listens: the vendor certainly has nothing, and nobody is told that something has set out."""
    told: list[None] = []
    async with client_of() as client:
        answer = await send(client, unused_port(), set_out=lambda: told.append(None))
    assert answer == Answer(None, error="connect", sent=False)
    assert told == []


async def test_who_asks_is_told_once_when_a_request_sets_out() -> None:
    """Not while it waits for a connection, and before the vendor has all of it."""
    told: list[int] = []

    async def script(exchange: Exchange, _request: Request) -> None:
        await server.released.wait()
        await exchange.answer()

    async with peer(script) as server, client_of() as client:
        others = [asyncio.create_task(send(client, server.port)) for _ in range(4)]
        await eventually(lambda: len(server.requests) == 4)
        last = asyncio.create_task(send(client, server.port, set_out=lambda: told.append(len(server.requests))))
        for _ in range(50):
            await asyncio.sleep(0)
        assert told == []
        server.released.set()
        await asyncio.gather(*others, last)
    assert told == [4]


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
