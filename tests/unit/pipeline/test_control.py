"""A destination under orders: what it does at each, what it says to them, and what its page shows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest

from processor.delivery.conclusion import GUARD_REASON
from processor.delivery.gate import Hold, Stop
from processor.operations.status import StatusReport
from processor.pipeline import control as module
from processor.pipeline.control import ORDERS_UNREAD, Control
from processor.pipeline.report import Marks
from processor.source.order_topic import OrderTopic, Own
from processor.source.orders import Accepted, News, Obeyed, Order, Tripped, Wanted
from tests.fake_stages import KEY, Bench
from tests.http_peer import eventually
from tests.simulation import FakeVendor

PAUSE = Order("o1", Wanted.PAUSED, "ann", 0, "their release")
DRAIN = Order("o2", Wanted.DRAINED, "ann", 0)
RESUME = Order("o3", Wanted.RUNNING, "bob", 0)


class FakeOrders:
    """Orders that a test gives, and what the process says to them."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.news: list[News] = []
        self.own: Own = {}
        self.is_loaded = False
        self.is_reading = True
        self.trouble = ""
        self.error: Exception | None = None
        self.is_closed = False

    def turn(self) -> list[News]:
        """Return what a test has given."""
        if self.error is not None:
            raise self.error
        news, self.news = self.news, []
        return news

    def say(self, own: Own) -> None:
        """Keep it."""
        self.own = own

    def close(self, timeout_s: float) -> None:
        """Note it."""
        assert timeout_s > 0
        self.is_closed = True


class FakeMember:
    """A consumer thread that is at rest when everything was asked to be paused."""

    def __init__(self, bench: Bench) -> None:
        """Belong to this pipeline."""
        self._bench = bench
        self.member_id = "member-1"

    @property
    def is_at_rest(self) -> bool:
        """Return what was asked last."""
        return bool(self._bench.consumer.holds and self._bench.consumer.holds[-1])


class Stage:
    """A pipeline under orders."""

    def __init__(self, bench: Bench) -> None:
        """Put it together."""
        self.bench = bench
        self.orders = FakeOrders()
        self.member = FakeMember(bench)
        self.marks = Marks()
        self.control = Control(
            "one", bench.pipeline, bench.window, self.member, self.marks, cast("OrderTopic", self.orders)
        )

    @property
    def gate(self) -> Stop:
        """Return what is stopped."""
        return self.bench.dispatcher.gate.stop

    @property
    def said(self) -> list[Obeyed | Tripped]:
        """Return what the process says."""
        return list(self.orders.own.values())

    def commit(self) -> None:
        """Let the brokers have every offset that was stored."""
        self.marks.committed = {one.key: one.committable for one in self.bench.pipeline.ledger.tracker}

    def report(self, state: str = "running") -> StatusReport:
        """Return a report with what an operator wants."""
        return self.control.added_to(cast("StatusReport", {"state": state, "reason": "", "details": {"gate": "x"}}))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Look often."""
    monkeypatch.setattr(module, "TICK_S", 0.01)
    monkeypatch.setattr(module, "IDLE_S", 0.005)
    monkeypatch.setattr(module, "RETRY_S", 0.005)
    caplog.set_level(logging.INFO)


@asynccontextmanager
async def staged(vendor: FakeVendor | None = None) -> AsyncIterator[Stage]:
    """Run a pipeline under orders inside the block; it is known already that nothing was ordered."""
    async with Bench(vendor=vendor) as bench:
        stage = Stage(bench)
        running = asyncio.create_task(stage.control.run())
        stage.orders.is_loaded = True
        await stage.control.is_loaded.wait()
        try:
            yield stage
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        assert stage.orders.is_closed


async def ordered(stage: Stage, *news: News, until: Callable[[], object]) -> None:
    """Give orders, and wait for what becomes of them."""
    stage.orders.news = list(news)
    await eventually(lambda: bool(until()))


async def test_it_is_known_first_what_was_ordered() -> None:
    """Until then the page says why nothing is read; afterwards the order is in force before anybody goes on."""
    async with Bench() as bench:
        stage = Stage(bench)
        running = asyncio.create_task(stage.control.run())
        assert stage.report("starting")["reason"] == ORDERS_UNREAD
        stage.orders.news, stage.orders.is_loaded = [PAUSE], True
        await stage.control.is_loaded.wait()
        assert (stage.gate, bench.consumer.holds) == (Stop.ALL, [True])
        assert stage.report("starting")["reason"] == ""
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_pause_is_obeyed_when_nothing_is_on_its_way_and_all_is_committed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The process says so once, with what it owns, and takes it back when it is resumed."""
    async with staged(FakeVendor(latency_s=0.3)) as stage:
        stage.bench.read(*[{}] * 5)
        await eventually(lambda: stage.bench.dispatcher.in_flight_count == 1)
        await ordered(stage, PAUSE, until=lambda: stage.gate is Stop.ALL)
        assert (stage.report()["state"], stage.report()["reason"]) == ("paused", "finishing")
        await eventually(lambda: stage.bench.dispatcher.in_flight_count == 0)
        assert stage.said == []
        await eventually(lambda: stage.bench.consumer.stored.get(KEY) == 5)
        stage.commit()
        await eventually(lambda: bool(stage.said))
        (said,) = stage.said
        assert isinstance(said, Obeyed)
        assert (said.order_id, said.member_id, said.partitions) == ("o1", "member-1", ("events:0",))
        assert (stage.report("held")["state"], stage.report("held")["reason"]) == ("paused", "")
        assert stage.report("standby")["state"] == "paused"
        await ordered(stage, RESUME, until=lambda: not stage.said)
        assert (stage.gate, stage.bench.consumer.holds[-1]) == (Stop.NOTHING, False)
        assert stage.report()["state"] == "running"
    assert caplog.text.count("destination one: paused by ann (their release), ordered at 1970-01-01T00:00:00Z") == 1
    assert caplog.text.count("destination one is paused: nothing is on its way") == 1
    assert caplog.text.count("destination one: resumed by bob") == 1


async def test_a_drain_delivers_what_was_read_without_waiting_for_batches() -> None:
    """While it lasts the destination runs; then it is drained."""
    async with staged() as stage:
        await ordered(stage, PAUSE, until=lambda: stage.gate is Stop.ALL)
        stage.bench.read(*[{}] * 3)
        await eventually(lambda: not len(stage.bench.pipeline.inbox))
        await ordered(stage, DRAIN, until=lambda: stage.gate is Stop.READING)
        assert stage.bench.dispatcher.schedule.is_flushing
        assert (stage.report()["state"], stage.report()["reason"]) == ("running", "draining")
        assert stage.report("held")["state"] == "held"
        await eventually(lambda: stage.bench.counts == {"delivered": 3} and stage.bench.window.count == 0)
        stage.commit()
        await eventually(lambda: stage.report()["state"] == "drained")
        await ordered(stage, RESUME, until=lambda: stage.gate is Stop.NOTHING)
        assert not stage.bench.dispatcher.schedule.is_flushing


async def test_every_order_is_done_in_its_turn_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Also those that another has replaced before anybody looked."""
    async with staged() as stage:
        await ordered(stage, PAUSE, RESUME, DRAIN, until=lambda: stage.gate is Stop.READING)
    for text in ("paused by ann", "resumed by bob", "to be drained by ann"):
        assert caplog.text.count(f"destination one: {text}") == 1


@pytest.mark.parametrize(("old", "expected"), [(PAUSE, 1), (DRAIN, 1), (RESUME, 0)])
async def test_an_old_word_is_told_where_it_changes_something(
    old: Order, expected: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A process that starts tells of a pause that is in force, and not of one that was lifted long ago."""
    async with Bench() as bench:
        stage = Stage(bench)
        stage.orders.news, stage.orders.is_loaded = [old], True
        running = asyncio.create_task(stage.control.run())
        await eventually(stage.control.is_loaded.is_set)
        assert caplog.text.count(", ordered at ") == expected
        stage.orders.news = [RESUME]
        await eventually(lambda: "destination one: resumed by bob" in caplog.text)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_process_that_got_another_name_or_other_partitions_says_it_anew() -> None:
    """Otherwise it would be missing among the members of its group."""
    async with staged() as stage:
        stage.commit()
        await ordered(stage, PAUSE, until=lambda: stage.said)
        stage.member.member_id = "member-2"
        await eventually(lambda: [one.member_id for one in stage.said] == ["member-2"])
        stage.bench.assign(1)
        await eventually(lambda: not stage.said)
        stage.commit()
        await eventually(lambda: [getattr(one, "partitions", ()) for one in stage.said] == [("events:0", "events:1")])


def trip(stage: Stage) -> Hold:
    """Let the guard hold."""
    hold = Hold(GUARD_REASON, "100 refused", 0.0, 60.0)
    stage.bench.dispatcher.gate.hold_on(hold)
    return hold


def holds(stage: Stage) -> list[str]:
    """Return the names of the holds that the process tells of."""
    return [name for kind, name in stage.orders.own if kind == "tripped"]


async def test_an_acceptance_lifts_the_hold_that_it_names_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """Not one of another process, and not one that has ended and come again."""
    async with staged() as stage:
        guard, gate = stage.bench.dispatcher.guard, stage.bench.dispatcher.gate
        guard.trip()
        trip(stage)
        await eventually(lambda: bool(holds(stage)))
        (first,) = holds(stage)
        await ordered(stage, Accepted("another", "ann"), PAUSE, until=lambda: stage.gate is Stop.ALL)
        assert gate.hold is not None
        gate.resume()
        again = trip(stage)
        await eventually(lambda: holds(stage) not in ([], [first]))
        await ordered(stage, Accepted(first, "ann"), RESUME, until=lambda: stage.gate is Stop.NOTHING)
        assert gate.hold is again
        (second,) = holds(stage)
        stage.member.member_id = "member-2"
        await eventually(lambda: [one.member_id for one in stage.said] == ["member-2"])
        assert holds(stage) == [second]
        await ordered(stage, Accepted(second, "ann"), until=lambda: gate.hold is None)
        assert guard.has_accepted(1)
        await eventually(lambda: not holds(stage))
    assert caplog.text.count("ann accepts what was refused") == 1


async def test_the_page_shows_who_wants_what_and_what_is_wrong() -> None:
    """Nothing before the first order; the rest of the details stays."""
    async with staged() as stage:
        assert "operator" not in stage.report()["details"]
        await ordered(stage, PAUSE, until=lambda: stage.gate is Stop.ALL)
        stage.orders.trouble = "no broker"
        assert stage.report()["details"] == {
            "gate": "x",
            "operator": {
                "wanted": "paused",
                "phase": "pausing",
                "by": "ann",
                "since": "1970-01-01T00:00:00Z",
                "reason": "their release",
                "trouble": "no broker",
            },
        }
        assert stage.report("starting")["state"] == "starting"


async def test_a_destination_that_stops_hears_nobody() -> None:
    """What it said is taken back at once."""
    async with staged() as stage:
        stage.control.end()
        await eventually(lambda: stage.orders.is_closed)
        stage.control._hear([PAUSE])
        assert stage.gate is Stop.NOTHING


async def test_a_bug_in_hearing_is_raised() -> None:
    """Whoever started it decides what that means."""
    async with Bench() as bench:
        stage = Stage(bench)
        stage.orders.error = ZeroDivisionError("a bug")
        with pytest.raises(ZeroDivisionError):
            await stage.control.run()


async def test_a_bug_in_obeying_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The books are in doubt."""
    async with staged() as stage:
        monkeypatch.setattr(stage.bench.pipeline, "after_work", lambda: 1 // 0)
        await ordered(stage, PAUSE, until=lambda: stage.bench.pipeline.failure is not None)
