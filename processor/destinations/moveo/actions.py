"""Moveo One's actions: Segment's six calls, each a reduced copy of the event.

Source: contract of Moveo One, section 4; https://github.com/divstechnologydev/moveo-one-segment-destination-web,
`src/MoveoOneDestination.ts` at `e03d4be`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from msgspec import Raw

from processor.destinations.base import Action, Field
from processor.destinations.ids import MAX_MESSAGE_ID_LENGTH, message_id
from processor.destinations.moveo.settings import MoveoSettings
from processor.destinations.text import (
    decode,
    encode,
    encode_copied,
    id_text,
    is_copied_object,
    is_null,
    js_bytes_count,
)
from processor.destinations.times import find_time, is_plain_time, iso_ms
from processor.model import Built, Event, Payload, Record, Rejected, Skipped

ENDPOINT: Final = "events"

_NO_IDENTITY: Final = Rejected("no_identity", "neither `userId` nor `anonymousId` is usable")
_TOO_LARGE: Final = Rejected("event_too_large", "the event is larger than max_event_bytes")
_EXPIRED: Final = Skipped("event_expired")
_IDENTITY: Final = (("userId", "anonymousId"),)
_MOST_FLOAT_GROWTH: Final = 6
"""JavaScript needs less than this many times our bytes for any float: `1e20` takes 4 here and 21 there."""


@dataclass(frozen=True, slots=True)
class Call:
    """What sets one of the six calls apart from the others."""

    slug: str
    description: str
    bag: Field | None = None
    text: Field | None = None
    """The call's own text field; when it is required, `missing` says why an event without it is refused."""
    missing: Rejected | None = None


def _path(name: str) -> dict[str, str]:
    """Return the mapping that copies a top-level field of the event."""
    return {"@path": f"$.{name}"}


_COMMON: Final = (
    Field(
        "messageId",
        "string",
        "Id by which Moveo One recognises repeats. Default: the event's, else one made from the record's coordinates.",
        default=_path("messageId"),
        max_length=MAX_MESSAGE_ID_LENGTH,
        is_id=True,
    ),
    Field(
        "userId",
        "string",
        "The user, not trimmed; numbers become text. Left out unless it is a text that is not blank. An event needs "
        "this or `anonymousId`.",
        default=_path("userId"),
    ),
    Field(
        "anonymousId",
        "string",
        "The visitor before a user is known; null and blank are left out.",
        default=_path("anonymousId"),
    ),
    Field(
        "timestamp",
        "datetime",
        "When it happened, sent as `timestamp` and as `originalTimestamp`. Readable text stays as it is; numbers "
        "become ISO 8601. Where it cannot be read, the event's other times and then the record's follow.",
        default=_path("timestamp"),
    ),
    Field(
        "context",
        "object",
        "The whole context: address, user agent, page, campaign, device, company. Leave it out or edit it to "
        "send less.",
        default=_path("context"),
        is_handed_on=True,
    ),
    Field(
        "integrations",
        "object",
        "The event's routing object, untouched; Moveo One does not route by it.",
        default=_path("integrations"),
        is_handed_on=True,
    ),
)

_PROPERTIES: Final = Field(
    "properties",
    "object",
    "Properties of the call, untouched. An empty object is sent, null is left out, anything else is left out with a "
    "warning.",
    default=_path("properties"),
    is_handed_on=True,
)
_TRAITS: Final = Field(
    "traits",
    "object",
    "Traits, untouched: keys keep their case. An empty object is sent, null is left out, anything else is left out "
    "with a warning.",
    default=_path("traits"),
    is_handed_on=True,
)
_NAME: Final = Field("name", "string", "Name of the page or screen; optional.", default=_path("name"))

CALLS: Final = (
    Call(
        "track",
        "Send what a user did.",
        bag=_PROPERTIES,
        text=Field("event", "string", "Name of the event; numbers become text.", required=True, default=_path("event")),
        missing=Rejected("missing_event_name", "`event` is absent or blank"),
    ),
    Call("page", "Send a page view.", bag=_PROPERTIES, text=_NAME),
    Call("screen", "Send a screen view.", bag=_PROPERTIES, text=_NAME),
    Call("identify", "Send who a user is.", bag=_TRAITS),
    Call(
        "group",
        "Send which company a user belongs to.",
        bag=_TRAITS,
        text=Field("groupId", "string", "The company; numbers become text.", required=True, default=_path("groupId")),
        missing=Rejected("missing_group_id", "`groupId` is absent or blank"),
    ),
    Call(
        "alias",
        "Send that two identities are one.",
        text=Field(
            "previousId",
            "string",
            "The identity before. It keeps the order of both identities; it is sent only with "
            "`alias_include_previous_id`.",
            default=_path("previousId"),
        ),
    ),
)


def make_actions(settings: MoveoSettings) -> dict[str, Action]:
    """Return the six actions by name, each with the rules of these settings."""
    return {call.slug: _action(call, settings) for call in CALLS}


def _action(call: Call, settings: MoveoSettings) -> Action:
    """Return the action of one call."""
    own = tuple(field for field in (call.text, call.bag) if field is not None)
    return Action(call.slug, call.description, _COMMON + own, _Builder(call, settings).build, (ENDPOINT,), _IDENTITY)


class _Builder:
    """Builds the payloads of one call. The order of checks is the contract's: identity, required field, age, size."""

    __slots__ = ("_bags", "_is_alias", "_max_age_ms", "_max_bytes", "_missing", "_sends_text", "_slug", "_text")

    def __init__(self, call: Call, settings: MoveoSettings) -> None:
        """Keep what every event of the call needs."""
        self._slug = call.slug
        self._is_alias = call.slug == "alias"
        self._text = "" if call.text is None else call.text.name
        self._sends_text = settings.alias_include_previous_id or not self._is_alias
        self._missing = call.missing
        self._bags = ("context", "integrations") + (() if call.bag is None else (call.bag.name,))
        self._max_age_ms = settings.max_event_age_ms
        self._max_bytes = settings.max_event_bytes

    def build(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:
        """Return the payload of one event, or why there is none (see `destinations.base.Build`)."""
        get = fields.get
        user_id, anonymous_id = id_text(get("userId")), id_text(get("anonymousId"))
        user = anonymous_id if user_id is None else user_id
        if user is None:
            return _NO_IDENTITY
        text = id_text(get(self._text)) if self._text else None  # the fields may be an event, with a key without a name
        if text is None and self._missing is not None:
            return self._missing
        time = get("timestamp")
        time_warning = None
        if self._max_age_ms is not None or not is_plain_time(time):
            found, epoch_ms, time_warning = find_time(time, event, record)
            if self._max_age_ms is not None and now_ms - epoch_ms > self._max_age_ms:
                return _EXPIRED
            time = found if type(found) is str else iso_ms(epoch_ms)
        message, id_warning = message_id(get("messageId"), event, record)
        item: dict[str, Any] = {"type": self._slug, "messageId": message}
        if anonymous_id is not None:
            item["anonymousId"] = anonymous_id
        item["timestamp"] = item["originalTimestamp"] = time
        if user_id is not None:
            item["userId"] = user_id
        if text is not None and self._sends_text:
            item[self._text] = text
        written, warnings = self._body(item, fields)
        body = _fitting(item, written, self._max_bytes)
        if body is None:
            return _TOO_LARGE
        if id_warning is not None or time_warning is not None:
            warnings += tuple(code for code in (id_warning, time_warning) if code is not None)
        # An alias stays behind the earlier events of both identities that it joins. Lanes are plain ids, whatever role
        # an id plays: `previousId` may be a visitor's or an older user's, and one key covers either.
        lanes = (user, text) if self._is_alias and text is not None and text != user else (user,)
        # Without the last brace: the stamp of each attempt puts it back.
        return Payload(self._slug, ENDPOINT, body[:-1], lanes, "", None, warnings)

    def _body(self, item: dict[str, Any], fields: Mapping[str, Any]) -> tuple[bytes, tuple[str, ...]]:
        """Return an item with the call's objects put into it as JSON, and a warning for each that is something else."""
        warnings: tuple[str, ...] = ()
        write = encode_copied
        for bag in self._bags:
            value = fields.get(bag)
            if is_copied_object(value):
                item[bag] = value
            elif isinstance(value, dict):
                item[bag] = value
                write = encode
            elif not is_null(value):
                warnings += (f"{bag}_not_object",)
        return write(item), warnings


def _fitting(item: dict[str, Any], body: bytes, max_bytes: int) -> bytes | None:
    """Return the JSON to send for an item, None where `JSON.stringify(item)` is longer than `max_bytes` bytes.

    The exact count walks the item; it is made only where floats, or spaces in what was copied, the differences to
    `body`, could decide. Then copied objects are decoded, and sent without what does not count.

    Raises:
        MappingError: a number in what was copied is not finite.
    """
    if len(body) * _MOST_FLOAT_GROWTH <= max_bytes:
        return body
    if any(type(value) is Raw for value in item.values()):
        item = decode(body)
        body = encode(item)
    return None if js_bytes_count(item, body) > max_bytes else body
