"""Events for MoEngage and what its presets make of them, for tests."""

from __future__ import annotations

from typing import Any

import msgspec

from processor.config.secret import PLAIN_SECRETS
from processor.destinations.moengage.destination import MoEngageDestination
from processor.destinations.moengage.settings import MoEngageSettings
from processor.destinations.plan import Plan
from processor.destinations.times import iso_ms
from processor.model import Event, Mapped, Payload, Record

REQUIRED = {"api_id": "WKSPACE7EXAMPLE", "api_key": "example-key", "region": "DC_03"}
NOW_MS = 1_773_576_000_000
RECORD = Record("segment.events", 3, 1042, NOW_MS - 1877)


def moengage(**settings: Any) -> MoEngageDestination:  # noqa: ANN401 - plain settings
    """Return a destination with these settings."""
    validated = MoEngageSettings.model_validate(REQUIRED | settings, context={PLAIN_SECRETS: True})
    return MoEngageDestination("moengage", validated)


def mapped_by_presets(event: Event, **settings: Any) -> Mapped:  # noqa: ANN401 - plain settings
    """Return what the presets make of an event."""
    return Plan.compile(moengage(**settings), "default").map(event, RECORD, NOW_MS)


def track_event(**fields: Any) -> Event:  # noqa: ANN401 - fields of an event
    """Return a track of a user, thirty seconds old."""
    return {
        "type": "track",
        "messageId": "m-1",
        "userId": "cust-4711",
        "timestamp": iso_ms(NOW_MS - 30_000),
        "event": "Seat Reserved",
    } | fields


def identify_event(**fields: Any) -> Event:  # noqa: ANN401 - fields of an event
    """Return an identify of a user."""
    return {"type": "identify", "messageId": "m-2", "userId": "cust-4711"} | fields


def only_payload(mapped: Mapped) -> Payload:
    """Return the one payload of an event."""
    assert not mapped.skipped
    assert not mapped.rejected
    (payload,) = mapped.payloads
    return payload


def element_of(event: Event, **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - plain settings
    """Return the one element of an event."""
    element: dict[str, Any] = msgspec.json.decode(only_payload(mapped_by_presets(event, **settings)).body)
    return element


def action_of(event: Event, **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - plain settings
    """Return the one action of an event."""
    (action,) = element_of(event, **settings)["actions"]
    assert isinstance(action, dict)
    return action


def reason_of(event: Any, **settings: Any) -> str:  # noqa: ANN401 - any JSON value, plain settings
    """Return why an event is not sent, its list before it."""
    mapped = mapped_by_presets(event, **settings)
    assert not mapped.payloads
    return f"skipped {mapped.skipped[0].reason}" if mapped.skipped else f"rejected {mapped.rejected[0].reason}"
