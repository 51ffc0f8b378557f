"""What JavaScript takes for white space, and how it writes numbers and JSON, for references of clients written in it.

Source: contract of Moveo One, sections 6 and 10; ECMAScript's `String.prototype.trim`.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

WHITE_SPACE = "\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))


def trimmed(text: str) -> str:
    """Return a text without the white space around it, which is not quite what Python takes for it."""
    return text.strip(WHITE_SPACE)


def number_text(number: float) -> str:
    """Return `String(number)` of a finite number: its shortest digits; an integer keeps them all, beyond 2^53 too."""
    if isinstance(number, int):
        return str(number)
    if number == 0:
        return "0"
    if 1e-6 <= abs(number) < 1e21:
        plain = f"{Decimal(repr(number)):f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    mantissa, _, exponent = repr(number).partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent):+d}"


def json_text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return `JSON.stringify(value)`: no blanks, no escapes that need not be."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json_text(name)}:{json_text(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number_text(value)
    return json.dumps(value, ensure_ascii=False)
