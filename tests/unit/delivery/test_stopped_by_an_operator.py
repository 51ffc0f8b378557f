"""An operator's word at the gate, in virtual time: nothing more starts, nothing is lost, it goes on where it was."""

from __future__ import annotations

import asyncio

from processor.delivery.conclusion import GUARD_REASON
from processor.delivery.gate import Gate, Hold, Stop
from processor.delivery.settings import DeliverySettings, GuardSettings
from processor.destinations.base import Backoff
from tests.simulation import FakeVendor, Switch, World, endpoint
from tests.virtual_time import virtual

BACKOFF = Backoff(base_s=1.0, cap_s=60.0, jitter="up_to_20_percent")
GUARD = GuardSettings(window_count=40, refused_count=20, min_users=5)


def test_a_paused_gate_lets_nothing_through_and_changes_by_itself_never() -> None:
    """Neither a request nor a probe, however long it lasts; with only the reading stopped all is as ever."""
    gate = Gate(DeliverySettings(), BACKOFF)
    gate.stop = Stop.READING
    assert (gate.is_paused, gate.permits(0.0, 0), gate.is_closed(0.0)) == (False, 1, False)
    gate.stop = Stop.ALL
    assert (gate.is_paused, gate.permits(0.0, 0), gate.wake_s(0.0)) == (True, 0, None)
    gate.hold_on(Hold("http_401", "", 0.0, 60.0))
    assert (gate.is_probe_due(999.0, 0), gate.wake_s(0.0)) == (False, None)
    assert (gate.is_closed(999.0), gate.is_closed(999.0, is_probe=True)) == (True, True)
    gate.stop = Stop.NOTHING
    assert (gate.is_probe_due(999.0, 0), gate.wake_s(0.0)) == (True, 60.0)
    assert (gate.is_closed(999.0), gate.is_closed(999.0, is_probe=True)) == (True, False)


def stop(world: World, what: Stop) -> None:
    """Say what an operator wants from now on."""
    world.dispatcher.gate.stop = what
    world.dispatcher.turn()


@virtual
async def test_what_is_on_the_wire_is_concluded_and_the_rest_waits_in_order() -> None:
    """A pause of a day under load: the requests under way end, no other starts, and then all of it goes on in order."""
    world = World([endpoint(max_batch_count=1)], DeliverySettings(max_in_flight=4), FakeVendor(latency_s=1.0))
    for _ in range(20):
        world.put("one user")
        world.put("another")
    await asyncio.sleep(0.0)
    world.dispatcher.turn()
    await asyncio.sleep(3.5)
    stop(world, Stop.ALL)
    under_way = world.dispatcher.in_flight_count
    assert under_way > 0
    await asyncio.sleep(86_400.0)
    paused_count = len(world.vendor.requests)
    assert world.dispatcher.in_flight_count == 0
    assert len(world.outcomes.delivered_ids) == paused_count
    stop(world, Stop.NOTHING)
    await world.settle()
    assert len(world.vendor.requests) > paused_count
    assert sorted(world.outcomes.delivered_ids) == list(range(1, 41))
    odd, even = ([each for each in world.vendor.accepted if each % 2 == rest] for rest in (1, 0))
    assert (odd, even) == (sorted(odd), sorted(even))


@virtual
async def test_a_pause_stops_retrying_and_the_time_of_it_proves_nothing() -> None:
    """What sleeps before a retry is not sent while paused, and then it is, although its time has long come."""
    vendor = Switch(503)
    world = World(vendor=FakeVendor(vendor), backoff=BACKOFF)
    world.put_users(30)
    world.dispatcher.turn()
    await asyncio.sleep(20.0)
    assert world.dispatcher.schedule.retrying_count > 0
    stop(world, Stop.ALL)
    await asyncio.sleep(5.0)
    count = len(world.vendor.requests)
    await asyncio.sleep(10_000.0)
    assert len(world.vendor.requests) == count
    assert not world.dispatcher.is_starved
    vendor.status = 200
    stop(world, Stop.NOTHING)
    await world.settle()
    assert sorted(world.outcomes.delivered_ids) == list(range(1, 31))
    assert world.outcomes.rejections == []


@virtual
async def test_what_was_about_to_start_steps_back() -> None:
    """A request that was decided on in the same turn does not set out."""
    world = World()
    world.put_users(10)
    world.dispatcher.turn()
    assert world.dispatcher.in_flight_count == 1
    stop(world, Stop.ALL)
    await asyncio.sleep(60.0)
    assert world.vendor.requests == []
    stop(world, Stop.NOTHING)
    await world.settle()
    assert len(world.outcomes.delivered_ids) == 10


@virtual
async def test_a_held_destination_is_not_probed_while_paused() -> None:
    """Neither the timer of the hold nor a probe that was about to start."""
    vendor = Switch(401)
    world = World(vendor=FakeVendor(vendor))
    world.put_users(10)
    world.dispatcher.turn()
    await asyncio.sleep(5.0)
    count = len(world.vendor.requests)
    await asyncio.sleep(54.9)
    stop(world, Stop.ALL)
    await asyncio.sleep(600.0)
    assert len(world.vendor.requests) == count
    world.dispatcher.gate.stop = Stop.NOTHING
    world.dispatcher.turn()
    assert world.dispatcher.in_flight_count == 1
    stop(world, Stop.ALL)
    await asyncio.sleep(600.0)
    assert len(world.vendor.requests) == count
    vendor.status = 200
    stop(world, Stop.NOTHING)
    await world.settle()
    assert len(world.outcomes.delivered_ids) == 10


@virtual
async def test_a_stop_of_the_process_sends_nothing_either_while_paused() -> None:
    """What waits is left to the next owner, who is paused as well; nobody waits for the drain time."""
    world = World()
    world.put_users(10)
    stop(world, Stop.ALL)
    began_s = world.clock.now_s()
    assert not await world.dispatcher.flush(began_s + 20.0)
    assert (world.clock.now_s() - began_s, world.vendor.requests) == (0.0, [])


@virtual
async def test_what_was_refused_goes_to_dead_letters_and_a_later_trip_holds_again() -> None:
    """Of payloads refused alone in the hold the refusal is accepted; a fault that goes on costs as many as at first."""
    world = World([endpoint(max_batch_count=1)], DeliverySettings(guard=GUARD), FakeVendor(Switch(400)))
    world.put_users(100)
    world.dispatcher.turn()
    await asyncio.sleep(300.0)
    (hold,) = world.outcomes.holds
    rejected_count = len(world.outcomes.rejections)
    kept_count = sum(parcel_is_kept(world, number) for number in range(1, 101))
    assert (hold.reason, rejected_count) == (GUARD_REASON, 19)
    assert kept_count > 0
    world.dispatcher.guard.accept()
    world.dispatcher.resume(GUARD_REASON)
    await asyncio.sleep(30.0)
    assert len(world.outcomes.holds) == 2
    assert world.outcomes.holds[1] is not hold
    assert len(world.outcomes.rejections) == rejected_count + kept_count + 19


def parcel_is_kept(world: World, number: int) -> bool:
    """Return whether the vendor has refused a payload that is no dead letter."""
    asked = any(number in request.ids and request.status == 400 for request in world.vendor.requests)
    return asked and number not in {each for each, _ in world.outcomes.rejections}


@virtual
async def test_one_that_was_refused_before_an_operators_word_counts_for_nothing_after_it() -> None:
    """Without that word, as after a probe that was accepted, it counts as any other."""
    vendor = Switch(400)
    world = World([endpoint(max_batch_count=1)], DeliverySettings(guard=GUARD), FakeVendor(vendor))
    world.put_users(20)
    world.dispatcher.turn()
    await asyncio.sleep(30.0)
    assert len(world.outcomes.holds) == 1
    world.dispatcher.guard.accept()
    world.dispatcher.resume(GUARD_REASON)
    await world.settle()
    assert (len(world.outcomes.rejections), world.dispatcher.guard.refused_count) == (20, 0)
