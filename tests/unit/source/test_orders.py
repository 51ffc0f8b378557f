"""What the records of the control topic say together, case by case."""

from __future__ import annotations

import msgspec
import pytest

from processor.source.orders import (
    GIVEN,
    KEPT,
    OBEYED,
    ORDER,
    TRIPPED,
    Accepted,
    Book,
    Member,
    Obeyed,
    Order,
    Progress,
    Said,
    Tripped,
    Wanted,
    decode_key,
    encode_key,
    progress,
)

PAUSE = Order("o1", Wanted.PAUSED, "ann@desk", 1_000, "their release")
RESUME = Order("o2", Wanted.RUNNING, "bob@desk", 2_000)
DRAIN = Order("o3", Wanted.DRAINED, "ann@desk", 3_000)


def obeyed(member: str = "m1", order: str = "o1", *partitions: str) -> Obeyed:
    """Return that a process has obeyed an order."""
    return Obeyed(order, member, "host", 7, 1_500, partitions)


def tripped(member: str = "m1", accepted_by: str = "", at_ms: int = 1_500) -> Tripped:
    """Return that the guard of a process holds."""
    return Tripped(member, "host", 7, "100 refused", at_ms, accepted_by)


def take(book: Book, said: Said | None, name: str = GIVEN, kind: str = ORDER, group: str = "g") -> object:
    """Have a record taken in; return what is news of it."""
    return book.take(encode_key(group, kind, name), None if said is None else msgspec.json.encode(said))


def test_the_latest_order_is_in_force_and_news() -> None:
    """Of several operators the last one wins, and each is heard."""
    book = Book("g")
    assert book.order is None
    for order in (PAUSE, DRAIN, RESUME):
        assert take(book, order) == order
        assert book.order == order


def test_the_same_order_again_is_no_news() -> None:
    """A record that is read twice changes nothing."""
    book = Book("g")
    take(book, PAUSE)
    assert take(book, PAUSE) is None
    assert book.order == PAUSE


def test_what_a_process_wrote_down_again_never_replaces_an_operators_word() -> None:
    """Written before it or after it, the order that was given is in force."""
    book = Book("g")
    assert take(book, PAUSE, KEPT) == PAUSE
    assert take(book, RESUME) == RESUME
    assert take(book, DRAIN, KEPT) is None
    assert book.order == RESUME
    take(book, None)
    assert book.order == DRAIN


def test_words_of_processes_are_kept_by_name_until_they_are_taken_back() -> None:
    """Neither is news to a process; an acceptance is, with the name of the one hold that it lifts."""
    book = Book("g")
    assert take(book, obeyed(), "p1", OBEYED) is None
    assert take(book, tripped(), "h1", TRIPPED) is None
    assert (book.obeyed, book.tripped) == ({"p1": obeyed()}, {"h1": tripped()})
    assert take(book, tripped(accepted_by="ann"), "h1", TRIPPED) == Accepted("h1", "ann")
    take(book, None, "p1", OBEYED)
    take(book, None, "h1", TRIPPED)
    take(book, None, "never written", TRIPPED)
    assert (book.obeyed, book.tripped) == ({}, {})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, b"{}"),
        (b"not json", b"{}"),
        (b'["g","events"]', b'{"topic_id":"x","partition_count":1,"start":"latest","at_ms":0}'),
        (b'["g","\xff",""]', b"{}"),
        (encode_key("another", ORDER, GIVEN), msgspec.json.encode(DRAIN)),
        (encode_key("g", "of a newer version", GIVEN), b"{}"),
    ],
)
def test_what_concerns_nobody_here_is_passed_over(key: bytes | None, value: bytes) -> None:
    """The topic is shared with founding records, with other groups and with newer versions."""
    book = Book("g")
    take(book, PAUSE)
    assert book.take(key, value) is None
    assert (book.order, book.unreadable_count) == (PAUSE, 0)


@pytest.mark.parametrize("value", [b"{damaged", b"\xff", b'{"id":"x","wanted":"asleep","by":"a","at_ms":1}'])
def test_an_order_that_cannot_be_read_leaves_the_last_one_in_force(value: bytes) -> None:
    """It is counted, and ends nobody."""
    book = Book("g")
    take(book, PAUSE)
    assert book.take(encode_key("g", ORDER, GIVEN), value) is None
    assert (book.order, book.unreadable_count) == (PAUSE, 1)


def test_keys_are_read_back() -> None:
    """A key has three parts, and founding records, which have two, are none."""
    assert decode_key(encode_key("g", ORDER, "n")) == ("g", ORDER, "n")
    assert decode_key(b'["g","t"]') is None


def test_a_word_is_told_with_its_reason() -> None:
    """Where there is none, the name stands alone."""
    assert (PAUSE.text, RESUME.text) == ("ann@desk (their release)", "bob@desk")


def test_holds_are_told_apart_by_process_and_time() -> None:
    """Whether one is accepted makes no other hold of it."""
    assert tripped().is_as(tripped(accepted_by="ann"))
    assert not tripped().is_as(tripped("m2"))
    assert not tripped().is_as(tripped(at_ms=9))


def done(*said: Obeyed) -> Progress:
    """Return that all have obeyed, these ones."""
    return Progress(is_done=True, obeyed=said)


def open_(*said: Obeyed, missing: tuple[Member, ...] = ()) -> Progress:
    """Return that these have obeyed and some have not."""
    return Progress(is_done=False, obeyed=said, missing=missing)


BOTH = (Member("m1", "a"), Member("m2", "b"))


@pytest.mark.parametrize(
    ("said", "members", "expected"),
    [
        ((), (), done()),
        ((), BOTH[:1], open_(missing=BOTH[:1])),
        ((obeyed("m1"),), BOTH, open_(obeyed("m1"), missing=BOTH[1:])),
        ((obeyed("m1"), obeyed("m2", "o0")), BOTH, open_(obeyed("m1"), missing=BOTH[1:])),
        ((obeyed("m2"), obeyed("m1")), BOTH, done(obeyed("m1"), obeyed("m2"))),
        ((obeyed("m1"), obeyed("gone")), BOTH[:1], done(obeyed("m1"))),
        ((obeyed("m1", "o1", "t:0"),), None, open_(obeyed("m1", "o1", "t:0"))),
        ((obeyed("m1", "o1", "t:0", "t:1"),), None, done(obeyed("m1", "o1", "t:0", "t:1"))),
    ],
)
def test_an_order_is_done_when_every_process_has_obeyed_it(
    said: tuple[Obeyed, ...], members: tuple[Member, ...] | None, expected: Progress
) -> None:
    """Members of the group count, or partitions where members are not told; gone processes and old orders do not."""
    book = Book("g")
    for number, one in enumerate(said):
        take(book, one, f"p{number}", OBEYED)
    assert progress("o1", book, members, frozenset({"t:0", "t:1"})) == expected
