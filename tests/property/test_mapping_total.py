"""Whatever stands in an event or a mapping: only a result or a `MappingError` comes out."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from processor.errors import MappingError
from processor.mapping import ABSENT, compile_mapping, transform, validate
from processor.mapping.javascript import js_number, js_text
from processor.mapping.paths import parse_path, walk
from processor.mapping.templates import compile_template, placeholders, render
from processor.mapping.transform import compile_resolver
from processor.mapping.values import Json, cleaned

KEYS = st.sampled_from(["a", "b", "0", "length", "__proto__", "toString", "constructor", "", "a.b", "{{", "@x", "é"])
TEXTS = st.text() | st.text("{}ab. [0]'$", max_size=20) | st.sampled_from(["\ud83d", "\U0001f44b!", "{{a}}", "$.a"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.sampled_from([10**400, -(10**400)])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(), inner, max_size=4),
    max_leaves=20,
)
EVENTS = st.dictionaries(KEYS, JSON, max_size=5)
PATHS = st.lists(KEYS, max_size=4).map(".".join) | st.text("$.ab0[]'\"", max_size=12)
TEMPLATES = st.lists(TEXTS | PATHS.map("{{{}}}".format) | PATHS.map("{{{{{}}}}}".format), max_size=4).map("".join)


SHORT = ["a", "$&", "$`$'", "\ud83d", "k", "", 5]


def _options(inner: st.SearchStrategy[Any], **members: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a directive's object: its value from `inner`, the named members from their lists or not there."""
    choices = {name.rstrip("_"): st.sampled_from(values) | inner for name, values in members.items()}
    return st.fixed_dictionaries({}, optional={"value": PATHS | inner, **choices})


def _directives(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return mappings one level deeper: directives, well formed or not, and plain containers."""
    members = st.sampled_from(["exists", "blank", "then", "else", "extra"])
    return st.one_of(
        st.builds(lambda value: {"@path": value}, PATHS | inner),
        st.builds(lambda value: {"@template": value}, TEMPLATES | inner),
        st.builds(lambda value: {"@if": value}, st.dictionaries(members, inner, max_size=4) | inner),
        st.builds(lambda value: {"@nope": value}, inner),
        st.builds(lambda name, value: {name: value}, st.sampled_from(["@literal", "@excludeWhenNull"]), inner),
        st.builds(lambda value: {"@arrayPath": value}, st.lists(PATHS | inner, max_size=2) | inner),
        st.builds(lambda value: {"@case": value}, _options(inner, operator=["lower", "upper", "", "title"])),
        st.builds(lambda value: {"@flatten": value}, _options(inner, separator=[".", "_", "", 5], omitArrays=[True])),
        st.builds(lambda value: {"@json": value}, _options(inner, mode=["encode", "decode", "ENCODE", 1])),
        st.builds(lambda value: {"@replace": value}, _options(inner, pattern=SHORT, replacement=SHORT, global_=[None])),
        st.builds(
            lambda value, objects: {"@merge": value | {"objects": objects}},
            _options(inner, direction=["left", "right", "up", ""]),
            st.lists(inner, max_size=3) | inner,
        ),
        st.builds(lambda apply, then: {"@transform": {"apply": apply, "mapping": then}}, inner, inner),
        st.lists(inner, max_size=3),
        st.dictionaries(KEYS, inner, max_size=3),
    )


MAPPINGS = st.recursive(JSON | st.builds(lambda path: {"@path": path}, PATHS), _directives, max_leaves=12)


def _is_result(value: Json) -> bool:
    """Return whether a value is JSON without a key `__proto__`."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and key != "__proto__" and _is_result(child) for key, child in value.items())
    if isinstance(value, list):
        return all(map(_is_result, value))
    return value is None or isinstance(value, (bool, int, float, str))


def _outcome(call: Callable[[], Json]) -> Json | MappingError:
    """Return what a call gives, or the one error that it may raise."""
    try:
        return call()
    except MappingError as error:
        return error


@example(mapping={"a": {"@if": {"blank": [{"@path": "$.b"}], "then": 1}}}, event={})
@example(mapping={"@transform": {"apply": {"a": [[{"@path": "$.b"}]]}, "mapping": {"@template": "{{a}}"}}}, event={})
@given(mapping=MAPPINGS, event=EVENTS | JSON)
def test_only_a_result_or_a_mapping_error_comes_out(mapping: Json, event: Json) -> None:
    """The mapper is total, results are JSON, and `__proto__` is nowhere in them."""
    result = _outcome(lambda: transform(mapping, event))
    if isinstance(result, MappingError):
        assert result.safe == str(result)
    else:
        assert result is ABSENT or _is_result(result)
        assert validate(mapping) == []


@given(mapping=MAPPINGS, event=EVENTS)
def test_the_same_event_maps_to_the_same_result(mapping: Json, event: Json) -> None:
    """Mapping changes neither event nor mapping: it can be done again."""
    before = repr((mapping, event))
    first, second = (repr(_outcome(lambda: transform(mapping, event))) for _ in range(2))
    assert first == second
    assert repr((mapping, event)) == before


@given(mapping=MAPPINGS, event=EVENTS)
def test_plain_keys_need_no_cleaning(mapping: Json, event: Json) -> None:
    """Where no key of the event is `__proto__`, none of the result is, whatever the mapping makes of it."""
    event = cleaned(event)
    with contextlib.suppress(MappingError):
        assert repr(compile_resolver(mapping)(event)) == repr(compile_mapping(mapping)(event))


@given(text=st.text("{}a ", max_size=40), braces=st.sampled_from([2, 3]))
def test_placeholders_are_what_the_expression_finds(text: str, braces: int) -> None:
    """The linear scan finds exactly what Segment's regular expression finds."""
    expression = re.compile(r"\{" * braces + "([^}]+)" + r"\}" * braces)
    assert list(placeholders(text, braces)) == [match.span() for match in expression.finditer(text)]


@given(template=TEMPLATES, event=EVENTS)
def test_compiled_templates_render_as_dynamic_ones(template: str, event: Json) -> None:
    """Splitting at load changes nothing but the cost."""
    compiled = _outcome(lambda: compile_template(template)(event))
    assert repr(compiled) == repr(_outcome(lambda: render(template, event)))


@given(root=JSON, text=PATHS | st.text())
def test_any_path_can_be_walked(root: Json, text: str) -> None:
    """Parsing and walking never raise."""
    found = walk(root, parse_path(text))
    assert found is ABSENT or found is None or isinstance(found, (bool, int, float, str, list, dict))


@given(number=st.floats(allow_nan=False) | st.integers())
def test_numbers_keep_their_value(number: float) -> None:
    """What JavaScript prints reads back as the same double."""
    try:
        double = float(number)
    except OverflowError:
        double = float("inf") if number > 0 else float("-inf")
    assert float(js_number(number).replace("Infinity", "inf")) == double


@given(value=JSON)
def test_any_value_has_a_text_or_says_why_not(value: Json) -> None:
    """Only an own key `toString` has none."""
    try:
        assert isinstance(js_text(value), str)
    except MappingError:
        assert "toString" in repr(value)
