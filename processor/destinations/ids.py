"""Ids that stay the same when a record is read again, so that vendors recognise repeats."""

from __future__ import annotations

import re
import uuid
from hashlib import sha1
from typing import Any, Final

from processor.destinations.text import id_text
from processor.model import Event, Record

NAMESPACE: Final = uuid.UUID("142e1e4b-288b-5805-a5a9-3e76e2a90ca9")
"""UUIDv5 of the URL namespace over `urn:segment:messageId`. Frozen: another value makes every replay a duplicate."""

_NAMESPACE_HASH: Final = sha1(NAMESPACE.bytes, usedforsecurity=False)
"""Every name's hash begins with the namespace; it is hashed once and copied. SHA-1 is what UUIDv5 is made of."""

SYNTHETIC: Final = "synthetic_message_id"
"""Warning: the event has no usable `messageId`, so its id comes from the record's coordinates."""

MAX_MESSAGE_ID_LENGTH: Final = 100
"""Characters of a `messageId` by which Segment, and the clients that follow it, recognise repeats.

Source: contract of Segment, section 1.5; contract of Moveo One, section 8.
"""

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_UUID_CHARS: Final = 36
_VARIANT: Final = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""The two variant bits of a UUID set over the two lower bits of each hexadecimal digit."""


def uuid5_text(name: str) -> str:
    """Return the text of the UUIDv5 of a name in `NAMESPACE`; several times as fast as `uuid.uuid5`."""
    hashed = _NAMESPACE_HASH.copy()
    hashed.update(name.encode("utf-8", "surrogatepass"))
    digest = hashed.hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{_VARIANT[digest[16]]}{digest[17:20]}-{digest[20:32]}"


def record_name(record: Record) -> str:
    """Return the coordinates of a payload as text, unlike those of any other payload.

    `kafka:<topic>:<partition>:<offset>`, then `:<payload index>` from the second payload at an endpoint on; an event
    from a batch body other than its first has `:<event index>:<payload index>` instead.
    """
    name = f"kafka:{record.topic}:{record.partition}:{record.offset}"
    if record.event_index:
        return f"{name}:{record.event_index}:{record.payload_index}"
    return f"{name}:{record.payload_index}" if record.payload_index else name


def message_id(mapped: Any, event: Event, record: Record) -> tuple[str, str | None]:  # noqa: ANN401 - any JSON value
    """Return the id that a payload is recognised by, and a warning code when it had to be made up.

    It is what the mapping gave, else the event's `messageId`, verbatim, with `:<payload index>` behind it for the
    second and later payload of one event at one endpoint; without a usable one the UUIDv5 of the record's coordinates.
    """
    found = id_text(mapped) or id_text(event.get("messageId"))
    if found is None:
        return uuid5_text(record_name(record)), SYNTHETIC
    return (f"{found}:{record.payload_index}" if record.payload_index else found), None


def message_uuid(mapped: Any, event: Event, record: Record) -> tuple[str, str | None]:  # noqa: ANN401 - any JSON value
    """Return the same id as a canonical UUID: itself in lower case where it is one, else the UUIDv5 of its text."""
    found, warning = message_id(mapped, event, record)
    if warning is not None:
        return found, warning
    return found.lower() if is_uuid(found) else uuid5_text(found), None


def is_uuid(text: str) -> bool:
    """Return whether a text is a UUID in its canonical form, in either case."""
    return len(text) == _UUID_CHARS and _UUID.fullmatch(text) is not None
