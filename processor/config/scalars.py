"""Scalars of YAML 1.2's core schema, to the letter.

Only the core schema: times stay text, `yes` and `off` stay text, `012` is twelve. What JSON cannot hold is refused,
because mappings end up as JSON.
"""

from __future__ import annotations

import math
import re
from typing import Final

Scalar = str | int | float | bool | None

_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DECIMAL: Final = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL: Final = re.compile(r"0o[0-7]+")
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MAX_DIGITS: Final = 1000
"""Longest number that is read; Python itself refuses to convert much longer ones."""


def plain_scalar(text: str) -> Scalar:
    """Return the value of a scalar without quotes.

    Raises:
        ValueError: it is a number that JSON cannot hold; the text says so without repeating it.
    """
    if text in _WORDS:
        return _WORDS[text]
    number = _number(text)
    return whole_text(text) if number is None else number


def whole_text(text: str) -> str:
    r"""Return text with pairs of surrogate escapes joined, as JSON writes an emoji: `\ud83d\ude00`.

    Raises:
        ValueError: half of such a pair stands alone.
    """
    if _SURROGATE.search(text) is None:
        return text
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise ValueError("half of a surrogate pair stands alone; write the character itself, or both halves") from None


def _number(text: str) -> int | float | None:
    """Return the number that a text is, None when it is none."""
    if _OCTAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        return int(_short(text), 0)
    if _DECIMAL.fullmatch(text):
        return int(_short(text))
    if _FLOAT.fullmatch(text):
        return _finite(float(text))
    return _finite(math.inf) if _NOT_FINITE.fullmatch(text) else None


def _short(digits: str) -> str:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number of more than {_MAX_DIGITS} digits; put it in quotes if it is text")
    return digits


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError("a number that JSON cannot hold; put it in quotes if it is text")
    return number
