"""Whatever stands in an event or comes out of a mapping, a destination answers with a value, and payloads are sound."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.config.secret import PLAIN_SECRETS
from processor.destinations import destination_class
from processor.destinations.base import Destination
from processor.destinations.plan import Plan
from processor.model import Payload, Record, Rejected, Skipped
from tests.golden_cases import REQUIRED, payload_schema

NOW_MS = 1_773_576_000_000
RECORD = Record("segment.events", 3, 1042, NOW_MS - 1877)

SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("moveo", {}),
    ("moveo", {"alias_include_previous_id": True, "max_event_age_ms": 86_400_000, "respect_integrations": True}),
    ("moveo", {"filter": {"plan": ["team", 3]}, "consent_categories": ["ads"], "skip_sent_by_device": True}),
    ("moesif", {}),
    ("moesif", {"anonymous_identify": "send", "alias_mode": "merge_anonymous", "missing_ip_value": "0.0.0.0"}),
    ("moesif", {"session_token_path": "$.context.session", "subscription_id_path": "context.page"}),
    ("webhook", {"url": "https://hooks.example.com"}),
    ("webhook", {"url": "https://hooks.example.com", "body": "single", "lane_path": "$.context.id"}),
]

any_text = st.text(st.characters(exclude_categories=()), max_size=12)
hint_text = st.sampled_from(
    [
        "track",
        " Page ",
        "identify",
        "https://www.shop.example/x?gclid=1#f",
        "203.0.113.9",
        "2026-03-15T11:59:30.250Z",
        "9999-12-31T23:59:59+14:00",
        "0F3C1B52-6D7E-4A10-9B1C-2E5D8F7A4C31",
        "\ufeff",
        "http://[::1",
    ]
)
scalar = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | any_text
    | hint_text
)
keys = any_text | st.sampled_from(
    ["id", "company", "traits", "page", "url", "campaign", "name", "firstName", "first_name", "ip", "All", "consent"]
)
json_values = st.recursive(
    scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=8
)
EVENT_FIELDS = (
    "messageId",
    "anonymousId",
    "userId",
    "groupId",
    "previousId",
    "timestamp",
    "originalTimestamp",
    "receivedAt",
    "sentAt",
    "event",
    "name",
    "category",
    "properties",
    "traits",
    "context",
    "integrations",
    "_metadata",
)
kinds = st.sampled_from(["track", "page", "screen", "identify", "group", "alias"])
events = st.fixed_dictionaries({"type": kinds}, optional=dict.fromkeys(EVENT_FIELDS, json_values))


def _destination(vendor: str, settings: dict[str, Any]) -> Destination:
    """Return a destination for plain settings."""
    found = destination_class(vendor)
    validated = found.settings_model.model_validate(REQUIRED.get(vendor, {}) | settings, context={PLAIN_SECRETS: True})
    return found.create(vendor, validated)


DESTINATIONS = [_destination(vendor, settings) for vendor, settings in SETTINGS]
PLANS = [Plan.compile(destination, "default") for destination in DESTINATIONS]
SCHEMAS = {
    (destination.type, endpoint): payload_schema(destination.type, endpoint)
    for destination in DESTINATIONS
    for endpoint in destination.endpoints
}


def _check(destination: Destination, payload: Payload) -> None:
    """Assert what delivery and the vendor rely on."""
    assert payload.lanes
    assert all(payload.lanes)
    assert len(set(payload.lanes)) == len(payload.lanes)
    assert payload.endpoint in destination.actions[payload.action].endpoints
    item = destination.decoded(payload, NOW_MS)
    SCHEMAS[destination.type, payload.endpoint].validate(item)


@pytest.mark.parametrize("index", range(len(PLANS)))
@given(value=events | json_values)
def test_presets_are_total(index: int, value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Any JSON value gives payloads, skips or refusals, never an exception; payloads keep the shipped schema."""
    mapped = PLANS[index].map(value, RECORD, NOW_MS)

    assert mapped.payloads or mapped.skipped or mapped.rejected
    for payload in mapped.payloads:
        _check(DESTINATIONS[index], payload)


@pytest.mark.parametrize("index", range(len(PLANS)))
@given(value=events)
def test_presets_give_the_same_again(index: int, value: dict[str, Any]) -> None:
    """A record read again gives the same payloads byte for byte, or vendors could not recognise repeats."""
    first, second = (PLANS[index].map(value, RECORD, NOW_MS) for _ in range(2))

    assert first == second


@pytest.mark.parametrize("index", range(len(DESTINATIONS)))
@given(data=st.data(), event=events)
def test_actions_are_total_on_any_mapping(index: int, data: st.DataObject, event: dict[str, Any]) -> None:
    """Whatever a user's mapping gives for an action's fields, the vendor's rules hold in the payload."""
    destination = DESTINATIONS[index]
    action = destination.actions[data.draw(st.sampled_from(sorted(destination.actions)))]
    names = [field.name for field in action.fields]
    fields = data.draw(st.dictionaries(st.sampled_from(names), json_values))

    built = action.build(fields, event, RECORD, NOW_MS)

    for item in built if isinstance(built, tuple) else (built,):
        assert isinstance(item, Payload | Skipped | Rejected)
        if isinstance(item, Payload):
            _check(destination, item)


@pytest.mark.parametrize("index", range(len(PLANS)))
@given(value=events, endless=st.sampled_from([math.nan, math.inf, -math.inf]))
def test_endless_numbers_are_refused(index: int, value: dict[str, Any], endless: float) -> None:
    """A number that JSON does not know is refused and never sent as null."""
    value |= {"userId": "u-501", "anonymousId": "anon-19", "context": {}, "groupId": "org-7", "event": "Opened"}
    value |= {"properties": {"deep": [{"n": endless}]}, "traits": {"deep": [{"n": endless}]}, "integrations": {}}
    value |= {"previousId": "anon-18", "timestamp": NOW_MS}

    mapped = PLANS[index].map(value, RECORD, NOW_MS)

    for payload in mapped.payloads:
        assert b"deep" not in payload.body
    assert {item.reason for item in mapped.rejected} <= {"mapping_failed"}


@given(value=json_values)
def test_bodies_read_back(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """What is sent is the value itself, except that lone surrogates, which cannot be sent, are replaced."""
    from processor.destinations.text import encode, without_lone_surrogates  # noqa: PLC0415 - the pair under test

    assert msgspec.json.decode(encode(value)) == without_lone_surrogates(value)
