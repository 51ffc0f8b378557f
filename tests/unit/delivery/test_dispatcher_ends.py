"""Requests in virtual time at the end: of a process, of an ownership, and of trust in the books."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from processor.delivery.settings import DeliverySettings
from processor.model import Answer
from tests.simulation import FakeVendor, Request, Switch, World, endpoint
from tests.virtual_time import virtual

GONE = ("events", 0)


@virtual
async def test_flush_sends_everything_without_waiting_for_batches() -> None:
    """What waits goes at once and flush returns when it is settled."""
    world = World([endpoint(max_wait_ms=60_000)])
    for number in range(25):
        world.put(f"u{number}")
    assert await world.dispatcher.flush(world.clock.now_s() + 5.0)
    assert len(world.outcomes.delivered_ids) == 25
    assert world.clock.now_s() < 1001.0


@virtual
async def test_flush_waits_for_retries_that_fit_and_no_longer() -> None:
    """A retry before the deadline is waited for; a pause beyond it ends the flush at once."""
    answers = iter([503, 200])
    world = World(vendor=FakeVendor(lambda _: next(answers)))
    world.put("u")
    assert await world.dispatcher.flush(world.clock.now_s() + 5.0)
    world = World(vendor=FakeVendor(lambda _: Answer(429, {"retry-after": "600"})))
    world.put("u")
    assert not await world.dispatcher.flush(world.clock.now_s() + 20.0)
    assert world.clock.now_s() < 1005.0


@virtual
async def test_flush_ends_at_its_deadline_although_a_request_hangs() -> None:
    """A vendor that does not answer costs the drain time and not more."""
    world = World(vendor=FakeVendor(latency_s=500.0))
    world.put("u")
    began_s = world.clock.now_s()
    assert not await world.dispatcher.flush(began_s + 20.0)
    assert world.clock.now_s() - began_s == pytest.approx(20.0)
    await world.dispatcher.close()


@virtual
async def test_flush_keeps_what_a_hold_keeps() -> None:
    """A destination that is held by this process's own doing has nothing to wait for."""
    world = World()
    world.put("u")
    world.dispatcher.hold("dead_letters", "no place")
    assert not await world.dispatcher.flush(world.clock.now_s() + 20.0)
    assert world.clock.now_s() == 1000.0


@virtual
@pytest.mark.parametrize(("latency_s", "drain_s"), [(3.0, 10.0), (3.0, 20.0), (0.5, 4.0)])
async def test_flush_starts_nothing_that_may_not_be_answered_in_time(latency_s: float, drain_s: float) -> None:
    """A slow vendor that answers gets nothing that would be cut off and sent again by the next owner."""
    vendor = FakeVendor(latency_s=latency_s)
    world = World(settings=DeliverySettings(max_in_flight=2), vendor=vendor)
    world.put_users(400)
    world.dispatcher.turn()
    await asyncio.sleep(latency_s * 2.5)
    deadline_s = world.clock.now_s() + drain_s
    assert not await world.dispatcher.flush(deadline_s)
    assert world.clock.now_s() <= deadline_s - latency_s
    await asyncio.sleep(600.0)
    assert world.dispatcher.in_flight_count == 0
    assert all(request.ended_s is not None and request.ended_s <= deadline_s for request in vendor.requests)
    assert len(world.outcomes.delivered_ids) >= 20 * (drain_s / latency_s - 2)
    await world.dispatcher.close()


@virtual
async def test_flush_before_any_answer_gives_a_vendor_half_of_its_time() -> None:
    """Without an answer to go by, what waits is sent, but nothing once half of the time is over."""
    vendor = FakeVendor(latency_s=9.0)
    world = World([endpoint(max_wait_ms=60_000)], vendor=vendor)
    world.put("u")
    assert await world.dispatcher.flush(world.clock.now_s() + 20.0)
    world = World(vendor=FakeVendor())
    world.put("u")
    assert not await world.dispatcher.flush(world.clock.now_s())
    assert world.vendor.requests == []


@virtual
async def test_flush_waits_for_a_probe_that_fits() -> None:
    """A hold that ends within the time is no reason to keep anything."""
    key = Switch(401)
    world = World(settings=DeliverySettings(probe_interval_s=2.0), vendor=FakeVendor(key))
    world.put_users(3)
    world.dispatcher.turn()
    await asyncio.sleep(1.0)
    key.status = 200
    assert await world.dispatcher.flush(world.clock.now_s() + 10.0)
    assert sorted(world.outcomes.delivered_ids) == [1, 2, 3]


@virtual
async def test_what_has_not_set_out_is_withdrawn_with_its_partition() -> None:
    """While there is no connection the vendor cannot have it: the rest of the batch goes on, and nobody waits."""
    vendor = FakeVendor(connect_s=8.0)
    world = World(vendor=vendor)
    world.put("u", partition=0)
    world.put("v", partition=1)
    world.dispatcher.turn()
    await asyncio.sleep(1.0)
    assert world.dispatcher.in_flight_count == 1
    world.entries[0].partition.is_leaving = True
    world.dispatcher.requests.withdraw({GONE})
    await asyncio.wait(world.dispatcher.requests.of({GONE}), timeout=0.1)
    assert (world.dispatcher.requests.of({GONE}), world.outcomes.released_ids) == ([], [1])
    await world.settle()
    assert [request.ids for request in vendor.requests] == [[2]]


@virtual
async def test_what_has_set_out_is_not_withdrawn() -> None:
    """The vendor may have it: its answer is waited for."""
    world = World(vendor=FakeVendor(latency_s=8.0))
    world.put("u")
    world.dispatcher.turn()
    await asyncio.sleep(1.0)
    world.dispatcher.requests.withdraw({GONE})
    await world.settle()
    assert (len(world.vendor.requests), world.outcomes.delivered_ids) == (1, [1])


class Late(FakeVendor):
    """Gives its third answer a few turns of the event loop after the second, in the same moment."""

    def __init__(self, answer: Answer, turn_count: int) -> None:
        """Accept all but the third."""
        super().__init__(lambda one: answer if one.number == 3 else 200)
        self._turn_count = turn_count
        self.closed_at_s = float("inf")
        self.early_count = 0

    async def send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes,
        deadline_s: float,
        set_out: Callable[[], None],
    ) -> Answer:
        """Answer one request, and count those that begin after the third answer was read."""
        began_s = asyncio.get_running_loop().time()
        self.early_count += self.closed_at_s <= began_s < self.closed_at_s + 30.0
        answer = await super().send(method, url, headers, content, deadline_s, set_out)
        if answer.status != 200:
            for _ in range(self._turn_count):
                await asyncio.sleep(0)
            self.closed_at_s = asyncio.get_running_loop().time()
        return answer


@virtual
@pytest.mark.parametrize("turn_count", range(5))
@pytest.mark.parametrize("answer", [Answer(429, {"retry-after": "30"}), Answer(401)])
async def test_an_answer_keeps_back_what_was_about_to_start(answer: Answer, turn_count: int) -> None:
    """Of two answers in one moment the first frees a slot, the second closes the gate: nothing starts after that."""
    vendor = Late(answer, turn_count)
    world = World([endpoint(max_batch_count=1)], DeliverySettings(max_in_flight=2), vendor)
    world.put_users(9)
    await world.settle(within_s=200.0)
    assert vendor.early_count == 0
    assert sorted(world.outcomes.delivered_ids) == list(range(1, 10))
    assert all(entry.open_count == 0 for entry in world.entries)


@virtual
async def test_close_cancels_what_is_in_flight_and_starts_nothing_more() -> None:
    """After closing nothing is delivered, and nothing is told of."""
    world = World(vendor=FakeVendor(latency_s=5.0))
    for number in range(40):
        world.put(f"u{number}")
    world.dispatcher.turn()
    await asyncio.sleep(0.01)
    await world.dispatcher.close()
    world.dispatcher.turn()
    await asyncio.sleep(60.0)
    assert (len(world.vendor.requests), world.vendor.accepted, world.dispatcher.in_flight_count) == (1, [], 0)
    assert not world.dispatcher.is_idle


@virtual
async def test_close_forgets_what_would_have_become_due() -> None:
    """A timer that was set before closing starts nothing."""
    world = World()
    world.put("u")
    world.dispatcher.turn()
    await world.dispatcher.close()
    await asyncio.sleep(60.0)
    assert world.vendor.requests == []


@virtual
async def test_a_bug_in_reading_answers_ends_everything() -> None:
    """An exception is told once; nothing is started after it, and a flush does not wait for what cannot come."""

    def broken(_: Request) -> int:
        raise ZeroDivisionError

    world = World(vendor=FakeVendor(broken))
    for number in range(20):
        world.put(f"u{number}")
    assert not await world.dispatcher.flush(world.clock.now_s() + 20.0)
    assert [type(error) for error in world.outcomes.errors] == [ZeroDivisionError]
    assert len(world.vendor.requests) == 1
    assert world.clock.now_s() == pytest.approx(1000.05)


@virtual
@pytest.mark.parametrize("when", ["timer", "answer", "cancellation"])
async def test_a_bug_in_starting_requests_ends_everything_too(when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the event loop calls by itself has nobody to raise to: the exception must not vanish there."""
    world = World(vendor=FakeVendor(latency_s=1.0))
    world.put("u")
    world.dispatcher.turn()
    if when != "timer":
        await asyncio.sleep(0.5)

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(world.dispatcher.schedule, "put_back" if when == "cancellation" else "next", broken)
    if when == "cancellation":
        world.entries[0].partition.release()
        world.dispatcher.requests.cancel_unowned({GONE})
    await asyncio.sleep(5.0)
    assert [type(error) for error in world.outcomes.errors] == [ZeroDivisionError]
    world.dispatcher.turn()
    await asyncio.sleep(60.0)
    assert len(world.vendor.requests) == (0 if when == "timer" else 1)
