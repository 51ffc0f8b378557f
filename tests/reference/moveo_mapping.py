"""What the bridge sends to Moveo One for one event: a reduced copy of it, or nothing and the reason.

Source: contract of Moveo One, sections 4, 6, 8 and 10; the functions stand in the order of the checks in 4.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid5

from tests.reference.javascript import json_text, number_text, trimmed

OWN_TEXT = {"track": "event", "page": "name", "screen": "name", "group": "groupId", "alias": "previousId"}
OWN_BAG = {"track": "properties", "page": "properties", "screen": "properties", "identify": "traits", "group": "traits"}
CALLS = OWN_TEXT.keys() | OWN_BAG.keys()
REQUIRED = {"track": "missing_event_name", "group": "missing_group_id"}
TIMES = ("timestamp", "originalTimestamp", "receivedAt", "sentAt")
MESSAGE_IDS = UUID("142e1e4b-288b-5805-a5a9-3e76e2a90ca9")
MAX_EVENT_BYTES = 32_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Settings:
    """The settings of section 9 that decide what is sent."""

    respect_integrations: bool = False
    alias_include_previous_id: bool = False
    filter: Mapping[str, Sequence[Any]] = field(default_factory=dict)


class Record(NamedTuple):
    """The coordinates and the time that Kafka knows an event by."""

    topic: str
    partition: int
    offset: int
    time_ms: int


class Sent(NamedTuple):
    """An event as Moveo One gets it, apart from `sentAt`, and what is counted as odd about it."""

    event: dict[str, Any]
    warnings: list[str]


class NotSent(NamedTuple):
    """Why an event is left out: `dropped` on purpose, or a `dead_letter`."""

    outcome: Literal["dropped", "dead_letter"]
    reason: str


def sent(event: Any, record: Record, settings: Settings) -> Sent | NotSent:  # noqa: ANN401 - any JSON value
    """Return what Moveo One gets of a decoded record."""
    call = call_of(event)
    if isinstance(call, NotSent):
        return call
    reason = held_back(call, event, settings) or incomplete(call, event)
    if reason is not None:
        return reason
    reduced = reduced_copy(call, event, record, settings)
    is_too_large = len(json_text(reduced.event).encode()) > MAX_EVENT_BYTES
    return NotSent("dead_letter", "event_too_large") if is_too_large else reduced


def call_of(event: Any) -> str | NotSent:  # noqa: ANN401 - any JSON value
    """Return which of the six calls an event is."""
    if not isinstance(event, dict):
        return NotSent("dead_letter", "not_an_object")
    if not isinstance(event.get("type"), str) or is_blank(event["type"]):
        return NotSent("dead_letter", "missing_type")
    call = trimmed(event["type"]).lower()
    return call if call in CALLS else NotSent("dead_letter", "unknown_type")


def held_back(call: str, event: dict[str, Any], settings: Settings) -> NotSent | None:
    """Return why an event is not for Moveo One, if it is not."""
    if settings.respect_integrations and is_switched_off(event.get("integrations")):
        return NotSent("dropped", "integration_disabled")
    if call != "alias" and not passes(event.get(OWN_BAG[call]), settings.filter):
        return NotSent("dropped", "filtered")
    return None


def incomplete(call: str, event: dict[str, Any]) -> NotSent | None:
    """Return what an event lacks without which Moveo One cannot use it, if anything."""
    if text(event.get("userId")) is None and text(event.get("anonymousId")) is None:
        return NotSent("dead_letter", "no_identity")
    if call in REQUIRED and text(event.get(OWN_TEXT[call])) is None:
        return NotSent("dead_letter", REQUIRED[call])
    return None


def is_blank(value: str) -> bool:
    """Return whether a text has nothing but white space."""
    return not trimmed(value)


def is_switched_off(integrations: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether the event's own routing leaves Moveo One out (contract of Segment, section 1.6)."""
    if not isinstance(integrations, dict):
        return False
    named = integrations.get("Moveo One")
    if named is not None:
        return named in (False, 0, "")
    return integrations.get("All") is False


def passes(bag: Any, wanted: Mapping[str, Sequence[Any]]) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether every key of the filter has one of its values in the event's properties or traits."""
    values = bag if isinstance(bag, dict) else {}
    return all(
        (found := filter_text(values.get(name))) is not None and found in map(filter_text, allowed)
        for name, allowed in wanted.items()
    )


def filter_text(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return a value as JavaScript's `String` has it; none for what no filter matches."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    return value if isinstance(value, str) else None


def text(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return an id or a name: text that is not blank as it is, a number as text, none for everything else.

    The contract leaves open an `anonymousId` that is a number, and a page's or screen's `name` that is one or blank.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return number_text(value)
    return value if isinstance(value, str) and not is_blank(value) else None


def reduced_copy(call: str, event: dict[str, Any], record: Record, settings: Settings) -> Sent:
    """Return the members that Moveo One gets, without those that are absent or not of their kind."""
    given_id = text(event.get("messageId"))
    time, source = time_of(event, record)
    members = {
        "type": call,
        "messageId": synthetic_id(record) if given_id is None else given_id,
        "anonymousId": text(event.get("anonymousId")),
        "userId": text(event.get("userId")),
        "timestamp": time,
        "originalTimestamp": time,
    }
    if call in OWN_TEXT and (call != "alias" or settings.alias_include_previous_id):
        members[OWN_TEXT[call]] = text(event.get(OWN_TEXT[call]))
    names = ["context", "integrations", *([OWN_BAG[call]] if call in OWN_BAG else [])]
    bags = {name: event[name] for name in names if event.get(name) is not None}

    warnings = [f"{name}_not_object" for name, bag in bags.items() if not isinstance(bag, dict)]
    if source != "timestamp":
        warnings.append(f"timestamp_from_{source}")
    if given_id is None:
        warnings.append("synthetic_message_id")
    texts = {name: member for name, member in members.items() if member is not None}
    objects = {name: bag for name, bag in bags.items() if isinstance(bag, dict)}
    return Sent(sendable(texts | objects), warnings)


def synthetic_id(record: Record) -> str:
    """Return the id that the same record always gets if its event has none."""
    return str(uuid5(MESSAGE_IDS, f"kafka:{record.topic}:{record.partition}:{record.offset}"))


def time_of(event: dict[str, Any], record: Record) -> tuple[str, str]:
    """Return the first readable time of the event and which it is, else the time of its record."""
    times = ((readable_time(event.get(name)), name) for name in TIMES)
    return next(((time, name) for time, name in times if time is not None), (iso(record.time_ms), "record"))


def readable_time(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return a time as it is sent: ISO 8601 text unchanged, seconds or milliseconds since 1970 as such text.

    The contract leaves open what is readable: here also small letters and white space around, but no year beyond 1 to
    9999 in UTC.
    """
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, int | float):
            return iso(value if value >= 1e11 else value * 1000)
        datetime.fromisoformat(trimmed(value).upper()).astimezone(UTC)
    except (ValueError, AttributeError, OverflowError):
        return None
    return str(value)


def iso(epoch_ms: float) -> str:
    """Return a time in UTC with three decimals.

    Raises:
        OverflowError: no year of four digits has it.
    """
    time = EPOCH + timedelta(milliseconds=epoch_ms)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def sendable(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value as UTF-8 can carry it: half a character is sent as the replacement character."""
    if isinstance(value, dict):
        return {sendable(name): sendable(member) for name, member in value.items()}
    if isinstance(value, list):
        return [sendable(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value
