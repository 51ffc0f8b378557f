"""Durations as people type them."""

from __future__ import annotations

import re
from typing import Final

import typer

_UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_TEXT: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([smhd]?)", re.ASCII)


def seconds(text: str) -> float:
    """Return the seconds of `90`, `90s`, `1.5m`, `2h` or `1d`.

    Raises:
        typer.BadParameter: It is none of these.
    """
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no duration; allowed: a number with s, m, h or d, such as 30s")
    return float(found[1]) * _UNITS[found[2]]
