"""The counts of a pipeline add up."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from processor.model import Outcome
from processor.operations.tally import Tally

ENDINGS = st.lists(
    st.tuples(st.sampled_from(Outcome), st.sampled_from(["", "filtered", "http_400"]), st.integers(1, 9))
)


@given(endings=ENDINGS, unfinished_count=st.integers(0, 50))
def test_consumed_is_the_sum_of_the_rest(endings: list[tuple[Outcome, str, int]], unfinished_count: int) -> None:
    """Whatever ends however, consumed = delivered + skipped + dead-lettered + released + in flight."""
    tally = Tally()
    tally.read(sum(count for *_, count in endings) + unfinished_count, 100)
    for outcome, reason, count in endings:
        tally.done(outcome, reason, count)
    assert tally.consumed == sum(tally.ended(outcome) for outcome in Outcome) + tally.in_flight
    assert tally.in_flight == unfinished_count
    assert tally.agrees(unfinished_count)
    assert not tally.agrees(unfinished_count + 1)


def test_a_record_counted_twice_is_noticed() -> None:
    """Ending a record twice makes the tally disagree with a window that knows of no unfinished record."""
    tally = Tally()
    tally.read(1, 10)
    tally.done(Outcome.DELIVERED)
    tally.done(Outcome.DELIVERED)
    assert tally.in_flight == -1
    assert not tally.agrees(0)


def test_report_holds_every_count_under_its_names() -> None:
    """Each way to count ends up in its own place of the report, which is fit for JSON."""
    tally = Tally()
    tally.read(4, 1000)
    tally.done(Outcome.DELIVERED)
    tally.done(Outcome.SKIPPED, "filtered")
    tally.done(Outcome.DEAD_LETTERED, "http_400")
    tally.payload("events", Outcome.DELIVERED, 2)
    tally.request("events", "200", body_bytes=500, wire_bytes=100, seconds=0.25, payload_count=20)
    tally.request("events", "timeout", body_bytes=500, wire_bytes=100, seconds=0.5, payload_count=2)
    tally.retry("events", "timeout")
    tally.warn("time_missing", 3)
    tally.note("circuit_opened")
    tally.expire("t", 0, 3)
    tally.expire("t", 0, 4)
    tally.expire("t", 1, 1)
    tally.read_from({"t": 3, "u": 1})
    tally.aged(10_000, [9_500, 4_000])
    tally.repeated(2)
    tally.mapped(0.25)
    tally.mapped(0.5)
    tally.unmapped("presets", "mapping_failed")
    tally.unmapped("presets", "mapping_failed")
    tally.unmapped("", "too_deep")
    expected = {
        "records": {
            "consumed": 4,
            "in_flight": 1,
            "delivered": {"": 1},
            "skipped": {"filtered": 1},
            "dead_lettered": {"http_400": 1},
            "released": {},
        },
        "consumed_bytes": 1000,
        "payloads": {"events": {"delivered": 2}},
        "requests": {"events": {"200": 1, "timeout": 1}},
        "retries": {"events": {"timeout": 1}},
        "request_bytes": {"events": 1000},
        "wire_bytes": {"events": 200},
        "request_seconds": {"events": 0.75},
        "warnings": {"time_missing": 3},
        "events": {"circuit_opened": 1},
        "expired": {"t": {"0": 7, "1": 1}},
        "consumed_by_topic": {"t": 3, "u": 1},
        "event_age": {"counts": [1, 0, 1] + [0] * 11, "sum": 6.5},
        "request_durations": {
            "events": {
                "200": {"counts": [0] * 5 + [1] + [0] * 8, "sum": 0.25},
                "timeout": {"counts": [0] * 6 + [1] + [0] * 7, "sum": 0.5},
            }
        },
        "batch_payloads": {"events": {"counts": [0, 1, 0, 0, 1] + [0] * 6, "sum": 22.0}},
        "batch_bytes": {"events": {"counts": [2] + [0] * 7, "sum": 1000.0}},
        "dedupe_hits": 2,
        "mapping_seconds": 0.75,
        "mapping_failures": {"presets": {"mapping_failed": 2}, "": {"too_deep": 1}},
    }
    assert expected == json.loads(json.dumps(tally.report()))


def test_report_does_not_move_with_later_counts() -> None:
    """A report is a value: counting on leaves it as it was."""
    tally = Tally()
    tally.read(1, 10)
    tally.done(Outcome.SKIPPED, "filtered")
    report = tally.report()
    tally.read(1, 10)
    tally.done(Outcome.SKIPPED, "filtered")
    assert report["records"]["skipped"] == {"filtered": 1}
    assert report["records"]["consumed"] == 1
