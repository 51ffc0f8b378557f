"""Text of ids and numbers, and JSON bytes, as the vendors' own JavaScript clients write them.

The reference clients of every vendor run in a browser or in Node, so "as text" means JavaScript's `String(value)` and
"blank" means empty after JavaScript's `trim()`.
"""

from __future__ import annotations

import json
import math
import re
import struct
from typing import Any, Final

import msgspec

from processor.errors import MappingError
from processor.mapping import javascript

BLANKS: Final = javascript.WHITESPACE
"""What trimming removes."""

_TOO_DEEP: Final = "the value is nested too deeply"
_encoder: Final = msgspec.json.Encoder()
_BRACE: Final = (b"{",)
_first: Final = struct.Struct("c").unpack_from
"""Looks at a first byte without copying the others, which a slice of `Raw` would, or making a view of them."""
_ENDLESS: Final = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]", re.DOTALL)


def is_blank(text: str) -> bool:
    """Return whether nothing is left of a text after trimming."""
    return not text.strip(BLANKS)


def id_text(value: Any) -> str | None:  # noqa: ANN401 - any JSON value may stand where an id should
    """Return an id, name or other short text as the vendors take it, or None when the value is not usable as one.

    A text is kept as it is, never trimmed, unless it is blank. Numbers become JavaScript's text of them, whole floats
    without a fraction. Booleans, null, lists, objects and numbers that are not finite are not usable.
    """
    kind = type(value)
    if kind is str:
        return value if value.strip(BLANKS) else None
    if kind is int or (kind is float and math.isfinite(value)):
        return js_number(value)
    return None


def js_number(number: float) -> str:
    """Return JavaScript's `String(number)`, except that integers keep the digits that JavaScript would round.

    Source: contract of Moveo One, section 10; an id of twenty digits must not become another one.
    """
    return int.__repr__(number) if isinstance(number, int) else javascript.js_number(number)


def encode(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return a JSON value as compact UTF-8 with nothing escaped that need not be.

    Lone surrogates, which UTF-8 cannot carry, become U+FFFD; two halves that a mapping has put side by side become the
    character that they spell.

    Raises:
        MappingError: a number is not finite or too long to print, or the value is nested too deeply.
    """
    body = encode_copied(value)
    # The encoder writes null for NaN, which would change data without a trace; a body without any null has none.
    if body.find(b"null") >= 0 and _may_hold_endless_number(value) and _has_endless_number(value):
        raise MappingError("a number is not finite", safe="a number is not finite")
    return body


def encode_copied(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return the same where no number of the value can be endless: such a number would be written as null."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return _encoder.encode(without_lone_surrogates(value))
    except ValueError as error:
        raise MappingError(f"a number cannot be written: {error}", safe="a number is too long to be written") from error
    except RecursionError as error:
        raise MappingError(_TOO_DEEP, safe=_TOO_DEEP) from error


def is_copied_object(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether a value is an object as the bytes of its JSON."""
    return type(value) is msgspec.Raw and _first(value) == _BRACE


def is_null(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether a value, perhaps as the bytes of its JSON, is null."""
    return value is None or (type(value) is msgspec.Raw and bytes(value) == b"null")


def decode(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON value that `encode` wrote. The encoder's own reader would refuse some of its integers.

    An integer of a copied object that is too long for Python is infinite, as it is where events are read as a whole.
    """
    return json.loads(body, parse_int=_integer)


def _integer(digits: str) -> int | float:
    """Return the integer, or the infinity that it is where Python limits how many digits it converts."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def without_lone_surrogates(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a copy of a JSON value in which every text, keys included, can be written as UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {without_lone_surrogates(key): without_lone_surrogates(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_lone_surrogates(item) for item in value]
    return value


def _may_hold_endless_number(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Return false when no number of a JSON value is NaN or infinite, true when a closer look is needed.

    Packing and one search take a tenth of the time of a walk: a packed float is its mark and eight bytes, of which the
    first twelve bits after the sign are set in endless numbers only, and no text holds such bytes.
    """
    try:
        return _ENDLESS.search(msgspec.msgpack.encode(value)) is not None
    except (ValueError, OverflowError):
        return True


def _has_endless_number(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether NaN or an infinity stands anywhere in a JSON value."""
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(_has_endless_number(item) for item in value.values())
    return isinstance(value, list | tuple) and any(_has_endless_number(item) for item in value)


def js_bytes_count(value: Any, body: bytes) -> int:  # noqa: ANN401 - any JSON value
    """Return how many bytes JavaScript's `JSON.stringify` makes of a value that was encoded as `body`.

    The two differ in floats only: `10.0` and `1e16` here are `10` and `10000000000000000` there.
    """
    return len(body) + _float_surplus(value)


def _float_surplus(value: Any) -> int:  # noqa: ANN401 - any JSON value
    """Return by how many bytes JavaScript's floats are longer than ours, summed over a JSON value."""
    if isinstance(value, float):
        return len(js_number(value)) - len(_encoder.encode(value))
    if isinstance(value, dict):
        return sum(map(_float_surplus, value.values()))
    return sum(map(_float_surplus, value)) if isinstance(value, list | tuple) else 0
