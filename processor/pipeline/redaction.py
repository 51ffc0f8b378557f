"""The record of a dead letter without what is private.

Paths say where in an event something private stands; in bytes that hold no event they say nothing. So whatever is not
one of Segment's calls is left out as a whole, and so are key and headers, of which nobody can say what they hold.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from processor.destinations.gates import CALLS, with_type
from processor.destinations.privacy import Privacy
from processor.model import Record, Rejected, Skipped
from processor.pipeline.ports import Decoder
from processor.source.decode import SchemaNeeded
from processor.source.json_value import json_text

_TYPES: Final = CALLS | {"delete"}


def redacted(record: Record, decoder: Decoder, privacy: Privacy) -> Record:
    """Return the record without key and headers, its value the JSON of its event after privacy.

    A batch body becomes the list of its events in order, so that their positions stay. The value is None where the
    record holds anything but events, cannot be decoded now, or has what JSON cannot express.
    """
    return replace(record, key=None, headers=(), value=_value(record, decoder, privacy))


def _value(record: Record, decoder: Decoder, privacy: Privacy) -> bytes | None:
    """Return what may be shown of a record's value."""
    try:
        decoded = decoder.decode(record)
        if isinstance(decoded, Skipped | Rejected) or not all(_is_event(value) for _, value in decoded):
            return None
        events = [privacy.applied(event) for _, event in decoded]
        return json_text(events[0] if len(events) == 1 else events).encode("ascii")
    except (SchemaNeeded, RecursionError, ValueError):
        return None


def _is_event(value: object) -> bool:
    """Return whether a value is one of Segment's calls."""
    return isinstance(with_type(value, _TYPES), dict)
