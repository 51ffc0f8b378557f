"""Filters for dates, in UTC unless a time zone is given.

`now` and `today` are refused: a record that is read again has to map to the same payload.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from processor.mapping.liquid.budget import refuse
from processor.mapping.liquid.context import Context
from processor.mapping.liquid.date_text import MAX_MS, MS_PER_DAY, date_of, parse_date
from processor.mapping.liquid.filters.base import Filter
from processor.mapping.liquid.strftime import Clock, Moment, strftime
from processor.mapping.liquid.values import Value, is_nothing, is_number, number_of, plain, printed, text_of
from processor.mapping.values import ABSENT

_DEFAULT: Final = "%A, %B %-e, %Y at %-l:%M %P %z"
_XML: Final = "%Y-%m-%dT%H:%M:%S%:z"
_MAIL: Final = "%a, %d %b %Y %H:%M:%S %z"
_CLOCKED: Final[Mapping[str, str]] = dict.fromkeys(
    ("now", "today"), "asks for the current time: the same record has to map to the same payload"
)
_UTC: Final = "UTC"
_EARLY_YEARS: Final = 400
_LATE_YEARS: Final = 8000
"""Outside of what `datetime` knows, a time zone is asked for its offset in another year with the same calendar."""
MAX_ZONE_CHARS: Final = 100


def _clock(context: Context, value: Value, zone: Value = ABSENT) -> Clock | None:
    """Return what a clock shows at the date that a value stands for, None when it stands for none.

    Raises:
        MappingError: the value asks for the current time, or the time zone is unknown.
    """
    ms = _milliseconds(context, plain(value))
    if ms is None:
        return None
    moment = _moment(context, ms, zone)
    return None if moment is None else moment.clock()


def _milliseconds(context: Context, value: Value) -> int | None:
    """Return the milliseconds since 1970 of a date: seconds as a number or in digits, or a date that is written."""
    if is_nothing(value):
        return None
    if isinstance(value, str) and value in _CLOCKED:
        raise refuse(_CLOCKED[value])
    if isinstance(value, bool):
        return int(value)
    if is_number(value) or (isinstance(value, str) and value.isascii() and value.isdigit()):
        return _clipped(number_of(value, context.budget) * 1000)
    found = parse_date(text_of(value, context.budget))
    return None if found is None else _clipped(found)


def _clipped(ms: float) -> int | None:
    """Return milliseconds as JavaScript's dates hold them, None when they are out of their range."""
    return int(ms) if abs(ms) <= MAX_MS else None


def _moment(context: Context, ms: int, zone: Value) -> Moment | None:
    """Return the point in time for a zone: its name, or the minutes that it is behind UTC; UTC when it is not given."""
    if is_nothing(zone):
        return Moment(ms, 0, _UTC)
    if isinstance(zone, str):
        return Moment(ms, _behind(ms, zone), zone)
    offset = number_of(zone, context.budget)
    return Moment(ms, offset, "") if _clipped(ms - offset * 60_000) is not None else None


def _behind(ms: int, name: str) -> float:
    """Return the minutes that a time zone is behind UTC at a time.

    Raises:
        MappingError: there is no such time zone.
    """
    year, date = date_of(ms // MS_PER_DAY)
    if year <= 1:
        year = date.year + _EARLY_YEARS
    elif year > _LATE_YEARS:
        year = date.year + _LATE_YEARS
    time = dt.datetime(year, date.month, date.day, tzinfo=dt.UTC) + dt.timedelta(milliseconds=ms % MS_PER_DAY)
    try:
        zone = ZoneInfo(name) if len(name) <= MAX_ZONE_CHARS else None
    except (ValueError, OSError, KeyError):
        zone = None
    if zone is None:
        raise refuse("names a time zone that is not known")
    offset = time.astimezone(zone).utcoffset()
    return -(offset.total_seconds() if offset else 0.0) / 60


def _date(context: Context, value: Value, pattern: Value = ABSENT, zone: Value = ABSENT) -> Value:
    """Return the date in a pattern; a value that is no date stays as it is."""
    clock = _clock(context, value, zone)
    if clock is None:
        return value
    pattern = plain(pattern)
    spelled = _DEFAULT if is_nothing(pattern) else printed(pattern, context.budget)
    return strftime(clock, spelled, context.budget)


def _in_pattern(pattern: str) -> Filter:
    """Return a filter with a pattern of its own."""
    return Filter(lambda context, value: _date(context, value, pattern), refused_texts=_CLOCKED)


def _in_words(month: str) -> Filter:
    """Return a filter that spells the month, and the day as an ordinal when asked to."""

    def apply(context: Context, value: Value, kind: Value = ABSENT, style: Value = ABSENT) -> Value:
        if kind != "ordinal":
            return _date(context, value, f"%d {month} %Y")
        return _date(context, value, f"{month} %-d%q, %Y" if style == "US" else f"%-d%q {month} %Y")

    return Filter(apply, 2, refused_texts=_CLOCKED)


DATE_FILTERS: Final[Mapping[str, Filter]] = {
    "date": Filter(_date, 2, refused_texts=_CLOCKED),
    "date_to_long_string": _in_words("%B"),
    "date_to_rfc822": _in_pattern(_MAIL),
    "date_to_string": _in_words("%b"),
    "date_to_xmlschema": _in_pattern(_XML),
}
