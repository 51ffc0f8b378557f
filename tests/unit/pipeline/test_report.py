"""What a pipeline says about itself."""

from __future__ import annotations

import asyncio

from processor.model import Answer
from processor.operations.status import StatusReport
from processor.pipeline.pipeline import DEAD_LETTERS_HOLD
from processor.pipeline.report import Marks, status_report
from processor.pipeline.schemas import SCHEMA_HOLD
from tests.fake_stages import KEY, Bench
from tests.simulation import FakeVendor, endpoint
from tests.virtual_time import virtual


def _report(bench: Bench, marks: Marks | None = None, *, is_stopping: bool = False) -> StatusReport:
    """Return the report of a pipeline."""
    known = Marks() if marks is None else marks
    return status_report(bench.pipeline, "one", "fake", "0123456789ab", known, is_stopping=is_stopping)


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
async def test_without_partitions_it_is_not_ready() -> None:
    """A process that owns nothing delivers nothing."""
    async with Bench() as bench:
        await bench.pipeline.revoke({KEY})
        assert _state(_report(bench)) == ("starting", "no_partitions", False)


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
        assert (second["committed"], second["end"], second["lag"], second["time_lag_s"]) == (None, 3, None, 0.0)
        marks.committed = {KEY: 12}
        assert _report(bench, marks)["partitions"][0]["lag"] == 0
