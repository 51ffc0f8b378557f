"""The demo from beginning to end: set the stage, run the destinations, show them, add up."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Final

from rich.console import Console

from processor.demo.books import Account, Books, Reading
from processor.demo.destinations import Destinations, ended_total, running
from processor.demo.live import View, view
from processor.demo.plan import DEAD_LETTER_TOPIC, DemoPlan
from processor.demo.summary import print_summary
from processor.errors import BrokerError
from processor.operations.signals import EXIT_INTERRUPTED, stop_signals
from processor.sandbox.events import EventSettings
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.stage import DEMO_FAULTS, Stage, stage

LOOK_INTERVAL_S: Final = 0.2
EVENTS_PER_USER: Final = 10
STILL_S: Final = 60.0
"""The demo gives up when nothing has ended for so long: with faults a destination may well wait for half of it."""

EXIT_FAILURE: Final = 1


class End(Enum):
    """Why the demo is over."""

    DONE = "everything produced has ended"
    INTERRUPTED = "interrupted"
    STUCK = "nothing has moved for a minute"
    NOBODY_LEFT = "no destination is running any more"


def run_demo(plan: DemoPlan, console: Console | None = None) -> int:
    """Run the demo and print it; return 0 when nothing is lost and all ended as expected, 1 otherwise, 130 on Ctrl-C.

    While `keep_running`, the first Ctrl-C ends only the producing; what is on its way is delivered and added up.
    """
    screen = Console() if console is None else console
    faults = DEMO_FAULTS if plan.with_faults else ()
    with (
        tempfile.TemporaryDirectory(prefix="segment-bridge-demo-") as folder,
        stage(SandboxSettings(faults=faults, seed=plan.seed)) as set_up,
    ):
        return asyncio.run(Demo(plan, set_up, screen).run(Path(folder)))


class Demo:
    """One demo; everything runs on one event loop, but for the producing of events."""

    def __init__(self, plan: DemoPlan, set_up: Stage, console: Console) -> None:
        """Prepare; `run` does it all."""
        self._plan = plan
        self._stage = set_up
        self._console = console
        self._enough = asyncio.Event()
        self._interrupted = asyncio.Event()
        if not plan.keep_running:
            self._enough.set()

    async def run(self, folder: Path) -> int:
        """Return the exit code once everything was shown, stopped and added up."""
        started_s = time.monotonic()
        producing = asyncio.create_task(asyncio.to_thread(self._produce), name="producing")
        with stop_signals(self._on_signal):
            async with running(self._stage, folder) as (destinations, supervising):
                with view(self._console) as shown:
                    end = await self._watch(shown, destinations, producing, supervising)
        await producing
        return self._finish(end, destinations, time.monotonic() - started_s)

    def _on_signal(self) -> None:
        """Take the first Ctrl-C of a demo that keeps running for `enough`, any other for `at once`."""
        if self._enough.is_set():
            self._interrupted.set()
        self._enough.set()

    def _produce(self) -> None:
        """Put the events on the topic, and go on slowly while the demo keeps running. Runs on a thread of its own."""
        self._put(self._plan.event_count, self._plan.seed, None)
        seed = self._plan.seed
        with contextlib.suppress(BrokerError):  # it is full: what is there is still delivered and added up
            while not self._enough.is_set():
                seed += 1
                self._put(max(1, round(self._plan.rate_per_s)), seed, self._plan.rate_per_s)

    def _put(self, count: int, seed: int, rate_per_s: float | None) -> None:
        user_count = max(1, count // EVENTS_PER_USER)
        events = EventSettings(count=count, user_count=user_count, seed=seed, marked=True)
        self._stage.produce(events, time.time_ns() // 1_000_000, rate_per_s=rate_per_s)

    async def _watch(
        self, shown: View, destinations: Destinations, producing: asyncio.Task[None], supervising: asyncio.Task[int]
    ) -> End:
        """Show the destinations until the demo is over; return why it is."""
        clock = asyncio.get_running_loop().time
        moved_s, ended_count = clock(), -1
        while True:
            now_s, readings, produced = clock(), destinations.readings(), self._stage.made.total()
            shown.show(produced, readings, now_s)
            if ended_total(readings) != ended_count or self._plan.keep_running:
                moved_s, ended_count = now_s, ended_total(readings)
            if producing.done() and self._enough.is_set() and all(r.is_done(produced) for r in readings.values()):
                return End.DONE
            if self._interrupted.is_set():
                return End.INTERRUPTED
            if supervising.done():
                return End.NOBODY_LEFT
            if now_s - moved_s > STILL_S:
                return End.STUCK
            await asyncio.sleep(LOOK_INTERVAL_S)

    def _finish(self, end: End, destinations: Destinations, took_s: float) -> int:
        """Print how it ended, and return the exit code that says so."""
        if end is End.INTERRUPTED:
            return EXIT_INTERRUPTED
        if end is not End.DONE:
            self._console.print(destinations.last_words(), markup=False, highlight=False)
            self._console.print(f"the demo failed: {end.value}", highlight=False)
        books = self._books(destinations.readings())
        print_summary(self._console, books, took_s)
        return 0 if end is End.DONE and books.lost == 0 and books.unexpected == 0 else EXIT_FAILURE

    def _books(self, readings: Mapping[str, Reading]) -> Books:
        letters = self._stage.kafka.end_offsets(DEAD_LETTER_TOPIC)
        return Books(tuple(self._account(name, now) for name, now in readings.items()), sum(letters.values()))

    def _account(self, name: str, now: Reading) -> Account:
        vendors = self._stage.vendors
        repeats: Mapping[str, int] = vendors.counts()["repeats"]
        repeated = sum(count for path, count in repeats.items() if path.startswith(f"{name}/"))
        items = vendors.item_count(name) + vendors.item_count(name, "ignored")
        return Account(
            destination=name,
            produced=self._stage.made.total(),
            reading=now,
            accepted_items=items - repeated,
            repeated_items=repeated,
            expected={str(fate): count for fate, count in self._stage.expected(name).items()},
        )
