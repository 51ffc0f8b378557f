"""What can be told of a mapping's values without an event."""

from __future__ import annotations

from typing import Any

import pytest

from processor.mapping import ABSENT
from processor.mapping.directives import DIRECTIVES
from processor.mapping.outcomes import _RULES, Outcomes, Some, outcomes

EVENT = {"@path": "$.properties.a"}
ANY, TEXT, OBJECT = Some.ANYTHING, Some.TEXT, Some.OBJECT


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, (None,)),
        ("a", ("a",)),
        ({"a": 1, "b": EVENT, "c": {"@path": "$.type.x"}}, ({"a": 1, "b": ANY},)),
        ([1, EVENT, {"@path": "$.type.x"}], ([1, ANY, None],)),
        ({"@path": "$.event"}, (ANY,)),
        ({"@path": "$.type"}, (TEXT,)),
        ({"@path": "$.type.name"}, (ABSENT,)),
        ({"@path": "$.type.length"}, (ANY,)),
        ({"@path": "$.type.0"}, (ANY,)),
        ({"@path": "$."}, (Some.EVENT,)),
        ({"@path": {"@template": "$.a"}}, (ANY,)),
        ({"@literal": EVENT}, (ANY,)),
        ({"@template": "plain"}, ("plain",)),
        ({"@template": "a {{b}}"}, (TEXT,)),
        ({"@template": EVENT}, (TEXT,)),
        ({"@liquid": "plain"}, ("plain",)),
        ({"@liquid": "{{ a }}"}, (TEXT,)),
        ({"@if": {"exists": EVENT, "then": 1, "else": EVENT}}, (1, ANY)),
        ({"@if": {"exists": EVENT, "then": 1}}, (1, ABSENT)),
        ({"@if": {"exists": EVENT, "then": 1, "else": ""}}, (1, ABSENT)),
        ({"@if": {"exists": EVENT, "else": 2}}, (ABSENT, 2)),
        ({"@if": {"exists": {"@path": "$.type"}, "then": 1, "else": 2}}, (1,)),
        ({"@if": {"exists": {"@path": "$.type.x"}, "then": 1, "else": 2}}, (2,)),
        ({"@if": {"blank": {"@path": "$.type"}, "then": 1, "else": 2}}, (1, 2)),
        ({"@if": {"blank": {"a": 1}, "then": 1, "else": 2}}, (1, 2)),
        ({"@if": {"blank": "x", "then": 1, "else": 2}}, (1,)),
        ({"@if": {"exists": {"@if": {"exists": EVENT, "then": 1}}, "then": 1, "else": 2}}, (1, 2)),
        ({"@if": 1}, (ANY,)),
        ({"a": {"@if": {"exists": EVENT, "then": "x", "else": {"@template": "{{b}}"}}}}, ({"a": TEXT},)),
        ({"a": {"@if": {"exists": EVENT, "then": 1, "else": 2}}}, ({"a": ANY},)),
        ({"@case": {"operator": "lower", "value": "TRUE"}}, (TEXT,)),
        ({"@case": {"operator": "lower", "value": "12 "}}, ("12 ",)),
        ({"@case": {"operator": "lower", "value": EVENT}}, (ANY,)),
        ({"@case": {"operator": "lower", "value": ""}}, (ABSENT,)),
        ({"@case": 1}, (ANY,)),
        ({"@replace": {"pattern": "a", "value": EVENT}}, (TEXT,)),
        ({"@replace": {"pattern": "a", "value": None}}, (ABSENT,)),
        ({"@arrayPath": ["$.properties", {"a": 1}]}, (ANY,)),
        ({"@arrayPath": ["$.type"]}, (TEXT,)),
        ({"@arrayPath": ["$.type.x"]}, (ABSENT,)),
        ({"@arrayPath": ["$."]}, (ANY,)),
        ({"@arrayPath": [EVENT]}, (ANY,)),
        ({"@flatten": {"value": EVENT, "separator": "_"}}, (OBJECT,)),
        ({"@json": {"mode": "encode", "value": "a"}}, (TEXT,)),
        ({"@json": {"mode": "encode", "value": EVENT}}, (TEXT, ABSENT)),
        ({"@json": {"mode": "encode", "value": {"@path": "$.type.x"}}}, (ABSENT,)),
        ({"@json": {"mode": "encode", "value": {"@json": {"mode": "encode", "value": EVENT}}}}, (TEXT, ABSENT)),
        ({"@json": {"mode": "decode", "value": "a"}}, (ANY,)),
        ({"@json": {"mode": "DECODE", "value": "a"}}, (ABSENT,)),
        ({"@json": 1}, (ANY,)),
        ({"@merge": {"objects": [], "direction": "left"}}, (OBJECT,)),
        ({"@transform": {"apply": {"a": "x"}, "mapping": {"@path": "$.a.b"}}}, (ABSENT,)),
        ({"@transform": {"apply": {"a": "x"}, "mapping": {"@path": "$.a"}}}, ("x",)),
        ({"@transform": {"apply": {"a": {"@template": "{{b}}"}}, "mapping": {"@path": "$.a.b"}}}, (ANY,)),
        ({"@transform": {"apply": {"@merge": {}}, "mapping": {"@path": "$.type"}}}, (ANY,)),
        ({"@transform": 1}, (ANY,)),
        ({"@excludeWhenNull": None}, (ABSENT,)),
        ({"@excludeWhenNull": "a"}, ("a",)),
        ({"@excludeWhenNull": {"a": None}}, (OBJECT,)),
        ({"@unknown": 1}, (ANY,)),
    ],
)
def test_outcomes_of_values(value: Any, found: Outcomes) -> None:  # noqa: ANN401 - any mapping value
    """Each directive says as much of its result as holds for every event."""
    assert outcomes(value) == found


def test_every_directive_has_its_rule() -> None:
    """Of one without a rule nothing can be told, so that no mapping with it would ever be warned of."""
    assert DIRECTIVES.keys() == _RULES.keys()
