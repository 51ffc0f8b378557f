"""MoEngage's presets, keys, answers and schema agree with the golden cases in `tests/vectors/moengage`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast, get_args

import pytest
from jsonschema import Draft202012Validator

from processor.destinations import classify, vector_result
from processor.destinations.moengage import KeyCase, key_case
from processor.destinations.moengage.attributes import AttributeRules, Converter
from tests.golden_cases import NOW, RECORD, REQUIRED, cases, expanded

PAYLOADS = cases("moengage", "payloads")
KEYS = cases("moengage", "snake_case")
ANSWERS = cases("moengage", "responses")
FEWEST_PAYLOADS, FEWEST_KEYS, FEWEST_ANSWERS = 71, 27, 13
SCHEMA = Draft202012Validator(
    json.loads(
        (Path(__file__).parents[2] / "schemas" / "payloads" / "moengage.schema.json").read_text(encoding="utf-8")
    )
)


def _result(case: dict[str, Any]) -> dict[str, Any]:
    """Return what the presets make of a case's event."""
    settings = REQUIRED["moengage"] | expanded(case["settings"])
    return vector_result("moengage", expanded(case["event"]), settings, RECORD, NOW)


def _bodies(result: dict[str, Any]) -> list[Any]:
    """Return the request bodies of a result: the whole of a bulk import, or the body of another call."""
    if "elements" in result:
        return [{"type": "transition", "elements": result["elements"]}]
    return [result["request"]["body"]] if "request" in result else []


@pytest.mark.parametrize("case", PAYLOADS)
def test_event_becomes_what_the_case_says(case: dict[str, Any]) -> None:
    """An event gives the elements, request, skip or refusal of the case, with exactly its warnings."""
    result = _result(case)
    warnings = result.pop("warnings")

    assert result == expanded(case["expected"])
    assert sorted(warnings) == sorted(case.get("warnings", []))


@pytest.mark.parametrize("case", PAYLOADS)
def test_payload_keeps_the_schema(case: dict[str, Any]) -> None:
    """What we make of a case, and what the case itself expects, is valid by the schema that the project ships."""
    for body in [*_bodies(_result(case)), *_bodies(expanded(case["expected"]))]:
        SCHEMA.validate(body)


@pytest.mark.parametrize("case", KEYS)
def test_key_becomes_what_the_case_says(case: dict[str, Any]) -> None:
    """A key has the form of the case in every mode, and an object its flattened form."""
    if isinstance(case["input"], dict):
        flattened = Converter(AttributeRules("event")).convert(case["input"]).sent
        assert flattened == case["expected"]["flattened"]
        return
    for mode, expected in case["expected"].items():
        assert mode in get_args(KeyCase)
        assert key_case(case["input"], cast("KeyCase", mode)) == expected


@pytest.mark.parametrize("case", ANSWERS)
def test_answer_means_what_the_case_says(case: dict[str, Any]) -> None:
    """An answer is read as the case decides, to the last word."""
    line = {key: value for key, value in case.items() if key != "expected"}

    assert classify("moengage", REQUIRED["moengage"] | case.get("settings", {}), line, NOW) == case["expected"]


def test_cases_are_all_there() -> None:
    """A file that was cut short would let the tests above pass without proving anything."""
    assert len(PAYLOADS) >= FEWEST_PAYLOADS
    assert len(KEYS) >= FEWEST_KEYS
    assert len(ANSWERS) >= FEWEST_ANSWERS
