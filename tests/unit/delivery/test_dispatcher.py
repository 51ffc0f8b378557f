"""Requests in virtual time: start, batches, refusals, compression, rates, the end of ownership."""

from __future__ import annotations

import asyncio
import json

import pytest

from processor.delivery.gate import GateState
from processor.delivery.settings import DeliverySettings, RateLimit
from processor.destinations.base import requests_to
from tests.simulation import FakeVendor, Request, World, endpoint
from tests.virtual_time import virtual


def _sizes(world: World) -> list[int]:
    """Return how many items each request held."""
    return [len(request.items) for request in world.vendor.requests]


@virtual
async def test_concurrency_doubles_from_one() -> None:
    """The first request goes alone; with each of the next successes twice as many may be under way."""
    world = World(settings=DeliverySettings(max_in_flight=8))
    for number in range(300):
        world.put(f"u{number}")
    await world.settle()
    by_time: dict[float, int] = {}
    for request in world.vendor.requests:
        by_time[request.at_s] = by_time.get(request.at_s, 0) + 1
    assert list(by_time.values())[:3] == [1, 2, 8]
    assert world.vendor.most_in_flight == 8
    assert world.dispatcher.state() is GateState.FLOWING


@virtual
async def test_a_batch_goes_when_it_is_full_or_old_enough() -> None:
    """Ten go at once, the rest after the endpoint's wait."""
    world = World()
    for number in range(13):
        world.put(f"u{number}")
    await world.settle()
    first, second = world.vendor.requests
    assert (len(first.items), len(second.items)) == (10, 3)
    assert [first.at_s, second.at_s] == pytest.approx([1000.0, 1000.1])


@virtual
async def test_of_endpoints_due_together_the_lower_rank_starts_first() -> None:
    """Companies, then users, then actions, without waiting for each other's answers."""
    ranks = {"actions": 2, "users": 1, "companies": 0}
    world = World([endpoint(name, rank=rank, max_batch_count=1) for name, rank in ranks.items()])
    world.put("warm", endpoint="actions")
    await world.settle()
    for name in ranks:
        world.put("u", endpoint=name)
    world.dispatcher.gate.succeeded(world.clock.now_s())
    await world.settle()
    started = [request.url.rpartition("/")[2] for request in world.vendor.requests[1:]]
    assert started == ["companies", "users", "actions"]
    assert world.vendor.most_in_flight == 3


@virtual
async def test_headers_are_made_of_each_attempt() -> None:
    """What a destination may sign is what the attempt sends, before compression and at its own time."""
    world = World([endpoint(gzip=True)], vendor=FakeVendor(lambda one: 503 if one.number == 1 else 200))
    world.put("u1")
    world.put("u2")
    await world.settle()
    first, second = world.vendor.requests
    assert [json.loads(one.headers["x-body"]) for one in (first, second)] == [first.items, second.items]
    assert {one.headers["Content-Encoding"] for one in (first, second)} == {"gzip"}
    sent_ms = [int(one.headers["x-now-ms"]) for one in (first, second)]
    assert sent_ms[1] - sent_ms[0] == pytest.approx(1000 * (second.at_s - first.at_s), abs=1)


@virtual
async def test_one_refused_payload_costs_exactly_its_halves() -> None:
    """Four with a guilty one: four, then two and two, then one and one; only the guilty one is refused."""
    world = World([endpoint(max_batch_count=4)], vendor=FakeVendor(lambda one: 400 if 3 in one.ids else 200))
    for number in range(4):
        world.put(f"u{number}")
    await world.settle()
    assert _sizes(world) == [4, 2, 2, 1, 1]
    assert world.outcomes.rejections == [(3, "http_400")]
    assert sorted(world.outcomes.delivered_ids) == [1, 2, 4]


@virtual
async def test_a_request_that_is_too_large_is_halved_larger_half_first() -> None:
    """Five become three and two; a single one that is too large is rejected."""
    vendor = FakeVendor(lambda one: 413 if len(one.items) > 3 or 5 in one.ids else 200)
    world = World([endpoint(max_batch_count=5)], vendor=vendor)
    for number in range(5):
        world.put(f"u{number}")
    await world.settle()
    assert [request.ids for request in vendor.requests] == [[1, 2, 3, 4, 5], [1, 2, 3], [4, 5], [4], [5]]
    assert world.outcomes.rejections == [(5, "http_413")]


@virtual
async def test_halves_of_one_user_are_delivered_in_order() -> None:
    """A lane through both halves keeps its order, and later payloads of the user wait for all of it."""
    world = World([endpoint(max_batch_count=4)], vendor=FakeVendor(lambda one: 400 if 2 in one.ids else 200))
    for _ in range(6):
        world.put("u")
    await world.settle()
    assert world.order_of("u") == [1, 3, 4, 5, 6]
    assert world.vendor.most_in_flight == 1


@virtual
async def test_taking_batches_apart_has_a_budget() -> None:
    """However much is refused, no minute sees more extra requests than allowed."""
    vendor = FakeVendor(lambda one: 400 if len(one.items) > 1 else 200, latency_s=0.01)
    world = World(settings=DeliverySettings(max_extra_requests_per_minute=60), vendor=vendor)
    for number in range(80):
        world.put(f"u{number}")
    await world.settle()
    assert sorted(world.outcomes.delivered_ids) == list(range(1, 81))
    extra = [request.at_s for request in vendor.requests if len(request.items) < 10]
    assert len(extra) >= 80
    assert max(sum(start <= at_s < start + 60 for at_s in extra) for start in extra) <= 60 + 3


@virtual
async def test_bodies_are_compressed_until_the_vendor_takes_them_only_plain() -> None:
    """A 415 is answered with plain bytes; once these are accepted, the endpoint gets no compressed ones any more."""
    seen: list[bool] = []

    def plain_only(request: Request) -> int:
        seen.append(request.headers.get("Content-Encoding") == "gzip")
        return 415 if seen[-1] else 200

    world = World([endpoint(gzip=True)], vendor=FakeVendor(plain_only))
    for _ in range(2):
        world.put("u")
        await world.settle()
    assert seen == [True, False, False]
    assert world.outcomes.plain_endpoints == ["actions"]
    assert world.outcomes.delivered_ids == [1, 2]
    first, second, _ = world.outcomes.attempts
    assert (first.body_bytes, second.body_bytes) == (second.wire_bytes, second.wire_bytes)


@virtual
async def test_attempts_are_told_with_sizes_and_times() -> None:
    """The listener hears of each request: how many payloads, how many bytes, how long, what answer."""
    world = World(vendor=FakeVendor(latency_s=0.25))
    world.put("u")
    await world.settle()
    (attempt,) = world.outcomes.attempts
    assert (attempt.endpoint, attempt.payload_count, attempt.is_probe) == ("actions", 1, False)
    assert attempt.duration_s == pytest.approx(0.25)
    assert attempt.answer.status == 200


@virtual
async def test_a_rate_of_requests_is_kept_by_share() -> None:
    """With a quarter of the partitions a process takes a quarter of the rate."""
    limits = RateLimit(requests_per_second=8)
    world = World([endpoint(max_batch_count=1)], DeliverySettings(rate_limit=limits))
    world.dispatcher.set_share(3, 12)
    for number in range(20):
        world.put(f"u{number}")
    await world.settle()
    started = [request.at_s for request in world.vendor.requests]
    assert max(sum(start <= at_s < start + 5 for at_s in started) for start in started) <= 5 * 2 + 2
    assert started[-1] - started[0] == pytest.approx(9.0, abs=0.5)


@virtual
async def test_a_rate_of_payloads_is_kept_and_batches_stay_whole() -> None:
    """Ten a second means a batch of ten each second."""
    world = World(settings=DeliverySettings(rate_limit=RateLimit(payloads_per_second=10)))
    for number in range(50):
        world.put(f"u{number}")
    await world.settle()
    assert _sizes(world) == [10] * 5
    started = [request.at_s for request in world.vendor.requests]
    assert started[-1] - started[0] >= 3.0


@virtual
async def test_waiting_for_a_rate_is_told() -> None:
    """Whoever looks why the lag grows finds the reason; it goes when the rate allows more."""
    world = World([endpoint(max_batch_count=1)], DeliverySettings(rate_limit=RateLimit(requests_per_second=1)))
    for number in range(2):
        world.put(f"u{number}")
    world.dispatcher.turn()
    await asyncio.sleep(0.5)
    assert world.dispatcher.state() is GateState.THROTTLED
    await world.settle()
    await asyncio.sleep(2)
    assert world.dispatcher.state() is not GateState.THROTTLED


@virtual
async def test_a_rate_of_one_endpoint_keeps_back_its_own_lanes_alone() -> None:
    """A user's merge waits, and so does what the user sends behind it; all others go on, and the state says why."""
    world = World([endpoint("actions", lane_scope="all"), endpoint("merge", max_batch_count=1, lane_scope="all")])
    world.dispatcher.limiter.set_rates(RateLimit(), {requests_to("merge"): 0.1}, world.clock.now_s())
    merges = [world.put(f"m{number}", endpoint="merge") for number in range(3)]
    behind = world.put("m2")
    others = [world.put(f"u{number}") for number in range(20)]
    start_s = world.clock.now_s()
    world.dispatcher.turn()
    await asyncio.sleep(5.0)
    assert sorted(world.outcomes.delivered_ids) == [merges[0], *others]
    assert world.dispatcher.state() is GateState.THROTTLED
    await world.settle()
    assert world.outcomes.delivered_ids[-3:] == [merges[1], merges[2], behind]
    assert world.order_of("m2") == [merges[2], behind]
    times = [request.at_s - start_s for request in world.vendor.requests if request.url.endswith("merge")]
    assert [round(at_s) for at_s in times] == [0, 10, 20]
    assert world.dispatcher.state() is not GateState.THROTTLED


@virtual
async def test_copies_are_settled_without_being_sent() -> None:
    """An id that was delivered, or is on its way, goes once; a deliberate repeat goes again."""
    world = World()
    world.put("u", dedupe_id="m1")
    world.put("v", dedupe_id="m1")
    world.put("u", dedupe_id="m1")
    await world.settle()
    assert (world.vendor.accepted, sorted(world.outcomes.copied_ids)) == ([1], [2, 3])
    world.put("u", dedupe_id="m1", headers=(("segment-bridge-replay", b"1"),))
    await world.settle()
    assert world.vendor.accepted == [1, 4]


@virtual
async def test_half_the_slots_worth_may_sleep() -> None:
    """When everything times out, four full batches of eight slots wait, and the rest was never cut."""
    world = World(settings=DeliverySettings(max_in_flight=8), vendor=FakeVendor(lambda _: 503))
    world.dispatcher.gate._limit = 8
    for number in range(300):
        world.put(f"u{number}")
    world.dispatcher.turn()
    await asyncio.sleep(0.06)
    assert world.dispatcher.schedule.retrying_count == 8
    await asyncio.sleep(3600.0)
    assert world.dispatcher.schedule.waiting_count >= 300 - 80 - 10
    assert world.dispatcher.schedule.retrying_count + world.dispatcher.in_flight_count <= 8 + 10


@virtual
async def test_a_retry_leaves_out_what_went_with_its_partition() -> None:
    """Parcels of a partition that is being given up are released by the next attempt, and their lanes go on."""
    world = World(vendor=FakeVendor(lambda one: 503 if one.number == 1 else 200))
    world.put("u", partition=0)
    world.put("v", partition=1)
    world.dispatcher.turn()
    await asyncio.sleep(0.2)
    leaving = world.tracker.get(("events", 0))
    assert leaving is not None
    leaving.is_leaving = True
    await world.settle()
    assert [request.ids for request in world.vendor.requests] == [[1, 2], [2]]
    assert (world.outcomes.released_ids, world.outcomes.delivered_ids) == ([1], [2])


@virtual
async def test_a_retry_of_nothing_but_lost_parcels_is_no_request() -> None:
    """When the whole batch went with its partition, no request is made and nothing is left."""
    world = World(vendor=FakeVendor(lambda _: 503))
    world.put("u")
    world.dispatcher.turn()
    await asyncio.sleep(0.2)
    world.entries[0].partition.is_leaving = True
    await world.settle()
    assert (len(world.vendor.requests), world.outcomes.released_ids) == (1, [1])


@virtual
async def test_requests_of_a_partition_can_be_found_and_cancelled() -> None:
    """A lost partition's own requests are cancelled; those that others share go on to their end."""
    world = World([endpoint(max_batch_count=2, max_wait_ms=0)], vendor=FakeVendor(latency_s=5.0))
    world.dispatcher.gate.succeeded(world.clock.now_s())
    for lane, partition in (("a", 0), ("b", 0), ("c", 0), ("d", 1)):
        world.put(lane, partition=partition)
    world.dispatcher.turn()
    await asyncio.sleep(0.1)
    gone = ("events", 0)
    requests = world.dispatcher.requests.of({gone})
    assert (len(requests), len(world.dispatcher.requests.of({("events", 1)}))) == (2, 1)
    lost = world.tracker.forget(gone)
    assert lost is not None
    lost.release()
    world.dispatcher.requests.cancel_unowned({gone})
    await world.settle()
    world.dispatcher.requests.cancel_unowned({gone})
    assert world.vendor.accepted == [3, 4]
    assert world.outcomes.released_ids == [1, 2]


@virtual
async def test_an_answer_after_the_partition_went_is_not_followed_up() -> None:
    """What is retried, or put back by a hold, leaves out what nobody owns here any more: no probe is wasted on it."""
    for status in (503, 401):
        answers = iter([status])
        world = World(vendor=FakeVendor(lambda _, answers=answers: next(answers, 200)))  # type: ignore[misc]
        world.put("u", partition=0)
        world.put("v", partition=1)
        world.dispatcher.turn()
        await asyncio.sleep(0.11)
        lost = world.tracker.forget(("events", 0))
        assert lost is not None
        lost.release()
        await world.settle(within_s=100.0)
        assert [request.ids for request in world.vendor.requests] == [[1, 2], [2]]
        assert world.outcomes.released_ids == [1]


@virtual
async def test_an_answer_for_nothing_but_lost_parcels_leaves_nothing() -> None:
    """When the whole batch was lost before its answer came, nothing is sent again and no lane stays busy."""
    world = World(vendor=FakeVendor(lambda _: 503))
    world.put("u")
    world.dispatcher.turn()
    await asyncio.sleep(0.11)
    world.entries[0].partition.release()
    await world.settle()
    assert (len(world.vendor.requests), world.outcomes.released_ids) == (1, [1])


@virtual
async def test_a_user_with_nine_tenths_of_the_traffic_holds_up_nobody() -> None:
    """The others are delivered in the first moments, the hot user in order."""
    world = World(settings=DeliverySettings(max_in_flight=4, max_window_count=100_000))
    hot = [number for number in (world.put("hot" if n % 10 else f"cold{n}") for n in range(1000)) if (number - 1) % 10]
    await world.settle()
    assert world.order_of("hot") == hot
    assert world.vendor.lane_clashes == []
    last_cold = max(one.ended_s or 0.0 for one in world.vendor.requests if any((i - 1) % 10 == 0 for i in one.ids))
    last_hot = max(one.ended_s or 0.0 for one in world.vendor.requests)
    assert (last_cold - 1000.0) * 5 < last_hot - 1000.0
