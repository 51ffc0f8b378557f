"""The demo's adding up: what is called lost, and what is not."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from processor.demo.books import Account, Books, Reading, reading
from processor.demo.summary import print_summary
from processor.model import Outcome
from processor.operations.status import StatusReport
from processor.operations.tally import Tally

FINE = {"delivered": 7, "skipped": 2, "dead_lettered": 1, "payloads_delivered": 9, "lag": 0, "state": "stopped"}


def account(*, accepted_items: int = 9, repeated_items: int = 0, **changes: Any) -> Account:  # noqa: ANN401 - fields of a reading
    """Return the account of ten records that all ended well, with changes to what the bridge says."""
    return Account(
        destination="moesif",
        produced=10,
        reading=Reading(consumed=10, **{**FINE, **changes}),
        accepted_items=accepted_items,
        repeated_items=repeated_items,
        expected={"delivered": 7, "skipped": 2, "dead_lettered": 1},
    )


@pytest.mark.parametrize(
    ("books", "expected"),
    [
        (Books((account(),), dead_letters=1), 0),
        (Books((account(), account()), dead_letters=2), 0),
        (Books((account(delivered=6),), dead_letters=1), 1),
        (Books((account(accepted_items=7),), dead_letters=1), 2),
        (Books((account(accepted_items=12, repeated_items=3),), dead_letters=1), 0),
        (Books((account(), account()), dead_letters=1), 1),
        (Books((account(delivered=5, accepted_items=8),), dead_letters=0), 4),
    ],
    ids=[
        "all is well",
        "two destinations",
        "a record without an end",
        "the vendor has fewer than the bridge says",
        "the vendor got some twice",
        "a dead letter is missing",
        "all of it at once",
    ],
)
def test_lost(books: Books, expected: int) -> None:
    """A record counts as lost when nobody knows its end, or when vendor or topic do not bear the bridge out."""
    assert expected == books.lost


def test_two_errors_do_not_make_up_for_each_other() -> None:
    """A destination that has too much does not hide one that has too little."""
    books = Books((account(accepted_items=12), account(accepted_items=8)), dead_letters=2)
    assert books.lost == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, 0), ({"delivered": 6, "skipped": 3}, 1), ({"delivered": 5, "dead_lettered": 3}, 2)],
)
def test_unexpected(changes: dict[str, int], expected: int) -> None:
    """Records that ended otherwise than their maker knows are counted once each."""
    assert expected == Books((account(**changes),), dead_letters=1).unexpected


def test_reading_adds_up_a_report() -> None:
    """Reasons and endpoints are summed; lag and state are taken over."""
    tally = Tally()
    tally.read(12, 0)
    tally.done(Outcome.DELIVERED, count=4)
    tally.done(Outcome.SKIPPED, "filtered", 2)
    tally.done(Outcome.SKIPPED, "no_subscription", 1)
    tally.done(Outcome.DEAD_LETTERED, "http_400", 1)
    tally.done(Outcome.RELEASED, count=2)
    tally.payload("users", Outcome.DELIVERED, 3)
    tally.payload("actions", Outcome.DELIVERED, 2)
    tally.payload("actions", Outcome.DEAD_LETTERED, 1)
    report = StatusReport(state="held", reason="http_401", tally=tally.report(), partitions=[{"lag": 3}])
    assert reading(report) == Reading(12, 2, 4, 3, 1, 2, 5, 3, "held", "http_401")


def test_reading_before_the_first_report() -> None:
    """A destination that has said nothing has read nothing, and its lag is not known."""
    assert reading({}) == Reading()
    assert reading({"state": "restarting", "reason": "exit_1"}) == Reading(state="restarting", reason="exit_1")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, True), ({"delivered": 6}, False), ({"in_flight": 1}, False), ({"lag": 1}, False), ({"lag": None}, False)],
)
def test_done(changes: dict[str, Any], expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """A destination is done when all has ended and is committed, and it says so itself."""
    assert account(**changes).reading.is_done(10) is expected


def printed(books: Books) -> list[str]:
    """Return the lines of a summary, as a pipe gets them."""
    stream = io.StringIO()
    print_summary(Console(file=stream, width=80), books, 12.34)
    return stream.getvalue().splitlines()


def test_summary_ends_with_what_was_lost() -> None:
    """The last line is the number that matters."""
    assert printed(Books((account(),), dead_letters=1))[-1] == "lost: 0"
    assert printed(Books((account(delivered=4),), dead_letters=0))[-1] == "lost: 4"


def test_summary_shows_each_number() -> None:
    """Every destination has its row with what was produced and what became of it, and the topic its length."""
    text = "\n".join(printed(Books((account(repeated_items=4),), dead_letters=1)))
    for part in (
        "moesif",
        "an answer was lost: 4",
        "dead-letter topic: 1 of 1 letters",
        "otherwise than expected: 0",
        "12.3",
    ):
        assert part in text
