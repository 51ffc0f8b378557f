"""Text by UTF-16 unit, where JavaScript cuts a letter outside the basic plane in two."""

from __future__ import annotations

import re
from typing import Final

_FIRST_ASTRAL: Final = 0x10000
_OUTSIDE: Final = re.compile("[\U00010000-\U0010ffff]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def units(text: str) -> str:
    """Return the text with each letter outside the basic plane as its two halves."""
    return text if text.isascii() else _OUTSIDE.sub(_halves, text)


def has_surrogate(text: str) -> bool:
    """Return whether the text holds half a letter."""
    return _SURROGATE.search(text) is not None


def without_first_unit(text: str) -> str:
    """Return the text without its first UTF-16 unit, which leaves half of a letter outside the basic plane."""
    if text[:1] < chr(_FIRST_ASTRAL):
        return text[1:]
    return units(text[0])[1] + text[1:]


def _halves(letter: re.Match[str]) -> str:
    """Return the two halves of a letter outside the basic plane."""
    offset = ord(letter[0]) - _FIRST_ASTRAL
    return chr(0xD800 + (offset >> 10)) + chr(0xDC00 + (offset & 0x3FF))
