"""Filters for texts: positions count letters (code points) where LiquidJS does, and nothing is ever a pattern."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Final

from processor.mapping.javascript import WHITESPACE, utf16_length, utf16_split
from processor.mapping.liquid.context import Context
from processor.mapping.liquid.filters.base import Filter, is_set
from processor.mapping.liquid.values import Value, number_of, printed
from processor.mapping.values import ABSENT

_LAST_OF_BASIC_PLANE: Final = "\uffff"
_SPACES: Final = re.compile(f"[{WHITESPACE}]+")
_LINE_END: Final = re.compile(r"\r?\n")
_CJK: Final = "\u4e00-\u9fff\uf900-\ufaff\u3400-\u4dbf\u3040-\u309f\u30a0-\u30ff\uac00-\ud7af"
_CJK_LETTER: Final = re.compile(f"[{_CJK}]")
_OTHER_WORD: Final = re.compile(f"[^{_CJK}{WHITESPACE}]+")


def _plain(change: Callable[[str], str]) -> Filter:
    """Return a filter that changes a text."""
    return Filter(lambda context, value: change(printed(value, context.budget)))


def _capitalized(text: str) -> str:
    """Return the text with its first letter large and all others small; beyond the basic plane nothing is first."""
    first = text[:1] if text[:1] > _LAST_OF_BASIC_PLANE else text[:1].upper()
    return first + text[1:].lower()


def _append(context: Context, value: Value, other: Value) -> str:
    """Return the text with another behind it."""
    text, end = printed(value, context.budget), printed(other, context.budget)
    return text + end


def _prepend(context: Context, value: Value, other: Value) -> str:
    """Return the text with another before it."""
    text, start = printed(value, context.budget), printed(other, context.budget)
    return start + text


def _stripped(strip: Callable[[str, str], str]) -> Filter:
    """Return a filter that takes characters off the ends, blanks unless others are given."""

    def apply(context: Context, value: Value, chars: Value = ABSENT) -> str:
        text = printed(value, context.budget)
        wanted = printed(chars, context.budget) if is_set(chars) else WHITESPACE
        return strip(text, wanted)

    return Filter(apply, 1)


def _replaced(context: Context, value: Value, pattern: Value = ABSENT, replacement: Value = ABSENT) -> str:
    """Return the text with each occurrence of a piece replaced; an empty piece is between all units."""
    text, piece, new = (printed(part, context.budget) for part in (value, pattern, replacement))
    if not piece:
        return new.join(_units(context, text, len(new)))
    context.budget.spend(text.count(piece) * len(new))
    return text.replace(piece, new)


def _units(context: Context, text: str, gap_chars: int) -> list[str]:
    """Return the UTF-16 units of a text; so many characters are to come between them."""
    count = utf16_length(text)
    context.budget.spend_items(count)
    context.budget.spend(count * gap_chars)
    return utf16_split(text)


def _removed(context: Context, value: Value, piece: Value = ABSENT) -> str:
    """Return the text without a piece, wherever it is."""
    return _replaced(context, value, piece, "")


def _replaced_first(context: Context, value: Value, pattern: Value = ABSENT, replacement: Value = ABSENT) -> str:
    """Return the text with the first occurrence of a piece replaced."""
    text, piece, new = (printed(part, context.budget) for part in (value, pattern, replacement))
    return text.replace(piece, new, 1)


def _replaced_last(context: Context, value: Value, pattern: Value = ABSENT, replacement: Value = ABSENT) -> str:
    """Return the text with the last occurrence of a piece replaced."""
    text, piece, new = (printed(part, context.budget) for part in (value, pattern, replacement))
    behind = text[::-1].find(piece[::-1])  # rfind is not linear in the worst case, find is
    if behind < 0:
        return text
    end = len(text) - behind
    return text[: end - len(piece)] + new + text[end:]


def _removed_first(context: Context, value: Value, piece: Value = ABSENT) -> str:
    """Return the text without the first occurrence of a piece."""
    return _replaced_first(context, value, piece, "")


def _removed_last(context: Context, value: Value, piece: Value = ABSENT) -> str:
    """Return the text without the last occurrence of a piece."""
    return _replaced_last(context, value, piece, "")


def _split(context: Context, value: Value, separator: Value = ABSENT) -> list[str]:
    """Return the pieces between separators, without empty ones at the end; no separator splits into units."""
    text, between = printed(value, context.budget), printed(separator, context.budget)
    if between:
        context.budget.spend_items(text.count(between) + 1)
    pieces = text.split(between) if between else _units(context, text, 0)
    while pieces and not pieces[-1]:
        pieces.pop()
    return pieces


def _or(argument: Value, default: Value) -> Value:
    """Return an argument, or what stands for one that is absent."""
    return default if argument is ABSENT else argument


def _truncate(context: Context, value: Value, length: Value = ABSENT, end: Value = ABSENT) -> Value:
    """Return the text cut to so many letters, the end included; the value as it is when it is no longer."""
    text, ending = printed(value, context.budget), printed(_or(end, "..."), context.budget)
    limit = _ceiling(_or(length, 50), context)
    if len(text) <= limit:
        return value
    return text[: max(limit - len(ending), 0)] + ending


def _ceiling(value: Value, context: Context) -> int:
    """Return a number of letters, none for what is no number; infinitely many are more than any text has."""
    number = number_of(value, context.budget)
    if math.isnan(number):
        return 0
    return math.ceil(min(max(number, 0.0), 2.0**53))


def _truncate_words(context: Context, value: Value, count: Value = ABSENT, end: Value = ABSENT) -> str:
    """Return the first words with one blank between them, and the end when they may not be all."""
    text, ending = printed(value, context.budget), printed(_or(end, "..."), context.budget)
    words = _SPACES.split(text.lstrip(WHITESPACE))
    context.budget.spend_items(len(words))
    wanted = number_of(_or(count, 15), context.budget)
    if math.isnan(wanted):
        return ""
    wanted = 1.0 if wanted <= 0 else wanted
    return " ".join(words[: int(min(wanted, len(words)))]) + (ending if len(words) >= wanted else "")


def _word_count(context: Context, value: Value, mode: Value = ABSENT) -> int:
    """Return how many words a text has; the modes `cjk` and `auto` count Chinese, Japanese and Korean letters."""
    text = printed(value, context.budget).strip(WHITESPACE)
    if not text:
        return 0
    letters = len(_CJK_LETTER.findall(text)) if mode in ("cjk", "auto") else 0
    if mode == "cjk" or letters:
        return letters + len(_OTHER_WORD.findall(text))
    return len(_SPACES.split(text))


def _escaped(text: str) -> str:
    """Return the text with HTML's five special characters as entities."""
    for char, entity in _ENTITIES:
        text = text.replace(char, entity)
    return text


def _unescaped(text: str) -> str:
    """Return the text with these five entities as characters."""
    for char, entity in reversed(_ENTITIES):
        text = text.replace(entity, char)
    return text


_ENTITIES: Final = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&#34;"), ("'", "&#39;"))
_BLOCKS: Final = (("<script", "</script>"), ("<style", "</style>"), ("<!--", "-->"), ("<", ">"))


def _without_html(context: Context, value: Value) -> str:
    """Return the text without tags, comments, scripts and styles; one that is not closed stays."""
    text = printed(value, context.budget)
    kept: list[str] = []
    blocks = list(_BLOCKS)
    start = 0
    while (opening := text.find("<", start)) >= 0:
        context.budget.spend_items(1)
        end = _block_end(text, opening, blocks)
        if end is None:
            break
        kept.append(text[start:opening])
        start = end
    return "".join([*kept, text[start:]])


def _block_end(text: str, opening: int, blocks: list[tuple[str, str]]) -> int | None:
    """Return where the block that opens here ends, None when it does not.

    A kind of block that is not closed once is not closed later either: it is taken off the list, so that each end is
    looked for in vain once.
    """
    for block in tuple(blocks):
        opener, closer = block
        if text.startswith(opener, opening):
            end = text.find(closer, opening + len(opener))
            if end >= 0:
                return end + len(closer)
            blocks.remove(block)
    return None


TEXT_FILTERS: Final[Mapping[str, Filter]] = {
    "append": Filter(_append, 1, 1),
    "capitalize": _plain(_capitalized),
    "downcase": _plain(str.lower),
    "escape": _plain(_escaped),
    "escape_once": _plain(lambda text: _escaped(_unescaped(text))),
    "lstrip": _stripped(str.lstrip),
    "normalize_whitespace": _plain(lambda text: _SPACES.sub(" ", text)),
    "number_of_words": Filter(_word_count, 1),
    "prepend": Filter(_prepend, 1, 1),
    "raw": Filter(lambda _context, value: value),
    "remove": Filter(_removed, 1),
    "remove_first": Filter(_removed_first, 1),
    "remove_last": Filter(_removed_last, 1),
    "replace": Filter(_replaced, 2),
    "replace_first": Filter(_replaced_first, 2),
    "replace_last": Filter(_replaced_last, 2),
    "rstrip": _stripped(str.rstrip),
    "split": Filter(_split, 1),
    "squish": _plain(lambda text: _SPACES.sub(" ", text).strip(WHITESPACE)),
    "strip": _stripped(str.strip),
    "strip_html": Filter(_without_html),
    "strip_newlines": _plain(lambda text: _LINE_END.sub("", text)),
    "truncate": Filter(_truncate, 2),
    "truncatewords": Filter(_truncate_words, 2),
    "upcase": _plain(str.upper),
    "xml_escape": _plain(_escaped),
}
