"""Absent, and keys that never appear in a result."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from processor.mapping.values import ABSENT, Json, cleaned, kind


def test_absent_is_one_object() -> None:
    """However it is copied, `is ABSENT` keeps working."""
    assert copy.deepcopy(ABSENT) is ABSENT
    assert pickle.loads(pickle.dumps(ABSENT)) is ABSENT
    assert repr(ABSENT) == "ABSENT"


@pytest.mark.parametrize("value", [{}, [], {"a": 1}, {"a": [{"b": []}]}, [[1], {"c": {"__proto": 1}}]])
def test_what_is_clean_is_not_copied(value: Json) -> None:
    """The usual case costs no copy."""
    assert cleaned(value) is value


def test_proto_goes_at_any_depth_and_the_event_stays() -> None:
    """The result lacks the key, the value that was read keeps it."""
    value = {"a": [{"__proto__": 1, "b": [2, {"__proto__": {}}]}], "__proto__": {"x": 1}, "c": None}
    before = copy.deepcopy(value)
    assert cleaned(value) == {"a": [{"b": [2, {}]}], "c": None}
    assert value == before


def test_depth_does_not_matter_to_cleaning() -> None:
    """Neither looking nor copying follows the depth of the value with its own calls."""
    value: Any = {"__proto__": 1, "end": 1}
    for _ in range(50_000):
        value = [value]
    result = cleaned(value)
    for _ in range(50_000):
        (result,) = result
    assert result == {"end": 1}


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (ABSENT, "nothing"),
        (None, "null"),
        (True, "a boolean"),
        ("x", "a text"),
        (1, "a number"),
        (1.5, "a number"),
        ([], "a list"),
        ({}, "an object"),
        (b"x", "a bytes"),
    ],
)
def test_kinds_are_named(value: Json, name: str) -> None:
    """Messages say what a value is and nothing of it."""
    assert kind(value) == name
