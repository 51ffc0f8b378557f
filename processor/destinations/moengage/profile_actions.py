"""Messages for Segment's endpoint exactly as Segment's MoEngage (Actions) destination makes them.

Its own validation decides what is sent, so none of the rules about users, names and values of the classic profile
applies: visitors are sent like users, and so is a message of nobody.

Source: the contract, section 2.4, and `tests/vectors/segment/moengage_actions.jsonl`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from processor.destinations.moengage.events import MISSING_EVENT_NAME, dedupe_id
from processor.destinations.moengage.payloads import EVENT_TOO_LARGE, SEGMENT, payload
from processor.destinations.moengage.private import context_of, converted
from processor.destinations.moengage.removals import MAX_BODY_BYTES
from processor.destinations.moengage.settings import MoEngageSettings
from processor.destinations.moengage.validation import NULLABLE_TEXT, OBJECT, SWITCH, TEXT, TIME, Rule, validated
from processor.destinations.text import decode, encode_copied
from processor.errors import MappingError
from processor.model import Built, Event, Payload, Record, Rejected

NUMBER_BECAME_NULL: Final = "number_became_null"
"""A warning: a number is beyond the range of those that JavaScript holds, which then writes null."""
MISSING_TYPE: Final = Rejected("missing_type", "the mapping gives no `type`")

_COMMON: Final = {
    "type": TEXT,
    "os_name": TEXT,
    "app_version": TEXT,
    "library_version": TEXT,
    "timestamp": TIME,
    "update_existing_only": SWITCH,
}
TRACK_RULES: Final[Mapping[str, Rule]] = {
    **_COMMON,
    "event": TEXT,
    "userId": TEXT,
    "anonymousId": TEXT,
    "properties": OBJECT,
    "project_name": TEXT,
}
IDENTIFY_RULES: Final[Mapping[str, Rule]] = {
    **_COMMON,
    "userId": NULLABLE_TEXT,
    "anonymousId": NULLABLE_TEXT,
    "traits": OBJECT,
}
_NAMED: Final = {"type": "type", "userId": "user_id", "anonymousId": "anonymous_id", "event": "event"}
"""Fields that are sent under a name of their own, if at all, and those names."""


class ActionsBuilder:
    """Builds messages by Segment's rules and the few settings that Segment has no word against."""

    def __init__(self, settings: MoEngageSettings) -> None:
        """Keep what the settings say."""
        self._keys = settings.keys
        self._project_name = settings.project_name
        self._updates_existing_only = settings.update_existing_only

    def track(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:  # noqa: ARG002 - mapped fields alone are sent
        """Return the message of a track."""
        found = validated(fields, TRACK_RULES)
        if isinstance(found, Rejected):
            return found
        if "event" not in found:
            return MISSING_EVENT_NAME
        bag, project = found.get("properties"), found.get("project_name", self._project_name)
        if project is not None:
            bag = {**(bag or {}), "moe_project_name": project}
        return self._message("trackEvent", found, ("properties", bag), (record, dedupe_id(event, record)))

    def identify(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:  # noqa: ARG002 - as above
        """Return the message of an identify."""
        found = validated(fields, IDENTIFY_RULES)
        if isinstance(found, Rejected):
            return found
        return self._message("identifyUser", found, ("traits", found.get("traits")), (record, None))

    def _message(
        self,
        slug: str,
        found: dict[str, Any],
        named_bag: tuple[str, dict[str, Any] | None],
        about: tuple[Record, str | None],
    ) -> Built:
        """Return the payload of a message around its bag."""
        if "type" not in found:
            return MISSING_TYPE
        message = {key: found[name] for name, key in _NAMED.items() if name in found}
        message["context"] = context_of(found.get)
        name, bag = named_bag
        try:
            if bag is not None:
                message[name] = converted(bag, self._keys)
        except MappingError as error:
            return Rejected(error.reason, error.safe)
        if "timestamp" in found:
            message["timestamp"] = found["timestamp"]
        message["update_existing_only"] = found.get("update_existing_only", self._updates_existing_only)
        record, dedupe = about
        return _payload(message, slug, _lanes(slug, message, record), dedupe)


def _payload(message: dict[str, Any], slug: str, lanes: tuple[str, ...], dedupe: str | None) -> Payload | Rejected:
    """Return the payload of a message, numbers that no JSON holds as null; or why there is none."""
    made = partial(payload, action=slug, endpoint=SEGMENT, lanes=lanes, max_bytes=MAX_BODY_BYTES, dedupe_id=dedupe)
    built = made(message)
    if isinstance(built, Payload) or built is EVENT_TOO_LARGE:
        return built
    try:
        written = decode(encode_copied(message))
    except (MappingError, RecursionError):
        return built
    return made(written, warnings=(NUMBER_BECAME_NULL,))


def _lanes(slug: str, message: Mapping[str, Any], record: Record) -> tuple[str, ...]:
    """Return whose order a message keeps: the user's, the visitor's, or, where it names neither, nobody's.

    An identify of both keeps both: it says who the visitor is, so the visitor's events come before it and the user's
    behind.
    """
    named: list[str] = [] if message.get("user_id") is None else [message["user_id"]]
    if message.get("anonymous_id") is not None and (not named or slug == "identifyUser"):
        named.append(f"anonymous:{message['anonymous_id']}")
    # A user may be called as a visitor's lane is.
    return tuple(dict.fromkeys(named)) or (_nobody(record),)


def _nobody(record: Record) -> str:
    """Return a lane that no other message has."""
    return f"nobody:{record.partition}:{record.offset}:{record.event_index}:{record.payload_index}"
