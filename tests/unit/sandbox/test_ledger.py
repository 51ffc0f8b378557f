"""The record: one line an item, in order, on disk before anything else happens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from processor.sandbox import ledger as ledger_module
from processor.sandbox.ledger import Ledger, Line, Visit, read_lines
from processor.sandbox.vendor import Item


def _visit(request: int, vendor: str = "moveo", endpoint: str = "events") -> Visit:
    return Visit(request, 1_000 + request, 2_000 + request, vendor, endpoint)


def test_lines_say_what_became_of_every_request(tmp_path: Path) -> None:
    """Accepted, lost, ignored, refused and dropped are all told apart, in memory as in the file."""
    ledger = Ledger(tmp_path / "record.ndjson")
    ledger.accept(_visit(1), [Item("track", "m-1", "u-1", 1), Item("track", "m-2", "guest", 2, "junk")], 200, "sent")
    ledger.accept(_visit(2), [Item("track", "m-3", "u-1", 3)], 200, "lost")
    ledger.refuse(_visit(3), 400, "chosen_item", 2, "m-4")
    ledger.drop(_visit(4))
    expected = [
        Line(1, 1001, 2001, 1, "moveo", "events", "accepted", 200, "sent", "track", "m-1", "u-1", 1),
        Line(2, 1001, 2001, 1, "moveo", "events", "ignored", 200, "sent", "track", "m-2", "guest", 2, "junk"),
        Line(3, 1002, 2002, 2, "moveo", "events", "accepted", 200, "lost", "track", "m-3", "u-1", 3),
        Line(4, 1003, 2003, 3, "moveo", "events", "refused", 400, reason="chosen_item", count=2, guilty="m-4"),
        Line(5, 1004, 2004, 4, "moveo", "events", "dropped", 0, reason="connection_cut", count=0),
    ]
    assert ledger.lines() == expected
    assert read_lines(tmp_path / "record.ndjson") == expected
    ledger.close()


def test_the_file_is_written_without_being_closed_and_appended_to(tmp_path: Path) -> None:
    """What was accepted is readable while the ledger is open, and a second run goes on behind it."""
    path = tmp_path / "record.ndjson"
    for number in (1, 2):
        ledger = Ledger(path)
        ledger.accept(_visit(number), [Item("track", f"m-{number}")], 200, "sent")
        assert [line.id for line in read_lines(path)] == [f"m-{each}" for each in range(1, number + 1)]
        ledger.close()
        ledger.close()


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    """The record stays readable when the stand-ins themselves were killed while writing."""
    path = tmp_path / "record.ndjson"
    ledger = Ledger(path)
    ledger.accept(_visit(1), [Item("track", "m-1"), Item("track", "m-2")], 200, "sent")
    path.write_bytes(path.read_bytes()[:-5])
    assert [line.id for line in read_lines(path)] == ["m-1"]


def test_a_write_that_takes_a_part_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may take fewer bytes than it is given; nothing is left out."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, text: write(file, text[:7]))
    path = tmp_path / "record.ndjson"
    Ledger(path).accept(_visit(1), [Item("track", f"m-{number}") for number in range(20)], 200, "sent")
    assert len(read_lines(path)) == 20


def test_memory_keeps_the_newest_lines() -> None:
    """The bound holds whatever comes, and counts go on."""
    ledger = Ledger(keep_count=10)
    for number in range(1, 101):
        ledger.accept(_visit(number), [Item("track", f"m-{number}")], 200, "sent")
        assert len(ledger.lines()) <= 20
    assert [line.order for line in ledger.lines()][-10:] == list(range(91, 101))
    assert ledger.item_count("moveo") == 100


def test_nothing_is_kept_where_nothing_is_wanted() -> None:
    """A benchmark pays for counts alone."""
    ledger = Ledger(keep_count=0)
    ledger.accept(_visit(1), [Item("track", "m-1")], 200, "sent")
    assert (ledger.lines(), ledger.item_count("moveo")) == ([], 1)


def test_lines_are_found_by_vendor_result_and_order() -> None:
    """The three filters work together."""
    ledger = Ledger()
    ledger.accept(_visit(1), [Item("track", "m-1")], 200, "sent")
    ledger.accept(_visit(2, "moesif", "users"), [Item("user", None, "u-1")], 201, "sent")
    ledger.refuse(_visit(3, "moesif", "users"), 401, "wrong_key")
    assert [line.order for line in ledger.lines("moesif")] == [2, 3]
    assert [line.order for line in ledger.lines(result="refused")] == [3]
    assert [line.order for line in ledger.lines("moesif", "accepted")] == [2]
    assert [line.order for line in ledger.lines(after=2)] == [3]


def test_counts_add_up() -> None:
    """Requests by answer, items by result, findings and repeats are counted apart."""
    ledger = Ledger()
    items = [Item("track", "m-1", "u-1"), Item("page", "m-2", "u-1"), Item("track", None, "u-1", None, "junk")]
    ledger.accept(_visit(1), items, 200, "sent", ["null_value", "null_value"])
    ledger.accept(_visit(2), items[:1], 200, "lost")
    ledger.refuse(_visit(3), 503, "fault_status")
    ledger.drop(_visit(4))
    assert ledger.counts() == {
        "requests": {"moveo/events/200": 2, "moveo/events/503": 1, "moveo/events/dropped": 1},
        "items": {
            "moveo/events/track/accepted": 2,
            "moveo/events/page/accepted": 1,
            "moveo/events/track/ignored": 1,
        },
        "findings": {"moveo/events/null_value": 2},
        "repeats": {"moveo/events": 1},
        "repeats_complete": True,
        "last_order": 6,
    }


def test_the_same_id_elsewhere_is_no_repeat() -> None:
    """One event may reach two endpoints under one id, and two users may share one."""
    ledger = Ledger()
    ledger.accept(_visit(1, "moesif", "users"), [Item("user", "m-1", "u-1")], 201, "sent")
    ledger.accept(_visit(2, "moesif", "companies"), [Item("company", "m-1", "org-1")], 201, "sent")
    assert ledger.counts()["repeats"] == {}


def test_repeats_say_when_they_are_no_longer_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of ids is bounded, and the counts admit it."""
    monkeypatch.setattr(ledger_module, "_KNOWN_IDS", 1)
    ledger = Ledger()
    for number in (1, 2):
        ledger.accept(_visit(number), [Item("track", "m-1")], 200, "sent")
    assert (ledger.counts()["repeats"], ledger.counts()["repeats_complete"]) == ({}, False)


def test_a_reset_forgets_but_goes_on_counting_order(tmp_path: Path) -> None:
    """The file stays one readable sequence."""
    ledger = Ledger(tmp_path / "record.ndjson")
    ledger.accept(_visit(1), [Item("track", "m-1")], 200, "sent")
    ledger.reset()
    assert (ledger.lines(), ledger.counts()["items"]) == ([], {})
    ledger.accept(_visit(2), [Item("track", "m-1")], 200, "sent")
    assert [line.order for line in read_lines(tmp_path / "record.ndjson")] == [1, 2]
    assert ledger.counts()["repeats"] == {}
