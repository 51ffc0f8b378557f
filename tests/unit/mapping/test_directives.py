"""Directives beyond what the golden cases cover: where nothing was checked before, and what is said."""

from __future__ import annotations

from typing import Any

import pytest

from processor.errors import MappingError
from processor.mapping import ABSENT, compile_mapping, transform, validate
from processor.mapping.directives import flatten, replace
from processor.mapping.values import Json

EVENT: dict[str, Any] = {"a": "Ab", "n": 4, "list": ["Ab"], "o": {"__proto__": 1, "k": None}, "deep": {"l": [{}, None]}}


@pytest.mark.parametrize(
    ("directive", "part"),
    [
        ({"@case": 5}, "/0/@case needs an object with operator and value"),
        ({"@case": {"value": "x"}}, "/0/@case needs an operator"),
        ({"@case": {"operator": "title", "value": "x"}}, "/0/@case/operator should be lower or upper"),
        ({"@replace": 5}, "/0/@replace needs an object with value and pattern"),
        ({"@replace": {"value": "x"}}, "/0/@replace needs a pattern"),
        ({"@replace": {"value": "x", "pattern": "12345678901"}}, "/0/@replace has a pattern or replacement of more"),
        ({"@arrayPath": "x"}, "/0/@arrayPath needs a list of a path and a shape"),
        ({"@flatten": 5}, "/0/@flatten needs an object with value and separator"),
        ({"@flatten": {"value": 1}}, "/0/@flatten needs a separator"),
        ({"@flatten": {"value": 1, "separator": {"@path": "$.n"}}}, "/0/@flatten/separator needs a text"),
        ({"@merge": 5}, "/0/@merge needs an object with objects and direction"),
        ({"@merge": {"objects": []}}, "/0/@merge needs a direction"),
        ({"@merge": {"objects": {}, "direction": "left"}}, "/0/@merge needs a list of objects"),
        ({"@transform": 5}, "/0/@transform needs an object with apply and mapping"),
        ({"@transform": {"apply": {"a": 1}}}, "/0/@transform needs 'mapping'"),
        ({"@json": 5}, "/0/@json needs an object with mode and value"),
        ({"@json": {"value": 1}}, "/0/@json needs 'mode'"),
    ],
)
def test_what_a_list_hides_from_the_check_fails_when_it_runs(directive: Json, part: str) -> None:
    """Segment's check does not look into lists; the error names the place all the same."""
    assert validate([directive]) == []
    with pytest.raises(MappingError) as caught:
        transform([directive], EVENT)
    assert part in caught.value.safe


@pytest.mark.parametrize(
    ("directive", "problem"),
    [
        ({"@case": {"@path": "$.a"}}, "/@case should hold its own members (operator, value), not the directive @path"),
        ({"@replace": {"value": "a", "pattern": ""}}, "/@replace/pattern should have 1 to 10 characters"),
        (
            {"@replace": {"value": "a", "pattern": "a", "global": 1}},
            "/@replace/global should be true or false but",
        ),
        ({"@json": {"mode": "x", "value": 1}}, "/@json/mode should be one of encode, decode"),
        ({"@merge": {"objects": 5}}, "/@merge/objects should be a list but it is a number"),
        ({"@merge": {"objects": ["x"]}}, "/@merge/objects/0 should be an object or a directive but it is a text"),
        ({"@arrayPath": []}, "/@arrayPath should hold a text or a directive but it is empty"),
        ({"@flatten": {}}, "/@flatten should hold 'value' but it does not"),
    ],
)
def test_the_check_says_what_is_allowed(directive: Json, problem: str) -> None:
    """One problem, with its place and what would be right."""
    (found,) = validate(directive)
    assert str(found).startswith(problem)


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ({"@case": {"operator": "upper", "value": {"@path": "$.o"}}}, {"k": None}),
        ({"@arrayPath": ["$.o"]}, {"k": None}),
        ({"@excludeWhenNull": {"@path": "$.o"}}, {}),
        ({"@excludeWhenNull": {"@path": "$.deep"}}, {"l": [{}, None]}),
        ({"@json": {"mode": "decode", "value": '{"__proto__": 1, "k": [2]}'}}, {"k": [2]}),
        ({"@merge": {"objects": [{"@path": "$.o"}, {"x": {"@path": "$.no"}}], "direction": "right"}}, {"k": None}),
        ({"@flatten": {"value": {"x": {"@path": "$.no"}, "y": [{"@path": "$.no"}]}, "separator": "_"}}, {}),
        ({"@transform": {"apply": {"@path": "$.o"}, "mapping": {"@path": "$."}}}, {"k": None}),
        ({"@if": {"exists": {"@arrayPath": ["$.list"]}, "then": 1}}, 1),
        ({"@if": {"exists": {"@case": {"operator": "lower", "value": {"@path": "$.o"}}}, "then": 1}}, 1),
        ({"@if": {"exists": {"@flatten": {"value": 1, "separator": "_"}}, "then": 1}}, 1),
        ({"@if": {"exists": {"@json": {"mode": "decode", "value": "[1]"}}, "then": 1}}, 1),
        ([{"@arrayPath": ["$.list", {"@path": "$.no"}]}], {"0": [None]}),
        ({"@if": {"exists": {"@arrayPath": ["$.list", {"@path": "$.no"}]}, "then": 1}}, 1),
        ({"@flatten": {"value": {"@path": "$.o"}, "separator": "_"}}, {"k": None}),
        ({"@transform": {"apply": {"l": [{"@path": "$.no"}]}, "mapping": {"@path": "$."}}}, {"l": [None]}),
        ({"@arrayPath": [{"@literal": [{"l": [{"@path": "$.no"}]}]}, {"@path": "$.l"}]}, [[None]]),
        ({"@if": {"exists": {"@transform": {"apply": {"a": 1}, "mapping": {"@path": "$.a"}}}, "then": 1}}, 1),
        ([{"@json": {"mode": 5, "value": 1}}], {}),
        ([{"@replace": {"value": "a", "pattern": "a", "ignorecase": 1}}], {"0": ""}),
    ],
)
def test_results_are_fit_for_their_place(mapping: Json, expected: Json) -> None:
    """No `__proto__` and nothing absent in a result, whichever directive made it; operands may hold both."""
    assert transform(mapping, EVENT) == expected


@pytest.mark.parametrize(
    "mapping",
    [{"@excludeWhenNull": {"@path": "$.o.k"}}, {"@case": {"operator": "lower"}}, {"@literal": {"@path": "$.no"}}],
)
def test_a_whole_mapping_may_come_to_nothing(mapping: Json) -> None:
    """Nothing is something else than null."""
    assert transform(mapping, EVENT) is ABSENT


def test_an_event_cannot_make_a_text_without_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replacement that quotes its surroundings squares the text; it is refused before it is made."""
    monkeypatch.setattr(replace, "MAX_CHARS", 1_000)
    mapping = {"@replace": {"value": {"@path": "$.a"}, "pattern": "a", "replacement": "$'$`"}}
    assert transform(mapping, {"a": "a" * 20}) != ""
    with pytest.raises(MappingError, match="would make more than 1000 characters"):
        transform(mapping, {"a": "a" * 100})


def test_joined_keys_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each level repeats the keys above it, so that depth times length would be the cost."""
    monkeypatch.setattr(flatten, "MAX_CHARS", 100)
    nested: Json = 1
    for _ in range(30):
        nested = {"key": nested}
    mapping = {"@flatten": {"value": {"@path": "$.v"}, "separator": "."}}
    with pytest.raises(MappingError, match="would make more than 100 characters"):
        transform(mapping, {"v": nested})


@pytest.mark.parametrize("mode", ["encode", "decode"])
def test_json_deeper_than_the_stack_is_an_error_of_the_event(mode: str) -> None:
    """Neither direction ends the process."""
    value: Json = "[" * 100_000
    if mode == "encode":
        value = []
        for _ in range(5_000):
            value = [value]
    with pytest.raises(MappingError, match="is nested too deeply to be read or written as JSON"):
        transform({"@json": {"mode": mode, "value": {"@path": "$.v"}}}, {"v": value})


@pytest.mark.parametrize(
    ("mapping", "path"),
    [
        ({"__segment_internal_directive": 5, "a": 1}, "/__segment_internal_directive"),
        ({"__segment_internal_directive": {"@path": "x", "k": 1}}, "/__segment_internal_directive"),
        ({"__segment_internal_directive": {"@transform": 5}, "a": 1}, "/@transform"),
    ],
)
def test_a_root_directive_that_cannot_work(mapping: Json, path: str) -> None:
    """It is refused at its place, by the check and when it runs."""
    assert [problem.path for problem in validate(mapping)] == [path]
    for use in (lambda: transform(mapping, {}), lambda: compile_mapping(mapping)):
        with pytest.raises(MappingError, match=path):
            use()
