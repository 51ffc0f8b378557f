"""Replacing a literal text the way JavaScript's `String.replace` does with a regular expression made of it.

Linear in the text and in the result: the pattern is searched, never interpreted, and the size of a result that quotes
its surroundings (`` $` ``, `$'`) is known before it is made.

Source: ECMAScript 2024, RegExp.prototype[Symbol.replace], GetSubstitution, Canonicalize without the unicode mode.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from processor.errors import MappingError
from processor.mapping.javascript import utf16_joined, utf16_split

_MARKS: Final = re.compile(r"\$[$&`']")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_FIRST_BEYOND_ASCII: Final = "\x80"
_LAST_BASIC: Final = 0xFFFF


class Substitution:
    """One replacement, ready to run on texts."""

    __slots__ = ("_ignores_case", "_is_global", "_is_of_units", "_is_plain", "_parts", "_pattern")

    def __init__(self, pattern: str, replacement: str, *, ignore_case: bool, is_global: bool) -> None:
        """Take the replacement apart: literal texts at even places, marks at odd ones. The pattern is not empty."""
        self._ignores_case = ignore_case
        self._is_global = is_global
        self._is_of_units = _SURROGATE.search(pattern) is not None
        self._pattern = _folded(pattern) if ignore_case else pattern
        self._parts = _taken_apart(replacement)
        self._is_plain = not ignore_case and not self._is_of_units and len(self._parts) == 1

    def __call__(self, text: str, max_chars: int) -> str:
        """Return the text with the pattern replaced. Without marks the result is linear in the text, and not measured.

        Raises:
            MappingError: the result would have more than `max_chars` characters.
        """
        if self._is_plain:
            return text.replace(self._pattern, self._parts[0], -1 if self._is_global else 1)
        if self._is_of_units:  # half a letter is looked for, so the text must be looked at in halves
            return utf16_joined(self._replaced("".join(utf16_split(text)), max_chars))
        return self._replaced(text, max_chars)

    def _replaced(self, text: str, max_chars: int) -> str:
        """Return the text with the pattern replaced, whatever its units are."""
        starts = list(self._starts(_folded(text) if self._ignores_case else text))
        self._measure(len(text), starts, max_chars)
        pieces: list[str] = []
        end = 0
        for start in starts:
            pieces.append(text[end:start])
            end = start + len(self._pattern)
            pieces.extend(self._filled(text, start, end))
        pieces.append(text[end:])
        return "".join(pieces)

    def _starts(self, text: str) -> Iterator[int]:
        """Yield where the pattern begins, without overlaps; only the first place unless it is global."""
        start = text.find(self._pattern)
        while start >= 0:
            yield start
            if not self._is_global:
                return
            start = text.find(self._pattern, start + len(self._pattern))

    def _measure(self, text_length: int, starts: list[int], max_chars: int) -> None:
        """Refuse a result that is too long, before it is made."""
        length, size = len(self._pattern), text_length
        literal = sum(map(len, self._parts[::2]))
        marks = self._parts[1::2]
        for start in starts:
            own = {"$$": 1, "$&": length, "$`": start, "$'": text_length - start - length}
            size += literal - length + sum(own[mark] for mark in marks)
            if size > max_chars:
                text = f"would make more than {max_chars} characters of this event"
                raise MappingError(text, safe=text)

    def _filled(self, text: str, start: int, end: int) -> Iterator[str]:
        """Yield the pieces that stand in place of one occurrence."""
        for index, part in enumerate(self._parts):
            if index % 2 == 0:
                yield part
            elif part == "$$":
                yield "$"
            elif part == "$&":
                yield text[start:end]
            else:
                yield text[:start] if part == "$`" else text[end:]


def _taken_apart(replacement: str) -> tuple[str, ...]:
    """Return literal texts and the marks between them, in turn."""
    parts: list[str] = []
    end = 0
    for mark in _MARKS.finditer(replacement):
        parts += (replacement[end : mark.start()], mark[0])
        end = mark.end()
    return (*parts, replacement[end:])


def _folded(text: str) -> str:
    """Return the text with each letter as JavaScript compares it; places stay where they are."""
    return text.upper() if text.isascii() else "".join(map(_canonical, text))


def _canonical(char: str) -> str:
    """Return the upper case of one letter, where that is one unit and does not lead from beyond ASCII into it."""
    upper = char.upper()
    if len(upper) != 1 or ord(char) > _LAST_BASIC or ord(upper) > _LAST_BASIC:
        return char
    return char if char >= _FIRST_BEYOND_ASCII > upper else upper
