"""Version numbers, compared as people compare them: 2.10 is newer than 2.9, and 1.0.0-beta older than 1.0.0.

Source: Semantic Versioning 2.0.0, precedence. Missing parts count as zero, so that `2.9` is a version.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

_VERSION: Final = re.compile(r"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")

_Number: TypeAlias = tuple[int, str]
Rank: TypeAlias = tuple[tuple[_Number, ...], bool, tuple[tuple[bool, _Number], ...]]
"""Orders as the versions do: the three numbers, whether it is final, and the words before it is."""


def rank(text: str) -> Rank | None:
    """Return what the version compares by, None when the text is none."""
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    major, minor, patch, early = match.groups()
    numbers = tuple(_number(part or "0") for part in (major, minor, patch))
    words = () if early is None else tuple(map(_word, early.split(".")))
    return numbers, early is None, words


def _number(digits: str) -> _Number:
    """Return digits in the order of their numbers, however many there are."""
    significant = digits.lstrip("0")
    return len(significant), significant


def _word(word: str) -> tuple[bool, _Number]:
    """Return one word of an early version: numbers come before names."""
    return (False, _number(word)) if word.isdigit() else (True, (0, word))
