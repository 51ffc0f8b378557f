"""Where two JSON values differ."""

from __future__ import annotations

import pytest
from hypothesis import given

from processor.mapping.values import Json
from processor.pipeline.changes.fields import MAX_STEPS, field_changes, pattern
from tests.property.test_mapping_total import JSON


def told(old: Json, new: Json) -> list[tuple[str, str]]:
    """Return what has changed, by place and kind, in order of the places."""
    return sorted((pattern(change.path), change.kind) for change in field_changes(old, new))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1.0}, []),
        ({"a": 1}, {"a": True}, [("a", "changed")]),
        ({"a": False}, {"a": False}, []),
        ({"a": None}, {}, [("a", "removed")]),
        ({}, {"a": {"b": {"c": 1}}}, [("a", "added")]),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [("a.b", "changed")]),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}, 4]}, [("a[]", "added"), ("a[].b", "changed")]),
        ({"a": [1, 2]}, {"a": [1]}, [("a[]", "removed")]),
        ({"a": []}, {"a": {}}, [("a", "changed")]),
        ({"a": []}, {"a": []}, []),
        ({"a": "1"}, {"a": [1]}, [("a", "changed")]),
        ({"odd key": {"b": [[1]]}}, {"odd key": {"b": [[2]]}}, [('["odd key"].b[][]', "changed")]),
        ([{"a b": 1}], [{"a b": 2}], [('[]["a b"]', "changed")]),
        (1, 2, [("(all of it)", "changed")]),
    ],
)
def test_places_that_differ(old: Json, new: Json, expected: list[tuple[str, str]]) -> None:
    """A part that is there on one side only is one place; numbers are equal by value, true is none."""
    assert told(old, new) == expected


def test_depth_is_harmless() -> None:
    """Nesting far beyond the stack; a place that lies deep is called by the beginning of its path."""
    old: Json = 1
    new: Json = 2
    for _ in range(2_000):
        old, new = [old], [new]
    assert told(old, new) == [("[]" * MAX_STEPS, "changed")]
    assert pattern(("k" * 300,)) == "k" * 200 + "…"


@given(value=JSON.filter(lambda value: "nan" not in repr(value)))
def test_nothing_differs_from_itself(value: Json) -> None:
    """Whatever the value; a body holds no NaN."""
    assert told(value, value) == []
