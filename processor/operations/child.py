"""One destination's process as its supervisor sees it: started, heard, stopped, reaped."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from processor.operations.channel import environment_for, reports
from processor.operations.status import StatusReport
from processor.operations.trace_relay import Member

Heard = Callable[[StatusReport], None]


def run_command(destination: str, config: Path) -> list[str]:
    """Return the command line of a process that runs one destination."""
    return [sys.executable, "-m", "processor", "run", "--config", str(config), "--destination", destination]


class Child:
    """A running process. Made by `start`; `wait` must be awaited, which reaps it."""

    def __init__(self, process: asyncio.subprocess.Process, listener: asyncio.Task[None]) -> None:
        """Take over a process and the task that hears its reports."""
        self._process = process
        self._listener = listener

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        environ: Mapping[str, str],
        heard: Heard,
        output: IO[bytes] | None = None,
        *,
        member: Member | None = None,
    ) -> Child:
        """Start `command`; `heard` is called with each report, `member` hears what it says of single events.

        What the process writes goes to `output`, or where our own output goes.
        The process is in a group of its own, so that Ctrl-C reaches it through its supervisor and not beside it.

        Raises:
            OSError: It cannot be started.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=environment_for(theirs, environ),
                    pass_fds=[theirs.fileno()],
                    process_group=0,
                )
            except BaseException:  # a start that was cancelled leaves no socket behind either
                ours.close()
                raise
        return cls(process, asyncio.create_task(_listen(ours, heard, member), name=f"reports of {process.pid}"))

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    async def wait(self) -> int:
        """Return the exit code once the process has ended and its last report was heard; negative: the signal."""
        code = await self._process.wait()
        await asyncio.wait([self._listener], timeout=1.0)
        self._listener.cancel()
        return code

    def terminate(self) -> None:
        """Ask the process to end as on SIGTERM; nothing happens when it has ended already."""
        self._signal(signal.SIGTERM)

    def reload(self) -> None:
        """Ask the process to look at its settings again, as on SIGHUP."""
        self._signal(signal.SIGHUP)

    def kill(self) -> None:
        """End the process at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)


async def _listen(link: socket.socket, heard: Heard, member: Member | None) -> None:
    async for report in reports(link, member):
        heard(report)
