"""A plan that is exchanged while records are on their way."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from processor.delivery.settings import RateLimit
from processor.destinations.plan import Plan
from tests.fake_stages import KEY, Bench, FakePlan
from tests.simulation import FakeVendor, endpoint
from tests.virtual_time import virtual

OLD, NEW = "0123456789ab", "ba9876543210"
NO_LIMIT = RateLimit()


def _use(bench: Bench, rates: RateLimit = NO_LIMIT) -> None:
    """Exchange the plan for one with another hash, whose payloads are numbered from 1001 on."""
    plan = FakePlan(NEW)
    plan._count = 1000
    plan.destination = bench.dispatcher.destination
    bench.pipeline.use(cast("Plan", plan), rates)


@virtual
async def test_what_is_mapped_keeps_its_plan() -> None:
    """Payloads of the old plan are sent as they are and before the new one's; nothing is lost or sent twice."""
    async with Bench(limits=endpoint(max_batch_count=1), vendor=FakeVendor(latency_s=1.0)) as bench:
        bench.read({"lane": "u"}, {"lane": "u"})
        await asyncio.sleep(0.5)
        _use(bench)
        bench.read({"lane": "u"}, {"lane": "u"}, end=True)
        await asyncio.sleep(60.0)
        assert bench.vendor.accepted == [1, 2, 1001, 1002]
        assert bench.counts == {"delivered": 4}
        assert bench.consumer.stored == {KEY: 7}
        assert (bench.window.count, bench.adds_up) == (0, True)


@virtual
async def test_letters_name_the_plan_that_their_record_was_mapped_with() -> None:
    """Also where the refusal comes after the exchange, or nothing could be mapped."""
    vendor = FakeVendor(lambda _: 400, latency_s=1.0)
    async with Bench(limits=endpoint(max_batch_count=1), vendor=vendor) as bench:
        bench.read({"lane": "u"})
        await asyncio.sleep(0.5)
        _use(bench)
        bench.read(None, {"lane": "u", "rejected": ["no_identity"], "count": 0})
        await asyncio.sleep(60.0)
        letters = [(letter.record.offset, letter.reason, letter.mapping_hash) for letter in bench.letters.letters]
        assert sorted(letters) == [(0, "http_400", OLD), (1, "null_value", NEW), (2, "no_identity", NEW)]


@virtual
async def test_records_that_nobody_has_mapped_yet_get_the_new_plan() -> None:
    """A chunk in the inbox is mapped with what is in force when its turn comes."""
    async with Bench() as bench:
        bench.read({"lane": "u"})
        _use(bench)
        await asyncio.sleep(60.0)
        assert bench.vendor.accepted == [1001]


@virtual
async def test_new_rates_hold_at_once() -> None:
    """What waits is sent at the new rate, slower or faster."""
    async with Bench(limits=endpoint(max_batch_count=1)) as bench:
        _use(bench, RateLimit(requests_per_second=1))
        bench.read(*({"lane": f"u{number}"} for number in range(20)))
        await asyncio.sleep(10.0)
        assert 10 <= len(bench.vendor.accepted) <= 12
        _use(bench)
        await asyncio.sleep(1.0)
        assert len(bench.vendor.accepted) == 20


@virtual
async def test_a_bug_in_exchanging_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever follows the settings goes on after an exception, so the pipeline must hear of it."""

    def fail() -> None:
        raise ZeroDivisionError

    async with Bench() as bench:
        monkeypatch.setattr(bench.dispatcher, "turn", fail)
        _use(bench)
        assert bench.run is not None
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(bench.run, 60.0)
