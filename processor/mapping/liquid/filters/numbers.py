"""Filters for numbers: JavaScript's floating arithmetic, in which dividing by zero is no error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from processor.mapping.javascript import js_number
from processor.mapping.liquid.context import Context
from processor.mapping.liquid.filters.base import Filter
from processor.mapping.liquid.values import Value, count_of, number_of

_MAX_SAFE: Final = 2.0**53 - 1
_ANY: Final = 1_000
"""As many arguments as a template has room for."""


def _argument(context: Context, given: tuple[Value, ...]) -> float:
    """Return the argument as a number: zero for what is none, NaN when it is not given."""
    return count_of(given[0], context.budget) if given else math.nan


def _one(call: Callable[[float], float]) -> Filter:
    """Return a filter of one number."""
    return Filter(lambda context, value: call(count_of(value, context.budget)))


def _two(call: Callable[[float, float], float]) -> Filter:
    """Return a filter of two numbers."""

    def apply(context: Context, value: Value, *given: Value) -> float:
        return call(count_of(value, context.budget), _argument(context, given))

    return Filter(apply, 1)


def _rounded_by(rounding: Callable[[float], int]) -> Filter:
    """Return a filter that rounds; an infinity stays."""
    return _one(lambda number: float(rounding(number)) if math.isfinite(number) else number)


def _among(choose: Callable[[list[float]], float]) -> Filter:
    """Return a filter that chooses among the value and its arguments."""

    def apply(context: Context, value: Value, *others: Value) -> float:
        return choose([count_of(number, context.budget) for number in (value, *others)])

    return Filter(apply, _ANY)


def quotient(dividend: float, divisor: float) -> float:
    """Return JavaScript's quotient: an infinity or NaN when the divisor is zero."""
    if divisor:
        return dividend / divisor
    if not dividend or math.isnan(dividend):
        return math.nan
    return math.copysign(math.inf, dividend) * math.copysign(1.0, divisor)


def remainder(dividend: float, divisor: float) -> float:
    """Return JavaScript's remainder, which has the sign of the dividend."""
    if not divisor or math.isinf(dividend) or math.isnan(dividend) or math.isnan(divisor):
        return math.nan
    return math.fmod(dividend, divisor)


def _divided_by(context: Context, value: Value, *given: Value) -> float:
    """Return the quotient, rounded down when a second argument asks for it."""
    result = quotient(count_of(value, context.budget), _argument(context, given))
    is_whole = any(count_of(whole, context.budget) for whole in given[1:]) and math.isfinite(result)
    return float(math.floor(result)) if is_whole else result


def _round(context: Context, value: Value, digits: Value = 0) -> float:
    """Return the number rounded to so many digits behind the point, halves away from zero."""
    number, places = count_of(value, context.budget), count_of(digits, context.budget)
    scaled = shifted(abs(number), places)
    if not scaled <= _MAX_SAFE:
        return number
    whole = math.floor(scaled)
    rounded = shifted(float(whole + (scaled - whole >= 0.5)), -places)  # noqa: PLR2004 - a half is a half
    return -rounded if number < 0 else rounded


def shifted(number: float, places: float) -> float:
    """Return a number with its decimal point moved, NaN when that is no number of places."""
    mantissa, _, power = js_number(number).partition("e")
    moved = float(power or 0) + places
    if not (math.isfinite(number) and moved.is_integer()):
        return math.nan
    return float(f"{mantissa}e{int(moved)}")


def _to_integer(context: Context, value: Value) -> float:
    """Return the number that a value spells, NaN when it spells none."""
    return number_of(value, context.budget)


NUMBER_FILTERS: Final[Mapping[str, Filter]] = {
    "abs": _one(abs),
    "at_least": _among(max),
    "at_most": _among(min),
    "ceil": _rounded_by(math.ceil),
    "divided_by": Filter(_divided_by, 2),
    "floor": _rounded_by(math.floor),
    "minus": _two(lambda left, right: left - right),
    "modulo": _two(lambda left, right: remainder(remainder(left, right) + right, right)),
    "plus": _two(lambda left, right: left + right),
    "round": Filter(_round, 1),
    "times": _two(lambda left, right: left * right),
    "to_integer": Filter(_to_integer),
}
