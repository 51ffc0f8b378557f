"""JavaScript's text of JSON values, and the numbers that it reads in texts.

Segment's mapping language runs on JavaScript, and whoever moves here compares texts: `19.0` must print as `19`, a list
as its items joined by commas. Everything is total on JSON values of any depth and size, and linear in their size.

Source: ECMAScript 2024, Number::toString, StringToNumber, ToString, Array.prototype.join, String.prototype.trim.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from processor.errors import MappingError
from processor.mapping.values import ABSENT, Json

_SPACES: Final = "".join(map(chr, range(0x2000, 0x200B)))
WHITESPACE: Final = "\t\n\v\f\r \u00a0\u1680" + _SPACES + "\u2028\u2029\u202f\u205f\u3000\ufeff"
"""What JavaScript's `trim` removes. Python's `strip` differs: it takes U+0085 and U+001C, and leaves U+FEFF."""

_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_PREFIXED: Final = {
    16: re.compile(r"0[xX][0-9a-fA-F]+"),
    8: re.compile(r"0[oO][0-7]+"),
    2: re.compile(r"0[bB][01]+"),
}
_INFINITIES: Final = {"Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}
_NO_TEXT: Final = "an object with a key toString has no text"
_EXACT_INT: Final = 2**53
_MOST_DIGITS_BEFORE_POINT: Final = 21
_MOST_ZEROS_AFTER_POINT: Final = 6
_MOST_INDEX_DIGITS: Final = 10
_FIRST_NO_INDEX: Final = 2**32 - 1


def to_double(number: float) -> float:
    """Return the 64-bit float that JavaScript would hold for this number, an infinity when it is out of range."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def js_number(number: float) -> str:
    """Return `String(number)` of JavaScript.

    Integers beyond 2**53 print as the nearest double, minus zero as `0`, out-of-range numbers as `Infinity`.
    """
    if isinstance(number, int) and -_EXACT_INT <= number <= _EXACT_INT:
        return int.__repr__(number)
    double = to_double(number)
    text = float.__repr__(double)
    if text.endswith(".0"):
        return "0" if text == "-0.0" else text[:-2]
    if "e" in text:
        return _respell(text)
    if math.isfinite(double):
        return text
    return "NaN" if math.isnan(double) else "Infinity" if double > 0 else "-Infinity"


def text_number(text: str) -> float:
    """Return `Number(text)` of JavaScript as a 64-bit float: zero for blank text, NaN for one that spells no number."""
    text = js_trim(text)
    if not text:
        return 0.0
    if _DECIMAL.fullmatch(text):
        return float(text)
    for base, pattern in _PREFIXED.items():
        if pattern.fullmatch(text):
            return to_double(int(text[2:], base))
    return _INFINITIES.get(text, math.nan)


def _respell(text: str) -> str:
    """Return Python's exponent form as JavaScript spells it; both hold the same shortest digits."""
    mantissa, _, exponent = text.partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.removeprefix("-").partition(".")
    digits = whole + fraction
    point = int(exponent) + 1
    if len(digits) <= point <= _MOST_DIGITS_BEFORE_POINT:
        return sign + digits.ljust(point, "0")
    if -_MOST_ZEROS_AFTER_POINT < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    return f"{mantissa}e{int(exponent):+d}"


def js_text(value: Json) -> str:
    """Return `String(value)` of JavaScript for a JSON value.

    Raises:
        MappingError: an object with a key `toString`, which JavaScript cannot turn into text, wherever it is.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return _joined(value)
    return _scalar_text(value)


def _scalar_text(value: Json) -> str:
    """Return the text of a value that holds no items to join."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return js_number(value)
    if "toString" in value:
        raise MappingError(_NO_TEXT, safe=_NO_TEXT)
    return "[object Object]"


def _joined(items: list[Any]) -> str:
    """Return the items' texts joined by commas, null and an absent item of an operand as nothing.

    A nested list joins its own items by commas too, so the whole is its leaves in order; an empty list is one empty
    leaf. An explicit stack keeps the depth of an event from becoming the depth of our calls.
    """
    leaves: list[str] = []
    waiting: list[Any] = [items]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(reversed(item) if item else ("",))
        elif isinstance(item, str):
            leaves.append(item)
        else:
            leaves.append("" if item is None or item is ABSENT else _scalar_text(item))
    return ",".join(leaves)


def js_trim(text: str) -> str:
    """Return the text without the blanks that JavaScript's `trim` removes."""
    return text.strip(WHITESPACE)


def utf16_length(text: str) -> int:
    """Return the length that JavaScript reports: UTF-16 units, so that an emoji counts as two or more."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf16_unit(text: str, index: int) -> str | None:
    """Return the UTF-16 unit at `index`, which may be half a letter outside the basic plane; None past the end."""
    if text.isascii():
        return text[index] if index < len(text) else None
    units = text.encode("utf-16-le", "surrogatepass")[2 * index : 2 * index + 2]
    return units.decode("utf-16-le", "surrogatepass") if units else None


def is_falsy(value: Json) -> bool:
    """Return whether JavaScript takes the value for false: null, false, zero, NaN and empty text; never a container."""
    return not isinstance(value, (dict, list)) and (not value or value != value)  # noqa: PLR0124 - only NaN differs


def utf16_split(text: str) -> list[str]:
    """Return the UTF-16 units of a text, each a text of its own; letters outside the basic plane come as two halves."""
    if text.isascii():
        return list(text)
    units = text.encode("utf-16-le", "surrogatepass")
    return [units[at : at + 2].decode("utf-16-le", "surrogatepass") for at in range(0, len(units), 2)]


def utf16_joined(text: str) -> str:
    """Return a text with the halves that belong together as one letter."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def js_keys(value: dict[str, Any]) -> list[str]:
    """Return an object's keys in JavaScript's order: integer-like ones first, ascending, then the others."""
    indexes = [key for key in value if key.isdigit() and _is_index(key)]
    if not indexes:
        return list(value)
    first = frozenset(indexes)
    return sorted(indexes, key=int) + [key for key in value if key not in first]


def _is_index(key: str) -> bool:
    """Return whether JavaScript takes a key for an array index: digits without a leading zero, below 2**32 - 1."""
    if not (key.isascii() and key.isdigit()) or len(key) > _MOST_INDEX_DIGITS or (key[0] == "0" and key != "0"):
        return False
    return int(key) < _FIRST_NO_INDEX
