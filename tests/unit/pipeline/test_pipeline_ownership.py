"""How a pipeline keeps one ownership of a partition apart from the next, and its failures from vanishing."""

from __future__ import annotations

import asyncio

import pytest

from processor.delivery.settings import DeliverySettings
from tests.fake_stages import KEY, Bench
from tests.simulation import FakeVendor, endpoint
from tests.virtual_time import virtual


@virtual
async def test_what_is_not_on_the_wire_is_not_waited_for() -> None:
    """A vendor that cannot be reached costs a rebalance nothing: what has not set out is released at once."""
    async with Bench(vendor=FakeVendor(connect_s=8.0)) as bench:
        bench.read({}, {})
        await asyncio.sleep(1.0)
        assert bench.dispatcher.in_flight_count == 1
        began_s = bench.clock.now_s()
        assert await bench.pipeline.revoke({KEY}) == {KEY: 0}
        assert bench.clock.now_s() == began_s
        await asyncio.sleep(60.0)
        assert (bench.vendor.requests, bench.counts, bench.adds_up) == ([], {"released": 2}, True)


@virtual
async def test_partitions_that_nobody_asked_about_in_time_are_given_up_in_their_place() -> None:
    """A loop that was told too late forgets the old ownership and keeps the new one, in the order they came in."""
    async with Bench(vendor=FakeVendor(lambda _: 503)) as bench:
        bench.read({}, {})
        await asyncio.sleep(1.0)
        bench.read({})
        bench.pipeline.inbox.put_withdrawn({KEY, ("events", 9)})
        bench.offsets[0] = 0
        bench.assign(0)
        bench.read({}, {}, {})
        bench.vendor.answer = lambda _: 200
        await asyncio.sleep(60.0)
        assert bench.run is not None
        assert (bench.run.done(), bench.counts, bench.consumer.stored) == (
            False,
            {"released": 3, "delivered": 3},
            {KEY: 3},
        )
        assert (bench.window.count, bench.adds_up) == (0, True)


@virtual
async def test_an_assignment_ends_an_ownership_that_nobody_ended() -> None:
    """What was read before belongs to somebody else: it is released, and the partition is read anew."""
    async with Bench(vendor=FakeVendor(lambda _: 503)) as bench:
        bench.read({}, {})
        await asyncio.sleep(1.0)
        bench.offsets[0] = 0
        bench.assign(0)
        bench.read({}, {})
        bench.vendor.answer = lambda _: 200
        await asyncio.sleep(60.0)
        assert (bench.counts, bench.consumer.stored, bench.adds_up) == ({"released": 2, "delivered": 2}, {KEY: 2}, True)


@virtual
async def test_a_late_end_of_a_revoke_leaves_the_next_ownership_alone() -> None:
    """A revoke that goes on although nobody waits for it must not take what was assigned meanwhile."""
    async with Bench(vendor=FakeVendor(latency_s=10.0)) as bench:
        bench.read({})
        await asyncio.sleep(1.0)
        revoke = asyncio.create_task(bench.pipeline.revoke({KEY}))
        await asyncio.sleep(1.0)
        bench.pipeline.inbox.put_withdrawn({KEY})
        bench.offsets[0] = 0
        bench.assign(0)
        bench.read({"lane": "other"})
        await asyncio.sleep(0.1)
        revoke.cancel()
        await asyncio.gather(revoke, return_exceptions=True)
        await asyncio.sleep(60.0)
        assert (bench.counts, bench.consumer.stored, bench.adds_up) == ({"released": 1, "delivered": 1}, {KEY: 1}, True)


@virtual
async def test_a_refusal_after_the_drain_time_is_left_to_the_next_owner() -> None:
    """Its record was released: the next owner meets the same refusal and writes the letter."""
    async with Bench(vendor=FakeVendor(lambda _: 400, latency_s=30.0)) as bench:
        bench.read({})
        await asyncio.sleep(1.0)
        assert await bench.pipeline.revoke({KEY}) == {KEY: 0}
        await asyncio.sleep(60.0)
        assert (bench.letters.letters, bench.counts, bench.adds_up) == ([], {"released": 1}, True)


@virtual
async def test_ids_are_forgotten_with_their_partition() -> None:
    """After a partition came back, an id that it brought is sent again: another owner may have been in between."""
    async with Bench() as bench:
        bench.read({"dedupe_id": "m1"}, {"dedupe_id": "m1"})
        await asyncio.sleep(5.0)
        await bench.pipeline.revoke({KEY})
        bench.assign(0)
        bench.read({"dedupe_id": "m1"})
        await asyncio.sleep(5.0)
        assert (bench.vendor.accepted, bench.counts) == ([1, 3], {"delivered": 2, "skipped": 1})


@virtual
async def test_stop_leaves_to_the_next_owner_what_a_slow_vendor_has_no_time_for() -> None:
    """Nothing is cut off: what was sent was answered, and is stored; the rest was never sent."""
    vendor = FakeVendor(latency_s=4.0)
    async with Bench(vendor=vendor, settings=DeliverySettings(max_in_flight=2)) as bench:
        bench.read(*[{}] * 200)
        await asyncio.sleep(5.0)
        await bench.pipeline.stop()
        offsets = await bench.pipeline.revoke({KEY})
        await bench.dispatcher.close()
        assert all(request.status == 200 for request in vendor.requests)
        assert offsets == {KEY: len(vendor.accepted)}
        assert 0 < len(vendor.accepted) < 200


@virtual
@pytest.mark.parametrize("broken", ["sweep", "letters"])
async def test_a_bug_in_what_the_loop_calls_by_itself_ends_the_run(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Timers and reports of other threads have nobody to raise to: the pipeline must hear of it."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    async with Bench(limits=endpoint(max_wait_ms=0)) as bench:
        await asyncio.sleep(1.0)
        if broken == "sweep":
            monkeypatch.setattr(bench.consumer, "store", fail)
            bench.read({})
        else:
            monkeypatch.setattr(bench.dispatcher, "hold", fail)
            bench.pipeline.letters_writable(is_writable=False, message="no place")
        assert bench.run is not None
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(bench.run, 60.0)


@virtual
async def test_a_bug_in_sending_what_waits_does_not_keep_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end goes on, as a failure."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    async with Bench(limits=endpoint(max_wait_ms=60_000)) as bench:
        bench.read({})
        await asyncio.sleep(1.0)
        monkeypatch.setattr(bench.dispatcher.schedule, "next", fail)
        await bench.pipeline.stop()
        assert isinstance(bench.pipeline.failure, ZeroDivisionError)
        assert await bench.pipeline.revoke({KEY}) == {}
