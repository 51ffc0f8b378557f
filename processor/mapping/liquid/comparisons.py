"""Comparing Liquid's values: equality without conversion, order as JavaScript has it.

Every comparison is linear in what it compares, and paid for from the budget.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from processor.mapping.javascript import js_trim, to_double
from processor.mapping.liquid.budget import Budget
from processor.mapping.liquid.values import Drop, Value, is_nothing, is_number, is_untrue, number_of, plain, text_of

Compare = Callable[[Value, Value, Budget], bool]


def equals(left: Value, right: Value, budget: Budget) -> bool:
    """Return whether two values are the same: of one type, lists item by item, objects by identity.

    Raises:
        MappingError: the budget does not hold the comparison.
    """
    waiting = [(left, right)]
    while waiting:
        one, other = waiting.pop()
        if isinstance(one, list) and isinstance(other, list):
            budget.spend_items(len(one))
            if len(one) != len(other):
                return False
            waiting.extend(zip(one, other, strict=True))
        elif not _same(one, other, budget):
            return False
    return True


def _same(left: Value, right: Value, budget: Budget) -> bool:
    """Return whether two values, not both lists, are the same."""
    if isinstance(left, Drop):
        return _stands_for(left, right)
    if isinstance(right, Drop):
        return _stands_for(right, left)
    if isinstance(left, str) and isinstance(right, str):
        budget.spend(min(len(left), len(right)))
        return left == right
    if is_number(left) and is_number(right):
        return to_double(left) == to_double(right)
    return left is right


def _stands_for(literal: Drop, value: Value) -> bool:
    """Return whether a value is what `nil`, `empty` or `blank` stands for; `empty` and `blank` equal no literal."""
    if literal is Drop.NIL:
        return is_nothing(plain(value))
    if literal is Drop.BLANK:
        if value is False or is_nothing(plain(value)):
            return True
        if isinstance(value, str):
            return not js_trim(value)
    return isinstance(value, (str, list, dict)) and not value


def contains(left: Value, right: Value, budget: Budget) -> bool:
    """Return whether a list holds an item or a text a piece of text; anything else holds nothing."""
    left = plain(left)
    if isinstance(left, list):
        budget.spend_items(len(left))  # and each comparison pays for itself
        return any(equals(item, right, budget) for item in left)
    if isinstance(left, str):
        piece = text_of(plain(right), budget)
        budget.spend(len(left) + len(piece))
        return piece in left
    return False


def _ordered(test: Callable[[Any, Any], bool]) -> Compare:
    """Return a comparison by order: of two texts by UTF-16 units, of anything else as numbers."""

    def compare(left: Value, right: Value, budget: Budget) -> bool:
        if isinstance(left, Drop) or isinstance(right, Drop):
            return False
        left, right = (text_of(side, budget) if isinstance(side, (list, dict)) else side for side in (left, right))
        if isinstance(left, str) and isinstance(right, str):
            budget.spend(len(left) + len(right))
            return test(*(side.encode("utf-16-be", "surrogatepass") for side in (left, right)))
        return test(number_of(left, budget), number_of(right, budget))

    return compare


OPERATORS: Final[Mapping[str, Compare]] = {
    "==": equals,
    "!=": lambda left, right, budget: not equals(left, right, budget),
    ">": _ordered(operator.gt),
    "<": _ordered(operator.lt),
    ">=": _ordered(operator.ge),
    "<=": _ordered(operator.le),
    "contains": contains,
    "and": lambda left, right, _budget: not is_untrue(left) and not is_untrue(right),
    "or": lambda left, right, _budget: not is_untrue(left) or not is_untrue(right),
}
"""What stands between two values. `not`, which stands before one, is the parser's own."""
