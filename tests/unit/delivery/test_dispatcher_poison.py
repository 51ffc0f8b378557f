"""Requests in virtual time when payloads are refused: all of them, or some that fail for ever."""

from __future__ import annotations

import asyncio

from processor.delivery.conclusion import GUARD_REASON
from processor.delivery.settings import DeliverySettings, GuardSettings, IsolationSettings
from processor.destinations.base import Backoff
from tests.simulation import FakeVendor, Switch, World, endpoint
from tests.virtual_time import virtual

GUARD = GuardSettings(window_count=40, refused_count=20, min_users=5)


@virtual
async def test_refusing_everything_trips_the_guard_and_a_probe_ends_it() -> None:
    """Fewer than half a window are dead-lettered; then the destination holds until a probe is accepted."""
    vendor = Switch(400)
    world = World([endpoint(max_batch_count=1)], DeliverySettings(guard=GUARD), FakeVendor(vendor))
    world.put_users(100)
    world.dispatcher.turn()
    await asyncio.sleep(120.0)
    assert ([hold.reason for hold in world.outcomes.holds], len(world.outcomes.rejections)) == ([GUARD_REASON], 19)
    requests = len(world.vendor.requests)
    await asyncio.sleep(600.0)
    assert len(world.vendor.requests) - requests == 10
    vendor.status = 200
    await world.settle()
    assert len(world.outcomes.delivered_ids) == 81
    assert world.outcomes.resumed_count == 1


@virtual
async def test_an_operator_may_lift_the_guard() -> None:
    """By an operator's word refusals are dead letters again, until the guard trips anew."""
    world = World([endpoint(max_batch_count=1)], DeliverySettings(guard=GUARD), FakeVendor(Switch(400)))
    world.put_users(100)
    world.dispatcher.turn()
    await asyncio.sleep(120.0)
    world.dispatcher.resume()
    await asyncio.sleep(30.0)
    assert (len(world.outcomes.holds), len(world.outcomes.rejections)) == (2, 38)


def _isolating(give_up_s: float = 900.0) -> DeliverySettings:
    """Return settings that give up after so long."""
    return DeliverySettings(max_in_flight=4, isolation=IsolationSettings(give_up_s=give_up_s))


BACKOFF = Backoff(base_s=1.0, cap_s=60.0, jitter="up_to_20_percent")


@virtual
async def test_a_payload_answered_with_500_for_ever_is_isolated_and_given_up() -> None:
    """Its neighbours are delivered early, others all the time, and it ends as vendor_error after the time set."""
    world = World(settings=_isolating(), vendor=FakeVendor(lambda one: 500 if 5 in one.ids else 200), backoff=BACKOFF)
    world.put_users(10)
    for second in range(1500):
        world.put(f"later{second}")
        world.dispatcher.turn()
        await asyncio.sleep(1.0)
        if second == 120:
            assert set(range(1, 11)) - set(world.outcomes.delivered_ids) == {5}
    await world.settle()
    assert world.outcomes.rejections == [(5, "vendor_error")]
    assert len(world.outcomes.delivered_ids) == 1509
    tries = [one.at_s for one in world.vendor.requests if one.ids == [5]]
    assert 900.0 <= tries[-1] - tries[0] <= 1300.0


@virtual
async def test_a_failing_payload_is_kept_for_ever_when_nobody_else_succeeds() -> None:
    """Alone in the world it may be an outage: it is never given up, and it is delivered in the end."""
    vendor = FakeVendor(lambda _: 500)
    world = World(settings=_isolating(60.0), vendor=vendor, backoff=BACKOFF)
    world.put("u")
    world.dispatcher.turn()
    await asyncio.sleep(86_400.0)
    assert world.outcomes.rejections == []
    vendor.answer = lambda _: 200
    await world.settle()
    assert world.outcomes.delivered_ids == [1]


@virtual
async def test_more_poison_than_may_sleep_does_not_stop_a_vendor_that_works() -> None:
    """With a poisoned payload in every batch that may wait, payloads that go alone prove that the vendor works."""
    poison = set(range(1, 60, 10))
    vendor = FakeVendor(lambda one: 500 if poison & set(one.ids) else 200)
    world = World(settings=_isolating(300.0), vendor=vendor, backoff=BACKOFF)
    world.put_users(400)
    for second in range(1000):
        world.put(f"later{second}")
        world.dispatcher.turn()
        await asyncio.sleep(1.0)
    await world.dispatcher.flush(world.clock.now_s() + 60.0)
    assert {number for number, _ in world.outcomes.rejections} == poison
    assert set(world.outcomes.delivered_ids) == set(range(1, 1401)) - poison


@virtual
async def test_neighbours_of_a_poison_are_delivered_although_there_is_nobody_else() -> None:
    """A batch that is all there is is taken apart; the poison itself is kept, as it may be an outage of its kind."""
    vendor = FakeVendor(lambda one: 500 if 3 in one.ids else 200)
    world = World(settings=_isolating(60.0), vendor=vendor, backoff=BACKOFF)
    world.put_users(8)
    world.dispatcher.turn()
    await asyncio.sleep(3600.0)
    assert (sorted(world.outcomes.delivered_ids), world.outcomes.rejections) == ([1, 2, 4, 5, 6, 7, 8], [])
    await world.dispatcher.close()


@virtual
async def test_a_single_slot_sends_its_retries_beside_steady_traffic() -> None:
    """With one request at a time a retry is not put off for as long as there is something fresh."""
    vendor = FakeVendor(lambda one: 503 if one.number == 1 else 200)
    world = World([endpoint(max_batch_count=1)], DeliverySettings(max_in_flight=1), vendor)
    world.put("first")
    for number in range(600):
        world.put(f"u{number}")
        world.dispatcher.turn()
        await asyncio.sleep(0.05)
    assert 1 in world.outcomes.delivered_ids[:60]
    await world.dispatcher.close()
