"""What becomes of single values on their way to MoEngage: sections 3.0 and 3.8 of its contract."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Any, Final

from tests.reference.javascript import number_text, trimmed

LONGEST_TEXT: Final = 512
LONGEST_LIST: Final = 50
MS_FROM: Final = 1e11
"""Numbers from here on are milliseconds, smaller ones seconds."""
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_WITH_OFFSET: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)", re.ASCII)


def mended(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value in which halves of characters are U+FFFD, keys included: UTF-8 cannot carry them."""
    match value:
        case str():
            return re.sub("[\ud800-\udfff]", "\ufffd", value)
        case dict():
            return {mended(key): mended(item) for key, item in value.items()}
        case list():
            return [mended(item) for item in value]
    return value


def text_of(value: object) -> str | None:
    """Return an id, name or version as text: a text or a number; None for all else, and for blank text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number_text(value)
    return value if isinstance(value, str) and trimmed(value) else None


def printed(value: float | bool) -> str:  # noqa: FBT001 - a value of JSON
    """Return a number or boolean as JavaScript prints it."""
    return str(value).lower() if isinstance(value, bool) else number_text(value)


def sent_value(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a scalar or a list of scalars as it is sent; None when it is left out."""
    if isinstance(value, list):
        return _sent_list(value)
    return _sent_text(value) if isinstance(value, str) else _sent_number(value)


def _sent_number(value: Any) -> Any:  # noqa: ANN401 - a number or boolean
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    return value if value is not None and math.isfinite(value) else None


def _sent_text(text: str) -> str | None:
    # Whether the case of an address's scheme counts is left open; in addresses it never does.
    if len(text) > LONGEST_TEXT and text.lower().startswith(("http://", "https://")):
        return None
    return in_utc(text) if _WITH_OFFSET.fullmatch(text) else text[:LONGEST_TEXT]


def in_utc(text: str) -> str:
    """Return a date-time with an offset as UTC, to milliseconds if it has a fraction; the text if there is no such."""
    try:
        moment = dt.datetime.fromisoformat(text).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return text
    return iso(moment) if "." in text else f"{iso(moment)[:19]}Z"


def _sent_list(items: list[Any]) -> list[Any] | None:
    kept = [sent for item in items if (sent := sent_value(item)) is not None]
    kept = kept[:LONGEST_LIST]
    kinds = {"number" if type(item) in {int, float} else type(item) for item in kept}
    if len(kinds) > 1:
        kept = [item if isinstance(item, str) else printed(item) for item in kept]
    return kept or None


def read_ms(value: object) -> int | None:
    """Return a time of an event in milliseconds; None when nobody can read it."""
    try:
        if isinstance(value, str):
            moment = dt.datetime.fromisoformat(trimmed(value).upper())
            moment = moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            moment = _EPOCH + dt.timedelta(milliseconds=value if value >= MS_FROM else value * 1000)
        else:
            return None
        return (moment - _EPOCH) // dt.timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None


def iso(moment: dt.datetime) -> str:
    """Return a time as UTC with milliseconds."""
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_of_ms(at_ms: int) -> str:
    """Return milliseconds since 1970 as UTC with milliseconds."""
    return iso(_EPOCH + dt.timedelta(milliseconds=at_ms))
