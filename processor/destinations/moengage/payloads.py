"""Bulk elements as payloads: names of endpoints, sizes, and what every payload of a user has in common."""

from __future__ import annotations

from typing import Any, Final

from processor.destinations.base import Envelope
from processor.destinations.text import encode
from processor.errors import MappingError
from processor.model import Payload, Rejected

BULK: Final = "bulk"
SEGMENT: Final = "segment"
MERGE: Final = "merge"
DELETE: Final = "delete"

BULK_ENVELOPE: Final = Envelope(open=b'{"type":"transition","elements":[', close=b"]}")
MERGE_ENVELOPE: Final = Envelope(open=b'{"merge_data":[', close=b"]}")
SINGLE_ENVELOPE: Final = Envelope(open=b"", close=b"")

RATES: Final = {"customer": "users", "event": "events", "device": "devices"}
"""Which of the workspace's limits an element counts towards."""

EVENT_TOO_LARGE: Final = Rejected("event_too_large", "a single element is larger than a request may be")


def payload(
    element: dict[str, Any],
    *,
    action: str,
    endpoint: str,
    lanes: tuple[str, ...],
    max_bytes: int,
    dedupe_id: str | None = None,
    warnings: tuple[str, ...] = (),
) -> Payload | Rejected:
    """Return the payload of an element, or why it cannot be sent."""
    try:
        body = encode(element)
    except MappingError as error:
        return Rejected(error.reason, error.safe)
    if len(body) > max_bytes:
        return EVENT_TOO_LARGE
    rate = RATES.get(element["type"], "") if endpoint is BULK else ""
    return Payload(action, endpoint, body, lanes, "", dedupe_id, warnings, rate)
