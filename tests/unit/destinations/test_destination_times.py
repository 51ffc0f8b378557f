"""Times of events: every readable spelling, the order of sources, and the form that is written."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.destinations.times import find_time, is_plain_time, iso_ms, read_time_ms
from processor.model import Record

TIME = "2026-03-15T11:59:30.250Z"
TIME_MS = 1_773_575_970_250
RECORD = Record("orders.raw", 0, 7, 1_773_576_000_123)
LAST_MS = 253_402_300_799_999
FIRST_MS = -62_135_596_800_000


@pytest.mark.parametrize(
    ("value", "epoch_ms"),
    [
        (TIME, TIME_MS),
        ("2026-03-15T13:59:30.25+02:00", TIME_MS),
        ("2026-03-15T11:59:30.250999Z", TIME_MS),
        ("2026-03-15T11:59:30.250123456+00:00", TIME_MS),
        ("2026-03-15T11:59:30.250", TIME_MS),
        ("2026-03-15 11:59:30.25", TIME_MS),
        ("20260315T115930.250Z", TIME_MS),
        ("2026-03-15t11:59:30.250z", TIME_MS),
        (f" {TIME}\n", TIME_MS),
        ("2026-03-15", 1_773_532_800_000),
        ("2026-W11-7T11:59:30.250Z", TIME_MS),
        ("2026W117 115930.250", TIME_MS),
        ("2026-W11", 1_773_014_400_000),
        ("1969-12-31T23:59:59.9999Z", -1),
        (TIME_MS, TIME_MS),
        (TIME_MS + 0.9, TIME_MS),
        (1_773_575_970, 1_773_575_970_000),
        (1_773_575_970.25, TIME_MS),
        (1.001, 1001),
        (-1, -1000),
        (1e11, 100_000_000_000),
        (99_999_999_999, 99_999_999_999_000),
        ("9999-12-31T23:59:59.9999Z", LAST_MS),
        ("0001-01-01T00:00:00Z", FIRST_MS),
    ],
)
def test_readable_times(value: Any, epoch_ms: int) -> None:  # noqa: ANN401 - any JSON value
    """Any offset and precision is read, no zone means UTC, and small numbers are seconds."""
    assert read_time_ms(value) == epoch_ms


@pytest.mark.parametrize(
    ("value", "is_plain"),
    [
        (TIME, True),
        ("2026-03-15T13:59:30.25+02:00", True),
        ("0002-01-01T00:00:00+14:00", True),
        ("9998-12-31T23:59:59-14:00", True),
        ("9999-12-31T23:59:59-14:00", False),
        ("0001-01-01T00:00:00+14:00", False),
        (f" {TIME}", False),
        ("2026-03-15511:59:30", False),
        (TIME_MS, False),
        ("yesterday", False),
        (None, False),
    ],
)
def test_plain_times(value: Any, is_plain: bool) -> None:  # noqa: ANN401, FBT001 - any JSON value; a table
    """What is called plain is readable; beside it there is what only the whole reading can tell."""
    assert is_plain_time(value) is is_plain
    assert not is_plain or read_time_ms(value) is not None


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "",
        " ",
        "yesterday",
        "1773575970",
        "2026-13-01",
        "2026-03-15511:59:30",
        "2026031551159",
        "2026-W11-7511:59",
        "2026-03-15000000Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        math.nan,
        math.inf,
        1e300,
        10**400,
        -(10**400),
        [],
        {},
        "\ud800",
    ],
)
def test_unreadable_times(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """What is no time, or one that a year of four digits cannot write, is none."""
    assert read_time_ms(value) is None


@given(epoch_ms=st.integers(FIRST_MS, LAST_MS))
def test_written_times_read_back(epoch_ms: int) -> None:
    """The written form has one length and names the same millisecond, before 1970 too."""
    text = iso_ms(epoch_ms)
    expected = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=epoch_ms)

    assert len(text) == len(TIME)
    assert read_time_ms(text) == epoch_ms
    assert datetime.fromisoformat(text) == expected


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"timestamp": TIME, "sentAt": "2020-01-01"}, (TIME_MS, None)),
        ({"timestamp": "soon", "originalTimestamp": TIME}, (TIME_MS, "timestamp_from_originalTimestamp")),
        ({"timestamp": None, "receivedAt": TIME, "sentAt": "2020-01-01"}, (TIME_MS, "timestamp_from_receivedAt")),
        ({"sentAt": TIME}, (TIME_MS, "timestamp_from_sentAt")),
        ({}, (RECORD.timestamp_ms, "timestamp_from_record")),
    ],
)
def test_sources_of_an_events_time(event: dict[str, Any], expected: tuple[int, str | None]) -> None:
    """The first readable source wins, and every source but the first is warned about."""
    assert find_time(event.get("timestamp"), event, RECORD)[1:] == expected


@pytest.mark.parametrize(
    ("mapped", "expected"),
    [
        (TIME, (TIME, TIME_MS, None)),
        (None, ("2020-01-01", 1_577_836_800_000, None)),
        ("soon", ("2020-01-01", 1_577_836_800_000, "timestamp_from_timestamp")),
    ],
)
def test_a_mapped_time_comes_first(mapped: Any, expected: tuple[Any, int, str | None]) -> None:  # noqa: ANN401 - any JSON value
    """What a mapping gives wins; where it gives something unreadable the event's own time is used with a warning."""
    assert find_time(mapped, {"timestamp": "2020-01-01"}, RECORD) == expected


@pytest.mark.parametrize(
    ("timestamp_ms", "expected"),
    [(1_773_575_970_250_000, LAST_MS), (-(2**63), FIRST_MS)],
)
def test_a_record_time_that_no_calendar_has_is_cut(timestamp_ms: int, expected: int) -> None:
    """A producer that writes microseconds, or nonsense, does not break the record."""
    _, epoch_ms, _ = find_time(None, {}, Record("t", 0, 0, timestamp_ms))

    assert epoch_ms == expected
    assert len(iso_ms(epoch_ms)) == len(TIME)
