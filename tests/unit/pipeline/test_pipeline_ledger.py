"""The books of one pipeline: offsets, counts and window in step."""

from __future__ import annotations

import pytest

from processor.delivery.offsets import Entry, Key
from processor.errors import InvariantError
from processor.model import Outcome
from processor.operations.tally import Tally
from processor.pipeline.ledger import Ledger
from processor.source.intake import size_bytes
from processor.source.window import Window
from tests.parcels import START_MS, record

KEY = ("events", 0)


class Books:
    """A ledger with its window, and what it handed over."""

    def __init__(self, position: int = 0) -> None:
        """Own one partition."""
        self.window = Window(100, 1_000_000)
        self.ledger = Ledger(Tally(), self.window)
        self.partition = self.ledger.tracker.assign(KEY, position)
        self.stored: list[dict[Key, int]] = []

    def read(self, *offsets: int) -> list[Entry]:
        """Open records of these offsets."""
        entries: list[Entry] = []
        for offset in offsets:
            one = record(offset)
            self.window.add(1, size_bytes(one))
            entries += [entry for entry in self.ledger.open_all([one]) if entry is not None]
        return entries

    def sweep(self) -> list[dict[Key, int]]:
        """Sweep; return what was handed over by it."""
        before = len(self.stored)
        self.ledger.sweep(self.stored.append)
        return self.stored[before:]

    @property
    def adds_up(self) -> bool:
        """Return whether the counts agree with what is outstanding."""
        return self.ledger.tally.agrees(self.ledger.outstanding_count)


def test_a_record_is_counted_once_under_its_outcome() -> None:
    """Delivered, skipped with its reason, dead-lettered with its reason: the counts add up at every moment."""
    books = Books()
    one, two, three = books.read(0, 1, 2)
    one.is_delivered, one.skip_reason = True, "no_subscription"
    two.skip_reason = "filtered"
    three.is_dead, three.skip_reason = True, "http_400"
    for entry in (one, two, three):
        assert books.adds_up
        books.ledger.close(entry)
    records = books.ledger.tally.report()["records"]
    assert (records["delivered"], records["skipped"], records["dead_lettered"]) == (
        {"": 1},
        {"filtered": 1},
        {"http_400": 1},
    )
    assert (records["consumed"], records["in_flight"], books.adds_up) == (3, 0, True)


def test_only_the_last_part_of_a_record_settles_it() -> None:
    """A record with three parts open is finished by the third."""
    books = Books()
    (entry,) = books.read(0)
    entry.open_count = 3
    for _ in range(2):
        books.ledger.close(entry)
        assert (books.sweep(), books.ledger.outstanding_count) == ([], 1)
    books.ledger.close(entry)
    assert books.sweep() == [{KEY: 1}]


def test_a_record_settled_twice_is_a_bug() -> None:
    """More settled than opened means that nothing of the books can be trusted."""
    books = Books()
    (entry,) = books.read(0)
    books.ledger.close(entry)
    with pytest.raises(InvariantError, match="settled twice"):
        books.ledger.close(entry)


def test_nothing_is_stored_past_an_unfinished_record() -> None:
    """Finished records behind an unfinished one wait, in the offsets and in the window."""
    books = Books()
    one, two, three = books.read(0, 1, 2)
    books.ledger.close(two)
    books.ledger.close(three)
    assert books.sweep() == [{KEY: 0}]
    assert books.window.count == 3
    books.ledger.close(one)
    assert books.sweep() == [{KEY: 3}]
    assert (books.window.count, books.window.size_bytes) == (0, 0)


def test_an_offset_is_handed_over_only_when_it_moved() -> None:
    """A sweep with nothing new says nothing."""
    books = Books()
    one, two, three = books.read(0, 1, 2)
    books.ledger.close(one)
    assert books.sweep() == [{KEY: 1}]
    books.ledger.close(three)
    assert (books.sweep(), books.sweep()) == ([], [])
    books.ledger.close(two)
    assert books.sweep() == [{KEY: 3}]


def test_the_end_of_the_log_is_stored_when_nothing_is_outstanding() -> None:
    """An end behind markers of transactions is committable; of a partition that is not owned it is nothing."""
    books = Books()
    books.ledger.reach(KEY, 9)
    books.ledger.reach(("events", 7), 5)
    assert books.sweep() == [{KEY: 9}]


def test_an_end_behind_records_that_were_left_out_is_no_end() -> None:
    """While a partition is being given up its records go unopened: an end behind them must not cover them."""
    books = Books()
    books.partition.is_leaving = True
    books.ledger.reach(KEY, 9)
    assert books.sweep() == []
    assert books.ledger.release([KEY]) == {KEY: 0}


def test_release_counts_what_was_not_finished_and_empties_the_window() -> None:
    """Unfinished records are released, finished ones behind them will be repeated, and all leave the window."""
    books = Books()
    one, two, three = books.read(0, 1, 2)
    books.ledger.close(one)
    books.ledger.close(three)
    assert books.ledger.release([KEY, ("events", 7)]) == {KEY: 1}
    report = books.ledger.tally.report()
    assert (report["records"]["released"], report["events"]) == ({"": 1}, {"repeats_after_release": 1})
    assert (books.window.count, books.window.size_bytes, books.adds_up) == (0, 0, True)
    assert (books.sweep(), len(books.ledger.tracker), two.partition.is_owned) == ([], 0, False)


def test_an_answer_after_the_release_is_not_counted_twice() -> None:
    """A record that ends after its partition went was counted already; nothing of it is stored."""
    books = Books()
    (entry,) = books.read(0)
    books.ledger.release([KEY])
    books.ledger.close(entry)
    report = books.ledger.tally.report()
    assert (report["records"]["delivered"], report["records"]["skipped"]) == ({}, {})
    assert (report["events"], books.sweep(), books.adds_up) == ({"settled_after_release": 1}, [], True)


def test_a_partition_that_comes_back_is_stored_anew() -> None:
    """What was stored in an earlier time says nothing about the broker now."""
    books = Books()
    (entry,) = books.read(0)
    books.ledger.close(entry)
    assert books.sweep() == [{KEY: 1}]
    books.ledger.release([KEY])
    books.ledger.tracker.assign(KEY, 1)
    books.ledger.reach(KEY, 1)
    assert books.sweep() == [{KEY: 1}]


def test_the_time_lag_is_the_age_of_the_oldest_unfinished_record() -> None:
    """Idle and unknown partitions have none, and clocks that disagree make none that is negative."""
    books = Books()
    assert books.ledger.time_lag_s(KEY, START_MS) == 0.0
    books.read(0)
    assert books.ledger.time_lag_s(KEY, START_MS + 2500) == 2.5
    assert books.ledger.time_lag_s(KEY, START_MS - 2500) == 0.0
    assert books.ledger.time_lag_s(("events", 7), START_MS) == 0.0
    assert books.ledger.tally.ended(Outcome.DELIVERED) == 0
