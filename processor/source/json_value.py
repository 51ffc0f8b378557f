"""JSON in and out, for what the fast decoder refuses although JSON allows it.

`msgspec` decodes nearly every record. It refuses a lone surrogate escape and a number beyond the range of a float,
both of which JSON permits and JavaScript writes; those records take the standard library's slower way, which is made
as strict as JSON itself: UTF-8 only, no `NaN`, no `Infinity`.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final, NoReturn

import msgspec

from processor.errors import DecodeError

INVALID_JSON: Final = "invalid_json"

_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"

_decode = msgspec.json.Decoder().decode


def json_value(data: bytes | str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value that a JSON text holds.

    Numbers beyond the range of a float become infinite, as they do in JavaScript; one byte-order mark at the start is
    passed over, as RFC 8259 allows.

    Raises:
        DecodeError: `invalid_json`; it is not JSON in UTF-8, or nested more deeply than can be read.
    """
    try:
        return _decode(data)
    except RecursionError:
        raise _invalid("nested too deeply") from None
    except (msgspec.DecodeError, UnicodeError):
        return _strict_value(data)


def json_text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return JSON in ASCII from which `json_value` reads the same value again, lone surrogates and infinities included.

    Raises:
        ValueError: The value holds NaN, which JSON cannot express and `json_value` never gives.
    """
    try:
        return _encoder.encode(value)
    except ValueError:
        return _text_with_infinities(value)


_encoder = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def _strict_value(data: bytes | str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        return _decoder.decode(text.removeprefix(_BYTE_ORDER_MARK))
    except RecursionError:
        raise _invalid("nested too deeply") from None
    except UnicodeDecodeError as error:
        raise _invalid(f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise _invalid(f"{error.msg} at character {error.pos}") from None
    except _NotANumberError as error:
        raise _invalid(f"{error} is no JSON") from None


class _NotANumberError(Exception):
    """One of the constants that Python's own reader and writer take for JSON."""


def _refuse(constant: str) -> NoReturn:
    raise _NotANumberError(constant)


def _integer(digits: str) -> int | float:
    """Return the integer, or the infinity that JavaScript reads where Python limits how many digits it converts."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


_decoder = json.JSONDecoder(parse_constant=_refuse, parse_int=_integer)


def _text_with_infinities(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        members = (f"{_encoder.encode(key)}:{_text_with_infinities(member)}" for key, member in value.items())
        return f"{{{','.join(members)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_text_with_infinities, value))}]"
    if isinstance(value, float) and math.isinf(value):
        return "1e999" if value > 0 else "-1e999"
    return _encoder.encode(value)


def _invalid(what: str) -> DecodeError:
    message = f"the value is not JSON: {what}"
    return DecodeError(INVALID_JSON, message, safe=message)
