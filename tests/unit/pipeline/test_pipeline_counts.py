"""What a pipeline counts on the way: topics, ages, mapping, requests, copies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from processor.delivery.settings import DeliverySettings
from processor.model import Mapped, Record
from processor.operations.tally import TallyReport
from processor.source.intake import size_bytes
from tests.fake_stages import Bench
from tests.parcels import START_MS
from tests.simulation import FakeVendor, endpoint
from tests.virtual_time import virtual


def _tally(bench: Bench) -> TallyReport:
    """Return what was counted."""
    return bench.pipeline.ledger.tally.report()


@virtual
async def test_records_are_counted_by_topic() -> None:
    """A group that reads several topics shows what comes from each."""
    async with Bench() as bench:
        bench.pipeline.inbox.put_assigned({("others", 0): 0})
        bench.read({}, {})
        other = Record("others", 0, 0, START_MS, b"k", b"{}")
        bench.window.add(1, size_bytes(other))
        bench.pipeline.inbox.put_records([other], {})
        bench.read({})
        await asyncio.sleep(60.0)
        assert _tally(bench)["consumed_by_topic"] == {"events": 3, "others": 1}
        assert _tally(bench)["records"]["consumed"] == 4


@virtual
async def test_the_age_of_what_is_delivered_is_counted_once_for_each_record() -> None:
    """Delivered records alone have an age: from the record's time to the answer, whichever way they end."""
    vendor = FakeVendor(latency_s=20.0)
    async with Bench(vendor=vendor, limits=endpoint(max_batch_count=1, max_wait_ms=0)) as bench:
        began_s = (bench.clock.wall_ms() - START_MS) // 1000
        bench.read({"lane": "a"}, {"count": 2, "lane": "b"}, {"count": 0, "skipped": ["filtered"]}, {"rejected": ["r"]})
        await asyncio.sleep(300.0)
        age = _tally(bench)["event_age"]
        delivered_count = sum(_tally(bench)["records"]["delivered"].values())
        assert (delivered_count, sum(age["counts"])) == (2, 2)
        assert round(age["sum"]) == (began_s + 20) + (began_s + 60)  # one request after the other


@virtual
async def test_a_record_whose_last_payload_is_a_copy_has_an_age() -> None:
    """It is delivered, though not by the payload that it ends with."""
    async with Bench(limits=endpoint(max_batch_count=1, max_wait_ms=0)) as bench:
        bench.read({"lane": "a", "dedupe_id": "m1"})
        await asyncio.sleep(10.0)
        bench.read({"lane": "a", "dedupe_id": "m1"})
        await asyncio.sleep(10.0)
        tally = _tally(bench)
        assert (tally["records"]["delivered"], tally["records"]["skipped"]) == ({"": 1}, {"duplicate": 1})
        assert sum(tally["event_age"]["counts"]) == 1
        assert tally["dedupe_hits"] == 1


@virtual
async def test_mapping_is_timed_by_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time between the start of a run's mapping and its end adds up."""
    async with Bench() as bench:
        map_all, clock = bench.plan.map_all, bench.clock

        def slow(values: Sequence[tuple[Record, Any]], now_ms: int, **known: bool) -> list[Mapped]:
            started_s = clock.now_s()
            monkeypatch.setattr(bench.pipeline.mapper, "_now_s", lambda: started_s + 0.5)
            return map_all(values, now_ms, **known)

        monkeypatch.setattr(bench.plan, "map_all", slow)
        bench.read({}, {})
        await asyncio.sleep(10.0)
        assert _tally(bench)["mapping_seconds"] == 0.5


@virtual
async def test_events_that_cannot_be_mapped_are_counted_by_subscription() -> None:
    """Each rejection of a mapping counts; what cannot even be decoded is none."""
    async with Bench() as bench:
        bench.read({"rejected": ["mapping_failed", "payload_too_large"]}, {"rejected": ["mapping_failed"]}, None)
        await asyncio.sleep(10.0)
        assert _tally(bench)["mapping_failures"] == {"presets": {"mapping_failed": 2, "payload_too_large": 1}}
        assert _tally(bench)["records"]["dead_lettered"] == {
            "payload_too_large": 1,
            "mapping_failed": 1,
            "null_value": 1,
        }


@virtual
async def test_requests_are_counted_by_duration_and_size() -> None:
    """Every attempt has its duration under its status, and its payloads and bytes under its endpoint."""
    statuses = iter([503])
    vendor = FakeVendor(lambda _: next(statuses, 200), latency_s=2.0)
    settings = DeliverySettings(max_in_flight=1)
    async with Bench(vendor=vendor, settings=settings, limits=endpoint(max_batch_count=3)) as bench:
        bench.read({}, {}, {})
        await asyncio.sleep(120.0)
        tally = _tally(bench)
        durations = tally["request_durations"]["actions"]
        assert {status: (sum(one["counts"]), round(one["sum"], 3)) for status, one in durations.items()} == {
            "503": (1, 2.0),
            "200": (1, 2.0),
        }
        assert tally["batch_payloads"]["actions"]["sum"] == 6.0
        assert tally["batch_bytes"]["actions"]["sum"] == tally["request_bytes"]["actions"]
