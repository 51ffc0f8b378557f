"""Made-up processes for a supervisor in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from processor.operations.child import Heard
from processor.operations.settings import RestartSettings
from processor.operations.supervisor import Launch, Supervisor
from tests.virtual_time import run_virtual

SETTINGS = RestartSettings(
    first_wait=timedelta(seconds=1),
    max_wait=timedelta(seconds=60),
    stable_after=timedelta(seconds=120),
    silent_after=timedelta(seconds=60),
    stop_within=timedelta(seconds=45),
)
NEVER_SILENT = SETTINGS.model_copy(update={"silent_after": timedelta(days=1)})


class FakeChild:
    """A process that ends by itself after a while, by SIGTERM after another, and by SIGKILL at once."""

    def __init__(self, *, code: int = 1, lives_s: float | None = None, stops_in_s: float | None = 0.0) -> None:
        """Script how long it lives (None: until told), and how long it needs to stop (None: it never does)."""
        self.pid = 4711
        self.orders: list[str] = []
        self.reaped = False
        self._code = code
        self._stops_in_s = stops_in_s
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if lives_s is not None:
            asyncio.get_running_loop().call_later(lives_s, self._end, code)

    async def wait(self) -> int:
        """Return the exit code once it has ended."""
        code = await asyncio.shield(self._ended)
        self.reaped = True
        return code

    def terminate(self) -> None:
        """End with 0 after the scripted time."""
        self.orders.append("terminate")
        if self._stops_in_s is not None:
            asyncio.get_running_loop().call_later(self._stops_in_s, self._end, 0)

    def reload(self) -> None:
        """Note the order."""
        self.orders.append("reload")

    def kill(self) -> None:
        """End at once."""
        self.orders.append("kill")
        self._end(-9)

    def _end(self, code: int) -> None:
        if not self._ended.done():
            self._ended.set_result(code)


class Script:
    """A launcher that starts what the test says, and remembers when."""

    def __init__(self, *makers: Callable[[], FakeChild]) -> None:
        """Start the first process by the first maker and so on; the last one is repeated."""
        self._makers = list(makers)
        self.children: list[FakeChild] = []
        self.started_s: list[float] = []
        self.heard: list[Heard] = []

    async def launch(self, _name: str, heard: Heard) -> FakeChild:
        """Start the next process."""
        maker = self._makers[min(len(self.children), len(self._makers) - 1)]
        self.started_s.append(asyncio.get_running_loop().time())
        self.children.append(maker())
        self.heard.append(heard)
        return self.children[-1]


def supervise(
    launch: Launch,
    during: Callable[[Supervisor], Awaitable[None]],
    names: tuple[str, ...] = ("a",),
    settings: RestartSettings = SETTINGS,
) -> tuple[int, Supervisor]:
    """Return the exit code of a supervisor that runs while `during` does, and the supervisor, in virtual time."""

    async def main() -> tuple[int, Supervisor]:
        supervisor = Supervisor(names, launch, settings, draw=lambda: 0.0)
        running = asyncio.create_task(supervisor.run())
        await during(supervisor)
        return await running, supervisor

    return run_virtual(main())


def stop_after(seconds: float) -> Callable[[Supervisor], Awaitable[None]]:
    """Return what stops a supervisor after a while of virtual time."""

    async def during(supervisor: Supervisor) -> None:
        await asyncio.sleep(seconds)
        supervisor.request_stop()

    return during


async def nothing(_: Supervisor) -> None:
    """Let the supervisor end by itself."""
