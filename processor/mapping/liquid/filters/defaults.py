"""The filter `default`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from processor.mapping.liquid.budget import refuse
from processor.mapping.liquid.context import Context
from processor.mapping.liquid.filters.base import Filter, is_set
from processor.mapping.liquid.values import Value, is_untrue, plain
from processor.mapping.values import ABSENT

_MOST_ARGUMENTS: Final = 1_000
_ALLOW_FALSE: Final = "allow_false"


def _default(_context: Context, value: Value, fallback: Value = ABSENT, *options: Value) -> Value:
    """Return the value, or the fallback for null, false, an empty text and an empty list.

    Raises:
        MappingError: the value is false and an option has no key.
    """
    value = plain(value)
    if isinstance(value, (list, str)):
        return value or fallback
    if value is False and _allows_false(options):
        return False
    return fallback if is_untrue(value) else value


def _allows_false(options: tuple[Value, ...]) -> bool:
    """Return whether the options say `allow_false: true`."""
    allows = False
    for option in options:
        if not isinstance(option, list):
            raise refuse("gives the filter default an option without a key")
        if option[:1] == [_ALLOW_FALSE]:
            allows = len(option) > 1 and is_set(option[1])
    return allows


DEFAULT_FILTERS: Final[Mapping[str, Filter]] = {"default": Filter(_default, _MOST_ARGUMENTS)}
