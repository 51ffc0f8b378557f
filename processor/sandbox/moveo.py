"""Moveo One's ingestion endpoint, as the contract describes it.

Source: "Segment Integration" of docs.moveo.one and the published web plugin at commit e03d4be. The server's own answers
and limits are not documented: the sizes are those that the vendor's client keeps, the error bodies are invented.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from processor.sandbox.moveo_state import MoveoState
from processor.sandbox.rates import Rate
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.shapes import read, shape
from processor.sandbox.vendor import (
    NO_MARKS,
    Accepted,
    Head,
    Item,
    Marks,
    Refused,
    Route,
    Vendor,
    largest,
    mark_number,
    mark_text,
)

PATH = "/api/analytic/external/segment-destination"
_STAMP_BYTES = len(b',"sentAt":"2026-02-01T08:15:30.500Z"')


class _RawBody(Struct):
    events: list[Raw]


class _LightEvent(Struct, gc=False, rename="camel"):
    type: str
    message_id: str | None = None
    user_id: Any = None
    anonymous_id: Any = None
    properties: Marks = NO_MARKS
    traits: Marks = NO_MARKS


class _LightBody(Struct):
    events: list[_LightEvent]


class MoveoStandIn(Vendor):
    """The one endpoint of Moveo One."""

    name = "moveo"

    def __init__(self, settings: SandboxSettings) -> None:
        """Accept the keys and keep the limits of `settings`."""
        self._keys = frozenset(settings.keys.moveo_api_keys)
        self._forbidden_keys = frozenset(settings.keys.moveo_forbidden_api_keys)
        self._limits = settings.limits
        most = settings.limits.moveo_requests_per_s
        self.rate = None if most is None else Rate(most)
        self._state = MoveoState(settings)
        self._shape = shape("moveo")
        check = self._full if settings.checks == "full" else self._light
        self._route = Route("events", settings.limits.moveo_request_bytes, check, takes_gzip=settings.moveo_gzip)
        self._raw_body = msgspec.json.Decoder(_RawBody)
        self._light_body = msgspec.json.Decoder(_LightBody)

    def route(self, path: str) -> Route | None:
        """Return the one route there is."""
        return self._route if path == PATH else None

    def refuse(
        self,
        status: int,
        reason: str,
        message: str = "",
        *,
        error_type: str | None = None,  # noqa: ARG002 - only MoEngage sorts its errors by a word
    ) -> Refused:
        """Return a refusal; the vendor documents no body, so this one is made up."""
        return Refused(status, reason, msgspec.json.encode({"error": reason, "message": message}))

    def stranger(self, route: Route, head: Head) -> Refused | None:  # noqa: ARG002 - every route takes the same key
        """Refuse any `Authorization` but a bare key: with a scheme before it, it is a wrong key."""
        key = head.headers.get("Authorization")
        if key in self._keys:
            return None
        if key in self._forbidden_keys:
            return self.refuse(403, "forbidden_key", "the token may not write")
        return self.refuse(401, "wrong_key", "the token is wrong or missing")

    def state(self, user: str | None) -> Iterable[dict[str, Any]]:
        """Yield users, and visitors that are known by an anonymous id alone."""
        return self._state.shown(user)

    @property
    def state_is_complete(self) -> bool:
        """Return whether nobody had to be forgotten."""
        return self._state.is_complete

    def _full(self, head: Head, body: bytes) -> Accepted | Refused:  # noqa: ARG002 - the head was judged before
        try:
            decoded = read(body)
        except ValueError as error:
            return self.refuse(400, "invalid_json", str(error))
        breach = self._shape(decoded)
        if breach is not None:
            reason = "no_identity" if breach.keyword == "anyOf" else breach.reason
            return self.refuse(400, reason, breach.text)
        events = decoded["events"]
        refusal = self._oversized(body) or self._contradiction(events)
        if refusal is not None:
            return refusal
        accepted = _accepted([_item(event) for event in events])
        accepted.store = lambda: self._state.store(body)
        return accepted

    def _light(self, head: Head, body: bytes) -> Accepted | Refused:  # noqa: ARG002 - the head was judged before
        try:
            events = self._light_body.decode(body).events
        except (msgspec.DecodeError, RecursionError) as error:
            return self.refuse(400, "invalid_body", str(error))
        return _accepted([_light_item(event) for event in events])

    def _oversized(self, body: bytes) -> Refused | None:
        """Refuse a body with an event that is too large; only a large body is looked at twice."""
        limit = self._limits.moveo_event_bytes + _STAMP_BYTES
        if len(body) <= limit or largest(self._raw_body.decode(body).events) <= limit:
            return None
        return self.refuse(413, "event_too_large", f"an event of more than {self._limits.moveo_event_bytes} bytes")

    def _contradiction(self, events: list[dict[str, Any]]) -> Refused | None:
        most = self._limits.moveo_event_count
        if most is not None and len(events) > most:
            return self.refuse(400, "too_many_events", f"more than {most} events")
        for index, event in enumerate(events):
            if event["timestamp"] != event["originalTimestamp"]:
                return self.refuse(400, "two_times", f"originalTimestamp differs - at `$.events[{index}]`")
        return None


def _accepted(items: list[Item]) -> Accepted:
    return Accepted(items, b'{"accepted":%d}' % len(items))


def _item(event: Mapping[str, Any]) -> Item:
    marks = event.get("traits" if event["type"] in {"identify", "group"} else "properties", {})
    user = event.get("userId", event.get("anonymousId"))
    own_id = mark_text(marks.get("ledger_id")) or event["messageId"]
    return Item(event["type"], own_id, user, mark_number(marks.get("seq")))


def _light_item(event: _LightEvent) -> Item:
    marks = event.traits if event.properties is NO_MARKS else event.properties
    user = mark_text(event.user_id) or mark_text(event.anonymous_id)
    return Item(event.type, mark_text(marks.ledger_id) or event.message_id, user, mark_number(marks.seq))
