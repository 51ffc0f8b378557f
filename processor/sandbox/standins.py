"""The stand-ins, running: on a thread of their own, or in the foreground until they are told to stop."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from processor.sandbox.admin import AdminRoutes
from processor.sandbox.faults import Fault
from processor.sandbox.ledger import Line, Result
from processor.sandbox.server import StandInServer
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.shapes import read

_START_S = 10.0
_CLOSE_S = 0.5
_MAX_WIRE_BYTES = 64 * 1024 * 1024
_READ_BYTES = 1024 * 1024


async def _listen(server: StandInServer, host: str, port: int) -> tuple[web.ServerRunner, int]:
    """Return the running server and the port it listens on.

    Bodies are unpacked by the stand-ins and not by aiohttp, because sizes before and after both matter.

    Raises:
        OSError: When the address cannot be bound.
    """
    loop = asyncio.get_running_loop()

    def request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:  # noqa: ANN401 - aiohttp's own
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_MAX_WIRE_BYTES)

    web_server = web.Server(
        server.handle, request_factory=request, auto_decompress=False, access_log=None, read_bufsize=_READ_BYTES
    )
    runner = web.ServerRunner(web_server, shutdown_timeout=_CLOSE_S)
    await runner.setup()
    site = web.TCPSite(runner, host, port, reuse_address=True, backlog=1024)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    address: Any = runner.addresses[0]
    return runner, int(address[1])


class StandIns:
    """The three vendors on loopback, on a thread of their own.

    They may be stopped and started again on the same port, as a vendor that was down; record and faults stay. Use as a
    context manager, which closes the record file at the end.
    """

    def __init__(self, settings: SandboxSettings | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Set up the vendors; port 0 takes a free one at the first start."""
        self._server = StandInServer(SandboxSettings() if settings is None else settings)
        self._server.admin = AdminRoutes(self._server).handle
        self._host, self._port = host, port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping: asyncio.Event | None = None
        self._failure: BaseException | None = None

    @property
    def url(self) -> str:
        """Return the base address of all three vendors."""
        return f"http://{self._host}:{self._port}"

    @property
    def settings(self) -> SandboxSettings:
        """Return the settings, and with them the keys that are accepted."""
        return self._server.settings

    def start(self) -> Self:
        """Listen. Returns when requests are answered.

        Raises:
            OSError: When the address cannot be bound.
        """
        assert self._thread is None, "already running"
        ready = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._run, args=(ready,), name="stand-ins", daemon=True)
        self._thread.start()
        if not ready.wait(_START_S):
            raise TimeoutError("the stand-ins did not start")
        self._raise_failure()
        return self

    def stop(self) -> None:
        """Stop listening and cut what is open; nothing happens when they do not run."""
        if self._thread is None:
            return
        assert self._loop is not None
        assert self._stopping is not None
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = None

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and close the record file."""
        self.stop()
        self._server.ledger.close()

    def set_faults(self, *faults: Fault) -> None:
        """Put these faults in force in place of all others; none: all is well again."""
        self._server.faults.replace(faults, time.monotonic())

    def happened(self) -> dict[str, int]:
        """Return how often each fault really hit, by `vendor/endpoint/kind`."""
        return dict(self._server.faults.happened)

    def lines(self, vendor: str | None = None, result: Result | None = None) -> list[Line]:
        """Return the record as far as it is kept in memory."""
        return self._server.ledger.lines(vendor, result)

    def counts(self) -> dict[str, Any]:
        """Return the counts of everything."""
        return self._server.counts()

    def item_count(self, vendor: str, result: Result = "accepted") -> int:
        """Return how many items of a vendor had this result."""
        return self._server.ledger.item_count(vendor, result)

    def state(self, vendor: str, user: str | None = None) -> list[dict[str, Any]]:
        """Return what a vendor knows, of one user where one is named; one moment's state also while requests come.

        A number that no float holds is read as infinity here; the admin route shows it as it was written.

        Raises:
            KeyError: When there is no such vendor.
        """
        text = self._on_loop(lambda: self._server.state(vendor, user))
        if text is None:
            raise KeyError(vendor)
        return [read(line) for line in text.splitlines()]

    def _on_loop(self, read: Callable[[], bytes | None]) -> bytes | None:
        """Return what this reads on the thread that takes requests in, or here when there is none."""
        if self._thread is None or self._loop is None:
            return read()

        async def reading() -> bytes | None:
            return read()

        return asyncio.run_coroutine_threadsafe(reading(), self._loop).result(_START_S)

    def reset(self, faults: Sequence[Fault] = ()) -> None:
        """Forget record, counts and state, and put these faults in force."""
        self._server.reset(faults)

    def _raise_failure(self) -> None:
        failure = self._failure
        if failure is not None:
            self._thread = None
            raise failure

    def _run(self, ready: threading.Event) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as error:  # noqa: BLE001 - told to whoever called `start`
            self._failure = error
        finally:
            ready.set()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        runner, self._port = await _listen(self._server, self._host, self._port)
        ready.set()
        try:
            await self._stopping.wait()
        finally:
            await runner.cleanup()


def serve(
    host: str, port: int, settings: SandboxSettings | None = None, *, on_ready: Callable[[str], None] = lambda _: None
) -> signal.Signals:
    """Serve in the foreground until SIGINT or SIGTERM, and return which; `on_ready` gets the base address.

    For the main thread.

    Raises:
        OSError: When the address cannot be bound.
    """
    return asyncio.run(_serve_until_told(host, port, SandboxSettings() if settings is None else settings, on_ready))


async def _serve_until_told(
    host: str, port: int, settings: SandboxSettings, on_ready: Callable[[str], None]
) -> signal.Signals:
    server = StandInServer(settings)
    server.admin = AdminRoutes(server).handle
    told: asyncio.Queue[signal.Signals] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.put_nowait, number)
    runner, bound = await _listen(server, host, port)
    on_ready(f"http://{host}:{bound}")
    try:
        return await told.get()
    finally:
        await runner.cleanup()
        server.ledger.close()
