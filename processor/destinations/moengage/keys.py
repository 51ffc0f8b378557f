"""Keys in the form that MoEngage's users expect: the key rule of the contract, section 4.

Two algorithms are offered beside leaving keys alone. Rule R is ours and keeps acronyms, digits and every alphabet
readable; go-snakecase is what Segment names warehouse columns with, for teams that want the same names in both places.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

KeyCase = Literal["snake", "preserve", "segment_warehouse"]

_SETTLED: Final = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*", re.ASCII)
"""What rule R leaves unchanged, as far as ASCII goes: most keys need no more than this look."""

_UPPER, _LETTER, _DIGIT, _SEPARATOR = "U", "L", "D", "-"
_KINDS: Final = {"Lu": _UPPER, "Lt": _UPPER, "Ll": _LETTER, "Lm": _LETTER, "Lo": _LETTER, "Nd": _DIGIT}

_RUN: Final = re.compile(r"[A-Z0-9]+[a-z0-9]*|[a-z0-9]+", re.ASCII)
"""A run of go-snakecase: upper-case letters and digits, then lower-case letters and digits."""
_KEPT: Final = re.compile(r"(?:[a-z0-9]|(?<!^)_(?=[a-z0-9]))*", re.ASCII)
"""The start of a key that go-snakecase keeps: an underscore only between other characters it keeps."""


def key_case(key: str, mode: KeyCase) -> str:
    """Return a key as `mode` writes it; empty text when nothing usable is left and the key must be dropped."""
    match mode:
        case "snake":
            return snake(key)
        case "segment_warehouse":
            return segment_warehouse(key)
        case "preserve":
            return key


def snake(key: str) -> str:
    """Return a key in snake_case by rule R of the contract (section 4.2). Applying it twice changes nothing more."""
    if _SETTLED.fullmatch(key):
        return key
    words = _words(unicodedata.normalize("NFC", key))
    return unicodedata.normalize("NFC", "_".join(word.lower() for word in words))


def _words(text: str) -> list[str]:
    """Return the words of a normalised text, in their own case."""
    characters, kinds = _characters(text)
    words: list[str] = []
    word, last_letter = "", ""
    for index, (character, kind) in enumerate(zip(characters, kinds, strict=True)):
        if kind == _SEPARATOR or (kind == _UPPER and _starts_word(last_letter, kinds[index + 1 : index + 3])):
            words.append(word)
            word, last_letter = "", ""
        if kind == _SEPARATOR:
            continue
        word += character
        last_letter = last_letter if kind == _DIGIT else kind
    return [word for word in [*words, word] if word]


def _starts_word(last_letter: str, next_two: str) -> bool:
    """Return whether an upper-case letter starts a new word after a word whose last letter is of this kind.

    Behind another upper-case letter it takes two lower-case letters to follow, so that plurals stay whole: `userIDs`.
    """
    return last_letter == _LETTER or (last_letter == _UPPER and next_two == _LETTER * 2)


def _characters(text: str) -> tuple[list[str], str]:
    """Return the characters of a text, combining marks attached to what they follow, and one kind for each."""
    characters: list[str] = []
    kinds = ""
    for character in text:
        category = unicodedata.category(character)
        if category[0] == "M" and characters:
            characters[-1] += character
            continue
        characters.append(character)
        kinds += _kind(character, category)
    return characters, kinds


def _kind(character: str, category: str) -> str:
    """Return the kind of a character.

    Letters such as mathematical capitals, which have no lower-case form, count as lower case; as upper-case ones they
    would still be there for a second pass to split at.
    """
    kind = _KINDS.get(category, _SEPARATOR)
    return _LETTER if kind == _UPPER and character.lower() == character else kind


def segment_warehouse(key: str) -> str:
    """Return a key as Segment's go-snakecase writes warehouse columns; only ASCII letters and digits count.

    Source: github.com/segmentio/go-snakecase, described in the contract, section 4.2.
    """
    kept = _kept(key)
    rest = key[len(kept) :]
    if not rest:
        return key
    runs = _RUN.findall(rest)
    if runs and rest[0] in _ASCII_UPPER and not _ends_a_word(kept):
        kept += runs.pop(0).lower()
    return "_".join(([kept] if kept else []) + [run.lower() for run in runs])


_ASCII_UPPER: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def _kept(key: str) -> str:
    """Return the start of a key that is in snake_case already."""
    found = _KEPT.match(key)
    return "" if found is None else found.group()


def _ends_a_word(kept: str) -> bool:
    """Return whether an upper-case letter behind this start begins a word: a lower-case letter ends it."""
    return re.search(r"[a-z]", kept.rpartition("_")[2]) is not None
