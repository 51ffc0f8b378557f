"""JSON text as JavaScript writes and reads it.

Python's own differs: it prints `19.0`, keeps the order of integer-like keys, leaves lone surrogates unescaped, reads
`NaN`, and refuses integers of thousands of digits.

Source: ECMAScript 2024, JSON.stringify, JSON.parse, OrdinaryOwnPropertyKeys.
"""

from __future__ import annotations

import json
import math
import re
from json.encoder import encode_basestring
from typing import Final, Never

from processor.errors import MappingError
from processor.mapping.javascript import js_keys, js_number, to_double
from processor.mapping.values import ABSENT, Json

_LONE: Final = re.compile(r"[\ud800-\udfff]")
_MOST_EXACT_DIGITS: Final = 300
"""Longer integers are beyond the range of 64-bit floats or close to it; Python would take ever longer to read them."""
_TOO_DEEP: Final = "is nested too deeply to be read or written as JSON"


def stringify(value: Json) -> str:
    """Return `JSON.stringify(value)`: absent members left out, absent items as null, endless numbers as null.

    Raises:
        MappingError: the value is nested deeper than the stack holds.
    """
    try:
        return _written(value)
    except RecursionError as error:
        raise MappingError(_TOO_DEEP, safe=_TOO_DEEP) from error


def _written(value: Json) -> str:
    """Return one value as JSON."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        members = [f"{_quoted(key)}:{_written(value[key])}" for key in js_keys(value) if value[key] is not ABSENT]
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)) and math.isfinite(to_double(value)):
        return js_number(value)
    return "null"


def _quoted(text: str) -> str:
    """Return a text in quotes; halves of letters are escaped, whole letters are not."""
    quoted = encode_basestring(text)
    return quoted if quoted.isascii() else _LONE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def parse(text: str) -> Json:
    """Return `JSON.parse(text)`, the text itself when it is not JSON. Numbers out of range are infinite.

    Raises:
        MappingError: the text is nested deeper than the stack holds.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_int=_integer)
    except ValueError:
        return text
    except RecursionError as error:
        raise MappingError(_TOO_DEEP, safe=_TOO_DEEP) from error


def _refuse(_word: str) -> Never:
    """Refuse `NaN` and its like, which JSON does not know."""
    raise ValueError


def _integer(digits: str) -> float:
    """Return an integer as it is written; only what no float holds becomes one."""
    return int(digits) if len(digits) <= _MOST_EXACT_DIGITS else float(digits)
