"""Reads operands into closures: literals, names and the paths behind them, ranges."""

from __future__ import annotations

import math
from typing import Final

from processor.mapping.liquid.budget import refuse
from processor.mapping.liquid.context import Context, Evaluate
from processor.mapping.liquid.reader import LITERALS, Reader
from processor.mapping.liquid.values import Value, member, number_of
from processor.mapping.values import ABSENT

_LITERALS: Final = tuple(LITERALS)


class Literal:
    """Gives one value for every rendering; what is known of it is known when the template is read."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        """Keep the value."""
        self.value = value

    def __call__(self, _context: Context) -> Value:
        """Return the value."""
        return self.value


def read_value(reader: Reader) -> Evaluate | None:
    """Return the value that comes, None when none does."""
    start: Evaluate | None = None
    word = reader.word_among(_LITERALS)
    if word is not None:
        start = Literal(LITERALS[word])
    elif (text := reader.quoted()) is not None:
        start = Literal(text)
    elif (number := reader.number()) is not None:
        start = Literal(number)
    elif reader.peek() == "(":
        start = _read_range(reader)
    keys = _read_keys(reader, is_start=start is None)
    if not keys:
        return start
    return _lookup(keys) if start is None else _walk(start, keys)


def read_path(reader: Reader) -> Evaluate:
    """Return the path of names and keys that comes; one without any gives nothing."""
    reader.skip_blanks()
    keys = _read_keys(reader, is_start=True)
    return _lookup(keys) if keys else Literal(ABSENT)


def _read_range(reader: Reader) -> Evaluate:
    """Return the range that comes: `(1..5)`."""
    reader.deeper()
    reader.position += 1
    low = read_value(reader)
    reader.skip_blanks()
    if low is None or (reader.peek(), reader.peek(1)) != (".", "."):
        raise refuse("has parentheses that hold no range")
    reader.position += 2
    high = read_value(reader)
    reader.skip_blanks()
    if high is None or reader.peek() != ")":
        raise refuse("has a range that is not closed")
    reader.position += 1
    reader.depth -= 1
    return _range(low, high)


def _range(low: Evaluate, high: Evaluate) -> Evaluate:
    """Return what gives the numbers of a range, both ends included."""

    def count(context: Context) -> list[float]:
        first, last = (number_of(end(context), context.budget) for end in (low, high))
        span = last + 1 - first
        context.budget.spend_items(span)
        return [first + step for step in range(math.ceil(span))] if span > 0 else []

    return count


def _read_keys(reader: Reader, *, is_start: bool) -> tuple[Evaluate, ...]:
    """Return the keys that come: `.name`, `[value]`, and a plain name where a path may start."""
    keys: list[Evaluate] = []
    while True:
        if reader.peek() == "[":
            keys.append(_read_bracketed(reader))
            continue
        if is_start and not keys and (name := reader.identifier()):
            keys.append(Literal(name))
            continue
        if reader.peek() != "." or reader.peek(1) == ".":
            return tuple(keys)
        reader.position += 1
        name = reader.identifier()
        if not name:
            return tuple(keys)
        keys.append(Literal(name))


def _read_bracketed(reader: Reader) -> Evaluate:
    """Return the key in the brackets that come; none is the empty text, and what follows it is ignored."""
    reader.deeper()
    reader.position += 1
    key = read_value(reader) or Literal("")
    if not reader.skip_past("]"):
        raise refuse("has a bracket that is not closed")
    reader.depth -= 1
    return key


def _lookup(keys: tuple[Evaluate, ...]) -> Evaluate:
    """Return what reads a name and walks on from there."""
    first, *others = keys

    def look_up(context: Context) -> Value:
        return context.find(first(context))

    return _walk(look_up, tuple(others)) if others else look_up


def _walk(start: Evaluate, keys: tuple[Evaluate, ...]) -> Evaluate:
    """Return what walks from a value."""

    def walk(context: Context) -> Value:
        found = start(context)
        for key in keys:
            found = member(found, key(context), context.budget)
        return found

    return walk
