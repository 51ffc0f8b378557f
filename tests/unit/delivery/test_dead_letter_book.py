"""Which dead letter goes out next, and what a failure means."""

from __future__ import annotations

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from processor.delivery.dead_letter_book import Acknowledged, Failure, LetterBook, Posted
from processor.delivery.dead_letter_form import DeadLetter, Form
from processor.delivery.dead_letter_settings import DeadLetterSettings
from processor.model import Record

SETTINGS = DeadLetterSettings(retry_base_s=1, retry_cap_s=5)


def _letter(offset: int) -> DeadLetter:
    return DeadLetter(
        record=Record("t", 0, offset, 0), reason="r", destination="d", version="1", mapping_hash="h", time_ms=0
    )


def _nobody() -> None:
    """Nobody waits for this letter."""


def _book(count: int) -> LetterBook:
    book = LetterBook(SETTINGS)
    for offset in range(count):
        book.add(_letter(offset), _nobody)
    return book


def _taken(book: LetterBook, now_s: float = 0) -> list[Posted]:
    taken = []
    while (posted := book.take(now_s)) is not None:
        taken.append(posted)
    return taken


def _offsets(posted: list[Posted]) -> list[int]:
    return [each.letter.record.offset for each in posted]


def test_letters_go_out_in_order_and_together() -> None:
    """Without trouble everything that waits may be in flight at once."""
    book = _book(3)
    assert _offsets(_taken(book)) == [0, 1, 2]
    assert (len(book), book.flying_count, book.wait_s(0)) == (3, 3, None)


def test_an_acknowledgement_is_passed_on_once() -> None:
    """The first acknowledgement ends a letter; a second one, of a copy, is nobody's."""
    book = LetterBook(SETTINGS)
    told: list[str] = []
    book.add(_letter(0), lambda: told.append("told"))
    [posted] = _taken(book)
    acknowledged: Acknowledged | None = book.written(posted.sequence)
    assert acknowledged is not None
    acknowledged()
    assert (book.written(posted.sequence), len(book), told) == (None, 0, ["told"])
    book.failed(posted.sequence, Failure.UNWRITABLE, "late", 0)
    assert (len(book), book.trouble) == (0, "")


def test_a_full_client_is_no_trouble() -> None:
    """A letter that found no room goes first next time."""
    book = _book(2)
    first = book.take(0)
    assert first is not None
    book.put_back(first.sequence)
    assert (_offsets(_taken(book)), book.trouble) == ([0, 1], "")


def test_in_trouble_the_oldest_letter_probes_alone() -> None:
    """After a failure nothing goes out before the pause is over, and then one letter until it is written."""
    book = _book(3)
    for posted in _taken(book):
        book.failed(posted.sequence, Failure.UNWRITABLE, "no topic", 10)
    assert (book.trouble, book.wait_s(10), book.take(10.9)) == ("no topic", 1.0, None)
    [probe] = _taken(book, 11)
    assert probe.letter.record.offset == 0
    assert book.wait_s(11) is None
    book.written(probe.sequence)
    assert (book.trouble, _offsets(_taken(book, 11))) == ("", [1, 2])


def test_pauses_double_to_a_cap_and_start_over() -> None:
    """The letters of one failed request are one failure; success forgets all of them."""
    book = _book(2)
    now_s, pauses = 0.0, []
    for _ in range(5):
        for posted in _taken(book, now_s):
            book.failed(posted.sequence, Failure.UNWRITABLE, "down", now_s)
        wait_s = book.wait_s(now_s)
        assert wait_s is not None
        pauses.append(wait_s)
        now_s += wait_s
    assert pauses == [1, 2, 4, 5, 5]
    [probe] = _taken(book, now_s)
    book.written(probe.sequence)
    [second] = _taken(book, now_s)
    book.failed(second.sequence, Failure.UNWRITABLE, "down", now_s)
    assert book.wait_s(now_s) == 1


def test_what_the_client_finds_too_large_goes_out_smaller_at_once() -> None:
    """First without its value, then bare: each counted as omitted when it is written, no pause in between."""
    book = _book(1)
    for form in (Form.WHOLE, Form.WITHOUT_VALUE, Form.BARE):
        [posted] = _taken(book)
        assert posted.form is form
        assert book.trouble == ""
        book.failed(posted.sequence, Failure.TOO_LARGE, "too large", 0)
    assert (book.trouble, book.wait_s(0)) == ("too large", 1.0)
    [posted] = _taken(book, 1)
    book.written(posted.sequence)
    assert book.omitted_count == 1


def test_a_request_too_large_costs_no_innocent_letter_its_value() -> None:
    """Each letter of a refused request is tried alone first; only what is refused alone gets smaller."""
    book = _book(3)
    for posted in _taken(book):
        book.failed(posted.sequence, Failure.REQUEST_TOO_LARGE, "too large", 0)
    forms = {}
    for _ in range(2):
        [alone] = _taken(book)
        forms[alone.letter.record.offset] = alone.form
        book.written(alone.sequence)
    [guilty] = _taken(book)
    book.failed(guilty.sequence, Failure.REQUEST_TOO_LARGE, "too large", 0)
    [smaller] = _taken(book)
    book.written(smaller.sequence)
    assert forms == {0: Form.WHOLE, 1: Form.WHOLE}
    assert (smaller.form, book.omitted_count, book.trouble, len(book)) == (Form.WITHOUT_VALUE, 1, "", 0)


def test_a_letter_that_must_be_alone_waits_for_the_others() -> None:
    """It neither joins letters in flight nor is joined."""
    book = _book(1)
    [large] = _taken(book)
    book.failed(large.sequence, Failure.REQUEST_TOO_LARGE, "too large", 0)
    book.add(_letter(1), _nobody)
    [alone] = _taken(book)
    assert alone.letter.record.offset == 0
    book.written(alone.sequence)
    assert _offsets(_taken(book)) == [1]


def test_a_lost_client_loses_no_letter() -> None:
    """Everything in flight waits again, in order, after a pause."""
    book = _book(3)
    _taken(book)
    book.client_lost("fatal", 0)
    assert (book.flying_count, len(book), book.trouble) == (0, 3, "fatal")
    [probe] = _taken(book, 1)
    book.written(probe.sequence)
    assert _offsets(_taken(book, 1)) == [1, 2]


class Letters(RuleBasedStateMachine):
    """Whatever happens, each letter ends acknowledged exactly once, or is still in the book."""

    def __init__(self) -> None:
        """Begin with an empty book at time zero."""
        super().__init__()
        self.book = LetterBook(SETTINGS)
        self.added = 0
        self.told: list[int] = []
        self.flying: dict[int, Posted] = {}
        self.now_s = 0.0

    @rule()
    def add(self) -> None:
        """A letter comes in."""
        number = self.added
        self.added += 1
        self.book.add(_letter(number), lambda: self.told.append(number))

    @rule()
    def take(self) -> None:
        """The client takes a letter."""
        posted = self.book.take(self.now_s)
        if posted is not None:
            assert not (self.flying and (posted.is_alone or self.book.trouble))
            assert not any(other.is_alone for other in self.flying.values())
            self.flying[posted.sequence] = posted

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), failure=st.sampled_from([None, *Failure]))
    def report(self, data: st.DataObject, failure: Failure | None) -> None:
        """The client reports on one of those it has."""
        sequence = data.draw(st.sampled_from(sorted(self.flying)))
        del self.flying[sequence]
        if failure is not None:
            self.book.failed(sequence, failure, failure.value, self.now_s)
            return
        acknowledged = self.book.written(sequence)
        assert acknowledged is not None
        acknowledged()

    @rule()
    def lose_client(self) -> None:
        """The client is lost with all that it has."""
        self.flying.clear()
        self.book.client_lost("fatal", self.now_s)

    @rule(pause_s=st.sampled_from([0.5, 5.0]))
    def wait(self, pause_s: float) -> None:
        """Time goes on."""
        self.now_s += pause_s

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        """Acknowledged letters and those in the book add up to those that came in."""
        assert len(self.told) == len(set(self.told))
        assert len(self.told) + len(self.book) == self.added
        assert self.book.flying_count == len(self.flying)

    def teardown(self) -> None:
        """In the end, with a topic that takes everything, every letter is written."""
        self.lose_client()
        self.now_s += SETTINGS.retry_cap_s
        for _ in range(3 * self.added):
            self.take()
            for sequence in sorted(self.flying):
                del self.flying[sequence]
                acknowledged = self.book.written(sequence)
                assert acknowledged is not None
                acknowledged()
        assert sorted(self.told) == list(range(self.added))


TestLetters = Letters.TestCase
TestLetters.settings = hypothesis_settings(max_examples=60, stateful_step_count=40)


def test_failures_are_counted_by_why() -> None:
    """Every attempt that failed counts, those that a lost client took with it included; a report that repeats not."""
    book = _book(5)
    first, second, *_ = _taken(book)
    book.failed(first.sequence, Failure.TOO_LARGE, "too large", 0)
    book.failed(first.sequence, Failure.TOO_LARGE, "too large", 0)
    book.failed(second.sequence, Failure.REQUEST_TOO_LARGE, "too large", 0)
    book.client_lost("gone", 0)
    assert book.failure_counts == {"too_large": 1, "request_too_large": 1, "unwritable": 3}
