"""Requests in virtual time while the vendor is down, throttles, refuses the key or refuses everything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from processor.delivery.gate import GateState, Hold
from processor.delivery.settings import DeliverySettings
from processor.destinations.base import Backoff, Probe
from processor.model import Answer
from tests.simulation import FakeVendor, Switch, World, endpoint
from tests.virtual_time import virtual


@virtual
async def test_nothing_starts_before_the_time_that_the_vendor_named() -> None:
    """After an answer with Retry-After was read, no request of any batch starts until then."""
    answers = {3: Answer(429, {"retry-after": "30"}), 5: Answer(503, {"retry-after": "100"})}
    vendor = FakeVendor(lambda one: answers.get(one.number, 200))
    world = World(settings=DeliverySettings(max_in_flight=4), vendor=vendor)
    world.put_users(300)
    await world.settle()
    read = [
        (one.ended_s or 0.0, {429: 30.0, 503: 100.0}[one.status]) for one in vendor.requests if one.status in {429, 503}
    ]
    assert len(read) == 2
    for at_s, pause_s in read:
        assert not [one for one in vendor.requests if at_s < one.at_s < at_s + pause_s - 1e-6]
    assert sorted(world.outcomes.delivered_ids) == list(range(1, 301))


@virtual
async def test_a_named_pause_survives_a_hold_that_ends_before_it() -> None:
    """Dead letters that could not be written for a moment are no reason to disobey Retry-After."""
    vendor = FakeVendor(lambda one: Answer(429, {"retry-after": "600"}) if one.number == 1 else 200)
    world = World(vendor=vendor)
    world.put("u")
    world.dispatcher.turn()
    await asyncio.sleep(1.0)
    world.dispatcher.hold("dead_letters", "no place")
    world.dispatcher.resume("dead_letters")
    await world.settle()
    first, second = vendor.requests
    assert second.at_s - (first.ended_s or 0.0) == pytest.approx(600.0, abs=0.1)


@virtual
async def test_an_outage_opens_the_circuit_and_single_requests_try_again() -> None:
    """After five failures requests go alone and further and further apart; afterwards all is delivered."""
    vendor = FakeVendor(lambda one: 503 if one.at_s < 1300.0 else 200)
    world = World(vendor=vendor)
    world.put_users(200)
    world.dispatcher.turn()
    await asyncio.sleep(100.0)
    assert world.dispatcher.state() is GateState.CIRCUIT_OPEN
    await world.settle()
    during = [one.at_s for one in vendor.requests if 1005.0 < one.at_s < 1300.0]
    gaps = [later - sooner for sooner, later in pairwise(during)]
    assert len(during) < 20
    assert max(gaps) <= 60.0 + 0.1
    alone = [one for one in vendor.requests if one.at_s in during]
    assert all(not (other.at_s < one.at_s < (other.ended_s or 0.0)) for one in alone for other in alone)
    assert sorted(world.outcomes.delivered_ids) == list(range(1, 201))
    assert world.outcomes.rejections == []
    assert world.clock.now_s() < 1400.0


@virtual
async def test_a_day_of_outage_costs_nothing_and_nobody() -> None:
    """After a day of failures nothing was dead-lettered, little was sent, and what waits is what waited."""
    vendor = FakeVendor(lambda _: 500)
    world = World(vendor=vendor)
    world.put_users(200)
    world.dispatcher.turn()
    await asyncio.sleep(86_400.0)
    assert (world.outcomes.rejections, world.outcomes.delivered_ids) == ([], [])
    assert len(vendor.requests) < 86_400 / 25
    waiting = world.dispatcher.schedule
    assert waiting.retrying_count <= 8 + 16 + 1
    vendor.answer = lambda _: 200
    await world.settle()
    assert sorted(world.outcomes.delivered_ids) == list(range(1, 201))


@virtual
async def test_a_wrong_key_holds_and_one_old_payload_a_minute_asks_again() -> None:
    """Held: one probe of the oldest payload each minute, secrets read again before it; then all goes on."""
    key = Switch(401)
    vendor = FakeVendor(key)
    world = World(vendor=vendor)
    world.put_users(50)
    world.dispatcher.turn()
    await asyncio.sleep(200.0)
    assert (world.dispatcher.state(), [hold.reason for hold in world.outcomes.holds]) == (GateState.HELD, ["http_401"])
    assert [request.ids for request in vendor.requests[1:]] == [[1], [1], [1]]
    assert [later.at_s - (sooner.ended_s or 0.0) for sooner, later in pairwise(vendor.requests)] == [
        pytest.approx(60.0)
    ] * 3
    assert world.destination.secrets_reloaded == 3
    key.status = 200
    await world.settle()
    assert (world.outcomes.resumed_count, world.outcomes.rejections) == (1, [])
    assert sorted(world.outcomes.delivered_ids) == list(range(1, 51))
    assert [attempt.is_probe for attempt in world.outcomes.attempts[:6]] == [False, True, True, True, True, False]


@virtual
async def test_requests_under_way_when_the_hold_came_return_to_their_lanes() -> None:
    """Everything that was in flight or set aside is delivered in order after the hold, whatever its answer was."""
    answers = {4: 401, 5: 401, 6: 503, 7: 400}
    vendor = FakeVendor(lambda one: answers.get(one.number, 200) if one.at_s < 1001.0 else 200)
    world = World([endpoint(max_batch_count=5)], DeliverySettings(max_in_flight=8), vendor)
    for number in range(120):
        world.put(f"u{number % 40}")
    await world.settle()
    assert len(world.outcomes.holds) == 1
    assert sorted(world.outcomes.delivered_ids) == list(range(1, 121))
    assert all(world.order_of(f"u{n}") == [n + 1, n + 41, n + 81] for n in range(40))


@virtual
async def test_a_part_that_waited_behind_a_delivered_one_is_probed_too() -> None:
    """A hold that comes while the first half of a user's batch is on its way does not strand the second half."""
    world = World(vendor=FakeVendor(lambda one: 400 if len(one.items) == 4 else 200, latency_s=1.0))
    for _ in range(4):
        world.put("u")
    world.dispatcher.turn()
    await asyncio.sleep(1.5)
    assert world.dispatcher.in_flight_count == 1
    world.dispatcher._concluder._gate.hold_on(_vendor_hold(world))
    await world.settle(within_s=200.0)
    assert world.order_of("u") == [1, 2, 3, 4]


def _vendor_hold(world: World) -> Hold:
    """Return a hold as another request's 401 would bring it."""
    return Hold("http_401", "status 401", world.clock.now_s(), 60.0)


@virtual
async def test_without_payloads_the_credential_route_is_asked() -> None:
    """With nothing waiting, the vendor's own route proves the key; a refusal keeps the hold."""
    route = Probe("http://vendor.example/check", "POST", b"{}")
    statuses = iter([401, 401, 200])

    class Routed(FakeVendor):
        """Takes requests without items as well."""

        async def send(
            self,
            method: str,
            url: str,
            headers: dict[str, str],
            content: bytes,
            deadline_s: float,
            set_out: Callable[[], None],
        ) -> Answer:
            """Answer the route with its own script."""
            if url == route.url:
                await asyncio.sleep(0.1)
                routed.append(world.clock.now_s())
                return Answer(next(statuses))
            return await super().send(method, url, headers, content, deadline_s, set_out)

    routed: list[float] = []
    world = World(vendor=Routed(lambda _: next(statuses)))
    world.destination.probe = route
    world.put("u")
    world.dispatcher.turn()
    await asyncio.sleep(0.2)
    world.outcomes.released(world.dispatcher.drop({("events", 0)}))
    await asyncio.sleep(300.0)
    assert routed == [pytest.approx(1060.25), pytest.approx(1120.25)]
    assert (world.outcomes.resumed_count, world.dispatcher.gate.hold) == (1, None)


@virtual
async def test_a_late_answer_of_the_credential_route_lifts_no_other_hold() -> None:
    """What the route says is about the hold that it was asked for."""
    world = World(vendor=FakeVendor(Switch(401), latency_s=0.05))
    world.destination.probe = Probe("http://vendor.example/check", "POST", b"")
    world.put("u")
    world.dispatcher.turn()
    await asyncio.sleep(0.2)
    world.dispatcher.drop({("events", 0)})
    world.vendor.answer, world.vendor.latency_s = (lambda _: 200), 5.0
    await asyncio.sleep(61.0)
    world.dispatcher.resume()
    world.dispatcher.hold("dead_letters", "no place")
    await asyncio.sleep(10.0)
    hold = world.dispatcher.gate.hold
    assert hold is not None
    assert hold.reason == "dead_letters"


@virtual
async def test_a_hold_that_no_route_can_explain_waits_for_a_payload() -> None:
    """Without anything to probe with, the destination stays held and looks again each minute."""
    world = World(vendor=FakeVendor(Switch(404)))
    world.put("u")
    world.dispatcher.turn()
    await asyncio.sleep(0.2)
    world.dispatcher.drop({("events", 0)})
    await asyncio.sleep(600.0)
    assert (len(world.vendor.requests), world.destination.secrets_reloaded) == (1, 10)
    world.vendor.answer = lambda _: 200
    world.put("v")
    await world.settle(within_s=61.0)
    assert world.outcomes.delivered_ids == [2]


@virtual
async def test_waiting_for_a_slow_answer_while_held_costs_no_turns() -> None:
    """A held destination with a request under way sleeps until the answer, though the next probe was due before."""
    world = World(settings=DeliverySettings(probe_interval_s=1.0), vendor=FakeVendor(Switch(401)))
    world.put("u")
    world.dispatcher.turn()
    await asyncio.sleep(0.2)
    world.vendor.latency_s = 25.0
    await asyncio.sleep(2.0)
    turns = 0
    original = world.dispatcher.turn

    def counted() -> None:
        nonlocal turns
        turns += 1
        original()

    world.dispatcher.turn = counted  # type: ignore[method-assign]
    await asyncio.sleep(10.0)
    assert turns == 0
    await world.dispatcher.close()


@virtual
async def test_holds_of_this_process_end_by_its_own_word_only() -> None:
    """No probe is sent; another reason's end is not this one's; resuming without a hold is harmless."""
    world = World()
    world.dispatcher.resume()
    world.dispatcher.hold("dead_letters", "no place")
    world.dispatcher.hold("dead_letters", "still no place")
    world.put("u")
    world.dispatcher.turn()
    await asyncio.sleep(600.0)
    world.dispatcher.resume("schema_registry")
    assert (world.vendor.requests, len(world.outcomes.holds)) == ([], 1)
    world.dispatcher.resume("dead_letters")
    await world.settle()
    assert (world.outcomes.delivered_ids, world.outcomes.resumed_count) == ([1], 1)


@virtual
async def test_a_probe_takes_no_copy_of_what_was_delivered() -> None:
    """A copy that is the oldest of what waits is settled, and the next payload is the probe."""
    key = Switch(200)
    world = World(vendor=FakeVendor(key))
    world.put("u", dedupe_id="m1")
    await world.settle()
    key.status = 401
    world.put("v")
    world.dispatcher.turn()
    await asyncio.sleep(1.0)
    world.dispatcher.drop({("events", 0)})
    world.put("u", dedupe_id="m1")
    world.put("w")
    key.status = 200
    await world.settle()
    assert (world.outcomes.copied_ids, world.outcomes.delivered_ids) == ([3], [1, 4])
    assert [attempt.is_probe for attempt in world.outcomes.attempts] == [False, False, True]


@virtual
async def test_a_copy_or_a_lost_payload_skips_no_probe() -> None:
    """What is older and cannot be sent is settled or released, and another endpoint's payload is the probe at once."""
    key = Switch(200)
    world = World([endpoint("users"), endpoint("actions")], vendor=FakeVendor(key))
    world.put("u", endpoint="users", dedupe_id="m1")
    await world.settle()
    key.status = 401
    world.put("v")
    world.dispatcher.turn()
    await asyncio.sleep(30.0)
    world.dispatcher.drop({("events", 0)})
    copy = world.put("u", endpoint="users", dedupe_id="m1")
    lost = world.put("w", partition=1)
    world.entries[-1].partition.is_leaving = True
    other = world.put("x", partition=2)
    before_count = len(world.vendor.requests)
    await asyncio.sleep(31.0)
    assert [request.ids for request in world.vendor.requests[before_count:]] == [[other]]
    assert (world.outcomes.copied_ids, world.outcomes.released_ids) == ([copy], [lost])
    await world.dispatcher.close()


@virtual
async def test_a_probe_that_breaks_the_vendor_is_not_the_only_one() -> None:
    """An answer that says nothing about the key is followed by a probe of the next payload: no hold lasts for ever."""
    key = Switch(401)
    vendor = FakeVendor(lambda one: 401 if key.status == 401 else 500 if 1 in one.ids else 200)
    world = World([endpoint(max_batch_count=1)], vendor=vendor)
    world.put_users(3)
    world.dispatcher.turn()
    await asyncio.sleep(70.0)
    key.status = 200
    await asyncio.sleep(200.0)
    assert [attempt.answer.status for attempt in world.outcomes.attempts[:4]] == [401, 401, 500, 200]
    assert (world.outcomes.resumed_count, world.dispatcher.gate.hold) == (1, None)
    assert world.outcomes.delivered_ids[:1] == [2]
    await world.dispatcher.close()


@virtual
@pytest.mark.parametrize("is_route", [True, False])
async def test_each_hold_begins_with_the_oldest_payload(*, is_route: bool) -> None:
    """What was passed over while the destination was held before is nothing to go by."""
    key = Switch(401)
    world = World([endpoint(max_batch_count=1)], vendor=FakeVendor(key))
    world.put("u")
    world.dispatcher.turn()
    await asyncio.sleep(1.0)
    key.status = 500
    await asyncio.sleep(60.0)
    world.dispatcher.drop({("events", 0)})
    key.status = 200
    if is_route:
        world.destination.probe = Probe("http://vendor.example/check", "POST", b"[]")
        await asyncio.sleep(60.0)
    else:
        world.dispatcher.resume()
    assert world.outcomes.resumed_count == 1
    key.status = 401
    first = world.put("v")
    world.put("w")
    world.dispatcher.turn()
    await asyncio.sleep(70.0)
    assert [request.ids for request in world.vendor.requests[-2:]] == [[first], [first]]
    await world.dispatcher.close()


@virtual
async def test_what_has_failed_least_decides_after_an_outage() -> None:
    """The payload that breaks the vendor is the oldest, and would be tried first after every pause for ever."""
    vendor = FakeVendor(lambda one: 503 if one.at_s < 1300.0 else 500 if 1 in one.ids else 200)
    world = World([endpoint(max_batch_count=1)], vendor=vendor, backoff=Backoff(cap_s=5.0))
    world.put_users(5)
    world.dispatcher.turn()
    await asyncio.sleep(900.0)
    assert sorted(world.outcomes.delivered_ids) == [2, 3, 4, 5]
    await world.dispatcher.close()


@virtual
async def test_closing_cancels_the_credential_route_too() -> None:
    """A route that hangs does not keep the process, and cancelling it releases nothing."""
    world = World(vendor=FakeVendor(Switch(401)))
    world.destination.probe = Probe("http://vendor.example/check", "POST", b"")
    world.put("u")
    world.dispatcher.turn()
    await asyncio.sleep(0.2)
    world.dispatcher.drop({("events", 0)})
    world.vendor.latency_s = 1000.0
    await asyncio.sleep(61.0)
    assert world.dispatcher.in_flight_count == 1
    await world.dispatcher.close()
    await asyncio.sleep(0.0)
    assert (world.dispatcher.in_flight_count, world.outcomes.released_ids) == (0, [])
