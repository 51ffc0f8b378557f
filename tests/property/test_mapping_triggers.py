"""Triggers against a naive model, and against any text."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.mapping import FilterCondition, FilterError, Trigger, TriggerError, lint
from processor.mapping.filters.expressions import Call, Comparison, Expression, Junction, Not
from processor.mapping.filters.expressions import Constant as Value
from processor.mapping.index import TriggerIndex
from processor.mapping.triggers.portable import portable
from processor.mapping.triggers.terms import Condition, Constant, Failing, Group, Term

WORDS = ["track", "page", "A", "B", "", "null", "true"]
VALUES = st.sampled_from([*WORDS, 0, 1, 2.5, True, False, None, [], {}, [1], {"a": 1}, 10**400])
PROPERTIES = st.dictionaries(st.sampled_from(["a", "b c"]), VALUES)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(WORDS) | VALUES,
        "event": st.sampled_from(WORDS) | VALUES,
        "userId": VALUES,
        "properties": VALUES | PROPERTIES,
    },
)
HEADS = st.builds(
    Condition, st.sampled_from([("type",), ("event",)]), st.sampled_from(["=", "!="]), st.sampled_from(WORDS)
)
BAGS = st.one_of(
    st.builds(
        Condition,
        st.sampled_from([("properties", "a"), ("properties", "b c")]),
        st.sampled_from(["=", "!="]),
        st.sampled_from([*WORDS, 0.0, 1.0, 2.5, None]),
    ),
    st.builds(Condition, st.just(("properties", "a")), st.just("="), st.booleans()),
    st.builds(
        Condition,
        st.just(("properties", "a")),
        st.sampled_from(["<", "<=", ">", ">="]),
        st.sampled_from([0.0, 1.0, -2.5]),
    ),
)
SEARCHES = st.builds(
    Condition,
    st.sampled_from([("event",), ("properties", "b c")]),
    st.sampled_from(["contains", "!contains", "starts", "!starts", "ends", "!ends"]),
    st.sampled_from(["a", "ck", "tr"]),
)


def _group(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Group]:
    """Return groups of two or more terms."""
    return st.builds(Group, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3).map(tuple))


def _ending_group(last: st.SearchStrategy[Any]) -> st.SearchStrategy[Group]:
    """Return groups whose last term is one of these: in parentheses a function can stand nowhere else."""
    terms = st.tuples(st.lists(HEADS, min_size=1, max_size=2).map(tuple), last).map(lambda pair: (*pair[0], pair[1]))
    return st.builds(Group, st.sampled_from(["and", "or"]), terms)


CONDITIONS = HEADS | BAGS
TERMS: st.SearchStrategy[Term] = (
    CONDITIONS | SEARCHES | _group(CONDITIONS | SEARCHES | _group(CONDITIONS) | _ending_group(SEARCHES))
)


PATTERNS = {"contains": 'contains({}, "{}")', "starts": 'match({}, "{}*")', "ends": 'match({}, "*{}")'}
SEARCH: dict[str, Callable[[str, str], bool]] = {
    "contains": operator.contains,
    "starts": str.startswith,
    "ends": str.endswith,
}
ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _written(term: Term, *, inside: bool = False) -> str:
    """Return a term as a trigger's text."""
    if isinstance(term, Group):
        text = f" {term.connective} ".join(_written(child, inside=True) for child in term.terms)
        return f"({text})" if inside else text
    assert isinstance(term, Condition)
    field = ".".join(term.keys).replace("b c", "b\\ c")
    if (search := term.operator.removeprefix("!")) in PATTERNS:
        return f"{'!' if term.operator != search else ''}{PATTERNS[search].format(field, term.literal)}"
    match term.literal:
        case None:
            literal = "null"
        case bool(flag):
            literal = "true" if flag else "false"
        case str(text):
            literal = f'"{text}"'
        case number:
            literal = f"{number:g}"
    return f"{field} {term.operator} {literal}"


def _holds(term: Term, event: dict[str, Any]) -> bool:
    """Return what the contract's rules say, written down once more without any compilation."""
    if isinstance(term, Group):
        results = [_holds(child, event) for child in term.terms]
        return all(results) if term.connective == "and" else any(results)
    assert isinstance(term, Condition)
    found: Any = event
    for key in term.keys:
        if isinstance(found, dict):
            found = found.get(key)
        elif found or isinstance(found, list):
            found = None
    if term.operator in ("=", "!="):
        return _equals(found, term.literal, is_equality=term.operator == "=")
    if term.operator in ORDERS:
        is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
        return is_number and ORDERS[term.operator](found, term.literal)
    search = term.operator.removeprefix("!")
    return isinstance(found, str) and SEARCH[search](found, str(term.literal)) == (search == term.operator)


def _equals(found: Any, literal: str | float | bool | None, *, is_equality: bool) -> bool:  # noqa: ANN401, FBT001 - any JSON value, any literal
    """Return what the contract's rules say about `=` and `!=`."""
    if literal is None:
        return (found is None) == is_equality
    if isinstance(literal, bool):
        return found is literal
    if isinstance(literal, str):
        return (isinstance(found, str) and found == literal) == is_equality
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return False
    return (found == literal) == is_equality


@given(term=TERMS, event=EVENTS)
def test_a_trigger_means_what_it_says(term: Term, event: dict[str, Any]) -> None:
    """What is written parses to the same tree, and the compiled tree agrees with the rules."""
    trigger = Trigger.parse_strict(_written(term))
    assert trigger.term == term
    assert trigger.matches(event) is _holds(term, event)


@given(terms=st.lists(TERMS, max_size=8), events=st.lists(EVENTS, max_size=4))
def test_the_index_agrees_with_evaluation(terms: list[Term], events: list[dict[str, Any]]) -> None:
    """Looking up finds the same triggers, in the same order, as trying them all."""
    index = TriggerIndex(enumerate(terms))
    for event in events:
        assert list(index.matching(event)) == [i for i, term in enumerate(terms) if _holds(term, event)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WORDS, "a", "\\"]), inner, max_size=3)
    ),
    max_leaves=8,
)
ANY_EVENTS = JSON | st.dictionaries(
    st.sampled_from(["type", "event", "userId", "name", "properties", "traits", "context"]), JSON, max_size=6
)


ODD = CONDITIONS | st.builds(Constant, st.booleans()) | st.just(Failing("it fails"))
ODD_TERMS: st.SearchStrategy[Term] = ODD | _group(ODD | _group(ODD))


@given(terms=st.lists(ODD_TERMS, max_size=6), event=EVENTS)
def test_the_index_fails_where_evaluation_fails(terms: list[Term], event: dict[str, Any]) -> None:
    """A lookup leaves out no trigger that would fail for the event, and reaches none that would not."""
    answers = [_answer(Trigger("", term), event) for term in terms]
    index = TriggerIndex(enumerate(terms))
    if any(isinstance(answer, TriggerError) for answer in answers):
        with pytest.raises(TriggerError, match="it fails"):
            index.matching(event)
    else:
        assert list(index.matching(event)) == [i for i, answer in enumerate(answers) if answer]


def _refusal(text: str) -> TriggerError | None:
    """Return why a text is no trigger, None when it is one."""
    try:
        Trigger.parse_strict(text)
    except TriggerError as error:
        return error
    return None


PIECES = ["type", "event", "properties.a", "groupId", " ", " ", "=", "!=", "==", '"', '"x"', "'x'", "and", "or", "AND"]
CALLS = ["contains(", "match(event", '"*"', ","]
SOUP = st.lists(
    st.sampled_from(
        [*PIECES, "(", ")", "!", "null", "true", "5", "contains(", "match(event", '"*"', ",", "\\", ".", "\u00a0"]
    )
)


@given(text=st.text() | SOUP.map("".join) | SOUP.map(" ".join))
def test_any_text_is_a_trigger_or_an_error_with_a_place(text: str) -> None:
    """Parsing is total, the place is inside the text, and a line to use instead can be used."""
    error = _refusal(text)
    if error is not None:
        assert error.position is not None
        assert 0 <= error.position <= len(text)
        assert error.safe == str(error)
        assert error.instead is None or _refusal(error.instead) is None


def _reading(text: str) -> Trigger | TriggerError:
    """Return what Segment reads in a text, or why it reads nothing."""
    try:
        return Trigger.parse(text)
    except TriggerError as error:
        return error


def _answer(trigger: Trigger, event: Any) -> bool | TriggerError:  # noqa: ANN401 - any JSON value
    """Return what a trigger says about an event, or why it says nothing."""
    try:
        return trigger.matches(event)
    except TriggerError as error:
        return error


@given(text=st.text() | SOUP.map("".join) | SOUP.map(" ".join), event=ANY_EVENTS)
def test_segments_reading_is_total(text: str, event: Any) -> None:  # noqa: ANN401 - any JSON value
    """Any text is a trigger or an error with a place, and any event is taken, not taken or an error without one."""
    trigger = _reading(text)
    if isinstance(trigger, TriggerError):
        assert trigger.position is not None
        assert 0 <= trigger.position <= len(text)
        return
    answer = _answer(trigger, event)
    assert answer.position is None if isinstance(answer, TriggerError) else answer in (True, False)


@given(text=SOUP.map(" ".join))
def test_what_is_strict_says_what_segment_reads(text: str) -> None:
    """Where a trigger is accepted as it is written, Segment reads the very same tree, and there is no difference."""
    if _refusal(text) is None:
        assert Trigger.parse(text).term == Trigger.parse_strict(text).term
        assert lint(text) == []


OBJECTS = st.fixed_dictionaries(
    {}, optional={**dict.fromkeys(["type", "event", "userId"], VALUES), "properties": PROPERTIES}
)


@given(term=TERMS, event=OBJECTS)
def test_both_languages_agree_on_what_is_strict(term: Term, event: dict[str, Any]) -> None:
    """The manual's language says the same, but for what no reader of the text can see.

    Of a value that is absent or of another type, `!contains`, `!match` and `!=` with a number are false in a trigger;
    with a test of the type before each of them in the manual's language, both agree on every event.
    """
    text = _written(term)
    guarded = _guarded(FilterCondition.parse(text).expression)
    assert FilterCondition(text, guarded).matches(event) is Trigger.parse_strict(text).matches(event)


def _guarded(expression: Expression) -> Expression:
    """Return an expression with a test of the type before each negation that a trigger reads as one of its type."""
    match expression:
        case Junction(connective, operands):
            return Junction(connective, tuple(map(_guarded, operands)))
        case Not(Call(arguments=(field, _))):
            return _of_type(field, "string", expression)
        case Comparison("!=", field, Value(float())):
            return _of_type(field, "number", expression)
    return expression


def _of_type(field: Expression, name: str, expression: Expression) -> Expression:
    """Return an expression that is true only of a field of this type."""
    return Junction("and", (Comparison("=", Call("typeof", (field,)), Value(name)), expression))


MANUAL = st.lists(
    st.sampled_from(
        [
            *["type = 'track'", "'page' != type", "event in ['A', 'B']", "userId != null", "0 < properties.a"],
            *[
                "properties.a",
                "match(event, '*a*')",
                "match(event, 'A')",
                "contains(event, 'B')",
                "match(event, 'tr*')",
            ],
            *["and", "and", "or", "or", "!", "(", ")", "((", "))"],
        ]
    ),
    min_size=3,
    max_size=14,
).map(" ".join)


@given(text=MANUAL, event=OBJECTS)
def test_the_line_to_use_instead_says_the_same(text: str, event: dict[str, Any]) -> None:
    """What is proposed for a trigger is true of the same events in the manual's language."""
    proposal = portable(text)
    if proposal is None:
        return
    try:
        expected = FilterCondition.parse(text).matches(event)
    except FilterError:
        return
    assert FilterCondition.parse(proposal).matches(event) is expected
