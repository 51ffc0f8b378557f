"""Whatever stands in an event or a template: only a text or a `MappingError` comes out."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from processor.errors import MappingError
from processor.mapping import transform
from processor.mapping.liquid.date_text import parse_date
from processor.mapping.liquid.filters import DISABLED, FILTERS
from processor.mapping.liquid.tags import TAGS

NAMES = st.sampled_from(["a", "b", "size", "first", "0", "length", "toString", "__proto__", "x y", "é"])
TEXTS = st.text(max_size=20) | st.sampled_from(
    ["\ud83d", "👋", "[1", "%41", "2026-03-04", "12:30 pm", "now", "%5N", "UTC"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.sampled_from([10**400, -(10**400)])
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
EVENTS = st.dictionaries(NAMES, JSON, max_size=5)

QUOTED = st.text("ab %Y\\u0n[].,", max_size=8).map("'{}'".format)
PATHS = st.lists(st.sampled_from(["a", "b", "size", "[0]", "[b]", "['x y']", "[-1]"]), min_size=1, max_size=3).map(
    ".".join
)
OPERANDS = (
    PATHS | QUOTED | st.sampled_from(["1", "-2.5", "nil", "empty", "blank", "true", "(1..3)", "(a..b)", "1e", "("])
)
FILTERED = st.builds(
    lambda operand, filters: " | ".join([operand, *filters]),
    OPERANDS,
    st.lists(
        st.builds(
            lambda name, arguments: f"{name}: {', '.join(arguments)}" if arguments else name,
            st.sampled_from([*sorted(FILTERS), *sorted(DISABLED)[:3], "unknown"]),
            st.lists(OPERANDS, max_size=3),
        ),
        max_size=3,
    ),
)
CONDITIONS = st.lists(
    OPERANDS | st.sampled_from(["==", "!=", "<", ">=", "contains", "and", "or", "not"]), max_size=5
).map(" ".join)


def _blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return templates with one more level of tags around them."""
    return st.one_of(
        st.builds(
            "{{% if {} %}}{}{{% elsif {} %}}{}{{% else %}}{}{{% endif %}}".format,
            CONDITIONS,
            inner,
            CONDITIONS,
            inner,
            inner,
        ),
        st.builds("{{%- unless {} -%}}{}{{% endunless %}}".format, CONDITIONS, inner),
        st.builds("{{% capture b %}}{}{{% endcapture %}}".format, inner),
        st.builds("{}{}".format, inner, inner),
    )


PIECES = st.one_of(
    st.text("ab {}%-\n", max_size=8),
    FILTERED.map("{{{{ {} }}}}".format),
    FILTERED.map("{{% assign a = {} %}}".format),
    st.builds("{{% {} {} %}}".format, st.sampled_from(sorted(TAGS)), CONDITIONS),
)
TEMPLATES = st.recursive(PIECES, _blocks, max_leaves=6)


def _outcome(template: str, event: dict[str, Any]) -> str:
    """Return the text that a template gives, or of the one error that it may raise."""
    try:
        text = transform({"x": {"@liquid": template}}, event)["x"]
    except MappingError as error:
        return error.safe
    assert isinstance(text, str)
    return text


@given(template=TEMPLATES, event=EVENTS)
def test_only_a_text_or_a_mapping_error_comes_out(template: str, event: dict[str, Any]) -> None:
    """The renderer is total, gives the same again, and leaves the event as it was."""
    before = repr(event)
    first, second = (_outcome(template, event) for _ in range(2))
    assert first == second
    assert before == repr(event)


@given(text=st.text("0123456789:-+.TZ /()apmJanutc", max_size=25) | st.text(max_size=25))
def test_any_text_is_a_date_or_none(text: str) -> None:
    """Reading dates is total."""
    ms = parse_date(text)
    assert ms is None or abs(ms) <= 8.64e15
