"""Liquid's values and what JavaScript makes of them: text, number, member.

Beside JSON and `ABSENT` there are three literals with manners of their own: `nil`, `empty` and `blank` are compared by
what they stand for, not by their value. Everything is total on JSON values of any depth: nested lists are walked with
an explicit stack.

Source: ECMAScript 2024, ToString, ToNumber, Array.prototype.join; LiquidJS 10.30.1 as golden cases show it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, TypeAlias

from processor.mapping.javascript import js_text, text_number, to_double, utf16_length, utf16_unit
from processor.mapping.liquid.budget import Budget
from processor.mapping.paths import list_index
from processor.mapping.values import ABSENT, Json

Value: TypeAlias = Any
"""A JSON value, `ABSENT`, or one of `Drop`."""


class Drop(Enum):
    """A literal that is compared by what it stands for."""

    NIL = "nil"
    EMPTY = "empty"
    BLANK = "blank"


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
    return text_number(text_of(value, budget))


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
    index = list_index(name)
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
    index = list_index(name)
    unit = None if index is None else utf16_unit(text, index)
    return ABSENT if unit is None else unit
