"""Whole deliveries in virtual time under random faults: nothing lost, order kept, bounds held."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processor.delivery.settings import DeliverySettings, IsolationSettings
from processor.model import Answer
from tests.simulation import FakeVendor, Request, World, endpoint
from tests.virtual_time import run_virtual

FAULTS = st.fixed_dictionaries(
    {
        "server_error": st.floats(0, 0.4),
        "throttled": st.floats(0, 0.2),
        "reset_after": st.floats(0, 0.2),
        "refused_share": st.sampled_from([0, 0, 0.02, 0.1]),
    }
)


class FaultyVendor(FakeVendor):
    """Fails at random, refuses the same payloads always, and may accept without answering."""

    def __init__(self, faults: dict[str, float], seed: int) -> None:
        """Draw from this seed."""
        super().__init__(self._script)
        self._faults = faults
        self._random = random.Random(seed)
        self.refused: set[int] = set()

    def _script(self, request: Request) -> int | Answer:
        """Decide about one request."""
        draw = self._random.random
        if draw() < self._faults["server_error"]:
            return 503
        if draw() < self._faults["throttled"]:
            return Answer(429, {"retry-after": "2"}, b"")
        if self.refused & set(request.ids):
            return 400
        if draw() < self._faults["reset_after"]:
            self.accept(request)
            return Answer(None, {}, b"", error="reset")
        return 200


@given(seed=st.integers(0, 2**32), faults=FAULTS, in_flight=st.integers(1, 16), users=st.integers(1, 30))
@settings(max_examples=60)
def test_every_payload_is_settled_once_and_each_lane_keeps_its_order(
    seed: int, faults: dict[str, float], in_flight: int, users: int
) -> None:
    """Under faults every payload is delivered or dead-lettered, each lane in order, lanes never in two requests."""

    async def main() -> None:
        chance = random.Random(seed)
        vendor = FaultyVendor(faults, seed)
        options = DeliverySettings(max_in_flight=in_flight, isolation=IsolationSettings(give_up_s=1e9))
        world = World(settings=options, vendor=vendor, seed=seed)
        lanes_of: dict[int, tuple[str, ...]] = {}
        for _ in range(200):
            user = f"u{chance.randrange(users)}"
            lanes = (user,) if chance.random() < 0.95 else (user, f"v{chance.randrange(users)}")
            number = world.put(lanes, size=chance.randrange(200))
            lanes_of[number] = lanes
            if chance.random() < faults["refused_share"]:
                vendor.refused.add(number)
            if chance.random() < 0.1:
                world.dispatcher.turn()
        await world.settle(within_s=20_000)
        _check(world, vendor, lanes_of)

    run_virtual(main())


def _check(world: World, vendor: FaultyVendor, lanes_of: dict[int, tuple[str, ...]]) -> None:
    """Assert the promises."""
    everything = set(lanes_of)
    rejected = {number for number, _ in world.outcomes.rejections}
    assert sorted(world.outcomes.delivered_ids + sorted(rejected)) == sorted(everything)
    assert rejected == vendor.refused & everything
    assert set(vendor.accepted) == everything - rejected
    assert vendor.lane_clashes == []
    assert all(entry.open_count == 0 for entry in world.entries)
    by_lane: dict[str, list[int]] = defaultdict(list)
    for number, lanes in sorted(lanes_of.items()):
        if number not in rejected:
            for lane in lanes:
                by_lane[lane].append(number)
    for lane, expected in by_lane.items():
        assert world.order_of(lane) == expected


@given(seed=st.integers(0, 2**32), shared=st.booleans())
@settings(max_examples=40)
def test_a_lane_scope_keeps_one_order_over_several_endpoints(seed: int, *, shared: bool) -> None:
    """A shared scope keeps one order of a lane over two endpoints; without one each endpoint has its own."""

    async def main() -> None:
        chance = random.Random(seed)
        scope = "all" if shared else ""
        endpoints = [endpoint("bulk", lane_scope=scope), endpoint("delete", lane_scope=scope, max_batch_count=1)]
        vendor = FaultyVendor({"server_error": 0.2, "throttled": 0.0, "reset_after": 0.0, "refused_share": 0}, seed)
        world = World(endpoints, vendor=vendor, seed=seed)
        put: dict[tuple[str, str], list[int]] = defaultdict(list)
        for _ in range(120):
            user, name = f"u{chance.randrange(8)}", chance.choice(["bulk", "bulk", "bulk", "delete"])
            put[user, "" if shared else name].append(world.put(user, endpoint=name))
        await world.settle(within_s=20_000)
        accepted = _accepted_by(vendor, shared=shared)
        assert {key: accepted[key] for key in put} == dict(put)

    run_virtual(main())


def _accepted_by(vendor: FaultyVendor, *, shared: bool) -> dict[tuple[str, str], list[int]]:
    """Return what was accepted by lane, and by endpoint where each has an order of its own."""
    accepted: dict[tuple[str, str], list[int]] = defaultdict(list)
    for request in sorted(vendor.requests, key=lambda one: one.ended_s or 0):
        if request.status == 200:
            name = request.url.rpartition("/")[2]
            for item in request.items:
                accepted[item["lanes"][0], "" if shared else name].append(item["id"])
    return accepted


@given(seed=st.integers(0, 2**32), revoked_after=st.integers(1, 40))
@settings(max_examples=40)
def test_a_revoked_partition_releases_what_is_not_on_the_wire(seed: int, revoked_after: int) -> None:
    """After a drop every payload of the partition is delivered, rejected or released, and none starts afterwards."""

    async def main() -> None:
        chance = random.Random(seed)
        vendor = FaultyVendor({"server_error": 0.3, "throttled": 0.0, "reset_after": 0.0, "refused_share": 0}, seed)
        world = World(vendor=vendor, seed=seed, settings=DeliverySettings(max_in_flight=2))
        for _ in range(100):
            world.put(f"u{chance.randrange(10)}", partition=chance.randrange(2))
        world.dispatcher.turn()
        await asyncio.sleep(revoked_after * 0.01)
        key = ("events", 0)
        gone = world.tracker.get(key)
        assert gone is not None
        gone.is_leaving = True
        world.outcomes.released(world.dispatcher.drop({key}))
        on_the_wire = {number for request in vendor.in_flight for number in request.ids}
        before = len(vendor.requests)
        await world.settle(within_s=20_000)
        of_gone = {n for n, entry in enumerate(world.entries, 1) if entry.partition is gone}
        later = {number for request in vendor.requests[before:] for number in request.ids}
        assert later & of_gone == set()
        assert set(world.outcomes.released_ids) | set(world.outcomes.delivered_ids) == set(range(1, 101))
        assert set(world.outcomes.released_ids) <= of_gone
        assert on_the_wire & of_gone <= set(world.outcomes.delivered_ids) | set(world.outcomes.released_ids)

    run_virtual(main())


def test_batches_are_full_although_one_user_owns_nine_tenths() -> None:
    """A hot lane of nine tenths of the traffic does not keep the others from filling batches, and keeps its order."""

    async def main() -> dict[str, Any]:
        world = World(settings=DeliverySettings(max_in_flight=4, max_window_count=100_000))
        hot = [world.put("hot" if number % 10 else f"cold{number}") for number in range(2_000)]
        await world.settle()
        return {"order": world.order_of("hot"), "hot": [n for n in hot if (n - 1) % 10], "vendor": world.vendor}

    result = run_virtual(main())
    assert result["order"] == result["hot"]
    assert all(len(request.items) == 10 for request in result["vendor"].requests[:20])
