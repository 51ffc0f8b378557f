"""Values of attributes as MoEngage stores them: the table of the contract, section 3.8.

Everything that MoEngage would drop or cut without a word is dropped or cut here, where it is a rule that can be tested.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any, Final

from processor.destinations.text import js_number

MAX_TEXT_CHARACTERS: Final = 512
MAX_LIST_COUNT: Final = 50

_INT64: Final = range(-(2**63), 2**63)
_URL_STARTS: Final = ("http://", "https://")

_SHORTEST_DATE_TIME: Final = len("2026-01-01T00:00Z")
_LONGEST_DATE_TIME: Final = 40
_ACCEPTED_LENGTHS: Final = frozenset({len("2026-01-01T00:00:00Z"), len("2026-01-01T00:00:00.000Z")})
"""Lengths of the two forms that need no change. A text of that length that is no date-time needs none either, except
in minutes with a long fraction, which no sender writes."""
_TIME_MARK: Final = len("2026-01-01")
_DATE_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(\.\d+)?(Z|[+-]\d\d(?::?\d\d)?)",
    re.ASCII,
)


def scalar(value: Any) -> Any:  # noqa: ANN401 - any scalar of JSON
    """Return a scalar as MoEngage stores it, or None when it must be left out."""
    kind = type(value)
    if kind is str:
        return text(value)
    if kind is int:
        return value if value in _INT64 else _long_text(value)
    if kind is float:
        return value if math.isfinite(value) else None
    return value


def text(value: str) -> str | None:
    """Return a text as MoEngage stores it, or None when it is an address too long to be kept whole."""
    if len(value) > MAX_TEXT_CHARACTERS:
        return None if is_url(value) else value[:MAX_TEXT_CHARACTERS]
    if len(value) >= _SHORTEST_DATE_TIME and value[_TIME_MARK] == "T":
        return utc_text(value)
    return value


def is_url(value: str) -> bool:
    """Return whether a text is a web address."""
    return value[:8].lower().startswith(_URL_STARTS)


def utc_text(value: str) -> str:
    """Return a date-time with an offset in UTC, in one of the two forms that MoEngage takes for a date-time.

    With milliseconds when it had a fraction, cut and not rounded, without a fraction when it had none. Anything else,
    times that no calendar has among them, is returned unchanged: MoEngage stores it as text.
    """
    if value[-1] == "Z" and len(value) in _ACCEPTED_LENGTHS:
        return value
    found = _DATE_TIME.fullmatch(value) if len(value) <= _LONGEST_DATE_TIME else None
    if found is None:
        return value
    local, fraction, offset = found.groups()
    try:
        moment = datetime.fromisoformat(local + offset).astimezone(UTC)
    except (ValueError, OverflowError):
        return value
    ms = "" if fraction is None else fraction[:4].ljust(4, "0")
    return f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + ms + "Z"


def short_url(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return an address without query and fragment when it is too long, None when it is still too long then."""
    if type(value) is not str or len(value) <= MAX_TEXT_CHARACTERS:
        return value
    bare = value.partition("#")[0].partition("?")[0]
    return bare if len(bare) <= MAX_TEXT_CHARACTERS else None


def scalar_list(items: list[Any]) -> list[Any]:
    """Return a list of scalars as MoEngage stores it: without nulls, bounded, and of one type.

    A list of several types becomes text, because MoEngage casts to the first item's type and may drop the whole list.
    """
    kept = [item for value in items if (item := scalar(value)) is not None][:MAX_LIST_COUNT]
    if len({_type_name(item) for item in kept}) > 1:
        return [as_text(item) for item in kept]
    return kept


def _type_name(item: Any) -> str:  # noqa: ANN401 - any scalar of JSON
    """Return which of MoEngage's three list types an item has."""
    if isinstance(item, str):
        return "text"
    return "boolean" if isinstance(item, bool) else "number"


def as_text(item: Any) -> str:  # noqa: ANN401 - any scalar of JSON but null
    """Return a scalar as JavaScript prints it."""
    if isinstance(item, str):
        return item
    if isinstance(item, bool):
        return "true" if item else "false"
    return js_number(item)


def _long_text(value: int) -> str | None:
    """Return the digits of an integer too large for MoEngage, None when there are more than a text may have."""
    # Python refuses to print integers of several thousand digits; a digit is more than three bits and less than four.
    digits = str(value) if value.bit_length() <= MAX_TEXT_CHARACTERS * 4 else ""
    return digits if 0 < len(digits) <= MAX_TEXT_CHARACTERS else None
