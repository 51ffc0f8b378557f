"""Times of events: reading every spelling that Segment's senders use, and writing the one that all vendors take."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from processor.destinations.text import BLANKS
from processor.model import Event, Record

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_MIN_MS: Final = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // _MS
_MAX_MS: Final = (datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC) - _EPOCH) // _MS
_FIRST_MS_NUMBER: Final = 1e11
"""Numbers from here on count milliseconds, smaller ones seconds: as seconds it would be the year 5138."""
_SHORTEST_DATE: Final = 8
SOURCES: Final = ("timestamp", "originalTimestamp", "receivedAt", "sentAt")
"""The event's times, in the order in which they are tried."""
_PLAIN_YEARS: Final = range(2, 9999)
_SEPARATOR_AT: Final = slice(10, 11)
_DATE: Final = re.compile(r"[0-9]{4}(?:-[0-9]{2}-[0-9]{2}|[0-9]{4}|-?W[0-9]{2}(?:-?[0-9])?)(?![0-9])")
"""Dates as `datetime.fromisoformat` reads them, but for a digit behind, which it takes for a separator."""


def read_time_ms(value: Any) -> int | None:  # noqa: ANN401 - any JSON value may stand where a time should
    """Return a time as milliseconds since 1970, digits below a millisecond cut off, or None when it cannot be read.

    Readable are ISO 8601 texts with any offset and precision (no zone means UTC) and numbers: from 1e11 on
    milliseconds, smaller ones seconds. The year must have four digits, as written by `iso_ms`.
    """
    kind = type(value)
    if kind is str:
        epoch_ms = _text_ms(value)
    elif kind is int or (kind is float and math.isfinite(value)):
        epoch_ms = _number_ms(value)
    else:
        return None
    return epoch_ms if epoch_ms is not None and _MIN_MS <= epoch_ms <= _MAX_MS else None


def is_plain_time(value: Any) -> bool:  # noqa: ANN401 - any JSON value may stand where a time should
    """Return true for nearly every text that can be read as a time, false when only `read_time_ms` can tell.

    For whoever sends the text as it is and need not know the moment, which costs as much again as reading.
    """
    if type(value) is not str or value[_SEPARATOR_AT] != "T":
        return False
    try:
        return datetime.fromisoformat(value).year in _PLAIN_YEARS
    except ValueError:
        return False


def _text_ms(text: str) -> int | None:
    """Return an ISO 8601 text as milliseconds since 1970."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        plain = text.strip(BLANKS).upper()
        return _text_ms(plain) if plain != text and len(plain) >= _SHORTEST_DATE else None
    if text[_SEPARATOR_AT] != "T" and _DATE.match(text) is None:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MS


def _number_ms(number: float) -> int | None:
    """Return a number of seconds or milliseconds as whole milliseconds."""
    if number >= _FIRST_MS_NUMBER:
        return math.floor(number)
    if isinstance(number, int):
        return number * 1000
    # By its decimal digits: 1.001 s is 1001 ms, which a product of floats may miss by one.
    return math.floor(Decimal(repr(number)) * 1000)


def iso_ms(epoch_ms: int) -> str:
    """Return a time as `YYYY-MM-DDTHH:MM:SS.mmmZ`."""
    seconds, ms = divmod(epoch_ms, 1000)
    return f"{_iso_second(seconds)}.{ms:03d}Z"


@lru_cache(maxsize=8192)
def _iso_second(seconds: int) -> str:
    """Return a whole second as `YYYY-MM-DDTHH:MM:SS`; cached, because events of one moment arrive together."""
    moment = _EPOCH + timedelta(seconds=seconds)
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")


def find_time(mapped: Any, event: Event, record: Record) -> tuple[Any, int, str | None]:  # noqa: ANN401 - any JSON value
    """Return the first readable time as it was found, in milliseconds, and the warning code.

    `mapped` is what a mapping gave for the time, None when it gave none; it comes before the event's own fields and
    raises no warning, and neither does the event's `timestamp` where the mapping gave nothing at all. The record's own
    time comes last. Never the wall clock: a record read again must map to the same payload.
    """
    epoch_ms = read_time_ms(mapped)
    if epoch_ms is not None:
        return mapped, epoch_ms, None
    for source in SOURCES:
        value = event.get(source)
        epoch_ms = read_time_ms(value)
        if epoch_ms is not None:
            plain = source == "timestamp" and mapped is None
            return value, epoch_ms, None if plain else f"timestamp_from_{source}"
    # A producer may have written any number there; one that no calendar has would break every later reader of it.
    epoch_ms = min(max(record.timestamp_ms, _MIN_MS), _MAX_MS)
    return epoch_ms, epoch_ms, "timestamp_from_record"
