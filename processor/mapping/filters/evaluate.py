"""A filter's tree as one function.

Nothing at a path is null. Values are equal when their types are and they are; lists compare by content and order, and
an object equals nothing. Orderings hold between numbers only, `in` only for a list.

Source: Segment's manual, "Destination Filter Query Language"; where it is silent, the port `@segment/tsub`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from processor.mapping.filters.errors import FilterError
from processor.mapping.filters.expressions import (
    Call,
    Comparison,
    Constant,
    Expression,
    Field,
    Items,
    Junction,
    Not,
    Value,
)
from processor.mapping.filters.functions import COMPARISONS, FUNCTIONS, is_number
from processor.mapping.filters.globs import compile_glob
from processor.mapping.javascript import to_double
from processor.mapping.paths import Keys, list_index
from processor.mapping.values import Json

Evaluate: TypeAlias = Callable[[Any], Json]
"""Gives a value for an event."""


def evaluation(expression: Expression) -> Evaluate:
    """Return a function that gives the expression's value for an event.

    The function raises `FilterError` where `and`, `or` or `!` meets what is neither true, false nor null.
    """
    match expression:
        case Constant(value):
            return lambda _event: value
        case Field(keys):
            return _reader(keys)
        case Items(items):
            reads = tuple(map(evaluation, items))
            return lambda event: [read(event) for read in reads]
        case Call():
            return _call(expression)
        case Comparison():
            return _comparison(expression)
        case _:
            return _boolean(expression)


def _boolean(expression: Not | Junction) -> Evaluate:
    """Return what joins or negates conditions."""
    if isinstance(expression, Not):
        test = _condition(expression.operand)
        return lambda event: not test(event)
    tests = tuple(map(_condition, expression.operands))
    return _all(tests) if expression.connective == "and" else _any(tests)


def _condition(expression: Expression) -> Callable[[Any], bool]:
    """Return an operand of `and`, `or` or `!` as a test; null counts as false."""
    read = evaluation(expression)

    def holds(event: Json) -> bool:
        value = read(event)
        if value is True or value is False:
            return value
        if value is None:
            return False
        raise FilterError("and, or and ! take true, false and null only, and the event holds something else there")

    return holds


def _all(tests: tuple[Callable[[Any], bool], ...]) -> Evaluate:
    """Return the conjunction, left to right, as far as needed."""
    return lambda event: all(test(event) for test in tests)


def _any(tests: tuple[Callable[[Any], bool], ...]) -> Evaluate:
    """Return the disjunction, left to right, as far as needed."""
    return lambda event: any(test(event) for test in tests)


def _reader(keys: Keys) -> Evaluate:
    """Return a function that gives what stands at these keys: members of objects, items of lists by number."""

    def read(event: Json) -> Json:
        node = event
        for key in keys:
            node = node.get(key) if type(node) is dict else _item(node, key)
        return node

    return read


def _item(node: Json, key: str) -> Json:
    """Return an item of a list, null when there is none or the value is no list."""
    index = list_index(key) if isinstance(node, list) else None
    return node[index] if index is not None and index < len(node) else None


def _call(call: Call) -> Evaluate:
    """Return a function of its arguments' values."""
    apply = FUNCTIONS[call.name].apply
    match call.name, call.arguments:
        case "match", (text, Constant(str(glob))):
            read, fits = evaluation(text), compile_glob(glob)
            return lambda event: apply(read(event), fits)
        case _:
            reads = tuple(map(evaluation, call.arguments))
            return lambda event: apply(*(read(event) for read in reads))


def _comparison(comparison: Comparison) -> Evaluate:
    """Return the comparison of two values."""
    left = evaluation(comparison.left)
    match comparison:
        case Comparison("in", _, Items(items)) if all(isinstance(item, Constant) for item in items):
            known = frozenset(_hashed(item.value) for item in items if isinstance(item, Constant))
            return lambda event: _hashed(left(event)) in known
    right = evaluation(comparison.right)
    match comparison.comparator:
        case "=":
            return lambda event: same(left(event), right(event))
        case "!=":
            return lambda event: not same(left(event), right(event))
        case "in":
            return lambda event: _is_in(left(event), right(event))
    stands = COMPARISONS[comparison.comparator]

    def holds(event: Json) -> bool:
        first, second = left(event), right(event)
        return is_number(first) and is_number(second) and stands(to_double(first), to_double(second))

    return holds


def _hashed(value: Json) -> tuple[type, Value]:
    """Return what a value is known by in a set: equal exactly when the values are; a container is known by none."""
    if is_number(value):
        return float, to_double(value)
    return type(value), value if isinstance(value, (str, bool)) else None


def _is_in(value: Json, items: Json) -> bool:
    """Return whether a list holds a value."""
    return isinstance(items, list) and any(same(value, item) for item in items)


def same(left: Json, right: Json) -> bool:
    """Return whether two values are of one type and equal; the explicit stack makes deep lists harmless."""
    waiting = [(left, right)]
    while waiting:
        first, second = waiting.pop()
        if isinstance(first, list) and isinstance(second, list):
            if len(first) != len(second):
                return False
            waiting.extend(zip(first, second, strict=True))
        elif not _same_scalar(first, second):
            return False
    return True


def _same_scalar(first: Json, second: Json) -> bool:
    """Return whether two values that are not both lists are equal."""
    if is_number(first):
        return is_number(second) and to_double(first) == to_double(second)
    return type(first) is type(second) and not isinstance(first, dict) and bool(first == second)
