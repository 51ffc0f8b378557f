"""What becomes of records: payloads, skips, dead letters, schemas, offsets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from processor.delivery.settings import DeliverySettings
from processor.model import Answer, Decision, Mapped, Record, Verdict
from processor.pipeline.mapper import DELIVERY_OFF, RUN_BYTES
from processor.pipeline.pipeline import CHUNK_COUNT, DEAD_LETTERS_HOLD, DUPLICATE
from tests.fake_stages import KEY, Bench
from tests.simulation import FakeVendor, Switch, endpoint
from tests.virtual_time import virtual


@virtual
async def test_records_are_delivered_and_their_offsets_stored() -> None:
    """More records than a chunk holds are mapped, sent and stored up to the end of the log."""
    async with Bench() as bench:
        count = CHUNK_COUNT * 2 + 50
        bench.read(*({"lane": f"u{number % 30}"} for number in range(count)), end=True)
        await asyncio.sleep(60.0)
        assert bench.counts == {"delivered": count}
        assert bench.consumer.stored == {KEY: count + 3}
        assert (bench.window.count, bench.adds_up) == (0, True)
        assert bench.pipeline.last_delivery_ms is not None


@virtual
async def test_large_records_are_mapped_in_short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run comes to is in memory all at once, many times as large as its records."""
    async with Bench() as bench:
        map_all, runs = bench.plan.map_all, []

        def counted(values: Sequence[tuple[Record, Any]], now_ms: int, **known: bool) -> list[Mapped]:
            runs.append(len(values))
            return map_all(values, now_ms, **known)

        monkeypatch.setattr(bench.plan, "map_all", counted)
        bench.read(*({"text": "x" * (RUN_BYTES // 3)} for _ in range(4)), {"text": "x" * RUN_BYTES}, {}, end=True)
        await asyncio.sleep(60.0)
        assert runs == [2, 2, 1, 1]
        assert bench.counts == {"delivered": 6}


@virtual
async def test_offsets_never_pass_a_record_that_is_not_done() -> None:
    """While the first record's payload is retried, nothing behind it is stored, though it was delivered."""
    vendor = FakeVendor(lambda one: 503 if 1 in one.ids else 200)
    async with Bench(vendor=vendor, limits=endpoint(max_batch_count=1)) as bench:
        bench.read({}, {}, {})
        await asyncio.sleep(30.0)
        assert bench.counts == {"delivered": 2}
        assert bench.consumer.stored in ({}, {KEY: 0})
        vendor.answer = lambda _: 200
        await asyncio.sleep(200.0)
        assert bench.consumer.stored == {KEY: 3}


@virtual
async def test_a_record_is_done_when_all_its_payloads_are() -> None:
    """A record of three payloads is stored with the last; one payload refused makes it a dead letter, once."""
    vendor = FakeVendor(lambda one: 400 if 2 in one.ids else 200)
    async with Bench(vendor=vendor, limits=endpoint(max_batch_count=1)) as bench:
        bench.read({"count": 3})
        await asyncio.sleep(30.0)
        assert (bench.counts, bench.letters.reasons) == ({"dead_lettered": 1}, ["http_400"])
        letter = bench.letters.letters[0]
        assert (letter.status, letter.attempt_count, letter.subscription, letter.mapping_hash) == (
            400,
            1,
            "presets",
            "0123456789ab",
        )
        payloads = bench.pipeline.ledger.tally.report()["payloads"]
        assert payloads == {"actions": {"delivered": 2, "dead_lettered": 1}}
        assert bench.consumer.stored == {KEY: 1}


@pytest.mark.parametrize(
    ("value", "counts"),
    [
        (None, {"dead_lettered": 1}),
        ([], {"skipped": 1}),
        ({"count": 0, "skipped": ["no_subscription"]}, {"skipped": 1}),
        ({"count": 0, "rejected": ["mapping_failed"]}, {"dead_lettered": 1}),
        ({"count": 1, "rejected": ["mapping_failed"], "skipped": ["filtered"]}, {"dead_lettered": 1}),
        ({"count": 1, "skipped": ["filtered"]}, {"delivered": 1}),
        ([{"count": 0, "skipped": ["filtered"]}, {"count": 2}], {"delivered": 1}),
    ],
)
@virtual
async def test_each_record_ends_once_under_the_worst_of_its_parts(value: object, counts: dict[str, int]) -> None:
    """Dead-lettered if anything of it is, else delivered if anything is, else skipped; and it is always stored."""
    async with Bench() as bench:
        bench.read(value)
        await asyncio.sleep(30.0)
        assert (bench.counts, bench.consumer.stored, bench.adds_up) == (counts, {KEY: 1}, True)


@virtual
async def test_the_first_reason_of_a_skip_is_counted() -> None:
    """Where several mappings of one event are left out, one reason stands for the record."""
    async with Bench() as bench:
        bench.read({"count": 0, "skipped": ["filtered", "no_subscription"]})
        await asyncio.sleep(1.0)
        assert bench.pipeline.ledger.tally.report()["records"]["skipped"] == {"filtered": 1}


@virtual
async def test_warnings_are_counted_by_code() -> None:
    """Each warning of a payload counts."""
    async with Bench() as bench:
        bench.read({"count": 2, "warnings": ["late", "odd"]})
        await asyncio.sleep(1.0)
        assert bench.pipeline.ledger.tally.report()["warnings"] == {"late": 2, "odd": 2}


@virtual
async def test_a_dead_letter_counts_only_when_the_broker_has_it() -> None:
    """Until the acknowledgement the record is open and its offset is not stored."""
    async with Bench() as bench:
        bench.letters.is_slow = True
        bench.read(None, {})
        await asyncio.sleep(30.0)
        assert (bench.counts, bench.consumer.stored, bench.letters.reasons) == (
            {"delivered": 1},
            {KEY: 0},
            ["null_value"],
        )
        bench.letters.acknowledge()
        await asyncio.sleep(1.0)
        assert (bench.counts, bench.consumer.stored) == ({"delivered": 1, "dead_lettered": 1}, {KEY: 2})


@virtual
async def test_while_dead_letters_cannot_be_written_nothing_is_sent_or_read() -> None:
    """The destination holds from the first failure to write until writing works; a vendor's hold in between is kept."""
    async with Bench() as bench:
        bench.pipeline.letters_writable(is_writable=False, message="topic is gone")
        bench.read({}, {})
        await asyncio.sleep(600.0)
        assert (bench.vendor.requests, bench.consumer.holds) == ([], [True])
        hold = bench.dispatcher.gate.hold
        assert hold is not None
        assert (hold.reason, hold.message) == (DEAD_LETTERS_HOLD, "topic is gone")
        bench.pipeline.letters_writable(is_writable=True, message="")
        await asyncio.sleep(10.0)
        assert (bench.counts, bench.consumer.holds) == ({"delivered": 2}, [True, False])


@virtual
async def test_a_probe_that_ends_a_vendors_hold_does_not_end_that_of_dead_letters() -> None:
    """The key is right again while dead letters still cannot be written: the destination stays held for those."""
    vendor = FakeVendor(lambda _: 401)
    async with Bench(vendor=vendor) as bench:
        bench.read({}, {})
        await asyncio.sleep(5.0)
        bench.pipeline.letters_writable(is_writable=False, message="topic is gone")
        vendor.answer = lambda _: 200
        await asyncio.sleep(70.0)
        hold = bench.dispatcher.gate.hold
        assert hold is not None
        assert (hold.reason, len(vendor.requests)) == (DEAD_LETTERS_HOLD, 2)
        bench.pipeline.letters_writable(is_writable=True, message="")
        await asyncio.sleep(5.0)
        assert bench.counts == {"delivered": 2}


@virtual
async def test_a_new_schema_is_fetched_once_and_the_record_goes_on() -> None:
    """The record that needs a schema waits in its place, and those behind it keep their order."""
    async with Bench() as bench:
        bench.read({"schema": 7, "lane": "u"}, {"schema": 7, "lane": "u"}, {"lane": "u"})
        await asyncio.sleep(5.0)
        assert (bench.decoder.fetches, bench.counts) == ([7], {"delivered": 3})
        assert bench.vendor.accepted == [1, 2, 3]


@virtual
async def test_a_registry_that_is_down_holds_the_reading_and_loses_nothing() -> None:
    """As long as the registry cannot be reached nothing further is mapped; then all goes on."""
    async with Bench() as bench:
        bench.decoder.is_registry_down = True
        bench.read({}, {"schema": 7}, {})
        await asyncio.sleep(60.0)
        assert (bench.pipeline.schemas.problem, bench.counts) == ("registry refuses", {"delivered": 1})
        assert len(bench.decoder.fetches) > 10
        bench.decoder.is_registry_down = False
        await asyncio.sleep(10.0)
        assert (bench.pipeline.schemas.problem, bench.counts) == (None, {"delivered": 3})


@virtual
async def test_without_delivery_everything_is_mapped_counted_and_nothing_sent() -> None:
    """`deliver: false` checks and counts: what would be sent is skipped, dead letters stay dead letters."""
    async with Bench(is_delivering=False) as bench:
        bench.read({}, {"count": 0, "rejected": ["mapping_failed"]})
        await asyncio.sleep(10.0)
        records = bench.pipeline.ledger.tally.report()["records"]
        assert (bench.vendor.requests, records["skipped"], bench.counts) == (
            [],
            {DELIVERY_OFF: 1},
            {"skipped": 1, "dead_lettered": 1},
        )
        assert bench.consumer.stored == {KEY: 2}


@virtual
async def test_copies_are_skipped_as_duplicates() -> None:
    """The second record of an id ends as skipped, and its offset is stored."""
    async with Bench() as bench:
        bench.read({"dedupe_id": "m1"}, {"dedupe_id": "m1"})
        await asyncio.sleep(10.0)
        records = bench.pipeline.ledger.tally.report()["records"]
        assert (records["delivered"], records["skipped"]) == ({"": 1}, {DUPLICATE: 1})
        assert (bench.vendor.accepted, bench.consumer.stored) == ([1], {KEY: 2})


@virtual
async def test_a_long_lane_blocks_its_partition_alone() -> None:
    """A user beyond a quarter of the window stops the reading of its partition until half of it is left."""
    vendor = FakeVendor(latency_s=5.0)
    settings = DeliverySettings(max_window_count=40)
    async with Bench(vendor=vendor, settings=settings, limits=endpoint(max_batch_count=1)) as bench:
        bench.assign(1)
        bench.read(*[{"lane": "hot"}] * 15)
        bench.read({"lane": "cold"}, partition=1)
        await asyncio.sleep(1.0)
        assert bench.consumer.blocks == [{KEY}]
        await asyncio.sleep(120.0)
        assert bench.consumer.blocks == [{KEY}, set()]
        assert bench.consumer.stored == {KEY: 15, ("events", 1): 1}


@virtual
async def test_unknown_outcomes_are_counted_as_possible_duplicates() -> None:
    """A request that was sent and not answered may have arrived: its payloads are counted."""
    answers = iter([Answer(None, error="reset"), Answer(None, error="connect", sent=False), Answer(200)])
    async with Bench(vendor=FakeVendor(lambda _: next(answers))) as bench:
        bench.read({}, {})
        await asyncio.sleep(30.0)
        report = bench.pipeline.ledger.tally.report()
        assert report["events"] == {"unknown_outcomes": 1, "possible_duplicates": 2}
        assert report["requests"] == {"actions": {"reset": 1, "connect": 1, "200": 1}}
        assert report["retries"] == {"actions": {"reset": 1, "connect": 1}}


@virtual
async def test_an_odd_success_is_counted_as_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vendor that accepts and does not say so is no failure, and is not passed over in silence."""
    async with Bench() as bench:
        odd = Verdict(Decision.DELIVERED, reason="unreadable_answer")
        monkeypatch.setattr(bench.dispatcher.destination, "classify", lambda *_, **__: odd)
        bench.read({}, {})
        await asyncio.sleep(5.0)
        assert (bench.counts, bench.pipeline.ledger.tally.report()["warnings"]) == (
            {"delivered": 2},
            {"unreadable_answer": 2},
        )


@virtual
async def test_states_that_need_an_operator_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """A hold is an error and its end a line of information; an endpoint that goes on uncompressed is a warning."""
    key = Switch(401)
    vendor = FakeVendor(lambda one: 415 if key.status == 200 and "Content-Encoding" in one.headers else key.status)
    with caplog.at_level(logging.INFO):
        async with Bench(vendor=vendor, limits=endpoint(gzip=True)) as bench:
            bench.read({}, {})
            await asyncio.sleep(150.0)
            key.status = 200
            await asyncio.sleep(100.0)
            assert bench.counts == {"delivered": 2}
            assert bench.pipeline.ledger.tally.report()["events"]["holds"] == 1
    said = [(record.levelname, record.message) for record in caplog.records if record.name.startswith("processor")]
    assert said == [
        ("ERROR", "destination fake is held: http_401 (status 401)"),
        ("INFO", "destination fake goes on"),
        ("WARNING", "fake: actions takes no compressed bodies; sending them plain"),
    ]


@virtual
async def test_a_pause_that_is_cut_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """A vendor that wants to be left alone for a day is asked again earlier, and the log tells that it is."""
    vendor = FakeVendor(lambda one: Answer(503, {"retry-after": "86400"}) if one.number == 1 else Answer(200))
    with caplog.at_level(logging.WARNING):
        async with Bench(vendor=vendor) as bench:
            bench.read({})
            await asyncio.sleep(1000.0)
            assert bench.counts == {"delivered": 1}
    said = [record.message for record in caplog.records if "cut" in record.message]
    assert said == ["fake: the vendor asked for a pause of 86400 s; it is cut to 900 s"]


@virtual
async def test_an_outage_is_said_when_it_begins_and_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    """However long it lasts and however often it is tried, it costs two lines."""
    vendor_status = Switch(503)
    vendor = FakeVendor(lambda _: vendor_status.status)
    with caplog.at_level(logging.INFO):
        async with Bench(vendor=vendor) as bench:
            bench.read({}, {})
            await asyncio.sleep(600.0)
            vendor_status.status = 200
            await asyncio.sleep(100.0)
            assert bench.counts == {"delivered": 2}
    said = [(record.levelname, record.message) for record in caplog.records if record.name.startswith("processor")]
    begins = "destination fake: requests fail (http_503); until one succeeds, a single one is tried after each pause"
    assert said == [("WARNING", begins), ("INFO", "destination fake: requests are answered again")]


@virtual
async def test_a_record_may_arrive_between_two_looks_at_the_inbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """The consumer thread appends whenever it likes: also when records were not found and notices are looked for."""
    async with Bench() as bench:
        inbox = bench.pipeline.inbox
        look = inbox.records
        late: list[dict[str, Any]] = [{}, {}]

        def records(max_count: int, max_value_bytes: int) -> list[Record]:
            found = look(max_count, max_value_bytes)
            if not found and late:
                bench.read(late.pop())
            return found

        monkeypatch.setattr(inbox, "records", records)
        bench.read({})
        await asyncio.sleep(60.0)
        assert (bench.counts, bench.pipeline.failure) == ({"delivered": 3}, None)
