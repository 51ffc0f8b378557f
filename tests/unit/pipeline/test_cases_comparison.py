"""Partial comparison: what is named must be there."""

from __future__ import annotations

import pytest

from processor.mapping.values import ABSENT, Json
from processor.pipeline.cases.comparison import Difference, differences


@pytest.mark.parametrize(
    ("expected", "found", "different"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({}, {"b": 2}, []),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, []),
        ({"a": 20}, {"a": 20.0}, []),
        ({"a": 1}, {"a": True}, [(("a",), 1, True)]),
        ({"a": False}, {"a": 0}, [(("a",), False, 0)]),
        ({"a": None}, {}, [(("a",), None, ABSENT)]),
        ({"a": None}, {"a": None}, []),
        ({"a": {"b": 1}}, {"a": 5}, [(("a",), {"b": 1}, 5)]),
        ({"a": [1]}, {"a": {"0": 1}}, [(("a",), [1], {"0": 1})]),
        ([1, 2], [1, 3], [((1,), 2, 3)]),
        ([1], [1, 2], [((1,), ABSENT, 2)]),
        ([1, {"a": 2}], [1], [((1,), {"a": 2}, ABSENT)]),
        ([{"a": 1}], [{"a": 1, "b": 2}], []),
    ],
)
def test_what_is_named_must_be_there(expected: Json, found: Json, different: list[tuple[object, ...]]) -> None:
    """Members may be beside the named ones; items of lists may not; true is no number."""
    assert list(differences(expected, found)) == different


def test_exact_means_nothing_beside() -> None:
    """At any depth, also in items of lists; members in any order."""
    found = {"b": 1, "a": [{"c": 1, "d": 2}], "e": 3}
    assert list(differences({"a": [{"c": 1}], "b": 1}, found, ("body",), exact=True)) == [
        Difference(("body", "a", 0, "d"), ABSENT, 2),
        Difference(("body", "e"), ABSENT, 3),
    ]
    assert list(differences({"a": [{"d": 2, "c": 1}], "e": 3, "b": 1}, found, exact=True)) == []
