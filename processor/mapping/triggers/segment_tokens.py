"""The words that Segment finds in a trigger.

Its reader takes back what it looked at too early, but not at the end of the text, takes a closing quote for an opening
one unless a blank, a comma or a bracket follows, and wants such a character behind some operators. All of that
decides which events match, so it is done here as it is done there, in time linear in the length of the text.

Source: golden cases of the trigger language, "Blanks and quotes" and "Names".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from processor.mapping.javascript import utf16_length
from processor.mapping.triggers.errors import TriggerError


class Kind(Enum):
    """What a token is. Dots, commas, brackets and null are nothing special: conditions are read by place."""

    NAME = auto()
    TEXT = auto()
    NUMBER = auto()
    OPERATOR = auto()
    CONNECTIVE = auto()
    OPEN = auto()
    CLOSE = auto()
    DOT = auto()
    OTHER = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A token: a name without its backslashes, a text with its quotes, anything else as it was written."""

    kind: Kind
    value: str


END: Final = Token(Kind.END, "eos")
"""The end of the text or of a group. Where a value is read it counts as one, under the name that Segment gives it."""

MAX_UNITS: Final = 100_000
"""No text, name or number has as many UTF-16 units; of a name and a number the first does not count."""

_BLANKS: Final = " \t\n"
_ENDING: Final = frozenset(_BLANKS + ",])")
_AFTER_NAME: Final = _ENDING | frozenset(".(=!")
_SKIPPED: Final = re.compile(f"[{_BLANKS}]*")
_REST_OF_NAME: Final = re.compile(r"(?:[A-Za-z0-9_-]|\\[^\U00010000-\U0010ffff])*", re.DOTALL)
_REST_OF_NUMBER: Final = re.compile(r"[0-9.]*")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_NAME_STARTS: Final = _LETTERS | frozenset("_\\")
_NUMBER_STARTS: Final = frozenset("0123456789+-")
_KEYWORDS: Final = {
    "a": Token(Kind.CONNECTIVE, "and"),
    "o": Token(Kind.CONNECTIVE, "or"),
    "n": Token(Kind.OTHER, "null"),
}
_SINGLE: Final = {"(": Kind.OPEN, ")": Kind.CLOSE, ".": Kind.DOT, ",": Kind.OTHER, "[": Kind.OTHER, "]": Kind.OTHER}


def tokenize(text: str) -> list[Token]:
    """Return the tokens that Segment reads, paths as one name each, the last of kind `END`.

    Raises:
        TriggerError: Segment cannot read the text.
    """
    tokens: list[Token] = []
    position = _after_blanks(text, 0)
    while position < len(text):
        token, position = _next(text, position)
        tokens.append(token)
        position = _after_blanks(text, position)
    return _joined([*tokens, END])


def _after_blanks(text: str, position: int) -> int:
    """Return the next position that is no blank."""
    return _end(_SKIPPED, text, position)


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    """Return where the longest match of a pattern that may match nothing ends."""
    match = pattern.match(text, position)
    return position if match is None else match.end()


def _next(text: str, position: int) -> tuple[Token, int]:
    """Return the token at a position, and the position behind it."""
    char = text[position]
    if char in _KEYWORDS:
        return _keyword(text, position)
    if char in _NAME_STARTS:
        return _name(text, position)
    if char in _NUMBER_STARTS:
        return _number(text, position)
    if char in "\"'":
        return _quoted(text, position)
    if char in "=!<>":
        return _operator(text, position)
    if char in _SINGLE:
        return Token(_SINGLE[char], char), position + 1
    raise TriggerError(f"Segment reads no {char!a} here", position=position)


def _ends_at(text: str, position: int) -> bool:
    """Return whether the text is over, or a character stands there that ends a word."""
    return position >= len(text) or text[position] in _ENDING


def _keyword(text: str, start: int) -> tuple[Token, int]:
    """Return `and`, `or` or `null`, or the name that starts like one.

    What was looked at is taken back when it is not the keyword, but not when the text ended meanwhile: then it is lost.
    """
    keyword = _KEYWORDS[text[start]]
    end = start + len(keyword.value)
    seen = text[start + 1 : end]
    if _ENDING.isdisjoint(seen):
        if end > len(text):
            return Token(Kind.NAME, text[start]), len(text)
        if text[start:end] == keyword.value and _ends_at(text, end):
            return keyword, end
    return _name(text, start)


def _name(text: str, start: int) -> tuple[Token, int]:
    """Return a name, its backslashes resolved."""
    end = _end(_REST_OF_NAME, text, start)
    if end < len(text) and text[end] not in _AFTER_NAME:
        raise TriggerError(f"Segment reads no {text[end]!a} in or behind a name", position=end)
    name = _ESCAPED.sub(r"\1", text[start:end])
    _refuse_long(name[1:], start)
    return Token(Kind.NAME, name), end


def _number(text: str, start: int) -> tuple[Token, int]:
    """Return a number: what stands behind it need not be a blank."""
    end = _end(_REST_OF_NUMBER, text, start + 1)
    point = text.find(".", start, end)
    if point >= 0 and (_ends_at(text, point + 1) or text.find(".", point + 1, end) >= 0):
        raise TriggerError("Segment reads no such number", position=start)
    _refuse_long(text[start + 1 : end], start)
    return Token(Kind.NUMBER, text[start:end]), end


def _quoted(text: str, start: int) -> tuple[Token, int]:
    """Return a text with its quotes. The closing one is left to open the next text unless a word ends there."""
    end = text.find(text[start], start + 1)
    if end < 0:
        raise TriggerError("Segment finds no closing quote", position=start)
    _refuse_long(text[start + 1 : end], start)
    return Token(Kind.TEXT, text[start : end + 1]), end + 1 if _ends_at(text, end + 1) else end


def _operator(text: str, start: int) -> tuple[Token, int]:
    """Return an operator; one that ends in `=` has its equals sign only if a word ends there."""
    char = text[start]
    has_equals = text.startswith("=", start + 1) and _ends_at(text, start + 2)
    if char == "!" and not has_equals and text[start + 1 : start + 2] not in {*_LETTERS, "("}:
        raise TriggerError("Segment reads no such !", position=start)
    if char == "=" or not has_equals:
        return Token(Kind.OPERATOR, char), start + 1
    return Token(Kind.OPERATOR, f"{char}="), start + 2


def _refuse_long(text: str, start: int) -> None:
    """Refuse what is too long for Segment."""
    if utf16_length(text) >= MAX_UNITS:
        raise TriggerError(f"no word has {MAX_UNITS} characters", position=start)


def _joined(tokens: list[Token]) -> list[Token]:
    """Return the tokens with each run of names that points connect as one name, blanks between them or not."""
    joined: list[Token] = []
    parts: list[str] = []
    position = 0
    while position < len(tokens):
        token = tokens[position]
        if not parts and token.kind is Kind.NAME:
            parts = [token.value]
            position += 1
        elif parts and token.kind is Kind.DOT and tokens[position + 1].kind is Kind.NAME:
            parts.append(tokens[position + 1].value)
            position += 2
        elif parts:
            joined.append(Token(Kind.NAME, ".".join(parts)))
            parts = []
        else:
            joined.append(token)
            position += 1
    return joined
