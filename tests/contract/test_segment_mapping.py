"""Mappings give what Segment's own packages give, by the golden cases in `tests/vectors/segment`."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from processor.errors import MappingError
from processor.mapping import ABSENT, transform, validate
from processor.mapping.javascript import js_keys
from processor.mapping.root import ROOT_DIRECTIVE
from processor.mapping.values import Json

VECTORS = Path(__file__).parent.parent / "vectors" / "segment" / "mapping.jsonl"
FEWEST_CASES = 994


def _cases() -> list[dict[str, Any]]:
    """Return all cases but those that expose JavaScript's own members."""
    with VECTORS.open(encoding="utf-8", newline="\n") as file:
        lines = [json.loads(line) for line in file]
    return [case for case in lines if not case.get("js_only")]


def _same(left: Json, right: Json) -> bool:
    """Return whether two JSON values are equal, numbers as JavaScript holds them, endless ones as it prints them."""
    if isinstance(left, float) and not math.isfinite(left):
        left = None
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left == right or float(left) == float(right)
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return js_keys(left) == js_keys(right) and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)


CASES = _cases()


def test_enough_cases_are_covered() -> None:
    """The selection of cases did not shrink by a slip in how it is made."""
    assert len(CASES) >= FEWEST_CASES


CATEGORIES = sorted({case["category"] for case in CASES})
"""One test for each: a test for each case would take ten times as long to set up as to run."""


def _of(category: str) -> list[dict[str, Any]]:
    """Return the cases of one category."""
    return [case for case in CASES if case["category"] == category]


def _difference(case: dict[str, Any]) -> str | None:
    """Return what is wrong with the result of a case, None when it is Segment's."""
    event = case.get("event", {})
    before = repr(event)
    try:
        result = transform(case["mapping"], event)
    except MappingError as error:
        return None if case["error"] is not None else f"failed: {error.safe}"
    if repr(event) != before:
        return "changed the event"
    if case["error"] is not None:
        return f"gave {result!r}"
    right = result is ABSENT if "output" not in case else _same(result, case["output"])
    return None if right else f"gave {result!r}"


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_results_are_segments(category: str) -> None:
    """The same output, key order included where keys are no integers, or an error where Segment has one."""
    assert {} == {case["id"]: found for case in _of(category) if (found := _difference(case)) is not None}


def _segments_path(path: str) -> str:
    """Return a problem's path as Segment's check says it: it leaves positions in lists out, and what leads to them."""
    path = re.sub(r"^.*/@merge/objects/\d+", "", path) or "/"
    return re.sub(r"(/@arrayPath)/\d+", r"\1", path)


def _is_checked(case: dict[str, Any]) -> bool:
    """Return whether Segment checks the mapping where it stands; a root directive it checks only once it has moved."""
    return not isinstance(case["mapping"], dict) or ROOT_DIRECTIVE not in case["mapping"]


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_structural_check_is_segments(category: str) -> None:
    """As many problems as Segment's own check reports, each at the same path."""
    wrong = {}
    for case in filter(_is_checked, _of(category)):
        expected = sorted(message.split(" ", 1)[0] for message in case["validate_errors"])
        found = sorted(_segments_path(problem.path) for problem in validate(case["mapping"]))
        if found != expected:
            wrong[case["id"]] = found
    assert wrong == {}
