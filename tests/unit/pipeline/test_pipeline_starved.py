"""A pipeline whose reading is stopped by the very payload that breaks the vendor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from processor.delivery.settings import DeliverySettings, IsolationSettings
from processor.source.window import EXCESS_SHARE, Flow, Valve
from tests.fake_stages import Bench
from tests.simulation import FakeVendor
from tests.virtual_time import virtual

LONG_S = 7_200.0
OUTAGE_S = 1_800.0
POISON = 5
CHUNK_COUNT = 30
PAUSE_S = 0.4
SETTINGS = DeliverySettings(max_in_flight=4, isolation=IsolationSettings(give_up_s=300.0))


async def read_on(bench: Bench, value: Callable[[int], dict[str, Any]], partition_count: int) -> None:
    """Read as the consumer thread does: as much as the window has room for, with pauses, nothing that is blocked."""
    valve, number = Valve(grace_s=0.25), 0
    while True:
        flow = valve.turn(bench.window, held=False, now_s=bench.clock.now_s())
        blocked = bench.consumer.blocks[-1] if bench.consumer.blocks else set()
        partitions = [one for one in range(partition_count) if ("events", one) not in blocked]
        if flow is Flow.READ and partitions:
            for _ in range(min(CHUNK_COUNT, bench.window.room_count)):
                bench.read(value(number), partition=partitions[number % len(partitions)])
                number += 1
        await asyncio.sleep(PAUSE_S)


@asynccontextmanager
async def reading(
    vendor: FakeVendor, value: Callable[[int], dict[str, Any]] = lambda _: {}, partition_count: int = 1
) -> AsyncIterator[Bench]:
    """Run a pipeline and a source that reads whenever the window has room and the partition is not blocked."""
    async with Bench(vendor=vendor, settings=SETTINGS) as bench:
        for partition in range(1, partition_count):
            bench.assign(partition)

        reader = asyncio.create_task(read_on(bench, value, partition_count))
        try:
            yield bench
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)


def poisonous(request: Any) -> int:  # noqa: ANN401 - a request of the fake vendor
    """Answer 500 to every request that holds the poison."""
    return 500 if POISON in request.ids else 200


@virtual
@pytest.mark.parametrize(("partition_count", "latency_s"), [(1, 0.05), (3, 0.05), (3, 1.0)])
async def test_a_payload_that_fills_the_window_behind_it_is_given_up(partition_count: int, latency_s: float) -> None:
    """The records behind it fill the window; fresh ones let in one by one prove that the vendor works.

    A slow vendor leaves the window partly filled: reading has paused, and there is never room enough to go on.
    """
    vendor = FakeVendor(poisonous, latency_s=latency_s)
    async with reading(vendor, partition_count=partition_count) as bench:
        began_s = bench.clock.now_s()
        while not bench.letters.letters:
            assert bench.clock.now_s() < LONG_S, bench.counts
            assert bench.window.count <= bench.window.max_count * (1 + 1 / EXCESS_SHARE)
            await asyncio.sleep(1.0)
        assert bench.letters.reasons == ["vendor_error"]
        assert bench.clock.now_s() - began_s >= 300.0
        delivered = bench.counts["delivered"]
        await asyncio.sleep(30.0 + 100 * latency_s)
        assert bench.counts["delivered"] > delivered + 2 * bench.window.max_count


@virtual
@pytest.mark.parametrize("poison", [{POISON}, {POISON, POISON + 1}])
async def test_other_partitions_go_on_beside_a_payload_that_keeps_failing(poison: set[int]) -> None:
    """Its own partition fills a part of the window and waits; the others have nothing to do with it."""
    vendor = FakeVendor(lambda request: 500 if poison & set(request.ids) else 200, latency_s=1.0)
    async with reading(vendor, lambda number: {"lane": f"u{number}"}, partition_count=4) as bench:
        await asyncio.sleep(60.0)
        delivered = bench.counts["delivered"]
        await asyncio.sleep(200.0)
        assert bench.letters.letters == []
        assert bench.counts["delivered"] > delivered + 5 * bench.window.max_count
        stuck = {("events", number % 4) for number in (one - 1 for one in poison)}
        assert bench.consumer.blocks[-1] == stuck
        while len(bench.letters.letters) < len(poison):
            assert bench.clock.now_s() < LONG_S
            await asyncio.sleep(1.0)
        await asyncio.sleep(5.0)
        assert bench.consumer.blocks[-1] == set()
        assert bench.adds_up


@virtual
async def test_a_payload_whose_user_fills_a_lane_behind_it_is_given_up() -> None:
    """Nine tenths are of the poison's user, so its partition is blocked before the window is full."""
    values = [{"lane": "hot"} for _ in range(9)] + [{"lane": "other"}]
    async with reading(FakeVendor(poisonous), lambda number: values[number % 10]) as bench:
        while not bench.letters.letters:
            assert bench.clock.now_s() < LONG_S, bench.counts
            await asyncio.sleep(1.0)
        assert bench.letters.reasons == ["vendor_error"]


@virtual
async def test_a_hold_that_only_the_poison_could_end_reads_on() -> None:
    """The key is right again, but what is left to probe with breaks the vendor: another payload is read to ask with."""
    vendor = FakeVendor(lambda _: 401)
    async with Bench(vendor=vendor, settings=SETTINGS) as bench:
        bench.read({})
        await asyncio.sleep(5.0)
        assert bench.consumer.holds == [True]
        vendor.answer = lambda one: 500 if 1 in one.ids else 200
        await asyncio.sleep(120.0)
        assert bench.consumer.holds[-1] is False
        bench.read({})
        await asyncio.sleep(120.0)
        assert (bench.consumer.holds[-1], bench.dispatcher.gate.hold, vendor.accepted) == (False, None, [2])


@virtual
async def test_an_outage_behind_it_lets_in_a_few_and_gives_up_nothing() -> None:
    """When what is let in fails as well, it may be an outage: no more is read, and nothing becomes a dead letter."""
    vendor = FakeVendor(poisonous)
    async with reading(vendor) as bench:
        await asyncio.sleep(10.0)
        assert not bench.window.is_low
        vendor.answer = lambda _: 503
        await asyncio.sleep(OUTAGE_S)
        assert bench.letters.letters == []
        assert bench.window.count <= bench.window.max_count + 2 * SETTINGS.max_in_flight
        vendor.answer = lambda _: 200
        while POISON not in vendor.accepted:
            assert bench.clock.now_s() < LONG_S
            await asyncio.sleep(1.0)
        assert bench.letters.letters == []
