"""Every trigger that this version accepts matches exactly what Segment's own package matches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from processor.mapping import Trigger, TriggerError

VECTORS = Path(__file__).parent.parent / "vectors" / "segment" / "fql.jsonl"
FEWEST_ACCEPTED = 274


def _accepted() -> list[tuple[dict[str, Any], Trigger]]:
    """Return the golden cases whose trigger parses here, with the trigger.

    What exposes JavaScript's own members is left out: such names are absent here.
    """
    accepted = []
    with VECTORS.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            case = json.loads(line)
            if case.get("js_only"):
                continue
            try:
                accepted.append((case, Trigger.parse(case["fql"])))
            except TriggerError:
                continue
    return accepted


ACCEPTED = _accepted()


def test_enough_triggers_are_accepted() -> None:
    """The accepted subset did not shrink: a parser that refuses everything would agree with everything."""
    assert len(ACCEPTED) >= FEWEST_ACCEPTED


@pytest.mark.parametrize(("case", "trigger"), ACCEPTED, ids=[case["id"] for case, _ in ACCEPTED])
def test_the_answer_is_segments(case: dict[str, Any], trigger: Trigger) -> None:
    """Segment takes the trigger as well, and the same events match; where evaluation throws there, it does here."""
    assert case["valid"] is True
    if "event" not in case:
        return
    if case["match"] is None:
        with pytest.raises(TriggerError):
            trigger.matches(case["event"])
    else:
        assert trigger.matches(case["event"]) is case["match"]


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
        Trigger.parse(text)
