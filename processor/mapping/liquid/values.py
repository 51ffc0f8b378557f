"""Liquid's values and what JavaScript makes of them: text, number, member.

Beside JSON and `ABSENT` there are three literals with manners of their own: `nil`, `empty` and `blank` are compared by
what they stand for, not by their value. Everything is total on JSON values of any depth: nested lists are walked with
an explicit stack.

Source: ECMAScript 2024, ToString, ToNumber, Array.prototype.join; LiquidJS 10.30.1 as golden cases show it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, Final, TypeAlias

from processor.mapping.javascript import js_text, js_trim, to_double, utf16_length, utf16_unit
from processor.mapping.liquid.budget import Budget
from processor.mapping.values import ABSENT, Json

Value: TypeAlias = Any
"""A JSON value, `ABSENT`, or one of `Drop`."""


class Drop(Enum):
    """A literal that is compared by what it stands for."""

    NIL = "nil"
    EMPTY = "empty"
    BLANK = "blank"


_MOST_INDEX_DIGITS: Final = 10
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_PREFIXED: Final = {
    16: re.compile(r"0[xX][0-9a-fA-F]+"),
    8: re.compile(r"0[oO][0-7]+"),
    2: re.compile(r"0[bB][01]+"),
}
_INFINITIES: Final = {"Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}


def plain(value: Value) -> Json:
    """Return the value that stands for itself: null for `nil`, empty text for `empty` and `blank`."""
    if isinstance(value, Drop):
        return None if value is Drop.NIL else ""
    return value


def is_nothing(value: Value) -> bool:
    """Return whether a value is null or absent."""
    return value is None or value is ABSENT


def is_untrue(value: Value) -> bool:
    """Return whether Liquid takes a value for false: null, absent and false only."""
    return value is False or is_nothing(plain(value))


def is_number(value: Value) -> bool:
    """Return whether a value is a number; a boolean is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def printed(value: Value, budget: Budget) -> str:
    """Return what an output prints: nothing for null and absent, a list's items one behind the other.

    Raises:
        MappingError: an object with a key `toString`, which JavaScript cannot turn into text, or the budget does not
            hold the text.
    """
    if isinstance(value, list):
        return "".join(_leaves(value, _printed_scalar, budget))
    text = _printed_scalar(value)
    budget.spend(len(text))
    return text


def _printed_scalar(value: Value) -> str:
    """Return what an output prints for a value that is no list."""
    value = plain(value)
    return "" if is_nothing(value) else js_text(value)


def text_of(value: Value, budget: Budget) -> str:
    """Return JavaScript's `String(value)`; raises what `printed` raises."""
    if isinstance(value, list):
        return ",".join(_leaves(value, _item_text, budget))
    text = _scalar_text(value)
    budget.spend(len(text))
    return text


def _scalar_text(value: Value) -> str:
    """Return the text of a value that is no list."""
    if value is ABSENT:
        return "undefined"
    return "[object Object]" if isinstance(value, Drop) else js_text(value)


def _item_text(value: Value) -> str:
    """Return the text of an item, no list itself, where JavaScript joins a list: nothing for null and absent."""
    return "" if is_nothing(value) else _scalar_text(value)


def item_text(value: Value, budget: Budget) -> str:
    """Return the text of an item where JavaScript joins a list; raises what `printed` raises."""
    return "" if is_nothing(value) else text_of(value, budget)


def _leaves(items: list[Any], text: Callable[[Value], str], budget: Budget) -> Iterator[str]:
    """Yield the texts of what is no list, at any depth and in order; an empty list inside is one empty text."""
    budget.spend_items(len(items))
    waiting: list[Iterator[Any]] = [iter(items)]
    while waiting:
        for item in waiting[-1]:
            if isinstance(item, list) and item:
                budget.spend_items(len(item))
                waiting.append(iter(item))
                break
            leaf = "" if isinstance(item, list) else text(item)
            budget.spend(len(leaf))
            yield leaf
        else:
            waiting.pop()


def number_of(value: Value, budget: Budget) -> float:
    """Return JavaScript's `Number(value)`, NaN for what is none; raises what `text_of` raises."""
    value = plain(value)
    if value is None:
        return 0.0
    if value is ABSENT:
        return math.nan
    if isinstance(value, (int, float)):
        return to_double(value)
    return _text_number(text_of(value, budget))


def _text_number(text: str) -> float:
    """Return the number that a text spells, zero for blank text."""
    text = js_trim(text)
    if not text:
        return 0.0
    if _DECIMAL.fullmatch(text):
        return float(text)
    for base, pattern in _PREFIXED.items():
        if pattern.fullmatch(text):
            return to_double(int(text[2:], base))
    return _INFINITIES.get(text, math.nan)


def count_of(value: Value, budget: Budget) -> float:
    """Return a number that counts something: NaN is zero."""
    number = number_of(value, budget)
    return 0.0 if math.isnan(number) else number


def items_of(value: Value) -> list[Any]:
    """Return the list that a filter for lists works on: nothing is an empty one, a single value a list of one."""
    value = plain(value)
    if isinstance(value, list):
        return value
    return [] if is_nothing(value) else [value]


def units_of(text: str) -> list[str]:
    """Return the UTF-16 units of a text, which may be halves of letters outside the basic plane."""
    if utf16_length(text) == len(text):
        return list(text)
    units = text.encode("utf-16-le", "surrogatepass")
    return [units[at : at + 2].decode("utf-16-le", "surrogatepass") for at in range(0, len(units), 2)]


def joined_halves(text: str) -> str:
    """Return the text with halves of letters that came to stand side by side made whole, as JavaScript sees them."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def member(holder: Value, key: Value, budget: Budget) -> Value:
    """Return what stands at a key: an own member, an item by index (from the end when negative), size, first, last."""
    if is_nothing(holder):
        return holder
    if isinstance(holder, dict):
        name = key if type(key) is str else text_of(plain(key), budget)
        return holder.get(name, len(holder) if name == "size" else ABSENT)
    if isinstance(holder, list):
        return _item(holder, key, budget)
    return _unit(holder, key, budget) if isinstance(holder, str) else ABSENT


def _item(items: list[Any], key: Value, budget: Budget) -> Value:
    """Return a list's item or property."""
    if is_number(key):
        return item_at(items, to_double(key))
    name = text_of(plain(key), budget)
    if name in ("size", "length"):
        return len(items)
    if name in ("first", "last"):
        return item_at(items, 0 if name == "first" else -1)
    index = _index(name)
    return ABSENT if index is None else item_at(items, index)


def item_at(items: list[Any], index: float) -> Value:
    """Return the item at an index, counted from the end when negative, `ABSENT` when there is none."""
    place = len(items) + index if index < 0 else index
    if not (0 <= place < len(items) and place == int(place)):
        return ABSENT
    return items[int(place)]


def _unit(text: str, key: Value, budget: Budget) -> Value:
    """Return a text's UTF-16 unit or its length."""
    name = text_of(plain(key), budget)
    if name in ("size", "length"):
        return utf16_length(text)
    index = _index(name)
    unit = None if index is None else utf16_unit(text, index)
    return ABSENT if unit is None else unit


def _index(name: str) -> int | None:
    """Return the index that a key spells; JavaScript takes `1` but not `01`."""
    if not (name.isascii() and name.isdigit()) or len(name) > _MOST_INDEX_DIGITS:
        return None
    return int(name) if name == "0" or name[0] != "0" else None
