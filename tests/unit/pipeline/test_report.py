"""What a pipeline says about itself."""

from __future__ import annotations

import asyncio

from processor.model import Answer
from processor.operations.status import StatusReport
from processor.pipeline.pipeline import DEAD_LETTERS_HOLD
from processor.pipeline.report import Marks, status_report
from processor.pipeline.schemas import SCHEMA_HOLD
from processor.source.membership import Membership
from tests.fake_stages import KEY, Bench
from tests.parcels import START_MS
from tests.simulation import FakeVendor, endpoint
from tests.virtual_time import virtual

READING = Membership(is_member=True, has_joined=True, owned_count=1, has_opened=True)
STANDBY = Membership(is_member=True, has_joined=True)


def _report(
    bench: Bench, marks: Marks | None = None, membership: Membership = READING, *, is_stopping: bool = False
) -> StatusReport:
    """Return the report of a pipeline."""
    known = Marks() if marks is None else marks
    return status_report(bench.pipeline, "one", "fake", "0123456789ab", known, membership, is_stopping=is_stopping)


def _state(report: StatusReport) -> tuple[object, ...]:
    """Return state, reason and readiness."""
    return report["state"], report["reason"], report["ready"]


@virtual
async def test_states_and_their_reasons() -> None:
    """Starting, running, throttled, held by the vendor, by dead letters and by schemas, stopping."""
    vendor = FakeVendor(lambda _: Answer(429, {"retry-after": "10"}))
    async with Bench(vendor=vendor) as bench:
        assert _state(_report(bench)) == ("running", "", True)
        bench.read({})
        await asyncio.sleep(1.0)
        assert _state(_report(bench)) == ("running", "throttled", True)
        vendor.answer = lambda _: 401
        await asyncio.sleep(20.0)
        report = _report(bench)
        assert _state(report) == ("held", "http_401", True)
        assert report["details"] == {"gate": "held", "last_delivery_ms": None, "hold": "status 401"}
        bench.dispatcher.resume()
        bench.pipeline.letters_writable(is_writable=False, message="no leader")
        assert _state(_report(bench)) == ("held", DEAD_LETTERS_HOLD, True)
        bench.decoder.is_registry_down = True
        bench.read({"schema": 7})
        await asyncio.sleep(1.0)
        assert _state(_report(bench)) == ("held", SCHEMA_HOLD, True)
        assert _state(_report(bench, is_stopping=True)) == ("stopping", "", False)


@virtual
async def test_without_partitions_the_group_decides() -> None:
    """A process too many stands by and is ready; one that the group has not let in yet is neither."""
    async with Bench() as bench:
        await bench.pipeline.revoke({KEY})
        assert _state(_report(bench, membership=STANDBY)) == ("standby", "no_partitions", True)
        assert _state(_report(bench, membership=Membership())) == ("starting", "joining", False)
        assert _state(_report(bench, membership=STANDBY, is_stopping=True)) == ("stopping", "", False)


@virtual
async def test_a_hold_makes_nobody_ready_who_is_not() -> None:
    """Where Kafka cannot be reached dead letters cannot be written either, and the process is no part of its group."""
    async with Bench() as bench:
        await bench.pipeline.revoke({KEY})
        bench.pipeline.letters_writable(is_writable=False, message="no leader")
        assert _state(_report(bench, membership=Membership())) == ("held", DEAD_LETTERS_HOLD, False)


@virtual
async def test_an_open_circuit_is_named() -> None:
    """An outage is no hold: it runs, and says why nothing is delivered."""
    async with Bench(vendor=FakeVendor(lambda _: 503)) as bench:
        bench.read({})
        await asyncio.sleep(120.0)
        assert _state(_report(bench)) == ("running", "circuit_open", True)


@virtual
async def test_numbers_are_those_of_the_moment() -> None:
    """Lag is known where both marks are; gauges count what is under way."""
    async with Bench(vendor=FakeVendor(latency_s=5.0), limits=endpoint(max_batch_count=2)) as bench:
        bench.assign(1)
        bench.read({}, {}, {})
        await asyncio.sleep(1.0)
        marks = Marks()
        marks.ends, marks.committed = {KEY: 9, ("events", 1): 3}, {KEY: 4}
        report = _report(bench, marks)
        assert report["gauges"] == {
            "circuit_open": 0.0,
            "in_flight_requests": 1,
            "concurrency_limit": 1,
            "retrying_batches": 0,
            "outstanding_records": 3,
            "refused_of_latest": 0,
        }
        first, second = report["partitions"]
        assert (first["committed"], first["end"], first["lag"]) == (4, 9, 5)
        assert first["time_lag_s"] is not None
        assert first["time_lag_s"] > 0
        assert (second["committed"], second["end"], second["lag"], second["time_lag_s"]) == (None, 3, None, None)
        assert (first["uncommitted"], second["uncommitted"]) == (0, None)
        marks.committed = {KEY: 12}
        assert _report(bench, marks)["partitions"][0]["lag"] == 0
        marks.committed = {KEY: 1}
        assert _report(bench, marks)["partitions"][0]["uncommitted"] == 2


@virtual
async def test_what_waits_unread_has_an_age_as_well() -> None:
    """A partition that is paused before anything of it is read is not shown as idle; what is read tells by itself."""
    async with Bench(vendor=FakeVendor(latency_s=5.0)) as bench:
        marks = Marks()
        marks.ends = {KEY: 7}
        marks.unread.learn({KEY: 0}, {KEY: bench.clock.wall_ms() - 90_000})
        assert _report(bench, marks)["partitions"][0]["time_lag_s"] == 90.0
        bench.read({})
        await asyncio.sleep(1.0)
        since_written_s = (bench.clock.wall_ms() - START_MS) / 1000
        assert _report(bench, marks)["partitions"][0]["time_lag_s"] == since_written_s != 91.0
        await asyncio.sleep(10.0)
        marks.ends = {KEY: 1}
        assert _report(bench, marks)["partitions"][0]["time_lag_s"] == 0.0


@virtual
async def test_nobody_guesses_how_old_unread_records_are() -> None:
    """Before the first look at one, neither its age nor what retention leaves of it is known; 0 would be idle."""
    async with Bench(vendor=FakeVendor(latency_s=5.0)) as bench:
        bench.assign(0)
        marks = Marks()
        marks.ends, marks.retention_ms = {KEY: 7}, {"events": 600_000}
        told = _report(bench, marks)["partitions"][0]
        assert (told["time_lag_s"], told["retention_headroom_s"]) == (None, None)
        marks.unread.learn({KEY: 0}, {KEY: None})
        told = _report(bench, marks)["partitions"][0]
        assert (told["time_lag_s"], told["retention_headroom_s"]) == (0.0, 600.0)


@virtual
async def test_headroom_is_what_retention_leaves_of_the_oldest_record() -> None:
    """An idle partition has all of it, a late one less than none; without a retention that is known there is none."""
    async with Bench() as bench:
        marks = Marks()
        assert _report(bench, marks)["partitions"][0]["retention_headroom_s"] is None
        marks.retention_ms = {"events": 60_000}
        assert _report(bench, marks)["partitions"][0]["retention_headroom_s"] is None
        marks.ends = {KEY: 0}
        assert _report(bench, marks)["partitions"][0]["retention_headroom_s"] == 60.0
        marks.ends = {KEY: 7}
        marks.unread.learn({KEY: 0}, {KEY: bench.clock.wall_ms() - 90_000})
        assert _report(bench, marks)["partitions"][0]["retention_headroom_s"] == -30.0
        marks.retention_ms = {"events": None}
        assert _report(bench, marks)["partitions"][0]["retention_headroom_s"] is None


@virtual
async def test_an_open_circuit_is_a_gauge_and_endpoints_say_where_requests_go() -> None:
    """What a metric is labelled with is in the report: method and server of each endpoint."""
    async with Bench(vendor=FakeVendor(lambda _: 503)) as bench:
        report = _report(bench)
        assert report["gauges"]["circuit_open"] == 0.0
        url = bench.dispatcher.schedule.endpoints["actions"].url
        assert report["endpoints"] == {
            "actions": {"method": "POST", "address": url.split("/")[2], "port": 80, "topic": None, "success": ""}
        }
        bench.read({})
        await asyncio.sleep(120.0)
        assert _report(bench)["gauges"]["circuit_open"] == 1.0
