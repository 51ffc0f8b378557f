"""Lag as people and programs read it."""

from __future__ import annotations

import json

import pytest

from processor.lag.figures import HELD, IDLE, STALLED, Row, total
from processor.lag.groups import Group, Owner
from processor.lag.reading import DestinationLag, Lag
from processor.lag.report import as_json, span_text, table_lines

AT_MS = 1_769_846_400_000
"""2026-01-31T08:00:00Z."""


KNOWN = Group("g.one", "STABLE", {}, 2)


def lag(*rows: Row, last_ms: int | None = None, group: Group = KNOWN) -> Lag:
    """Return a look at one destination."""
    return Lag(AT_MS, 2.0, {"one": DestinationLag(group, total(rows), rows, last_ms)}, ["gone"], ["a right"])


BUSY = Row(
    topic="t",
    partition=0,
    committed=1_000,
    end=3_000,
    lag=2_000,
    time_lag_s=75.0,
    rate_in=10.0,
    rate_out=30.0,
    catch_up_s=100.0,
    state=STALLED,
    expired=5,
    owner=Owner("bridge", "10.0.0.7", "bridge-1"),
)
UNKNOWN = Row(topic="t", partition=1, end=7, state=IDLE)


def test_the_table_stands_in_columns() -> None:
    """Numbers to the right, unknown named, a total in front of its partitions."""
    head, names, whole, *rows = table_lines(lag(BUSY, last_ms=AT_MS - 4_000))
    assert head == "at 2026-01-31T08:00:00Z"
    columns = "destination partition committed end lag time lag in/s out/s catch up state last delivery owner"
    figures = "1 min 15 s 10.0 30.0 1 min 40 s stalled (5 lost)"
    assert columns == " ".join(names.split())
    assert f"one all 2,000 {figures} 4 s ago 2 processes" == " ".join(whole.split())
    assert [f"t[0] 1,000 3,000 2,000 {figures} bridge @ 10.0.0.7"] == [" ".join(row.split()) for row in rows]
    assert names.index("lag") + len("lag") == whole.index("2,000") + len("2,000")


def test_what_is_not_known_is_said() -> None:
    """It is neither left out nor zero; that it will never catch up is known."""
    behind = Row(topic="t", partition=0, committed=1, end=9, lag=8, time_lag_s=1.5, rate_in=2.0, rate_out=1.0)
    _, _, whole, first, second = table_lines(lag(behind, UNKNOWN))
    assert "never" in first
    assert "1.5 s" in first
    assert second.split() == ["t[1]", "none", "7", *["unknown"] * 5, "idle", "none"]
    assert whole.count("unknown") == 6


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (Group("g"), "0 processes"),
        (Group("g", "STABLE", {}, 1), "1 process"),
        (Group("g", trouble="hidden"), "unknown"),
    ],
)
def test_how_many_read_is_said(group: Group, expected: str) -> None:
    """Where it is known."""
    assert table_lines(lag(BUSY, group=group))[2].endswith(f"  {expected}")


def test_json_has_every_figure() -> None:
    """What is not known is null; times are numbers."""
    found = json.loads(json.dumps(as_json(lag(BUSY, UNKNOWN))))
    assert (found["at_ms"], found["interval_s"], found["missing_topics"], found["untold"]) == (
        AT_MS,
        2.0,
        ["gone"],
        ["a right"],
    )
    one = found["destinations"]["one"]
    busy, unknown = one.pop("partitions")
    assert busy == {
        "topic": "t",
        "partition": 0,
        "committed": 1000,
        "end": 3000,
        "lag": 2000,
        "time_lag_s": 75.0,
        "rate_in": 10.0,
        "rate_out": 30.0,
        "catch_up_s": 100.0,
        "state": "stalled",
        "reason": None,
        "expired": 5,
        "owner": {"client_id": "bridge", "host": "10.0.0.7", "member_id": "bridge-1"},
    }
    assert {unknown[key] for key in ("committed", "lag", "time_lag_s", "rate_in", "catch_up_s", "owner")} == {None}
    assert one == {
        "group": "g.one",
        "group_state": "STABLE",
        "member_count": 2,
        "last_delivery_ms": None,
        "paused_by": None,
        "lag": None,
        "time_lag_s": None,
        "rate_in": None,
        "rate_out": None,
        "catch_up_s": None,
        "state": "stalled",
        "reason": None,
        "expired": 5,
    }
    hidden = as_json(lag(BUSY, group=Group("g.one", trouble="hidden")))["destinations"]["one"]
    assert (hidden["group_state"], hidden["member_count"]) == (None, None)


def test_a_hold_is_told_with_its_reason() -> None:
    """Of the destination as of its partitions."""
    held = Row(topic="t", partition=0, committed=1, end=9, lag=8, time_lag_s=1.5, state=HELD, reason="http_401")
    assert all("held: http_401" in line for line in table_lines(lag(held))[2:])
    assert as_json(lag(held))["destinations"]["one"]["reason"] == "http_401"


def test_a_small_screen_shows_the_worst() -> None:
    """In their order, with the number of those that are left out."""
    rows = [Row(topic="t", partition=number, lag=number % 7, time_lag_s=float(number % 7)) for number in range(30)]
    lines = table_lines(lag(*rows), most=8)
    assert len(lines) <= 8
    shown = [line.split()[0] for line in lines if line.split()[0].startswith("t[")]
    assert shown == ["t[6]", "t[13]", "t[20]", "t[27]"]
    assert "and 26 more" in lines[-1]
    assert len(table_lines(lag(*rows))) == 33


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, "0 s"),
        (0.25, "0.2 s"),
        (9.94, "9.9 s"),
        (59.9, "59 s"),
        (60.0, "1 min 0 s"),
        (3_700.0, "1 h 1 min"),
        (90_000.0, "1 d 1 h"),
    ],
)
def test_lengths_of_time(seconds: float, expected: str) -> None:
    """Two units at most."""
    assert expected == span_text(seconds)
