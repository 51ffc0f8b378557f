"""When the demo is over, and with which exit code."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

import pytest
from rich.console import Console

from processor.demo.books import Reading
from processor.demo.destinations import Destinations
from processor.demo.plan import VENDORS, DemoPlan
from processor.demo.show import STILL_S, Demo, End
from processor.sandbox.stage import Stage
from tests.virtual_time import run_virtual

DONE = Reading(consumed=10, delivered=10, payloads_delivered=10, lag=0, state="running")
BUSY = Reading(consumed=10, delivered=4, payloads_delivered=4, in_flight=6, lag=6, state="running")


class FakeKafka:
    """A Kafka whose dead-letter topic is empty."""

    def end_offsets(self, _topic: str) -> dict[int, int]:
        """Return that nothing was written."""
        return {0: 0}


class FakeVendors:
    """Stand-ins that have taken in what they are told."""

    def __init__(self, items: int) -> None:
        """Have taken in so many items each."""
        self._items = items

    def counts(self) -> dict[str, Any]:
        """Return that nothing came twice."""
        return {"repeats": {}}

    def item_count(self, _vendor: str, result: str = "accepted") -> int:
        """Return the items, all of them accepted."""
        return self._items if result == "accepted" else 0


class FakeStage:
    """Ten events on the topic, all of which should be delivered."""

    def __init__(self, items: int = 10) -> None:
        """Let the vendors have taken in so many items."""
        self.made = Counter({"track": 10})
        self.kafka = FakeKafka()
        self.vendors = FakeVendors(items)

    def expected(self, _vendor: str) -> Mapping[str, int]:
        """Return that all are delivered."""
        return {"delivered": 10}


class FakeDestinations:
    """Destinations that say one thing after another, and then the last for ever."""

    def __init__(self, *said: Reading) -> None:
        """Say these readings, the same for every destination."""
        self._said = list(said)

    def readings(self) -> dict[str, Reading]:
        """Return the next reading of each."""
        now = self._said.pop(0) if len(self._said) > 1 else self._said[0]
        return dict.fromkeys(VENDORS, now)

    def last_words(self) -> str:
        """Return the end of the log."""
        return "the last words of a process"


class NoView:
    """Shows nothing."""

    def show(self, produced: int, readings: Mapping[str, Reading], now_s: float) -> None:
        """Take the state, and do nothing with it."""


def demo(*, items: int = 10, keep_running: bool = False) -> tuple[Demo, io.StringIO]:
    """Return a demo on a fake stage, and what it prints."""
    printed = io.StringIO()
    plan = DemoPlan(event_count=10, keep_running=keep_running)
    return Demo(plan, cast(Stage, FakeStage(items)), Console(file=printed, width=100)), printed


def watched(
    shown: Demo, destinations: FakeDestinations, *, signals_at_s: tuple[float, ...] = (), dies: bool = False
) -> tuple[End, float]:
    """Return how a demo ended and after how long, with Ctrl-C at these times."""

    async def main() -> tuple[End, float]:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        producing = asyncio.create_task(asyncio.sleep(0))
        supervising = asyncio.create_task(asyncio.sleep(0 if dies else 1e9, 1))
        for at_s in signals_at_s:
            loop.call_later(at_s, shown._on_signal)
        end = await shown._watch(NoView(), cast(Destinations, destinations), producing, supervising)
        supervising.cancel()
        return end, loop.time() - started_s

    return run_virtual(main())


def test_the_demo_is_done_when_all_has_ended() -> None:
    """It waits for the slowest, and no longer."""
    shown, _ = demo()
    assert watched(shown, FakeDestinations(BUSY, BUSY, DONE))[0] is End.DONE


def test_a_demo_in_which_nothing_moves_gives_up() -> None:
    """A demo that is stuck says so after a minute instead of running for ever."""
    shown, _ = demo()
    end, took_s = watched(shown, FakeDestinations(BUSY))
    assert end is End.STUCK
    assert STILL_S < took_s < STILL_S + 1


def test_a_demo_without_destinations_ends() -> None:
    """When every process has ended for good there is nothing to wait for."""
    shown, _ = demo()
    assert watched(shown, FakeDestinations(BUSY), dies=True)[0] is End.NOBODY_LEFT


def test_ctrl_c_interrupts() -> None:
    """A demo that ends by itself is interrupted by the first Ctrl-C."""
    shown, _ = demo()
    end, took_s = watched(shown, FakeDestinations(BUSY), signals_at_s=(5.0,))
    assert end is End.INTERRUPTED
    assert took_s < 6


def test_a_demo_that_keeps_running_is_never_done_by_itself() -> None:
    """It goes on until Ctrl-C, however long nothing moves; then what has ended is added up."""
    shown, _ = demo(keep_running=True)
    end, took_s = watched(shown, FakeDestinations(DONE), signals_at_s=(500.0,))
    assert end is End.DONE
    assert 500 <= took_s < 501


def test_a_second_ctrl_c_does_not_wait_for_what_is_on_its_way() -> None:
    """Somebody who asks twice is let go."""
    shown, _ = demo(keep_running=True)
    end, took_s = watched(shown, FakeDestinations(BUSY), signals_at_s=(5.0, 7.0))
    assert end is End.INTERRUPTED
    assert 7 <= took_s < 8


@pytest.mark.parametrize(
    ("end", "reading", "items", "expected", "last_line"),
    [
        (End.DONE, DONE, 10, 0, "lost: 0"),
        (End.DONE, DONE, 9, 1, "lost: 3"),
        (End.DONE, Reading(skipped=10, lag=0), 0, 1, "lost: 0"),
        (End.STUCK, BUSY, 4, 1, "lost: 18"),
        (End.NOBODY_LEFT, BUSY, 4, 1, "lost: 18"),
    ],
    ids=["fine", "the vendors have fewer", "all skipped", "stuck", "nobody left"],
)
def test_the_exit_code_is_0_only_when_all_is_well(
    end: End, reading: Reading, items: int, expected: int, last_line: str
) -> None:
    """Lost or unexpected ends, and a demo that failed, exit with 1; the number lost is the last line in any case."""
    shown, printed = demo(items=items)
    assert expected == shown._finish(end, cast(Destinations, FakeDestinations(reading)), 1.0)
    assert printed.getvalue().splitlines()[-1] == last_line


def test_a_failed_demo_shows_what_its_processes_said_last() -> None:
    """Whoever has to mend it sees the end of the log and what went wrong."""
    shown, printed = demo()
    shown._finish(End.NOBODY_LEFT, cast(Destinations, FakeDestinations(BUSY)), 1.0)
    assert "the last words of a process" in printed.getvalue()
    assert End.NOBODY_LEFT.value in printed.getvalue()


def test_an_interrupted_demo_promises_nothing() -> None:
    """A sum over half of the events would say nothing, so none is printed."""
    shown, printed = demo()
    assert shown._finish(End.INTERRUPTED, cast(Destinations, FakeDestinations(BUSY)), 1.0) == 130
    assert printed.getvalue() == ""
