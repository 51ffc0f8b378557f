"""The functions of filters.

Null, and a value of a type that a function does not take, give what the manual says for null: false, null or zero. So a
filter needs no test of types before a function.

Source: Segment's manual, "Destination Filter Query Language", functions; `semver` is in the port `@segment/tsub` only.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from processor.errors import MappingError
from processor.mapping.filters.errors import FilterError
from processor.mapping.filters.versions import rank
from processor.mapping.javascript import js_text, to_double
from processor.mapping.values import Json

Kind: TypeAlias = Literal["boolean", "number", "text"]

COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
"""For values of one type that have an order."""

_WORD: Final = re.compile(r"\S+")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_TYPES: Final = ((bool, "bool"), (str, "string"), ((int, float), "number"), (list, "list"))


class Function(NamedTuple):
    """A function, how many arguments it takes, and what it gives (or null)."""

    apply: Callable[..., Json]
    argument_count: int
    gives: Kind


def is_number(value: Json) -> bool:
    """Return whether a value is a number; a boolean is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _contains(text: Json, part: Json) -> bool:
    """Return whether a text holds another."""
    return isinstance(text, str) and isinstance(part, str) and part in text


def _length(value: Json) -> int | None:
    """Return the items of a list or the UTF-8 bytes of a text, zero for null."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, list):
        return len(value)
    return 0 if value is None else None


def _typeof(value: Json) -> str:
    """Return the name of a value's type; the manual has none for an object."""
    if value is None:
        return "null"
    return next((name for types, name in _TYPES if isinstance(value, types)), "object")


def _bool(value: Json) -> bool:
    """Return whether a value is there and is neither false, zero nor empty; the manual says only that it converts."""
    return bool(value)


def _string(value: Json) -> str | None:
    """Return a value's text as JavaScript prints it, null for null."""
    try:
        return None if value is None else js_text(value)
    except MappingError as error:
        raise FilterError(error.safe) from error


def _number(value: Json) -> float | None:
    """Return the number that a text spells."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    return to_double(value) if is_number(value) else None


def _semver(left: Json, comparator: Json, right: Json) -> bool:
    """Return whether two versions stand so to each other, false when one of them is none."""
    ranks = [rank(value) if isinstance(value, str) else None for value in (left, right)]
    return None not in ranks and COMPARISONS[comparator](*ranks)


def _on_text(change: Callable[[str], str]) -> Function:
    """Return a function that changes a text and gives null for anything else."""
    return Function(lambda value: change(value) if isinstance(value, str) else None, 1, "text")


FUNCTIONS: Final[dict[str, Function]] = {
    "contains": Function(_contains, 2, "boolean"),
    "match": Function(lambda text, fits: isinstance(text, str) and fits(text), 2, "boolean"),
    "length": Function(_length, 1, "number"),
    "lowercase": _on_text(str.lower),
    "uppercase": _on_text(str.upper),
    "snakecase": _on_text(lambda text: text.replace(" ", "_")),
    "kebabcase": _on_text(lambda text: text.replace(" ", "-")),
    "titlecase": _on_text(lambda text: _WORD.sub(lambda word: word[0][:1].upper() + word[0][1:], text)),
    "typeof": Function(_typeof, 1, "text"),
    "bool": Function(_bool, 1, "boolean"),
    "string": Function(_string, 1, "text"),
    "number": Function(_number, 1, "number"),
    "semver": Function(_semver, 3, "boolean"),
}
"""By name. `match` takes its pattern as a function, compiled when the filter is read."""
