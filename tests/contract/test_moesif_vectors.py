"""Moesif's presets, answers and schema agree with the golden cases in `tests/vectors/moesif`."""

from __future__ import annotations

from typing import Any

import pytest

from processor.destinations import classify, vector_result
from tests.golden_cases import NOW, RECORD, REQUIRED, cases, expanded, payload_schema

EVENTS = cases("moesif", "events")
ANSWERS = cases("moesif", "responses")
FEWEST_EVENTS, FEWEST_ANSWERS = 34, 9
SCHEMAS = {
    "action": payload_schema("moesif", "actions"),
    "user": payload_schema("moesif", "users"),
    "anonymous": payload_schema("moesif", "anonymous_users"),
    "company": payload_schema("moesif", "companies"),
}


def _result(case: dict[str, Any]) -> dict[str, Any]:
    """Return what the presets make of a case's event."""
    settings = REQUIRED["moesif"] | expanded(case["settings"])
    return vector_result("moesif", expanded(case["event"]), settings, RECORD, NOW)


@pytest.mark.parametrize("case", EVENTS)
def test_event_becomes_what_the_case_says(case: dict[str, Any]) -> None:
    """An event gives the operations, skip or refusal of the case, with exactly its warnings."""
    result = _result(case)
    warnings = result.pop("warnings")

    assert result == expanded(case["expected"])
    assert sorted(warnings) == sorted(case.get("warnings", []))


@pytest.mark.parametrize("case", EVENTS)
def test_payload_keeps_the_schema(case: dict[str, Any]) -> None:
    """Every operation that the cases produce is valid by the schema that the project ships."""
    for operation in _result(case).get("ops", []):
        ((kind, item),) = operation.items()
        is_anonymous = kind == "user" and "user_id" not in item
        SCHEMAS["anonymous" if is_anonymous else kind].validate(item)


@pytest.mark.parametrize("case", ANSWERS)
def test_answer_means_what_the_case_says(case: dict[str, Any]) -> None:
    """An answer is read as the case decides, to the last word."""
    line = {key: value for key, value in case.items() if key != "expected"}

    assert classify("moesif", REQUIRED["moesif"] | case.get("settings", {}), line, NOW) == case["expected"]


def test_cases_are_all_there() -> None:
    """A file that was cut short would let the tests above pass without proving anything."""
    assert len(EVENTS) >= FEWEST_EVENTS
    assert len(ANSWERS) >= FEWEST_ANSWERS
