"""`run` with several destinations: the supervisor, its signals and its page, put together."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from processor.operations.child import Child, Heard, run_command
from processor.operations.settings import OperationsSettings, PageSettings
from processor.operations.signals import exit_code, stop_signals
from processor.operations.status import ReadAll
from processor.operations.supervisor import Supervisor


def run_fleet(
    destinations: Sequence[str],
    config: Path,
    settings: OperationsSettings,
    environ: Mapping[str, str] = os.environ,
) -> int:
    """Run the destinations of a file, each in a process of its own, until SIGTERM or SIGINT; return the exit code.

    Raises:
        OSError: The page's address cannot be listened on; no process was started.
    """
    return asyncio.run(_run(destinations, config, settings, environ))


async def _run(
    destinations: Sequence[str], config: Path, settings: OperationsSettings, environ: Mapping[str, str]
) -> int:
    async def launch(name: str, heard: Heard) -> Child:
        return await Child.start(run_command(name, config), environ, heard)

    supervisor = Supervisor(destinations, launch, settings.restarts)
    with stop_signals(supervisor.request_stop) as seen:
        async with _page(settings.page, supervisor.statuses):
            code = await supervisor.run()
    return exit_code(code, seen)


@asynccontextmanager
async def _page(settings: PageSettings, read_all: ReadAll) -> AsyncIterator[None]:
    if not settings.enabled:
        yield
        return
    from processor.operations.page import serve  # noqa: PLC0415 - costs memory that a run without a page lacks

    async with serve(settings, read_all, supervised=True):
        yield
