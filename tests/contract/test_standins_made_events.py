"""The demo's sums are right: presets do with the made-up events what `EXPECTED` says, and the stand-ins agree."""

from __future__ import annotations

import json
from typing import Any

import pytest

from processor.destinations.golden import event_results
from processor.sandbox.events import EXPECTED, EventSettings, made_events
from processor.sandbox.vendor import Accepted
from tests.golden_cases import NOW, RECORD, REQUIRED
from tests.standin_requests import NOW_S, moengage, moesif, moveo

_PATHS = {"action": "actions", "user": "users", "company": "companies"}
_NOT_DECODED = {"invalid_json", "null_value"}
_MADE = list(made_events(EventSettings(count=1_500, bad_share=0.05), int(NOW_S * 1000)))


def _fate(result: dict[str, Any]) -> str:
    if "dead_letter" in result:
        return "dead_lettered"
    return "skipped" if "dropped" in result else "delivered"


def _refusals(vendor: str, result: dict[str, Any]) -> list[object]:
    """Return what the stand-in has against what would be sent."""
    asks = {
        "moveo": lambda: [moveo({key: value for key, value in result.items() if key != "warnings"})],
        "moesif": lambda: [moesif(_PATHS[kind], form) for one in result["ops"] for kind, form in one.items()],
        "moengage": lambda: [moengage(*result["elements"])],
    }[vendor]()
    said = [ask.put() for ask in asks]
    return [answer for answer in said if not isinstance(answer, Accepted) or answer.findings]


@pytest.mark.parametrize("vendor", REQUIRED)
def test_made_events_end_as_expected_and_are_taken(vendor: str) -> None:
    """Every category ends as the table says, and the vendor accepts whatever is sent without a finding."""
    wrong, result_of = [], event_results(vendor, REQUIRED[vendor])
    for made in _MADE:
        if made.category in _NOT_DECODED:
            continue
        result = result_of(json.loads(made.value or b""), RECORD, NOW)
        fate = _fate(result)
        refusals = _refusals(vendor, result) if fate == "delivered" else []
        if fate != EXPECTED[made.category][vendor] or refusals:
            wrong.append((made.category, fate, refusals))
    assert wrong == []
