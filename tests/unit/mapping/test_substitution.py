"""Replacing literal texts as JavaScript does."""

from __future__ import annotations

import pytest

from processor.errors import MappingError
from processor.mapping.substitution import Substitution


@pytest.mark.parametrize(
    ("text", "pattern", "replacement", "expected"),
    [
        ("a-b-c", "-", "$$", "a$b$c"),
        ("a-b-c", "-", "[$&]", "a[-]b[-]c"),
        ("a-b-c", "-", "$`", "aaba-bc"),
        ("a-b-c", "-", "$'", "ab-cbcc"),
        ("a-b", "-", "$1$<x>$", "a$1$<x>$b"),
        ("\U0001f44b", "\ud83d", "x", "x\udc4b"),
        ("\U0001f44bk", "k", "\ud83d", "\U0001f44b\ud83d"),
        ("none", "-", "x", "none"),
    ],
)
def test_replacements_are_javascripts(text: str, pattern: str, replacement: str, expected: str) -> None:
    """Marks in the replacement, and halves of letters in the pattern."""
    assert Substitution(pattern, replacement, ignore_case=False, is_global=True)(text, 1_000) == expected


def test_only_the_first_place() -> None:
    """Without `global` the rest of the text stays."""
    assert Substitution("a", "$&x", ignore_case=False, is_global=False)("aaa", 10) == "axaa"
    assert Substitution("a", "x", ignore_case=False, is_global=False)("aaa", 10) == "xaa"


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("\u00c0\u00e0A", "\u00e0", "xxA"),
        ("\u017fs", "S", "\u017fx"),
        ("\u00df\u1e9e", "\u00df", "x\u1e9e"),
        ("\u212ak", "K", "\u212ax"),
        ("\U00010400", "\U00010428", None),
    ],
)
def test_case_is_ignored_as_without_the_unicode_mode(text: str, pattern: str, expected: str | None) -> None:
    """One unit to one unit, and never from beyond ASCII into it."""
    result = Substitution(pattern, "x", ignore_case=True, is_global=True)(text, 1_000)
    assert result == (text if expected is None else expected)


def test_the_size_is_known_before() -> None:
    """The bound is on the result, whatever part of it comes from where."""
    assert Substitution("a", "b$&", ignore_case=False, is_global=True)("aa", 4) == "baba"
    with pytest.raises(MappingError, match="more than 3 characters"):
        Substitution("a", "b$&", ignore_case=False, is_global=True)("aa", 3)
