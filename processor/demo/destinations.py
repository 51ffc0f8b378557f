"""The demo's destinations: a process each, as in production, told from one YAML file."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from processor.demo.books import Reading, reading
from processor.demo.plan import VENDORS, configuration, environment
from processor.operations.child import Child, Heard
from processor.operations.settings import RestartSettings
from processor.operations.supervisor import Supervisor
from processor.sandbox.stage import Stage

SHOWN_LOG_LINES: Final = 30


class Destinations:
    """One process per vendor. Made by `running`, which also ends them."""

    def __init__(self, set_up: Stage, folder: Path) -> None:
        """Write the configuration into `folder`; nothing is started yet."""
        keys = set_up.vendors.settings.keys
        self._config = folder / "segment-bridge.yaml"
        self._config.write_text(
            configuration(set_up.kafka.bootstrap_servers, set_up.topic, set_up.vendors.url, keys), encoding="utf-8"
        )
        self._environ = {**os.environ, **environment(keys)}
        self._log = folder / "destinations.log"
        self.supervisor = Supervisor(VENDORS, self._launch, RestartSettings())

    def readings(self) -> dict[str, Reading]:
        """Return what each destination says right now, or said last."""
        return {name: reading(report) for name, report in self.supervisor.statuses().items()}

    def last_words(self) -> str:
        """Return the end of what the processes logged: what somebody wants to read when the demo fails."""
        written = self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""
        return "\n".join(written.splitlines()[-SHOWN_LOG_LINES:])

    async def _launch(self, name: str, heard: Heard) -> Child:
        command = [sys.executable, "-m", "processor.demo.bridge", str(self._config), name]
        with self._log.open("ab") as log:
            return await Child.start(command, self._environ, heard, log)


@asynccontextmanager
async def running(set_up: Stage, folder: Path) -> AsyncIterator[tuple[Destinations, asyncio.Task[int]]]:
    """Run the destinations inside the block; gives them, and the task that ends when none is left.

    On leaving the block they stop as on SIGTERM; their last reports, with everything counted, are then in `readings`.
    """
    destinations = Destinations(set_up, folder)
    task = asyncio.create_task(destinations.supervisor.run(), name="destinations")
    try:
        yield destinations, task
    finally:
        destinations.supervisor.request_stop()
        await task


def ended_total(readings: Mapping[str, Reading]) -> int:
    """Return how many records have ended over all destinations: what must move, or the demo is stuck."""
    return sum(now.ended for now in readings.values())
