"""Values of foreign Avro records as JSON values.

Avro knows types that JSON does not. Each becomes what a JSON producer would have written, so that triggers, mappings
and vendors' rules need to know of JSON alone.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from types import NoneType
from typing import Any, Final
from uuid import UUID

MAX_DECIMAL_BYTES: Final = 1024
"""Longest decimal that is read. The time that one takes grows with the square of its length, up to minutes for a record
of the size that topics take by default; and Python prints no integer of many more digits than these bytes hold."""

_EXACT: Final = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


def json_form(value: Any) -> Any:  # noqa: ANN401 - any Avro value in, any JSON value out
    """Return the JSON value that stands for a value read by fastavro.

    Instants become ISO 8601 text in UTC, dates and local times ISO 8601 text without a zone, UUIDs text, bytes and
    fixed values base64 text. A decimal becomes a number where a float holds exactly its digits, else text: an amount is
    never changed on the way. NaN becomes null, as JavaScript writes it.

    Raises:
        KeyError: fastavro gave a type that no Avro schema could give when this was written.
    """
    return _FORMS[type(value)](value)


def exact_decimal(data: bytes, schema: Mapping[str, Any] | None, _reader_schema: object = None) -> Decimal:
    """Return a decimal with all of its digits; fastavro's own reader rounds to the precision that the schema names.

    Raises:
        ValueError: It is longer than any amount.
    """
    if len(data) > MAX_DECIMAL_BYTES:
        raise ValueError(f"a decimal of more than {MAX_DECIMAL_BYTES} bytes")
    scale: int = 0 if schema is None else schema.get("scale", 0)
    return _EXACT.scaleb(Decimal(int.from_bytes(data, signed=True)), -scale)


def _same(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    return value


def _iso(value: datetime | date | time) -> str:
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC)
        precision = "milliseconds" if value.microsecond % 1000 == 0 else "microseconds"
        return value.isoformat(timespec=precision).removesuffix("+00:00") + "Z"
    return value.isoformat()


def _number(value: Decimal) -> int | float | str:
    if value.as_tuple().exponent == 0:
        return int(value)
    number = float(value)
    return number if Decimal(repr(number)) == value else str(value)


def _float(value: float) -> float | None:
    return None if math.isnan(value) else value


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _object(value: dict[str, Any]) -> dict[str, Any]:
    return {name: json_form(member) for name, member in value.items()}


def _list(value: list[Any]) -> list[Any]:
    return [json_form(item) for item in value]


_FORMS: Final[Mapping[type, Callable[[Any], Any]]] = {
    **dict.fromkeys((NoneType, bool, int, str), _same),
    **dict.fromkeys((datetime, date, time), _iso),
    float: _float,
    bytes: _text,
    dict: _object,
    list: _list,
    Decimal: _number,
    UUID: str,
}
