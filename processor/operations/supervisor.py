"""One process per destination, kept running.

A slow or dead vendor must never touch another's offsets, so each destination has a process, memory and a consumer of
its own. The supervisor starts them, starts them again when they die, forwards the order to stop, and shows them all
on one page. It knows nothing of Kafka and vendors.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from processor.operations.child import Heard
from processor.operations.restarts import EXIT_CONFIGURATION, Restart, next_restart
from processor.operations.settings import RestartSettings
from processor.operations.status import State, StatusReport, is_alive

logger = logging.getLogger(__name__)

EXIT_FAILURE: Final = 1

ALARMING_FAILURE_COUNT: Final = 3
"""From so many failures in a row on, restarting does not mend it, and an operator is needed."""


class Running(Protocol):
    """A process that was started: `child.Child`, or what a test gives."""

    @property
    def pid(self) -> int:
        """Return the process id."""

    async def wait(self) -> int:
        """Return the exit code once the process has ended."""

    def terminate(self) -> None:
        """Ask the process to end."""

    def reload(self) -> None:
        """Ask the process to look at its settings again."""

    def kill(self) -> None:
        """End the process at once."""


Launch = Callable[[str, Heard], Awaitable[Running]]
"""Starts the process of a destination, given its name and who hears its reports."""


@dataclass(slots=True)
class _Watch:
    """What is known of one destination's process. `ended_code` is its exit code once it is not started again.

    `has_reported` tells whether the present process has, `has_run` whether any has delivered.
    """

    report: StatusReport
    child: Running | None = None
    heard_s: float = 0.0
    has_reported: bool = False
    has_run: bool = False
    restart_count: int = 0
    ended_code: int | None = None


class Supervisor:
    """Keeps one process per destination running until it is told to stop. Everything runs on one event loop."""

    def __init__(
        self,
        destinations: Sequence[str],
        launch: Launch,
        settings: RestartSettings,
        *,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Prepare; nothing is started before `run`. `draw` gives a number from 0 to 1, for the jitter of restarts."""
        self._launch = launch
        self._settings = settings
        self._draw = draw
        self._stop = asyncio.Event()
        self._watches = {name: _Watch(StatusReport(destination=name, state="starting")) for name in destinations}

    def statuses(self) -> Mapping[str, StatusReport]:
        """Return the latest report of each destination, and in it what only its supervisor knows."""
        return {
            name: StatusReport(**{**watch.report, "restart_count": watch.restart_count})
            for name, watch in self._watches.items()
        }

    def request_stop(self) -> None:
        """Ask every process to end; a second call kills what has not ended yet."""
        is_repeated = self._stop.is_set()
        self._stop.set()
        running = [name for name, watch in self._watches.items() if watch.child is not None]
        if is_repeated and running:
            logger.warning("told to stop a second time, killing processes", extra={"destinations": ",".join(running)})
        for watch in self._watches.values():
            if watch.child is not None:
                (watch.child.kill if is_repeated else watch.child.terminate)()

    def request_reload(self) -> None:
        """Ask every process to look at its settings again.

        One that has not reported yet has not set up its signals and would be ended by this one. It has just read its
        settings, and looks again by itself should the file have changed meanwhile.
        """
        for watch in self._watches.values():
            if watch.child is not None and watch.has_reported and not self._stop.is_set():
                watch.child.reload()

    async def run(self) -> int:
        """Run until every process has ended for good; return the exit code for all of them.

        0: all ended as asked. 2: none could use its configuration. 1: anything else.
        When this is cancelled, every process is killed and reaped first.
        """
        keepers = [asyncio.create_task(self._keep(name, watch)) for name, watch in self._watches.items()]
        deadline = asyncio.create_task(self._end_in_time(), name="stop deadline")
        try:
            await asyncio.gather(*keepers)
        finally:
            self._stop.set()
            self._kill_all()
            for task in (deadline, *keepers):
                task.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
        return combined_code([watch.ended_code for watch in self._watches.values()])

    async def _keep(self, name: str, watch: _Watch) -> None:
        """Keep one destination's process running; returns when it is not started again."""
        failure_count = 0
        while not self._stop.is_set():
            started_s = _now_s()
            code = await self._run_once(name, watch)
            ran_s = _now_s() - started_s
            restart = next_restart(
                self._settings,
                exit_code=code,
                has_run=watch.has_run,
                ran_s=ran_s,
                failure_count=failure_count,
                draw=self._draw(),
            )
            if self._stop.is_set() or restart is None:
                self._end(name, watch, code)
                return
            failure_count = restart.failure_count
            await self._await_restart(name, watch, code, restart)
        self._end(name, watch, 0)

    async def _run_once(self, name: str, watch: _Watch) -> int:
        """Return the exit code of one run; a process that cannot be started counts as failed."""
        watch.has_reported = False
        try:
            child = await self._launch(name, lambda report: self._hear(watch, report))
        except OSError:
            logger.exception("process cannot be started", extra={"destination": name})
            return EXIT_FAILURE
        watch.child, watch.heard_s = child, _now_s()
        logger.info("process is started", extra={"destination": name, "pid": child.pid})
        if self._stop.is_set():
            child.terminate()
        silence = asyncio.create_task(self._end_silence(name, watch, child), name=f"silence of {name}")
        try:
            return await self._reaped(child)
        finally:
            silence.cancel()
            watch.child = None

    async def _reaped(self, child: Running) -> int:
        """Return the exit code; a cancelled wait kills the process and still reaps it."""
        try:
            return await child.wait()
        except asyncio.CancelledError:
            child.kill()
            await child.wait()
            raise

    def _hear(self, watch: _Watch, report: StatusReport) -> None:
        """Keep a report; one that says that only a restart can help is no sign of life."""
        if is_alive(report):
            watch.heard_s = _now_s()
        watch.has_reported = True
        watch.has_run = watch.has_run or report.get("state") in {"running", "standby", "paused", "drained"}
        watch.report = report

    async def _end_silence(self, name: str, watch: _Watch, child: Running) -> None:
        """Kill a process that has given no sign of life for too long: it hangs, and its restart is then due."""
        limit_s = self._settings.silent_after.total_seconds()
        while (left_s := watch.heard_s + limit_s - _now_s()) > 0:  # noqa: ASYNC110 - it waits for a time, which reports move
            await asyncio.sleep(left_s)
        logger.error("process hangs, killing it", extra={"destination": name, "silent_s": limit_s})
        child.kill()

    async def _end_in_time(self) -> None:
        """Kill what has not ended in time after the order to stop."""
        await self._stop.wait()
        await asyncio.sleep(self._settings.stop_within.total_seconds())
        late = [name for name, watch in self._watches.items() if watch.child is not None]
        logger.error("processes did not stop in time, killing them", extra={"destinations": ",".join(late)})
        self._kill_all()

    def _kill_all(self) -> None:
        for watch in self._watches.values():
            if watch.child is not None:
                watch.child.kill()

    async def _await_restart(self, name: str, watch: _Watch, code: int, restart: Restart) -> None:
        """Say that a process ended, and wait until it is to be started again or all are to stop."""
        watch.restart_count += 1
        _mark(watch, "restarting", f"exit_{code}")
        logger.log(
            logging.WARNING if restart.failure_count < ALARMING_FAILURE_COUNT else logging.ERROR,
            "process ended, restarting",
            extra={"destination": name, "exit_code": code, "wait_s": round(restart.wait_s, 1)},
        )
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), timeout=restart.wait_s)

    def _end(self, name: str, watch: _Watch, code: int) -> None:
        """Keep the exit code that a process ended with for good, and say so."""
        watch.ended_code = code
        if code == EXIT_CONFIGURATION:
            _mark(watch, "refused", f"exit_{code}")
            logger.error("configuration cannot be used, not restarting", extra={"destination": name})
        else:
            _mark(watch, "stopped", "" if code == 0 else f"exit_{code}")
            logger.info("process is stopped", extra={"destination": name, "exit_code": code})


def _now_s() -> float:
    """Return the event loop's monotonic time."""
    return asyncio.get_running_loop().time()


def _mark(watch: _Watch, state: State, reason: str) -> None:
    """Let the report say what became of the process; its counts stay, for whoever adds them up."""
    watch.report = StatusReport(**{**watch.report, "state": state, "reason": reason, "ready": False})


def combined_code(codes: Sequence[int | None]) -> int:
    """Return the exit code for all: 0 when all are 0, 2 when all are 2, else 1."""
    different = set(codes)
    if different <= {0}:
        return 0
    return EXIT_CONFIGURATION if different == {EXIT_CONFIGURATION} else EXIT_FAILURE
