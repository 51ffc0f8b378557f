"""Filters for lists, and those for texts that treat a text as a list of letters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from processor.mapping.javascript import utf16_length
from processor.mapping.liquid.budget import refuse
from processor.mapping.liquid.comparisons import equals
from processor.mapping.liquid.context import Context, Evaluate
from processor.mapping.liquid.filters.base import Filter, is_set
from processor.mapping.liquid.operands import read_path
from processor.mapping.liquid.reader import Reader
from processor.mapping.liquid.values import (
    Value,
    count_of,
    is_nothing,
    is_number,
    is_untrue,
    item_at,
    item_text,
    items_of,
    member,
    number_of,
    plain,
    printed,
)
from processor.mapping.values import ABSENT

MAX_PROPERTY_CHARS: Final = 1_000
"""Characters of a property's name, which may come from the event."""


def _join(context: Context, value: Value, separator: Value = ABSENT) -> str:
    """Return the items' texts with a separator between them, a blank unless given."""
    items = items_of(value)
    separator = plain(separator)
    between = " " if is_nothing(separator) else printed(separator, context.budget)
    context.budget.spend_items(len(items))
    context.budget.spend(len(between) * len(items))
    return between.join([item_text(item, context.budget) for item in items])


def _end(index: int) -> Filter:
    """Return a filter that gives the first or the last item, nothing where there are no items."""

    def apply(context: Context, value: Value) -> Value:
        value = plain(value)
        if isinstance(value, list):
            return item_at(value, index)
        if isinstance(value, str) and value:
            context.budget.spend(len(value))
            return member(value, 0 if index == 0 else utf16_length(value) - 1, context.budget)
        if isinstance(value, dict) and is_number(value.get("length")):
            place = 0 if index == 0 else number_of(value["length"], context.budget) - 1
            return member(value, place, context.budget)
        return ""

    return Filter(apply)


def _size(context: Context, value: Value) -> Value:
    """Return how many items a list or UTF-16 units a text has."""
    if isinstance(value, str):
        context.budget.spend(len(value))
        return utf16_length(value)
    length = value.get("length") if isinstance(value, dict) else len(value) if isinstance(value, list) else 0
    return length if is_set(length) else 0


def _copying(change: Callable[..., list[Any]], most_arguments: int = 0) -> Filter:
    """Return a filter that gives a changed copy of a list."""

    def apply(context: Context, value: Value, *arguments: Value) -> list[Any]:
        items = items_of(value)
        context.budget.spend_items(len(items))
        return change(items, *arguments)

    return Filter(apply, most_arguments)


def _sum(context: Context, value: Value, name: Value = ABSENT) -> float:
    """Return the sum of the items, or of a member of each; what is no number counts as zero."""
    items = items_of(value)
    keys = printed(name, context.budget).split(".") if is_set(name) else []
    context.budget.spend_items(len(items) * (1 + len(keys)))
    total = 0.0
    for item in items:
        for key in keys:
            item = member(item, key, context.budget)  # noqa: PLW2901 - walking on is the point
        total += count_of(item, context.budget)
    return total


def _slice(context: Context, value: Value, start: Value = ABSENT, length: Value = ABSENT) -> Value:
    """Return so many items or letters from a place on, which counts from the end when it is negative."""
    value = plain(value)
    if is_nothing(value):
        return []
    held = value if isinstance(value, list) else printed(value, context.budget)
    begin = number_of(start, context.budget)
    count = count_of(1 if length is ABSENT else length, context.budget)
    if begin < 0:
        begin += len(held)
    if begin < 0 or count < 0:
        return [] if isinstance(held, list) else ""
    return _items(context, held, begin, count) if isinstance(held, list) else _letters(held, begin, count)


def _items(context: Context, items: list[Any], begin: float, count: float) -> list[Any]:
    """Return so many items from a place on, none when the place is no number."""
    if math.isnan(begin):
        return []
    found = items[int(min(begin, len(items))) : int(min(begin + count, len(items)))]
    context.budget.spend_items(len(found))
    return found


def _letters(text: str, begin: float, count: float) -> str:
    """Return so many letters from a place on, from the beginning when the place is no number."""
    first = 0 if math.isnan(begin) else math.ceil(min(begin, len(text)))
    return text[first : first + math.ceil(min(count, len(text)))]


def _where(context: Context, value: Value, name: Value = ABSENT, expected: Value = ABSENT) -> list[Any]:
    """Return the items whose property has a value, or is true when no value is given."""
    items = items_of(value)
    read = _property(context, name)
    context.budget.spend_items(2 * len(items))
    return [item for item in items if _matches(read(_inside(context, item)), expected, context)]


def _inside(context: Context, item: Value) -> Context:
    """Return a context in which names are the members of an item."""
    return Context(item, context.budget)


def _property(context: Context, name: Value) -> Evaluate:
    """Return the property that a name spells; the name may come from the event."""
    spelled = printed(name, context.budget)
    if len(spelled) > MAX_PROPERTY_CHARS:
        raise refuse(f"looks for a property whose name is longer than {MAX_PROPERTY_CHARS} characters")
    return read_path(Reader(spelled))


def _matches(found: Value, expected: Value, context: Context) -> bool:
    """Return whether a property is as expected."""
    return not is_untrue(found) if expected is ABSENT else equals(found, expected, context.budget)


LIST_FILTERS: Final[Mapping[str, Filter]] = {
    "compact": _copying(lambda items: [item for item in items if not is_nothing(plain(item))]),
    "first": _end(0),
    "join": Filter(_join, 1),
    "last": _end(-1),
    "pop": _copying(lambda items: items[:-1]),
    "push": _copying(lambda items, item=ABSENT: [*items, item], 1),
    "shift": _copying(lambda items: items[1:]),
    "size": Filter(_size),
    "slice": Filter(_slice, 2),
    "sum": Filter(_sum, 1),
    "unshift": _copying(lambda items, item=ABSENT: [item, *items], 1),
    "where": Filter(_where, 2),
}
