"""Lengths of time as people type them: 90s, 15m, 2h, 1d, 1h30m."""

from __future__ import annotations

import re
from typing import Final

import typer

_UNITS_S: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_PART: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)([smhdw])")
_ALLOWED: Final = "a length of time such as 90s, 15m, 2h, 1d or 1h30m"


def parsed_s(text: str) -> float | None:
    """Return a length of time in seconds, None where the text is none. A bare number has no unit and is none."""
    parts = _PART.findall(text)
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS_S[unit] for number, unit in parts)


def duration_s(text: str, option: str) -> float:
    """Return a length of time in seconds.

    Raises:
        typer.BadParameter: The text is none.
    """
    found = parsed_s(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is not {_ALLOWED}", param_hint=option)
    return found
