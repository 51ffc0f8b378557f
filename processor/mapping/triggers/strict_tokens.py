"""The words of a trigger.

Segment's reader accepts almost anything and drops what it does not know, so a slip changes which events match and
nobody is told. This reader accepts only what Segment reads as it is written, and says for the rest what to write.

Source: contract of the trigger dialect; golden cases of the trigger language, "Blanks and quotes" and "Names".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from processor.mapping.triggers.errors import TriggerError


class Kind(Enum):
    """What a token is."""

    NAME = "a field"
    TEXT = "a quoted text"
    NUMBER = "a number"
    WORD = "a value"
    OPERATOR = "an operator"
    NOT = "!"
    CONNECTIVE = "and / or"
    COMMA = "a comma"
    OPEN = "("
    CLOSE = ")"
    END = "the end"


@dataclass(frozen=True, slots=True)
class Token:
    """A token, the characters it is made of, and where they start."""

    kind: Kind
    text: str
    position: int


MAX_CHARS: Final = 100_000
"""Segment's lexer takes no text, name or number of this length; no trigger of use comes near."""

_BLANKS: Final = re.compile(r"[ \t\n]*")
_NAME: Final = re.compile(r"(?:[A-Za-z0-9_.-]|\\.)+", re.DOTALL)
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_AFTER_VALUE: Final = " \t\n)"
_AFTER_CONNECTIVE: Final = " \t\n"
_CONNECTIVES: Final = frozenset({"and", "or"})
_WORDS: Final = frozenset({"true", "false", "null"})
_NEGATED: Final = re.compile(r"!(?:contains|match)(?![A-Za-z0-9_.\\-])")
_SINGLE: Final = {"(": Kind.OPEN, ")": Kind.CLOSE, ",": Kind.COMMA}


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a trigger, the last of kind `END`.

    Raises:
        TriggerError: at the first character that Segment would not read as it is written.
    """
    if len(text) >= MAX_CHARS:
        raise TriggerError(f"a trigger has at most {MAX_CHARS} characters", position=0)
    tokens: list[Token] = []
    position = _skip_blanks(text, 0)
    while position < len(text):
        token, position = _next(text, position)
        tokens.append(token)
        position = _skip_blanks(text, position)
    tokens.append(Token(Kind.END, "", len(text)))
    return tokens


def _skip_blanks(text: str, position: int) -> int:
    """Return the next position that is no blank; to Segment only blank, tab and newline are."""
    match = _BLANKS.match(text, position)
    return position if match is None else match.end()


def _next(text: str, position: int) -> tuple[Token, int]:
    """Return the token at a position and where it ends."""
    char = text[position]
    if char in _SINGLE:
        return Token(_SINGLE[char], char, position), position + 1
    if char == '"':
        return _quoted(text, position)
    if char in "=!<>":
        return _operator(text, position)
    if char.isascii() and (char.isdigit() or char == "-"):
        return _number(text, position)
    if char == "\\" or (char.isascii() and char.isalpha()):
        return _word(text, position)
    raise _unreadable(text, position)


def _quoted(text: str, start: int) -> tuple[Token, int]:
    """Return a text in double quotes; it ends at the next one, for there is no way to write a quote inside."""
    end = text.find('"', start + 1)
    if end < 0:
        raise TriggerError("the text is not closed", position=start, instead=text + '"')
    slash = text.find("\\", start, end)
    if slash >= 0:
        raise TriggerError("a backslash inside a text is not read the same everywhere", position=slash)
    _need(text, end + 1, _AFTER_VALUE + ",", "a closing quote")
    return Token(Kind.TEXT, text[start + 1 : end], start), end + 1


def _operator(text: str, start: int) -> tuple[Token, int]:
    """Return an operator, or the `!` of a negated function."""
    if text.startswith("==", start):
        raise TriggerError("equality is one = here", position=start, instead=text[:start] + text[start + 1 :])
    has_equals = text.startswith("=", start + 1)
    if text[start] == "!" and not has_equals:
        return _negation(text, start)
    end = start + 1 + has_equals
    token = Token(Kind.OPERATOR, text[start:end], start)
    if token.text == "=":
        _need(text, end, _AFTER_CONNECTIVE + '"', "=")
    elif has_equals:
        _need(text, end, _AFTER_CONNECTIVE, token.text)
    if text[start] in "<>" and text[start - 1 : start] not in {*_AFTER_CONNECTIVE}:
        instead = f"{text[:start]} {text[start:]}"
        raise TriggerError(f"a blank must stand before {token.text}", position=start, instead=instead)
    return token, end


def _negation(text: str, start: int) -> tuple[Token, int]:
    """Return `!`, which only a function directly behind it makes a negation."""
    if _NEGATED.match(text, start) is None:
        raise TriggerError("! is dropped unless contains or match stands directly behind it", position=start)
    return Token(Kind.NOT, "!", start), start + 1


def _number(text: str, start: int) -> tuple[Token, int]:
    """Return a number: digits with an optional minus and decimals."""
    match = _NUMBER.match(text, start)
    if match is None:
        raise _unreadable(text, start)
    _need(text, match.end(), _AFTER_VALUE, "a number (digits, at most one minus and one point)")
    return Token(Kind.NUMBER, match[0], start), match.end()


def _word(text: str, start: int) -> tuple[Token, int]:
    """Return a field, a connective, or true, false, null."""
    match = _NAME.match(text, start)
    if match is None:
        raise _unreadable(text, start)
    word, end = match[0], match.end()
    if word in _CONNECTIVES:
        _need(text, end, _AFTER_CONNECTIVE, word)
        return Token(Kind.CONNECTIVE, word, start), end
    if word.lower() in _CONNECTIVES:
        raise TriggerError(
            f"{word} is skipped when it is not in lower case",
            position=start,
            instead=text[:start] + word.lower() + text[end:],
        )
    if word in _WORDS:
        _need(text, end, _AFTER_VALUE, word)
        return Token(Kind.WORD, word, start), end
    return Token(Kind.NAME, word, start), end


def _need(text: str, position: int, wanted: str, what: str) -> None:
    """Refuse a token that the next character would change; the end of the text is always fine."""
    if position < len(text) and text[position] not in wanted:
        instead = text[:position] + " " + text[position:]
        raise TriggerError(f"a blank must follow {what}", position=position, instead=instead)


def _unreadable(text: str, position: int) -> TriggerError:
    """Return the error for a character that no token starts with."""
    char = text[position]
    if char == "'":
        end = text.find("'", position + 1)
        instead = None if end < 0 else f'{text[:position]}"{text[position + 1 : end]}"{text[end + 1 :]}'
        return TriggerError("a text in single quotes never matches", position=position, instead=instead)
    if char in "[]":
        return TriggerError("Segment's triggers have no lists: write one comparison for each value", position=position)
    name = char if char.isprintable() and not char.isspace() else f"U+{ord(char):04X}"
    return TriggerError(
        f"the character {name} cannot stand here; in a field, put a backslash before it", position=position
    )
