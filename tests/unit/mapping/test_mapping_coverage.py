"""Which ways through a mapping are noted as taken, and that noting changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from processor.errors import MappingError
from processor.mapping.compiler import Compiler
from processor.mapping.coverage import MappingCoverage
from processor.mapping.transform import compile_root
from processor.mapping.values import Json
from tests.property.test_mapping_total import EVENTS, MAPPINGS

EXISTS: dict[str, Any] = {"exists": {"@path": "$.x"}}


def gaps(mapping: Json, *events: dict[str, Any]) -> dict[str, list[str]]:
    """Return the forks of a mapping with what is missing after these events."""
    coverage = MappingCoverage(mapping)
    for event in events:
        coverage.run(event)
    return {fork.path: fork.gaps for fork in coverage.forks}


NEVER = ["is never reached"]
NO_THEN = ["then is never taken"]
NO_ELSE = ["else is never taken"]
SAME = ["is reached, but never changes a text"]


@pytest.mark.parametrize(
    ("options", "events", "expected"),
    [
        (EXISTS | {"then": 1, "else": 2}, [], NEVER),
        (EXISTS | {"then": 1, "else": 2}, [{"x": 1}], NO_ELSE),
        (EXISTS | {"then": 1, "else": 2}, [{}], NO_THEN),
        (EXISTS | {"then": 1, "else": 2}, [{}, {"x": 1}], []),
        (EXISTS | {"then": 1}, [{"x": 1}], NO_ELSE),
        (EXISTS | {"then": 1}, [{}], NO_THEN),
        (EXISTS | {"then": 1}, [{"x": 1}, {}], []),
        (EXISTS | {"then": 1, "else": None}, [{}], NO_THEN),
        (EXISTS | {"else": 2}, [{"x": 1}], NO_ELSE),
        (EXISTS | {"else": 2}, [{}], NO_THEN),
        ({"blank": {"@path": "$.x"}, "then": 1, "else": 2}, [{"x": ""}, {"x": "y"}], []),
    ],
)
def test_branches_of_if(options: Json, events: list[dict[str, Any]], expected: list[str]) -> None:
    """A branch counts when it is taken, be it that the mapping does not write it."""
    assert gaps({"a": {"@if": options}}, *events) == {"/a/@if": expected}


@pytest.mark.parametrize(
    ("events", "expected"),
    [([], NEVER), ([{}], SAME), ([{"x": "abc"}], SAME), ([{"x": 5}], SAME), ([{"x": "abC"}], []), ([{"x": "É"}], [])],
)
def test_case(events: list[dict[str, Any]], expected: list[str]) -> None:
    """A place counts when it has changed a text, not when the text was right already."""
    assert gaps({"a": {"@case": {"operator": "lower", "value": {"@path": "$.x"}}}}, *events) == {"/a/@case": expected}


def test_places_inside_of_others() -> None:
    """What stands in a branch, in an item of a list, and in a condition is a place of its own, in order."""
    case = {"@case": {"operator": "upper", "value": {"@path": "$.n"}}}
    mapping = {
        "a": {"@if": EXISTS | {"then": [case], "else": {"@if": {"exists": case, "then": 1, "else": 2}}}},
        "items": {"@arrayPath": ["$.items", {"n": case}]},
    }
    found = gaps(mapping, {"n": "q", "items": [{"n": "Q"}, {"n": "Q"}, {"n": "Q"}, {"n": "Q"}, {"n": "q"}]})
    assert found == {
        "/a/@if": NO_THEN,
        "/a/@if/then/0/@case": NEVER,
        "/a/@if/else/@if": NO_ELSE,
        "/a/@if/else/@if/exists/@case": [],
        "/items/@arrayPath/1/n/@case": [],
    }


def test_what_was_reached_before_a_failure_counts() -> None:
    """A branch that fails was taken; the branch that is not written was not."""
    failing = {"@path": {"@path": "$.no"}}
    assert gaps({"a": {"@if": EXISTS | {"then": failing}}}, {"x": 1}) == {"/a/@if": NO_ELSE}
    assert gaps({"a": {"@if": {"exists": failing, "then": 1}}}, {"x": 1}) == {
        "/a/@if": ["then is never taken", "else is never taken"]
    }


def test_what_goes_no_two_ways() -> None:
    """No fork: other directives, one without either branch, malformed ones, and keys that only look so."""
    mapping = {
        "a": {"@if": EXISTS},
        "b": {"@if": 5},
        "c": {"@case": 5},
        "d": {"@path": "$.x"},
        "e": {"@if": {}, "x": 1},
    }
    assert gaps(mapping, {}) == {}


def test_a_mapping_deeper_than_the_stack() -> None:
    """It is refused when it is compiled, and an event that exhausts the stack later is left alone."""
    mapping: Json = 1
    for _ in range(2_000):
        mapping = [mapping]
    with pytest.raises(MappingError, match="too deeply"):
        MappingCoverage({"a": mapping})


@given(mapping=MAPPINGS, event=EVENTS)
def test_noting_changes_nothing(mapping: Json, event: dict[str, Any]) -> None:
    """What is noted is resolving itself: the result is the same, and so is the failure."""
    results = []
    for resolve in (compile_root(mapping, Compiler()), MappingCoverage(mapping)._resolve):
        try:
            results.append(repr(resolve(event)))
        except MappingError as error:
            results.append(str(error))
    assert results[0] == results[1]
