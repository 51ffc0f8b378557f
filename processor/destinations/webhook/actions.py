"""The webhook's one action: send a JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from processor.destinations.base import Action, Field
from processor.destinations.ids import record_name
from processor.destinations.text import encode, id_text
from processor.destinations.webhook.settings import WebhookSettings
from processor.mapping.paths import walk
from processor.model import Built, Event, Payload, Record, Rejected

ENDPOINT: Final = "hook"
SEND: Final = "send"

_NO_OBJECT: Final = Rejected("data_not_object", "`data` is no object")
_TOO_LARGE: Final = Rejected("event_too_large", "the event alone is larger than max_request_bytes")

_DATA: Final = Field(
    "data",
    "object",
    "What is sent for an event: any object. Default: the event as it is.",
    required=True,
    default={"@path": "$."},
)


def make_actions(settings: WebhookSettings, max_bytes: int) -> dict[str, Action]:
    """Return the action by its name; `max_bytes` is the largest event of which a request can be made."""
    build = _Builder(settings, max_bytes).build
    return {SEND: Action(SEND, "Send an event, or whatever a mapping makes of it.", (_DATA,), build, (ENDPOINT,))}


class _Builder:
    """Builds payloads."""

    __slots__ = ("_lane_keys", "_max_bytes")

    def __init__(self, settings: WebhookSettings, max_bytes: int) -> None:
        """Keep what every event needs."""
        self._lane_keys = settings.lane_keys
        self._max_bytes = max_bytes

    def build(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:  # noqa: ARG002 - no rule needs the time
        """Return the payload of one event, or why there is none (see `destinations.base.Build`)."""
        data = fields.get("data")
        if not isinstance(data, dict):
            return _NO_OBJECT
        body = encode(data)
        if len(body) > self._max_bytes:
            return _TOO_LARGE
        return Payload(SEND, ENDPOINT, body, self._lanes(event, record))

    def _lanes(self, event: Event, record: Record) -> tuple[str, ...]:
        """Return what an event stays in order with; one that names nobody only with itself.

        An alias stays behind the earlier events of both identities that it joins.
        """
        chosen = None if self._lane_keys is None else id_text(walk(event, self._lane_keys))
        if chosen is not None:
            return (chosen,)
        user = id_text(event.get("userId")) or id_text(event.get("anonymousId"))
        if user is None:
            return (record_name(record),)
        previous = id_text(event.get("previousId")) if event.get("type") == "alias" else None
        return (user,) if previous in (None, user) else (user, previous)
