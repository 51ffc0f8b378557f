"""Orders and words of processes in any order, by any number of operators, read whole, in parts or compacted."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from processor.source.orders import (
    GIVEN,
    KEPT,
    OBEYED,
    ORDER,
    TRIPPED,
    Accepted,
    Book,
    Obeyed,
    Order,
    Tripped,
    Wanted,
    encode_key,
)

Log = list[tuple[bytes | None, bytes | None]]

_NAMES = st.sampled_from(["a", "b"])
_ORDERS = st.builds(Order, st.uuids().map(str), st.sampled_from(Wanted), _NAMES, st.integers(0, 9), st.text(max_size=3))
_OBEYED = st.builds(Obeyed, _NAMES, _NAMES, _NAMES, st.just(1), st.integers(0, 3))
_TRIPPED = st.builds(Tripped, _NAMES, _NAMES, st.just(1), _NAMES, st.integers(0, 3), st.sampled_from(["", "a"]))


def _records(kind: str, names: st.SearchStrategy[str], words: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    keys = st.builds(encode_key, st.sampled_from(["g", "g", "other"]), st.just(kind), names)
    return st.tuples(keys, words.map(msgspec.json.encode) | st.none())


_LOGS = st.lists(
    _records(ORDER, st.just(GIVEN), _ORDERS)
    | _records(ORDER, st.just(KEPT), _ORDERS)
    | _records(OBEYED, _NAMES, _OBEYED)
    | _records(TRIPPED, _NAMES, _TRIPPED)
    | st.tuples(st.binary(max_size=4) | st.none(), st.binary(max_size=4) | st.none()),
    max_size=40,
)


def read(log: Log) -> Book:
    """Return what a log says."""
    book = Book("g")
    for key, value in log:
        book.take(key, value)
    return book


def state(book: Book) -> tuple[object, ...]:
    """Return everything that a book says."""
    return book.order, book.obeyed, book.tripped


@given(_LOGS)
def test_the_last_word_is_in_force(log: Log) -> None:
    """As a plain look at the log finds it: the last one given, else the last one that a process wrote down again."""
    last = {key: value for key, value in log if key is not None}
    given_, kept = (last.get(encode_key("g", ORDER, name)) for name in (GIVEN, KEPT))
    value = kept if given_ is None else given_
    assert read(log).order == (None if value is None else msgspec.json.decode(value, type=Order))


@given(_LOGS)
def test_a_compacted_log_says_the_same(log: Log) -> None:
    """A process that starts late reads only the last record of each key, and knows what those know that read all."""
    last = {key: (number, value) for number, (key, value) in enumerate(log)}
    compacted: Log = [(key, value) for key, (_, value) in sorted(last.items(), key=lambda item: item[1][0])]
    assert state(read(compacted)) == state(read(log))


@given(_LOGS)
def test_reading_it_twice_says_the_same(log: Log) -> None:
    """Records that come again, as after a reading anew, change nothing that the log does not say."""
    assert state(read([*log, *log])) == state(read(log))


@given(_LOGS)
def test_a_process_that_does_what_it_hears_does_what_is_in_force(log: Log) -> None:
    """Every change of the order in force is heard when it happens, unless an order was deleted, which nobody does."""
    log = [(key, value) for key, value in log if value is not None]
    book, heard = Book("g"), None
    for key, value in log:
        before, news = book.order, book.take(key, value)
        if isinstance(news, Order):
            assert news != before
            heard = news
        assert heard == book.order


@given(_LOGS)
def test_an_acceptance_names_a_hold_that_is_accepted(log: Log) -> None:
    """Nobody hears of a hold that no operator has seen."""
    book = Book("g")
    for key, value in log:
        news = book.take(key, value)
        if isinstance(news, Accepted):
            assert book.tripped[news.name].accepted_by == news.by != ""
