"""Triggers match exactly what Segment's own package matches, and what it misreads is refused where we write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from processor.mapping import Trigger, TriggerError

VECTORS = Path(__file__).parent.parent / "vectors" / "segment" / "fql.jsonl"
FEWEST_STRICT = 390


def _cases() -> list[dict[str, Any]]:
    """Return the golden cases.

    What exposes JavaScript's own members is left out: such names are absent here.
    """
    with VECTORS.open(encoding="utf-8", newline="\n") as file:
        return [case for case in map(json.loads, file) if not case.get("js_only")]


CASES = _cases()


def _is_strict(text: str) -> bool:
    """Return whether a trigger says what Segment reads in it."""
    try:
        Trigger.parse_strict(text)
    except TriggerError:
        return False
    return True


STRICT = [case for case in CASES if _is_strict(case["fql"])]


CATEGORIES = sorted({case["category"] for case in CASES})
"""One test for each: a test for each case would take ten times as long to set up as to run."""


def _verdict(case: dict[str, Any]) -> tuple[bool, bool | None]:
    """Return whether a trigger is valid, and whether it takes the event; None where that fails or there is no event."""
    try:
        trigger = Trigger.parse(case["fql"])
    except TriggerError:
        return False, False
    if "event" not in case:
        return True, case["match"]
    try:
        return True, trigger.matches(case["event"])
    except TriggerError:
        return True, None


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_answers_are_segments(category: str) -> None:
    """The same triggers are valid, the same events match, and where evaluation throws there, it fails here."""
    cases = [case for case in CASES if case["category"] == category]
    assert [] == [case["id"] for case in cases if _verdict(case) != (case["valid"], case["match"])]


def test_enough_triggers_are_accepted() -> None:
    """The strict subset did not shrink: a parser that refuses everything would agree with everything."""
    assert len(STRICT) >= FEWEST_STRICT


def test_the_strict_reading_is_segments() -> None:
    """Where a trigger is accepted as it is written, Segment reads the very same tree in it."""
    texts = [case["fql"] for case in STRICT]
    assert [] == [text for text in texts if Trigger.parse_strict(text).term != Trigger.parse(text).term]


READS_DIFFERENTLY = [
    "type = 'track'",
    'type = "identify" or type = "track" and event = "Nope"',
    '!(type = "identify")',
    'not type = "track"',
    '((type = "track"))',
    '(type = "track" and (event = "A" or event = "B"))',
    'type = "track" AND event = "Nope"',
    'type = "track" and anonymousId = "NOPE"',
    'type = "track" and groupId = "NOPE"',
    'type = "track" and',
    "event = null",
    "event != null",
    "type != null",
    "properties.vip != true",
    "properties.off != false",
    "event = true",
    "event = 5",
    'type == "track"',
    'type in ["track"]',
    'lowercase(event) = "a"',
    'type = "track"and event = "x"',
    'event = "say \\"hi\\""',
    'properties.a\\.b = "x"',
    "properties.and = 1",
    "properties.products.0.price = 5",
    'userId.x = "u"',
    "properties != null",
    "properties.a=5",
    'type = "track"\u00a0and event = "x"',
]


@pytest.mark.parametrize("text", READS_DIFFERENTLY)
def test_what_segment_misreads_is_refused(text: str) -> None:
    """A trigger that Segment evaluates differently from what it says does not load."""
    with pytest.raises(TriggerError):
        Trigger.parse_strict(text)
