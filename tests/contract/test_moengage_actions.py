"""MoEngage's profile `actions` makes the requests that Segment's own destination made, and the pipeline makes them too.

The cases are recorded: a subscription of Segment's destination run on an event by Segment's published package.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from processor.config.secret import PLAIN_SECRETS
from processor.destinations import destination_class, request_for
from processor.destinations.plan import Plan
from processor.errors import ConfigError, MappingError
from processor.mapping import SubscriptionSettings
from processor.model import Record

FILE = Path(__file__).parents[1] / "vectors" / "segment" / "moengage_actions.jsonl"
FEWEST = 141
NOW_MS = 1_773_576_000_000
RECORD = Record("segment.events", 3, 1042, NOW_MS)


def _cases() -> list[dict[str, Any]]:
    """Return the recorded cases."""
    with FILE.open(encoding="utf-8", newline="\n") as lines:
        return [json.loads(line) for line in lines]


CASES = _cases()
SENT = [case for case in CASES if case["request"] is not None]
STOPPED = [case for case in CASES if case["request"] is None]
NOT_OURS = {"enable_batching", "dynamicAuthSettings"}
"""Keys that Segment ignores in a mapping; in a file they are told, as any other unknown field is."""


def _as_doubles(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value with its numbers as JavaScript holds them: it prints a long integer with other digits."""
    if isinstance(value, dict):
        return {key: _as_doubles(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_doubles(item) for item in value]
    return float(value) if type(value) is int else value


def _asked(case: dict[str, Any]) -> dict[str, Any] | None:
    """Return the request that the public entry makes of a case."""
    return request_for("moengage", case["settings"], case["subscription"], case["event"])


@pytest.mark.parametrize("case", SENT, ids=lambda case: f"{case['id']} {case['category']}")
def test_request_is_the_recorded_one(case: dict[str, Any]) -> None:
    """Method, address, type of content and body are those that Segment's destination sent."""
    request, expected = _asked(case), case["request"]

    assert request is not None
    assert (request["method"], request["url"]) == (expected["method"], expected["url"])
    assert request["headers"]["Content-Type"] == expected["headers"]["content-type"]
    assert _as_doubles(request["body"]) == _as_doubles(expected["body"])


@pytest.mark.parametrize("case", STOPPED, ids=lambda case: f"{case['id']} {case['category']}")
def test_nothing_is_sent_where_segment_sent_nothing(case: dict[str, Any]) -> None:
    """Where Segment failed there is an error, where it passed an event by there is none."""
    if case["error"] is None:
        assert _asked(case) is None
    else:
        with pytest.raises((ValidationError, ConfigError, MappingError)):
            _asked(case)


@pytest.mark.parametrize("case", SENT, ids=lambda case: f"{case['id']} {case['category']}")
def test_pipeline_makes_the_recorded_body(case: dict[str, Any]) -> None:
    """A destination with the profile and the pasted subscription gives the same body as one payload of the plan."""
    vendor = destination_class("moengage")
    settings = {**case["settings"], "api_id": str(case["settings"]["api_id"]), "profile": "actions"}
    destination = vendor.create(
        "moengage", vendor.settings_model.model_validate(settings, context={PLAIN_SECRETS: True})
    )
    pasted = {key: value for key, value in case["subscription"].items() if key != "enabled"}
    pasted["mapping"] = {key: value for key, value in pasted["mapping"].items() if key not in NOT_OURS}

    mapped = Plan.compile(destination, [SubscriptionSettings.model_validate(pasted)]).map(case["event"], RECORD, NOW_MS)

    (payload,) = mapped.payloads
    assert _as_doubles(destination.decoded(payload, NOW_MS)) == _as_doubles(case["request"]["body"])
    assert destination.endpoints[payload.endpoint].url == case["request"]["url"]


def test_cases_are_all_there() -> None:
    """A file that was cut short would let the tests above pass without proving anything."""
    assert len(CASES) >= FEWEST
    assert len(STOPPED) > 1
