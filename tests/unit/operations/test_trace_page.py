"""`POST /trace`: who may ask, what is refused, and what a client sees."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from processor.errors import ConfigError, TransientError
from processor.operations import trace_page
from processor.operations.page import serve
from processor.operations.settings import PageSettings
from processor.operations.trace_board import MAX_ASKER_COUNT, Board, Question
from processor.operations.trace_client import page_url, trace
from tests.http_peer import Exchange, Request, eventually, peer

JSON = {"Content-Type": "application/json"}
REPORTS: Any = {"a": {"state": "running"}, "b": {"state": "running"}, "gone": {"state": "refused"}}


@asynccontextmanager
async def page(board: Board) -> AsyncIterator[str]:
    """Serve the page of two destinations inside the block; gives its address."""
    async with serve(PageSettings(port=0), lambda: REPORTS, supervised=True, board=board) as port:
        yield f"http://127.0.0.1:{port}"


def stepping(url: str, question: Question) -> tuple[list[Any], asyncio.Future[None]]:
    """Return the steps that a client in a thread gets, as they come, and what is done when it is."""
    steps: list[Any] = []

    def ask() -> None:
        for step in trace(url, question):
            steps.append(step)  # noqa: PERF402 - looked at meanwhile

    return steps, asyncio.get_running_loop().run_in_executor(None, ask)


async def test_a_client_sees_each_step_as_it_comes() -> None:
    """Two who ask at once are told apart; nothing is kept of them at the end."""
    board = Board()
    async with page(board) as url:
        first, first_done = stepping(url, Question(message_id="m-1"))
        await eventually(lambda: len(board.askers) == 1)
        second, second_done = stepping(url, Question(user="u", destination="b"))
        await eventually(lambda: len(board.askers) == 2)
        one, other = board.askers
        one.tell({"step": "read", "destination": "a"})
        await eventually(lambda: len(first) == 1)
        other.finish("b")
        await second_done
        assert len(board.askers) == 1
        one.finish("a")
        one.finish("b")
        await first_done
        await eventually(lambda: not board.askers)
    assert first == [
        {"step": "read", "destination": "a"},
        {"step": "ended", "reason": "finished", "unseen": ["b"]},
    ]
    assert second == [{"step": "ended", "reason": "finished", "unseen": ["b"]}]


async def test_somebody_who_goes_away_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that is interrupted says nothing: the next empty line finds that out."""
    monkeypatch.setattr(trace_page, "HEARTBEAT_S", 0.01)
    board = Board()
    async with page(board) as url, httpx.AsyncClient() as client:
        async with client.stream("POST", f"{url}/trace", headers=JSON, content=b'{"user": "u"}') as answer:
            assert answer.status_code == 200
            await eventually(lambda: len(board.askers) == 1)
        await eventually(lambda: not board.askers)


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"Content-Type": "text/plain"}, b'{"user": "u"}', 415),
        ({**JSON, "Host": "evil.example.test"}, b'{"user": "u"}', 403),
        (JSON, b"{", 400),
        (JSON, b'{"user": "u", "message_id": "m"}', 400),
        (JSON, b'{"user": "u", "destination": "nobody"}', 404),
        (JSON, b'{"user": "u", "destination": "gone"}', 404),
    ],
    ids=["a form of a site", "a name of a site", "no json", "two ids", "unknown", "gone"],
)
async def test_what_is_refused(headers: dict[str, str], body: bytes, expected: int) -> None:
    """Each refusal has its status and says why; nobody is left on the board."""
    board = Board()
    async with page(board) as url, httpx.AsyncClient() as client:
        answer = await client.post(f"{url}/trace", headers=headers, content=body)
        assert expected == answer.status_code
        assert answer.json()["error"]
        assert (await client.get(f"{url}/trace")).status_code == 405
    assert not board.askers


async def test_only_programs_on_this_machine_may_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever address the page has: a peer from elsewhere is refused before its question is read."""
    monkeypatch.setattr(trace_page, "_is_loopback", lambda _remote: False)
    async with page(Board()) as url, httpx.AsyncClient() as client:
        answer = await client.post(f"{url}/trace", headers=JSON, content=b'{"user": "u"}')
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.7", False),
        ("::ffff:10.0.0.7", False),
        ("0.0.0.0", False),
        ("", False),
        (None, False),
    ],
)
def test_which_peers_are_on_this_machine(remote: str | None, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """Loopback in every spelling, and nothing else."""
    assert expected == trace_page._is_loopback(remote)


async def test_one_too_many_is_refused() -> None:
    """The bound on traces is an answer, and what the client says of it."""
    board = Board()
    for _ in range(MAX_ASKER_COUNT):
        board.ask(Question(user="u"), ["a"])
    async with page(board) as url:
        _, done = stepping(url, Question(user="u"))
        with pytest.raises(TransientError, match="traces run already"):
            await done


async def test_an_unknown_destination_is_a_mistake_of_the_caller() -> None:
    """The client says which ones there are."""
    async with page(Board()) as url:
        _, done = stepping(url, Question(user="u", destination="nobody"))
        with pytest.raises(ConfigError, match=r"there are: a, b$"):
            await done


async def _cut_off(exchange: Exchange, _request: Request) -> None:
    await exchange.write(b'HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n{"step": "read"}\n\n\r\n0\r\n\r\n')


async def _old(exchange: Exchange, _request: Request) -> None:
    await exchange.answer(404, b"404: Not Found")


async def _closed(exchange: Exchange, _request: Request) -> None:
    exchange.cut()


@pytest.mark.parametrize(
    ("script", "error", "text"),
    [
        (_cut_off, TransientError, "the bridge is gone"),
        (_old, ConfigError, "is it of this version"),
        (_closed, TransientError, "no bridge can be asked at"),
    ],
)
async def test_what_is_no_trace_is_an_error(script: Callable[..., Any], error: type[Exception], text: str) -> None:
    """An end without the last step, another program, nobody at all: each is told apart."""
    async with peer(script) as other:
        _, done = stepping(f"http://127.0.0.1:{other.port}", Question(user="u"))
        with pytest.raises(error, match=text):
            await done


async def test_a_page_may_be_behind_tls_and_below_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As behind an ingress, with an authority that this machine trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def script(exchange: Exchange, _request: Request) -> None:
        await exchange.answer(200, b'{"step": "ended", "reason": "finished", "unseen": []}\n')

    async with peer(script, context) as other:
        steps, done = stepping(f"https://127.0.0.1:{other.port}/cdp/", Question(user="u"))
        await done
    assert [request.line for request in other.requests] == ["POST /cdp/trace HTTP/1.1"]
    assert [step["step"] for step in steps] == ["ended"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (PageSettings(), "http://127.0.0.1:9464"),
        (PageSettings(host="0.0.0.0", port=80), "http://127.0.0.1:80"),
        (PageSettings(host="::"), "http://[::1]:9464"),
        (PageSettings(host="10.1.2.3"), "http://10.1.2.3:9464"),
    ],
)
def test_a_page_is_found_by_its_settings(settings: PageSettings, expected: str) -> None:
    """What listens everywhere is asked on this machine."""
    assert expected == page_url(settings)


@pytest.mark.parametrize("settings", [PageSettings(enabled=False), PageSettings(port=0)])
def test_a_page_that_cannot_be_found_is_told(settings: PageSettings) -> None:
    """There is none, or only the log knows its port."""
    with pytest.raises(ConfigError, match=r"operations\.page"):
        page_url(settings)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:9464",
        "ftp://127.0.0.1",
        "http://",
        "http://127.0.0.1:page",
        "http://[",
        "http://a..b",
        "http://h/ü",
        "http://h/a b",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    """Before anything is asked."""
    with pytest.raises(ConfigError, match="is no address"):
        next(trace(url, Question(user="u")))
