"""Every golden case with `@liquid` gives what Segment's packages gave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from processor.errors import MappingError
from processor.mapping import transform, validate

VECTORS = Path(__file__).parents[2] / "vectors" / "segment" / "mapping.jsonl"
FEWEST_CASES = 155


def _cases() -> list[Any]:
    """Return the cases, but for those that need a directive of a later version or show JavaScript's own members."""
    with VECTORS.open(encoding="utf-8", newline="\n") as file:
        lines = [line for line in file if "@liquid" in line]
    return [case for case in map(json.loads, lines) if not case.get("js_only")]


CASES = _cases()


def test_no_case_is_missing() -> None:
    """The selection did not shrink by a slip in how it is made."""
    assert len(CASES) >= FEWEST_CASES


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_liquid_is_segments(case: dict[str, Any]) -> None:
    """The same output, or an error where Segment has one; the check finds what Segment's check finds."""
    event = case.get("event", {})
    before = repr(event)
    assert len(case["validate_errors"]) == len(validate(case["mapping"]))
    if case["error"] is not None:
        with pytest.raises(MappingError):
            transform(case["mapping"], event)
    else:
        assert case["output"] == transform(case["mapping"], event)
    assert before == repr(event)
