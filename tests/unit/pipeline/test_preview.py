"""Lines of a preview: what an event comes to, whatever stands in it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from processor.config.secret import PLAIN_SECRETS
from processor.destinations import destination_class
from processor.destinations.plan import Plan
from processor.model import Record
from processor.pipeline.preview import preview_line
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings
from tests.golden_cases import REQUIRED, cases, expanded

NOW_MS = 1_773_576_000_000
LONG = -(10**4299)
"""As many digits as the program reads of an integer, and a sign."""


CASES = [
    (vendor, case)
    for vendor, file in (("moengage", "payloads"), ("moesif", "events"), ("moveo", "events"))
    for case in cases(vendor, file)
]


def preview_of(vendor: str, event: Any, settings: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - any JSON value
    """Return the line of an event at a destination with the vendor's presets, as a reader of the line has it."""
    made = destination_class(vendor)
    given = REQUIRED[vendor] | ({} if settings is None else settings)
    destination = made.create(vendor, made.settings_model.model_validate(given, context={PLAIN_SECRETS: True}))
    plan = Plan.compile(destination, "default")
    record = Record("segment.events", 3, 1042, NOW_MS - 1877, value=json.dumps(event).encode())
    return json.loads(msgspec.json.encode(preview_line(destination, plan, Decoder(DecodeSettings()), record, NOW_MS)))


@pytest.mark.parametrize("vendor", ["moesif", "moveo"])
def test_bodies_are_the_bytes_that_would_be_sent(vendor: str) -> None:
    """Integers of thousands of digits and nesting to the limit are shown as they would be sent."""
    deep: Any = "end"
    for _ in range(300):
        deep = [deep]
    event = {"type": "track", "event": "Opened", "userId": "u", "properties": {"long": LONG, "deep": deep}}
    (payload,) = preview_of(vendor, event)["payloads"]
    sent = payload["body"]["metadata" if vendor == "moesif" else "properties"]
    assert sent == event["properties"]


def test_what_the_pipeline_hands_on_is_shown_as_it_is() -> None:
    """Also a number that no float holds, which could not be shown had it been read."""
    event = {"type": "track", "event": "Opened", "userId": "u", "properties": {"most": 1e308}}
    made = destination_class("moveo")
    destination = made.create(
        "moveo", made.settings_model.model_validate(REQUIRED["moveo"], context={PLAIN_SECRETS: True})
    )
    value = json.dumps(event).replace("1e+308", "1e999 ").encode()
    record = Record("segment.events", 3, 1042, NOW_MS - 1877, value=value)
    line = preview_line(destination, Plan.compile(destination, "default"), Decoder(DecodeSettings()), record, NOW_MS)
    (payload,) = line["payloads"]
    assert b'"properties":{"most": 1e999 }' in bytes(payload["body"])


def test_codes_that_only_count_are_no_warnings() -> None:
    """Two keys that meet are counted and not said, beside a warning that is."""
    event = {"type": "track", "event": "Opened", "userId": "u-1", "properties": {"aB": 1, "a_b": 2}}
    line = preview_of("moengage", event)
    assert line["warnings"] == ["timestamp_from_record"]


@pytest.mark.parametrize(
    ("vendor", "case"), [pytest.param(vendor, *case.values, id=f"{vendor} {case.id}") for vendor, case in CASES]
)
def test_a_preview_says_what_the_golden_case_says(vendor: str, case: dict[str, Any]) -> None:
    """The same warnings and the same reason: what people see beforehand is what the contract says."""
    line = preview_of(vendor, expanded(case["event"]), expanded(case["settings"]))
    assert sorted(line["warnings"]) == sorted(case.get("warnings", []))
    assert line["rejected"] == case["expected"].get("dead_letter")
    assert line["skipped"] == case["expected"].get("dropped")
