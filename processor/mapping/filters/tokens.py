"""The words of a filter.

Source: Segment's manual, "Destination Filter Query Language", field paths and operators.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from processor.mapping.filters.errors import FilterError
from processor.mapping.paths import Keys


class Kind(Enum):
    """What a token is."""

    PATH = "a field"
    TEXT = "a quoted text"
    NUMBER = "a number"
    WORD = "true, false or null"
    COMPARATOR = "an operator"
    CONNECTIVE = "and / or"
    SIGN = "a sign"
    END = "the end"


@dataclass(frozen=True, slots=True)
class Token:
    """A token, what it says (a text without its quotes), where it starts, and the keys of a path."""

    kind: Kind
    text: str
    position: int
    keys: Keys = ()


MAX_CHARS: Final = 100_000
"""Longer than any filter of use, so that reading one has a bound."""

_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_KEY: Final = r"(?:[A-Za-z0-9_-]|\\.)+"
_PATH: Final = re.compile(rf"(?![0-9-]){_KEY}(?:\.{_KEY})*", re.DOTALL)
_SPLIT: Final = re.compile(r"((?:[^.\\]|\\.)+)", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?![A-Za-z0-9_.\\-])")
_COMPARATOR: Final = re.compile(r"!=|<=|>=|[=<>](?!=)")
_SIGN: Final = re.compile(r"[!()\[\],]")
_WORDS: Final = {
    "and": Kind.CONNECTIVE,
    "or": Kind.CONNECTIVE,
    "in": Kind.COMPARATOR,
    "true": Kind.WORD,
    "false": Kind.WORD,
    "null": Kind.WORD,
}
_PATTERNS: Final = ((_COMPARATOR, Kind.COMPARATOR), (_SIGN, Kind.SIGN), (_NUMBER, Kind.NUMBER))


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a filter, the last of kind `END`.

    Raises:
        FilterError: at the first character that no token starts with.
    """
    if len(text) > MAX_CHARS:
        raise FilterError(f"a filter has at most {MAX_CHARS} characters", position=0)
    tokens: list[Token] = []
    position = _after_blanks(text, 0)
    while position < len(text):
        token, position = _next(text, position)
        tokens.append(token)
        position = _after_blanks(text, position)
    return [*tokens, Token(Kind.END, "", len(text))]


def _after_blanks(text: str, position: int) -> int:
    """Return the next position that is no blank."""
    match = _BLANKS.match(text, position)
    return position if match is None else match.end()


def _next(text: str, start: int) -> tuple[Token, int]:
    """Return the token at a position, and the position behind it."""
    if text[start] in "\"'":
        return _quoted(text, start)
    for pattern, kind in _PATTERNS:
        if (match := pattern.match(text, start)) is not None:
            return Token(kind, match[0], start), match.end()
    path = _PATH.match(text, start)
    if path is None:
        raise FilterError(f"{text[start]!a} cannot stand here", position=start)
    kind = _WORDS.get(path[0], Kind.PATH)
    keys = tuple(_ESCAPED.sub(r"\1", key) for key in _SPLIT.findall(path[0]))
    return Token(kind, path[0], start, keys), path.end()


def _quoted(text: str, start: int) -> tuple[Token, int]:
    """Return a text, which ends at the next quote of its kind; a backslash in it is no sign, for globs want it."""
    end = text.find(text[start], start + 1)
    if end < 0:
        raise FilterError("the text is not closed", position=start)
    return Token(Kind.TEXT, text[start + 1 : end], start), end + 1
