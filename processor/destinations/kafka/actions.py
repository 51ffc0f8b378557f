"""What becomes of an event in another topic: its record as it is, or a JSON object that a mapping gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from processor.destinations.base import Action, Field
from processor.destinations.ids import record_name
from processor.destinations.kafka.settings import KafkaTopicSettings
from processor.destinations.target import Message, packed
from processor.destinations.text import encode, id_text, without_lone_surrogates
from processor.mapping.paths import Keys, parse_dollar_path, walk
from processor.model import Built, Event, Headers, Payload, Record, Rejected

ENDPOINT: Final = "records"
UNKEYED: Final = "unkeyed"
"""Warning: the event has no key, so its message has none and goes to any partition."""

_NO_KEY: Final = Rejected("no_key", "none of the paths of `key` leads to a text or a number")
_NOT_AN_OBJECT: Final = Rejected("value_not_object", "`value` is no object")
_TOO_LARGE: Final = Rejected("event_too_large", "key, value and headers are more than max_message_bytes")
_ORIGIN: Final = "segment-bridge-source-"

_KEY: Final = Field(
    "key",
    "string",
    "Key of the message; a number becomes text. Where the mapping gives none, `settings.key` says where it stands.",
)


def make_actions(settings: KafkaTopicSettings) -> dict[str, Action]:
    """Return the two actions for these settings."""
    writer = _Writer(settings)
    return {
        "record": Action(
            "record",
            "Write the record's value and headers as they are, under a key of its own. An event of a batch body, and "
            "one from which privacy or a filter may have taken something, is written anew, as JSON without headers.",
            (_KEY,),
            writer.record,
            (ENDPOINT,),
            takes_value=True,
        ),
        "event": Action(
            "event",
            "Write a JSON object that the mapping gives, without the headers of the record.",
            (_KEY, Field("value", "object", "The object to write. Required.", required=True)),
            writer.event,
            (ENDPOINT,),
        ),
    }


def key_paths(settings: KafkaTopicSettings) -> tuple[Keys, ...]:
    """Return where keys are looked for, in order."""
    return tuple(map(parse_dollar_path, settings.key))


class _Writer:
    """Makes messages by the settings of one destination."""

    def __init__(self, settings: KafkaTopicSettings) -> None:
        """Keep what decides."""
        self._settings = settings
        self._paths = key_paths(settings)

    def record(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:  # noqa: ARG002 - no rule asks for the time
        """Return the record's own value, or the event where the value is not exactly that."""
        if record.value is None:
            return self._payload("record", fields, event, record, encode(event), ())
        return self._payload("record", fields, event, record, record.value, record.headers)

    def event(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:  # noqa: ARG002 - no rule asks for the time
        """Return what the mapping gave."""
        value = fields.get("value")
        if not isinstance(value, dict):
            return _NOT_AN_OBJECT
        return self._payload("event", fields, event, record, encode(value), ())

    def _payload(
        self, action: str, fields: Mapping[str, Any], event: Event, record: Record, value: bytes, headers: Headers
    ) -> Built:
        """Return the message of one event, or why there is none."""
        key = id_text(fields.get("key")) or self._key(event)
        if key is None and self._settings.without_key == "reject":
            return _NO_KEY
        name = record_name(record)
        message = Message(
            name,
            None if key is None else _utf8(key),
            value,
            self._headers(headers, record),
            max(0, record.timestamp_ms) if self._settings.keep_timestamp else 0,
        )
        if message.size_bytes > self._settings.max_message_bytes:
            return _TOO_LARGE
        # What has no key has no order: nothing else waits for it.
        lane, warnings = (name, (UNKEYED,)) if key is None else (key, ())
        return Payload(action, ENDPOINT, packed(message), (lane,), warnings=warnings)

    def _key(self, event: Event) -> str | None:
        """Return the first usable value that the paths of the settings lead to."""
        return next((key for path in self._paths if (key := id_text(walk(event, path))) is not None), None)

    def _headers(self, kept: Headers, record: Record) -> Headers:
        """Return the headers of a message; those of an earlier origin make way for its own."""
        if not self._settings.origin_headers:
            return kept
        origin = {"topic": record.topic, "partition": str(record.partition), "offset": str(record.offset)}
        own = tuple((_ORIGIN + name, text.encode()) for name, text in origin.items())
        names = {name for name, _ in own}
        return (*(header for header in kept if header[0] not in names), *own)


def _utf8(key: str) -> bytes:
    """Return a key as bytes; what UTF-8 cannot carry becomes U+FFFD."""
    try:
        return key.encode()
    except UnicodeEncodeError:
        text: str = without_lone_surrogates(key)
        return text.encode()
