"""Reads the words of an expression: names, numbers, quoted texts, literals, operators."""

from __future__ import annotations

import re
from typing import Final

from processor.mapping.liquid.budget import refuse
from processor.mapping.liquid.lexer import BLANKS, QUOTES, is_word, quoted_end, word_end
from processor.mapping.liquid.values import Drop

MAX_DEPTH: Final = 32
"""Levels of brackets and parentheses in an expression."""

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.(?!\.)[0-9]*)?")
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{0,4})|([0-7]{1,3})|([\s\S]))")

LITERALS: Final = {
    "true": True,
    "false": False,
    "nil": Drop.NIL,
    "null": Drop.NIL,
    "empty": Drop.EMPTY,
    "blank": Drop.BLANK,
}


class Reader:
    """A text and how far it is read."""

    def __init__(self, text: str) -> None:
        """Start at the beginning."""
        self.text = text
        self.position = 0
        self.depth = 0

    def skip_blanks(self) -> None:
        """Move on to the next character that is no blank."""
        while self.peek() and self.peek() in BLANKS:
            self.position += 1

    def peek(self, ahead: int = 0) -> str:
        """Return a character that comes, empty past the end."""
        return self.text[self.position + ahead : self.position + ahead + 1]

    def is_at_end(self) -> bool:
        """Return whether everything is read."""
        return self.position >= len(self.text)

    def skip_past(self, mark: str) -> bool:
        """Move past the next such mark, to the end when there is none; return whether there was one."""
        found = self.text.find(mark, self.position)
        self.position = len(self.text) if found < 0 else found + len(mark)
        return found >= 0

    def deeper(self) -> None:
        """Go one level of brackets or parentheses down.

        Raises:
            MappingError: that is one level too many.
        """
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise refuse(f"nests brackets deeper than {MAX_DEPTH} levels")

    def identifier(self) -> str:
        """Return the name that comes, empty when none does."""
        self.skip_blanks()
        start = self.position
        self.position = word_end(self.text, start)
        return self.text[start : self.position]

    def word_among(self, words: tuple[str, ...]) -> str | None:
        """Return the first of these words that comes; one that ends in a letter must end where a name would."""
        self.skip_blanks()
        for word in words:
            end = self.position + len(word)
            if self.text.startswith(word, self.position):
                if is_word(word[-1]) and is_word(self.text[end : end + 1]):
                    continue
                self.position = end
                return word
        return None

    def quoted(self) -> str | None:
        """Return the quoted text that comes, its escapes resolved, or None."""
        self.skip_blanks()
        if not self.peek() or self.peek() not in QUOTES:
            return None
        start = self.position
        self.position = quoted_end(self.text, start)
        return _ESCAPE.sub(_unescaped, self.text[start + 1 : max(self.position - 1, start + 1)])

    def number(self) -> float | None:
        """Return the number that comes, or None."""
        self.skip_blanks()
        found = _NUMBER.match(self.text, self.position)
        if found is None:
            return None
        after = self.text[found.end() : found.end() + 2]
        if is_word(after[:1]) or (after[:1] == "." and after != ".." and "." in found.group()):
            return None
        self.position = found.end()
        return float(found.group())


def _unescaped(found: re.Match[str]) -> str:
    """Return the character that an escape in a quoted text stands for."""
    hexadecimal, octal, char = found.groups()
    if hexadecimal is not None:
        return chr(int(hexadecimal or "0", 16))
    return chr(int(octal, 8)) if octal is not None else _ESCAPES.get(char, char)
