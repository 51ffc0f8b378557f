"""Moveo One's ingestion endpoint, as the contract describes it.

Source: "Segment Integration" of docs.moveo.one and the published web plugin at commit e03d4be. The server's own answers
and limits are not documented: the sizes are those that the vendor's client keeps, the error bodies are invented.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from processor.sandbox.settings import SandboxSettings
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

_Text = Annotated[str, Meta(pattern=r"\S")]
_Instant = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
_Object = dict[str, Raw]


class _Event(Struct, gc=False, rename="camel", tag_field="type", forbid_unknown_fields=True):
    """The fields that all six calls share; an unknown key is a mistake of the sender."""

    message_id: _Text
    timestamp: _Text
    original_timestamp: _Text
    sent_at: _Instant
    user_id: _Text | UnsetType = UNSET
    anonymous_id: _Text | UnsetType = UNSET
    context: _Object | UnsetType = UNSET
    integrations: _Object | UnsetType = UNSET


class _Track(_Event, tag="track", kw_only=True):
    event: _Text
    properties: Marks = NO_MARKS


class _Page(_Event, tag="page"):
    name: Any = None
    properties: Marks = NO_MARKS


class _Screen(_Event, tag="screen"):
    name: Any = None
    properties: Marks = NO_MARKS


class _Identify(_Event, tag="identify"):
    traits: Marks = NO_MARKS


class _Group(_Event, tag="group", kw_only=True):
    group_id: _Text
    traits: Marks = NO_MARKS


class _Alias(_Event, tag="alias"):
    previous_id: Any = None


class _Body(Struct, forbid_unknown_fields=True):
    events: Annotated[list[_Track | _Page | _Screen | _Identify | _Group | _Alias], Meta(min_length=1)]


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
        self._limits = settings.limits
        check = self._full if settings.checks == "full" else self._light
        self._route = Route("events", settings.limits.moveo_request_bytes, check)
        self._body = msgspec.json.Decoder(_Body)
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
        if head.headers.get("Authorization") in self._keys:
            return None
        return self.refuse(401, "wrong_key", "the token is wrong or missing")

    def _full(self, head: Head, body: bytes) -> Accepted | Refused:  # noqa: ARG002 - the head was judged before
        try:
            refusal = self._oversized(body)
            events = self._body.decode(body).events
        except msgspec.DecodeError as error:
            return self.refuse(400, "invalid_body", str(error))
        return refusal or self._contradiction(events) or _accepted([_item(event) for event in events])

    def _light(self, head: Head, body: bytes) -> Accepted | Refused:  # noqa: ARG002 - the head was judged before
        try:
            events = self._light_body.decode(body).events
        except msgspec.DecodeError as error:
            return self.refuse(400, "invalid_body", str(error))
        return _accepted([_light_item(event) for event in events])

    def _oversized(self, body: bytes) -> Refused | None:
        """Refuse a body with an event that is too large; only a large body is looked at twice."""
        limit = self._limits.moveo_event_bytes + _STAMP_BYTES
        if len(body) <= limit or largest(self._raw_body.decode(body).events) <= limit:
            return None
        return self.refuse(413, "event_too_large", f"an event of more than {self._limits.moveo_event_bytes} bytes")

    def _contradiction(self, events: list[Any]) -> Refused | None:
        most = self._limits.moveo_event_count
        if most is not None and len(events) > most:
            return self.refuse(400, "too_many_events", f"more than {most} events")
        for index, event in enumerate(events):
            if event.user_id is UNSET and event.anonymous_id is UNSET:
                return self.refuse(400, "no_identity", f"neither userId nor anonymousId - at `$.events[{index}]`")
            if event.timestamp != event.original_timestamp:
                return self.refuse(400, "two_times", f"originalTimestamp differs - at `$.events[{index}]`")
        return None


def _accepted(items: list[Item]) -> Accepted:
    return Accepted(items, b'{"accepted":%d}' % len(items))


def _item(event: Any) -> Item:  # noqa: ANN401 - one of the six calls
    call = event.__struct_config__.tag
    marks = event.traits if call in {"identify", "group"} else NO_MARKS if call == "alias" else event.properties
    user = event.anonymous_id if event.user_id is UNSET else event.user_id
    return Item(call, mark_text(marks.ledger_id) or event.message_id, user, mark_number(marks.seq))


def _light_item(event: _LightEvent) -> Item:
    marks = event.traits if event.properties is NO_MARKS else event.properties
    user = mark_text(event.user_id) or mark_text(event.anonymous_id)
    return Item(event.type, mark_text(marks.ledger_id) or event.message_id, user, mark_number(marks.seq))
