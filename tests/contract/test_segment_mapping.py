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


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_result_is_segments(case: dict[str, Any]) -> None:
    """The same output, key order included where keys are no integers, or an error where Segment has one."""
    if case["error"] is not None:
        with pytest.raises(MappingError):
            transform(case["mapping"], case.get("event", {}))
        return
    result = transform(case["mapping"], case.get("event", {}))
    if "output" not in case:
        assert result is ABSENT
    else:
        assert _same(result, case["output"]), result


def _segments_path(path: str) -> str:
    """Return a problem's path as Segment's check says it: it leaves positions in lists out, and what leads to them."""
    path = re.sub(r"^.*/@merge/objects/\d+", "", path) or "/"
    return re.sub(r"(/@arrayPath)/\d+", r"\1", path)


CHECKED = [case for case in CASES if not isinstance(case["mapping"], dict) or ROOT_DIRECTIVE not in case["mapping"]]
"""A root directive is checked here where it stands, by Segment only once it has been moved."""


@pytest.mark.parametrize("case", CHECKED, ids=[case["id"] for case in CHECKED])
def test_the_structural_check_is_segments(case: dict[str, Any]) -> None:
    """As many problems as Segment's own check reports, each at the same path."""
    expected = sorted(message.split(" ", 1)[0] for message in case["validate_errors"])
    assert sorted(_segments_path(problem.path) for problem in validate(case["mapping"])) == expected
