"""Glob patterns, matched in time linear in the text.

A star takes the shortest run after which the rest still fits, which never has to be taken back: if any match exists,
the one with the leftmost pieces does. So each piece between stars is looked for once, from where the last one ended.

Source: Segment's manual, "Destination Filter Query Language", match; the port `@segment/tsub` for `[^…]` and for `/`,
which is a character like any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

_PIECE: Final = re.compile(r"\*|\?|\[\^?(?:[^\]\\]|\\.)+\]|\\.|[^*?\[\\]", re.DOTALL)
_MEMBER: Final = re.compile(r"(\\.|[^\\])(?:-(\\.|[^\\]))?", re.DOTALL)


class _Run(NamedTuple):
    """Signs between two stars: a pattern, and how many characters it takes."""

    pattern: re.Pattern[str]
    length: int


def compile_glob(glob: str) -> Callable[[str], bool]:
    """Return a function that says whether a whole text fits a pattern of `*`, `?`, `[abc]`, `[a-z]` and backslashes.

    Raises:
        ValueError: the pattern ends inside a class or behind a backslash, or a range in a class lacks an end or runs
            backwards.
    """
    runs: list[list[str]] = [[]]
    for sign in _signs(glob):
        if sign == "*":
            runs.append([])
        else:
            runs[-1].append(_regex(sign))
    first, *others = [_Run(re.compile("".join(run), re.DOTALL), len(run)) for run in runs]
    if not others:
        return lambda text: first.pattern.fullmatch(text) is not None
    return _matcher(first, [run for run in others[:-1] if run.length], others[-1])


def _matcher(first: _Run, between: list[_Run], last: _Run) -> Callable[[str], bool]:
    """Return the function for a pattern with a star."""

    def matches(text: str) -> bool:
        position, end = first.length, len(text) - last.length
        if first.pattern.match(text) is None:
            return False
        for run in between:
            found = run.pattern.search(text, position)
            if found is None:
                return False
            position = found.end()
        return position <= end and last.pattern.match(text, end) is not None

    return matches


def _signs(glob: str) -> list[str]:
    """Return the signs of a pattern: stars, question marks, classes, escaped characters and plain ones."""
    signs: list[str] = []
    position = 0
    while position < len(glob):
        match = _PIECE.match(glob, position)
        if match is None:
            raise ValueError("the pattern ends inside a class or behind a backslash")
        signs.append(match[0])
        position = match.end()
    return signs


def _regex(sign: str) -> str:
    """Return a sign that takes one character as a regular expression."""
    if sign == "?":
        return "."
    if len(sign) > 1 and sign[0] == "[":
        is_negated = sign[1] == "^"
        members = _MEMBER.findall(sign[1 + is_negated : -1])
        return f"[{'^' * is_negated}{''.join(_range(low, high) for low, high in members)}]"
    return re.escape(sign[-1])


def _range(low: str, high: str) -> str:
    """Return a member of a class, or a range of them, as it stands in a regular expression."""
    if "-" in (low, high):
        raise ValueError("a dash in a class stands between two characters, or behind a backslash")
    first, last = low[-1], (high or low)[-1]
    if first > last:
        raise ValueError("a range in a class runs backwards")
    return f"{re.escape(first)}-{re.escape(last)}"
