"""`run` with several destinations: the supervisor, its signals and its page, put together."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from processor.operations.child import Child, Heard, run_command
from processor.operations.following import Stamp, follow
from processor.operations.settings import OperationsSettings
from processor.operations.showing import showing
from processor.operations.signals import exit_code, reload_signal, stop_signals
from processor.operations.supervisor import Supervisor
from processor.operations.trace_board import Board
from processor.operations.trace_relay import Relay


class Following(NamedTuple):
    """A file, its stamp from before it was read, and what looks at it when it has changed. That may block."""

    path: Path
    stamp: Stamp | None
    look: Callable[[], None]


def run_fleet(
    destinations: Sequence[str],
    config: Path,
    settings: OperationsSettings,
    environ: Mapping[str, str] = os.environ,
    *,
    following: Following | None = None,
) -> int:
    """Run the destinations of a file, each in a process of its own, until SIGTERM or SIGINT; return the exit code.

    SIGHUP is passed on to each of them.

    Raises:
        OSError: The page's address cannot be listened on; no process was started.
    """
    return asyncio.run(_run(destinations, config, settings, environ, following))


async def _run(
    destinations: Sequence[str],
    config: Path,
    settings: OperationsSettings,
    environ: Mapping[str, str],
    following: Following | None,
) -> int:
    board = Board()
    relay = Relay(board)

    async def launch(name: str, heard: Heard) -> Child:
        return await Child.start(run_command(name, config), environ, heard, member=relay.member(name))

    supervisor = Supervisor(destinations, launch, settings.restarts)
    with reload_signal(supervisor.request_reload), stop_signals(supervisor.request_stop) as seen:
        page = showing(settings.page, supervisor.statuses, supervised=True, board=board, environ=environ)
        async with page, _followed(following):
            try:
                code = await supervisor.run()
            finally:
                board.close()
    return exit_code(code, seen)


@asynccontextmanager
async def _followed(following: Following | None) -> AsyncIterator[None]:
    """Look at the file inside the block whenever it has changed."""
    if following is None:
        yield
        return
    looks = follow(
        lambda: [following.path], following.stamp, lambda: asyncio.to_thread(following.look), asyncio.Event()
    )
    task = asyncio.create_task(looks, name="settings file")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
