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


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_answer_is_segments(case: dict[str, Any]) -> None:
    """The same triggers are valid, the same events match, and where evaluation throws there, it fails here."""
    if not case["valid"]:
        with pytest.raises(TriggerError):
            Trigger.parse(case["fql"])
        return
    trigger = Trigger.parse(case["fql"])
    if "event" not in case:
        return
    if case["match"] is None:
        with pytest.raises(TriggerError):
            trigger.matches(case["event"])
    else:
        assert trigger.matches(case["event"]) is case["match"]


def test_enough_triggers_are_accepted() -> None:
    """The strict subset did not shrink: a parser that refuses everything would agree with everything."""
    assert len(STRICT) >= FEWEST_STRICT


@pytest.mark.parametrize("case", STRICT, ids=[case["id"] for case in STRICT])
def test_the_strict_reading_is_segments(case: dict[str, Any]) -> None:
    """Where a trigger is accepted as it is written, Segment reads the very same tree in it."""
    assert Trigger.parse_strict(case["fql"]).term == Trigger.parse(case["fql"]).term


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
