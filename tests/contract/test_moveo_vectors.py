"""Moveo One's presets, answers and schema agree with the golden cases in `tests/vectors/moveo`."""

from __future__ import annotations

from typing import Any

import pytest

from processor.destinations import classify, vector_result
from tests.golden_cases import NOW, RECORD, REQUIRED, cases, expanded, payload_schema

EVENTS = cases("moveo", "events")
ANSWERS = cases("moveo", "responses")
FEWEST_EVENTS, FEWEST_ANSWERS = 37, 11
SCHEMA = payload_schema("moveo", "events")


def _result(case: dict[str, Any]) -> dict[str, Any]:
    """Return what the presets make of a case's event."""
    settings = REQUIRED["moveo"] | expanded(case["settings"])
    return vector_result("moveo", expanded(case["event"]), settings, RECORD, NOW)


@pytest.mark.parametrize("case", EVENTS)
def test_event_becomes_what_the_case_says(case: dict[str, Any]) -> None:
    """An event gives the payload, skip or refusal of the case, with exactly its warnings."""
    result = _result(case)
    warnings = result.pop("warnings")

    assert result == expanded(case["expected"])
    assert sorted(warnings) == sorted(case.get("warnings", []))


@pytest.mark.parametrize("case", EVENTS)
def test_payload_keeps_the_schema(case: dict[str, Any]) -> None:
    """Every payload that the cases produce is valid by the schema that the project ships."""
    result = _result(case)
    del result["warnings"]
    if "type" in result:
        SCHEMA.validate(result)
    else:
        assert result.keys() <= {"dropped", "dead_letter"}


@pytest.mark.parametrize("case", ANSWERS)
def test_answer_means_what_the_case_says(case: dict[str, Any]) -> None:
    """An answer is read as the case decides, to the last word."""
    line = {key: value for key, value in case.items() if key != "expected"}

    assert classify("moveo", REQUIRED["moveo"] | case.get("settings", {}), line, NOW) == case["expected"]


def test_cases_are_all_there() -> None:
    """A file that was cut short would let the tests above pass without proving anything."""
    assert len(EVENTS) >= FEWEST_EVENTS
    assert len(ANSWERS) >= FEWEST_ANSWERS
