"""How a pipeline gives up partitions, stops, and fails."""

from __future__ import annotations

import asyncio
import json

import pytest

from processor.delivery.settings import DeliverySettings, RateLimit
from processor.errors import InvariantError
from processor.model import Answer, Record
from tests.fake_stages import KEY, Bench
from tests.parcels import START_MS
from tests.simulation import FakeVendor, endpoint
from tests.virtual_time import virtual

OTHER = ("events", 1)


@virtual
async def test_a_revoke_waits_for_what_is_on_the_wire_alone() -> None:
    """The request under way ends and counts; what is queued is released at once; the offsets are exact."""
    async with Bench(vendor=FakeVendor(latency_s=3.0)) as bench:
        bench.read(*[{}] * 25)
        await asyncio.sleep(1.0)
        began_s = bench.clock.now_s()
        assert await bench.pipeline.revoke({KEY}) == {KEY: 10}
        assert bench.clock.now_s() - began_s == pytest.approx(2.0)
        await asyncio.sleep(60.0)
        assert (len(bench.vendor.requests), bench.counts) == (1, {"delivered": 10, "released": 15})
        assert (bench.window.count, bench.adds_up) == (0, True)


@virtual
async def test_a_revoke_with_nothing_on_the_wire_takes_no_time() -> None:
    """What sleeps before a retry is not waited for: it is released, and never sent again."""
    async with Bench(vendor=FakeVendor(lambda _: Answer(429, {"retry-after": "600"}))) as bench:
        bench.read(*[{}] * 5)
        await asyncio.sleep(1.0)
        began_s = bench.clock.now_s()
        assert await bench.pipeline.revoke({KEY}) == {KEY: 0}
        assert bench.clock.now_s() == began_s
        await asyncio.sleep(2000.0)
        assert (len(bench.vendor.requests), bench.counts) == (1, {"released": 5})


@virtual
async def test_a_revoke_ends_at_the_drain_time_although_a_request_hangs() -> None:
    """A vendor that does not answer must not cost the group membership; a late answer counts nothing."""
    async with Bench(vendor=FakeVendor(latency_s=100.0)) as bench:
        bench.read({})
        await asyncio.sleep(1.0)
        began_s = bench.clock.now_s()
        assert await bench.pipeline.revoke({KEY}) == {KEY: 0}
        assert bench.clock.now_s() - began_s == pytest.approx(20.0)
        await asyncio.sleep(200.0)
        assert (bench.counts, bench.adds_up) == ({"released": 1}, True)
        assert bench.pipeline.ledger.tally.report()["events"] == {"settled_after_release": 1}


@virtual
async def test_a_revoke_waits_for_dead_letters_on_their_way() -> None:
    """A letter that is acknowledged within the drain time is done; one that is not will be written again."""
    async with Bench() as bench:
        bench.letters.is_slow = True
        bench.read(None)
        await asyncio.sleep(1.0)
        asyncio.get_running_loop().call_later(5.0, bench.letters.acknowledge)
        assert await bench.pipeline.revoke({KEY}) == {KEY: 1}
        bench.assign(0)
        bench.read(None)
        await asyncio.sleep(1.0)
        began_s = bench.clock.now_s()
        assert await bench.pipeline.revoke({KEY}) == {KEY: 1}
        assert bench.clock.now_s() - began_s == pytest.approx(20.0)
        bench.letters.acknowledge()
        await asyncio.sleep(1.0)
        assert bench.counts == {"dead_lettered": 1, "released": 1}


@virtual
async def test_a_revoke_takes_what_nobody_has_looked_at() -> None:
    """Records, assignments and ends in the inbox go with their partition, and leave the window."""
    async with Bench() as bench:
        bench.assign(1)
        await asyncio.sleep(1.0)
        bench.read(*[{}] * 7, end=True)
        bench.read({}, partition=1)
        assert await bench.pipeline.revoke({KEY, ("events", 9)}) == {KEY: 0}
        await asyncio.sleep(5.0)
        assert (bench.counts, bench.consumer.stored) == ({"delivered": 1}, {OTHER: 1})
        assert (bench.window.count, bench.adds_up) == (0, True)


@virtual
async def test_a_revoke_that_nobody_waits_for_any_more_still_gives_up() -> None:
    """When the consumer thread has lost its patience, the partition is released all the same and can come back."""
    async with Bench(vendor=FakeVendor(latency_s=10.0)) as bench:
        bench.read({})
        await asyncio.sleep(1.0)
        revoke = asyncio.create_task(bench.pipeline.revoke({KEY}))
        await asyncio.sleep(1.0)
        revoke.cancel()
        await asyncio.gather(revoke, return_exceptions=True)
        bench.offsets[0] = 0
        bench.assign(0)
        bench.read({"lane": "other"})
        await asyncio.sleep(60.0)
        assert bench.run is not None
        assert (bench.run.done(), bench.counts) == (False, {"released": 1, "delivered": 1})


@virtual
async def test_a_lost_partition_is_forgotten_and_nothing_of_it_is_stored() -> None:
    """Its own requests are cancelled, those that others share go on; what was finished is not stored any more."""
    vendor = FakeVendor(latency_s=5.0)
    async with Bench(vendor=vendor, limits=endpoint(max_batch_count=2)) as bench:
        bench.assign(1)
        bench.dispatcher.gate.succeeded(bench.clock.now_s())
        bench.read({}, {}, {})
        bench.read({"lane": "v"}, partition=1)
        await asyncio.sleep(1.0)
        stores = len(bench.consumer.stores)
        await bench.pipeline.lose({KEY})
        await asyncio.sleep(60.0)
        assert all(KEY not in offsets for offsets in bench.consumer.stores[stores:])
        assert (vendor.accepted, bench.consumer.stored[OTHER]) == ([3, 4], 1)
        assert (bench.counts, bench.window.count, bench.adds_up) == ({"released": 3, "delivered": 1}, 0, True)


@virtual
async def test_a_refusal_for_a_lost_partition_writes_no_dead_letter() -> None:
    """The next owner will meet the same refusal and write it; two letters of one record would be one too many."""
    async with Bench(vendor=FakeVendor(lambda _: 400, latency_s=5.0), limits=endpoint(max_batch_count=2)) as bench:
        bench.assign(1)
        bench.read({})
        bench.read({"lane": "v"}, partition=1)
        await asyncio.sleep(1.0)
        await bench.pipeline.lose({KEY})
        await asyncio.sleep(60.0)
        assert [letter.record.partition for letter in bench.letters.letters] == [1]


@virtual
async def test_shares_of_limits_follow_the_assignment() -> None:
    """With one of four partitions a process takes a quarter of the rate, and more as it gets more."""
    settings = DeliverySettings(rate_limit=RateLimit(requests_per_second=4))
    async with Bench(settings=settings, limits=endpoint(max_batch_count=1)) as bench:
        bench.pipeline.set_known_partition_count(4)
        bench.read(*[{}] * 20)
        await asyncio.sleep(10.0)
        assert 9 <= len(bench.vendor.requests) <= 12
        for partition in (1, 2, 3):
            bench.assign(partition)
        await asyncio.sleep(3.0)
        assert len(bench.vendor.requests) == 20


@virtual
async def test_stop_sends_what_waits_and_stores_it() -> None:
    """Nothing more is read, half-full batches go at once, and the offsets are stored before it returns."""
    async with Bench(limits=endpoint(max_wait_ms=60_000)) as bench:
        bench.read(*[{}] * 13)
        await asyncio.sleep(1.0)
        await bench.pipeline.stop()
        assert (bench.counts, bench.consumer.stored, bench.consumer.holds) == ({"delivered": 13}, {KEY: 13}, [True])
        assert bench.clock.now_s() < 1005.0


@virtual
async def test_what_is_read_while_stopping_is_left_to_the_next_owner() -> None:
    """Records that come after the stop are not opened, and an end behind them covers nothing."""
    async with Bench(vendor=FakeVendor(latency_s=2.0)) as bench:
        bench.read({})
        await asyncio.sleep(0.5)
        bench.read({})
        stop = asyncio.create_task(bench.pipeline.stop())
        await asyncio.sleep(0.1)
        bench.read({}, {}, end=True)
        await stop
        await asyncio.sleep(5.0)
        assert (bench.counts, bench.consumer.stored) == ({"delivered": 1}, {KEY: 1})
        assert (bench.window.count, bench.adds_up) == (0, True)
        assert await bench.pipeline.revoke({KEY}) == {KEY: 1}


@virtual
async def test_stop_and_the_revoke_behind_it_share_one_drain_time() -> None:
    """A vendor that hangs costs the drain time once, not once for the stop and once for leaving the group."""
    async with Bench(vendor=FakeVendor(latency_s=500.0)) as bench:
        bench.read({})
        await asyncio.sleep(1.0)
        began_s = bench.clock.now_s()
        await bench.pipeline.stop()
        assert await bench.pipeline.revoke({KEY}) == {KEY: 0}
        assert bench.clock.now_s() - began_s == pytest.approx(20.0)


@virtual
async def test_stop_waits_for_dead_letters() -> None:
    """A letter on its way is waited for, and its offset stored."""
    async with Bench() as bench:
        bench.letters.is_slow = True
        bench.read(None)
        await asyncio.sleep(1.0)
        asyncio.get_running_loop().call_later(5.0, bench.letters.acknowledge)
        await bench.pipeline.stop()
        assert (bench.consumer.stored, bench.counts) == ({KEY: 1}, {"dead_lettered": 1})


@virtual
async def test_a_bug_ends_the_run_and_nothing_more_is_stored() -> None:
    """After an exception from a mapping no sweep and no revoke stores anything, also of records that were fine."""
    async with Bench() as bench:
        bench.read({})
        await asyncio.sleep(1.0)
        assert bench.consumer.stored == {KEY: 1}
        bench.read({})
        await asyncio.sleep(0.12)
        bench.read({"bug": True})
        assert bench.run is not None
        with pytest.raises(ZeroDivisionError):
            await bench.run
        await asyncio.sleep(60.0)
        assert bench.consumer.stored == {KEY: 1}
        assert await bench.pipeline.revoke({KEY}) == {}


@virtual
async def test_a_failure_ends_the_run_although_nothing_is_read() -> None:
    """What the consumer thread or a request reports ends the run at once; the first failure is the one that is told."""
    async with Bench() as bench:
        bench.pipeline.fail(InvariantError("first"))
        bench.pipeline.failed(InvariantError("second"))
        assert bench.run is not None
        with pytest.raises(InvariantError, match="first"):
            await bench.run


@virtual
async def test_a_failure_during_a_revoke_keeps_its_offsets_back() -> None:
    """Whatever was finished before, nothing is committed once the books are in doubt."""
    async with Bench(vendor=FakeVendor(latency_s=5.0)) as bench:
        bench.read({})
        await asyncio.sleep(1.0)
        revoke = asyncio.create_task(bench.pipeline.revoke({KEY}))
        await asyncio.sleep(1.0)
        bench.pipeline.fail(InvariantError("a bug"))
        assert await revoke == {}
        assert bench.run is not None
        with pytest.raises(InvariantError):
            await bench.run


@virtual
async def test_a_failure_ends_the_wait_for_a_schema() -> None:
    """A registry that is down does not keep a pipeline that has failed."""
    async with Bench() as bench:
        bench.decoder.is_registry_down = True
        bench.read({"schema": 7})
        await asyncio.sleep(5.0)
        bench.pipeline.fail(InvariantError("a bug"))
        assert bench.run is not None
        with pytest.raises(InvariantError):
            await asyncio.wait_for(bench.run, 5.0)


@virtual
async def test_a_schema_that_nobody_needs_any_more_holds_nothing() -> None:
    """With the partition whose record needs it, the wait for it goes: the others are read, be the registry down."""
    async with Bench() as bench:
        bench.assign(1)
        bench.decoder.is_registry_down = True
        bench.read({"schema": 7})
        bench.read({}, partition=1)
        await asyncio.sleep(10.0)
        assert (bench.counts, bench.pipeline.schemas.problem) == ({}, "registry refuses")
        assert await bench.pipeline.revoke({KEY}) == {KEY: 0}
        await asyncio.sleep(10.0)
        assert (bench.counts, bench.pipeline.schemas.problem) == ({"delivered": 1}, None)
        assert bench.adds_up


@virtual
async def test_a_record_settled_twice_ends_the_run() -> None:
    """Books that contradict themselves end everything; the exception does not vanish in a callback."""
    async with Bench() as bench:
        bench.read({})
        await asyncio.sleep(1.0)
        value = json.dumps({}).encode()
        (entry,) = bench.pipeline.ledger.open_all([Record("events", 0, 1, START_MS, b"k", value)])
        assert entry is not None
        bench.pipeline.ledger.close(entry)
        bench.pipeline._close(entry)
        assert bench.run is not None
        with pytest.raises(InvariantError, match="settled twice"):
            await bench.run


@virtual
async def test_a_held_destination_with_nothing_to_send_goes_on_reading() -> None:
    """Without a payload there is nothing to probe with: reading goes on until there is, then it stops."""
    async with Bench(vendor=FakeVendor(lambda _: 401)) as bench:
        bench.read({})
        await asyncio.sleep(5.0)
        assert await bench.pipeline.revoke({KEY}) == {KEY: 0}
        assert bench.consumer.holds == [True, False]
        bench.assign(0)
        bench.read({})
        await asyncio.sleep(1.0)
        assert bench.consumer.holds == [True, False, True]
