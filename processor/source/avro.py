"""The Avro form of a Segment event, from which the same JSON comes back.

The shape follows what reads it. Members of an event that everybody asks for have a typed column. The open bags
(`context`, `properties`, `traits`, `integrations`, `_metadata`) stay maps of plain values, so that a table can look
inside. What those cannot hold is kept as JSON text: a bag that nests deeper than `BAG_LEVELS` or holds a number or text
that Avro has no form for as the text of that bag, and all other members, also typed ones of an unexpected type or an
explicit null, together as the text of one object in `other`. A null column therefore means: no such typed member.

The levels are written out rather than recursive, because fastavro's compiled reader has no bound on recursion: a
hostile record that nests a few thousand times would end the process, on every restart anew.
"""

from __future__ import annotations

from typing import Any, Final

from processor.errors import DecodeError
from processor.model import Event
from processor.source.json_value import json_text, json_value

NAMESPACE: Final = "segment_bridge"
NAME: Final = "SegmentEvent"
FULL_NAME: Final = f"{NAMESPACE}.{NAME}"

BAG_LEVELS: Final = 4
"""Containers inside one another that a bag may hold, the bag itself included."""

TEXTS: Final = {
    "type": "The call: identify, track, page, screen, group, alias or delete.",
    "messageId": "Id of the message, the key for removing repeats.",
    "userId": "Id of a known user.",
    "anonymousId": "Id of a device or browser.",
    "groupId": "Id of the group (account) of a group call.",
    "previousId": "The former id of an alias call.",
    "event": "Name of what a track call tells.",
    "name": "Name of a page or screen.",
    "category": "Category of a page or screen.",
    "channel": "Where the call was made: server, client, browser or mobile.",
    "projectId": "Id of the Segment source.",
    "timestamp": "When it happened, corrected for a wrong clock: ISO 8601 as received.",
    "originalTimestamp": "When it happened by the sender's clock: ISO 8601 as received.",
    "sentAt": "When the request left, by the sender's clock: ISO 8601 as received.",
    "receivedAt": "When Segment received it: ISO 8601 as received.",
}
BAGS: Final = {
    "context": "Circumstances of the call: library, app, device, page, campaign and more.",
    "properties": "Properties of a track, page or screen call.",
    "traits": "Traits of an identify or group call.",
    "integrations": "Which destinations the event is for.",
    "_metadata": "What the browser library did with the event.",
}
_COLUMNS: Final = (*TEXTS, "version", *BAGS, "other")
_LONG_MIN: Final = -(2**63)
_LONG_MAX: Final = 2**63 - 1


class _NoAvroFormError(Exception):
    """A value inside a bag that Avro cannot hold."""


def event_schema() -> dict[str, Any]:
    """Return the schema that `schemas/segment-event.avsc` holds."""
    bag = {
        "type": "record",
        "name": "Bag",
        "doc": "An open object whose values Avro can hold.",
        "fields": [{"name": "members", "type": {"type": "map", "values": _value_type(BAG_LEVELS - 1)}}],
    }
    bag_types = [bag, *[f"{NAMESPACE}.Bag"] * (len(BAGS) - 1)]
    fields = [
        *[_field(name, ["null", "string"], doc) for name, doc in TEXTS.items()],
        _field("version", ["null", "long", "string"], "Version stamp of the library's protocol: a number or text."),
        *[
            _field(name, ["null", bag_type, "string"], f"{doc} Text: the same as JSON, where Avro cannot hold it.")
            for (name, doc), bag_type in zip(BAGS.items(), bag_types, strict=True)
        ],
        _field("other", ["null", "string"], "JSON text of an object with every member that no other field can hold."),
    ]
    doc = "One event as Segment writes it, without loss. A field that is null stands for a member that is absent."
    return {"type": "record", "name": NAME, "namespace": NAMESPACE, "doc": doc, "fields": fields}


def _field(name: str, types: list[Any], doc: str) -> dict[str, Any]:
    return {"name": name, "type": types, "default": None, "doc": doc}


def _value_type(levels_left: int) -> list[Any]:
    plain: list[Any] = ["null", "boolean", "long", "double", "string"]
    if levels_left == 0:
        return plain
    inner = _value_type(levels_left - 1)
    return [*plain, {"type": "array", "items": inner}, {"type": "map", "values": inner}]


def to_avro(event: Event) -> dict[str, Any]:
    """Return the datum of an event, with the branch of each union named, ready for `fastavro.schemaless_writer`.

    Raises:
        ValueError: The event holds NaN outside a bag that Avro can hold; no JSON gives such an event.
    """
    datum: dict[str, Any] = dict.fromkeys(_COLUMNS)
    other: Event = {}
    for name, value in event.items():
        if name in BAGS:
            datum[name] = _bag(value)
        elif _has_column(name, value):
            datum[name] = value
        else:
            other[name] = value
    if other:
        datum["other"] = json_text(other)
    return datum


def from_avro(datum: dict[str, Any]) -> Event:
    """Return the event of a datum that was read with any version of our schema.

    Raises:
        DecodeError: `invalid_avro`; a text that must be JSON is not.
    """
    event: Event = {}
    for name, value in datum.items():
        if value is None:
            continue
        if name == "other":
            event.update(_json_object(value))
        elif name in BAGS:
            event[name] = value["members"] if isinstance(value, dict) else _json(name, value)
        else:
            event[name] = value
    return event


def _json(name: str, text: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json_value(text)
    except DecodeError:
        message = f"the text in `{name}` is not JSON"
        raise DecodeError("invalid_avro", message, safe=message) from None


def _json_object(text: str) -> Event:
    other = _json("other", text)
    if isinstance(other, dict):
        return other
    message = "the text in `other` is not a JSON object"
    raise DecodeError("invalid_avro", message, safe=message)


def _has_column(name: str, value: Any) -> bool:  # noqa: ANN401 - any JSON value
    if name == "version":
        return _is_long(value) or _is_text(value)
    return name in TEXTS and _is_text(value)


def _is_long(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and _LONG_MIN <= value <= _LONG_MAX


def _is_text(value: object) -> bool:
    """Return whether this is text that UTF-8 can express: a lone surrogate cannot."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bag(value: Any) -> tuple[str, Any]:  # noqa: ANN401 - any JSON value
    try:
        if isinstance(value, dict):
            return f"{NAMESPACE}.Bag", {"members": _members(value, BAG_LEVELS - 1)}
    except _NoAvroFormError:
        pass
    return "string", json_text(value)


def _members(value: dict[str, Any], levels_left: int) -> dict[str, Any]:
    if not all(map(_is_text, value)):
        raise _NoAvroFormError
    return {name: _value(member, levels_left) for name, member in value.items()}


def _plain_branch(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, float):
        return "double"
    if _is_long(value):
        return "long"
    return "string" if _is_text(value) else None


def _value(value: Any, levels_left: int) -> tuple[str, Any]:  # noqa: ANN401 - any JSON value
    branch = _plain_branch(value)
    if branch is not None:
        return branch, value
    if levels_left > 0 and isinstance(value, dict):
        return "map", _members(value, levels_left - 1)
    if levels_left > 0 and isinstance(value, list):
        return "array", [_value(item, levels_left - 1) for item in value]
    raise _NoAvroFormError
