"""Reports travel from a process to its supervisor, and the end of the supervisor is noticed."""

from __future__ import annotations

import asyncio
import socket

import httpx
import msgspec
import pytest

from processor.operations.channel import ENVIRONMENT_KEY, environment_for, inherited, reporting, reports
from processor.operations.exposure import expose
from processor.operations.settings import PageSettings
from processor.operations.status import StatusReport


async def collected(link: socket.socket) -> list[StatusReport]:
    """Return every report until the other end is closed."""
    return [report async for report in reports(link)]


async def test_the_last_report_is_the_state_at_the_end() -> None:
    """Counts of the last moments are not lost: leaving the block sends one more report."""
    ours, theirs = socket.socketpair()
    listening = asyncio.create_task(collected(ours))
    report = StatusReport(destination="a", state="running")
    async with reporting(theirs, lambda: report, lambda: None, interval_s=30.0):
        await asyncio.sleep(0)
        report = StatusReport(destination="a", state="stopped")
    received = await asyncio.wait_for(listening, timeout=5)
    assert received[-1] == {"destination": "a", "state": "stopped"}


async def test_reports_are_repeated() -> None:
    """While the block runs, reports come without being asked for."""
    ours, theirs = socket.socketpair()
    async with reporting(theirs, lambda: StatusReport(destination="a"), lambda: None, interval_s=0.001):
        stream = reports(ours)
        received = [await asyncio.wait_for(anext(stream), timeout=5) for _ in range(3)]
        await stream.aclose()
    assert received == [{"destination": "a"}] * 3


async def test_the_end_of_the_supervisor_is_noticed() -> None:
    """When the other end is closed, however that came, the process is told once."""
    ours, theirs = socket.socketpair()
    orphaned = asyncio.Event()
    async with reporting(theirs, StatusReport, orphaned.set, interval_s=0.001):
        ours.close()
        await asyncio.wait_for(orphaned.wait(), timeout=5)


@pytest.mark.parametrize("noise", [b"not json\n", b"[1]\n", b"x" * (9 * 1024 * 1024) + b"\n"], ids=len)
async def test_noise_on_the_channel_is_left_out(noise: bytes) -> None:
    """A line that is no report, or longer than any report, does not hide the one after it."""
    ours, theirs = socket.socketpair()
    listening = asyncio.create_task(collected(ours))
    theirs.setblocking(False)  # noqa: FBT003 - the socket's own signature
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(theirs, noise + msgspec.json.encode({"destination": "a"}) + b"\n")
    theirs.close()
    received = await asyncio.wait_for(listening, timeout=20)
    assert received == [{"destination": "a"}]


def test_the_socket_is_handed_over_by_the_environment() -> None:
    """The number in the environment opens the same socket, once, and further processes do not see it."""
    ours, theirs = socket.socketpair()
    environ = environment_for(theirs, {"PATH": "/bin"})
    theirs.detach()
    link = inherited(environ)
    assert link is not None
    with ours, link:
        link.sendall(b"hello")
        assert ours.recv(5) == b"hello"
        assert not link.get_inheritable()
    assert environ == {"PATH": "/bin"}
    assert inherited(environ) is None


def test_the_environment_of_a_process_names_its_end() -> None:
    """The variable holds the number of the end that the process inherits."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert environment_for(theirs, {}) == {ENVIRONMENT_KEY: str(theirs.fileno())}


async def test_a_supervised_process_reports_instead_of_serving() -> None:
    """With a supervisor there is no page: one port serves all, and it is the supervisor's."""
    ours, theirs = socket.socketpair()
    listening = asyncio.create_task(collected(ours))
    taken = PageSettings(host="no such host")
    read = lambda: StatusReport(destination="a")  # noqa: E731 - shorter than a function that says no more
    async with expose("a", read, taken, on_orphaned=lambda: None, link=theirs):
        pass
    assert await asyncio.wait_for(listening, timeout=5)


async def test_a_process_that_stands_alone_serves_its_page() -> None:
    """Without a supervisor the page is served, and a taken address is an error at once."""
    with socket.create_server(("127.0.0.1", 0)) as blocker:
        settings = PageSettings(port=blocker.getsockname()[1])
        with pytest.raises(OSError, match="address already in use"):
            async with expose("a", StatusReport, settings, on_orphaned=lambda: None, link=None):
                pytest.fail("the page cannot be served on a taken port")


async def test_the_page_of_a_process_that_stands_alone_shows_its_destination() -> None:
    """The report appears under the destination's name, and the process is alive only as long as it says so."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    report = StatusReport(state="running", alive=True)
    async with (
        expose("a", lambda: report, PageSettings(port=port), on_orphaned=lambda: None, link=None),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        assert (await client.get("/status")).json()["destinations"] == {"a": report}
        assert (await client.get("/livez")).status_code == 200
        report["alive"] = False
        assert (await client.get("/livez")).status_code == 503


async def test_the_page_can_be_switched_off() -> None:
    """Without a page nothing listens, so even an impossible address is no error."""
    settings = PageSettings(enabled=False, host="no such host")
    async with expose("a", StatusReport, settings, on_orphaned=lambda: None, link=None):
        pass
