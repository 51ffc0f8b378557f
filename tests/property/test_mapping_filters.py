"""Filters against any text and any event, and globs against a naive model."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from processor.mapping import FilterCondition, FilterError
from processor.mapping.filters.expressions import written
from processor.mapping.filters.globs import compile_glob

PATHS = ["event", "properties.a", "properties.a.0", "properties.b\\ c", "true", "null", "5", "'x'", '"a"', "['x', 5]"]
SIGNS = [
    "and",
    "or",
    "!",
    "in",
    "=",
    "!=",
    "<",
    ">=",
    "(",
    ")",
    "[",
    "]",
    ",",
    "length(",
    "contains(",
    "match(",
    "string(",
]
SOUP = st.lists(st.sampled_from([*PATHS, *SIGNS]), max_size=12).map(" ".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b c", "x"]), inner, max_size=3),
    max_leaves=8,
)
EVENTS = JSON | st.dictionaries(st.sampled_from(["event", "properties"]), JSON)


def _filter(text: str) -> FilterCondition | FilterError:
    """Return the filter of a text, or why it is none."""
    try:
        return FilterCondition.parse(text)
    except FilterError as error:
        return error


def _answer(condition: FilterCondition, event: Any) -> bool | FilterError:  # noqa: ANN401 - any JSON value
    """Return what a filter says about an event, or why it says nothing."""
    try:
        return condition.matches(event)
    except FilterError as error:
        return error


@given(text=st.text() | SOUP, event=EVENTS)
def test_filters_are_total(text: str, event: Any) -> None:  # noqa: ANN401 - any JSON value
    """Any text is a filter or an error with a place, and any event gives true, false or an error without one."""
    condition = _filter(text)
    if isinstance(condition, FilterError):
        assert condition.position is not None
        assert 0 <= condition.position <= len(text)
        return
    answer = _answer(condition, event)
    assert answer.position is None if isinstance(answer, FilterError) else answer in (True, False)


@given(text=SOUP)
def test_the_normal_form_reads_the_same(text: str) -> None:
    """A filter's normal form is a filter with the same tree."""
    condition = _filter(text)
    if isinstance(condition, FilterCondition):
        assert FilterCondition.parse(written(condition.expression)).expression == condition.expression


def _fits(glob: str, text: str) -> bool:
    """Return what a glob of stars, question marks and letters says, by trying everything."""
    if not glob:
        return not text
    if glob[0] == "*":
        return any(_fits(glob[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and glob[0] in ("?", text[0]) and _fits(glob[1:], text[1:])


@given(glob=st.text("ab?*", max_size=8), text=st.text("ab", max_size=10))
def test_globs_find_a_match_if_there_is_one(glob: str, text: str) -> None:
    """Taking the leftmost pieces never misses a match that another choice would have found."""
    assert compile_glob(glob)(text) is _fits(glob, text)
