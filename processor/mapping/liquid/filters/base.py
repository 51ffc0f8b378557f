"""What a filter is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from processor.mapping.liquid.values import Drop, Value
from processor.mapping.values import ABSENT

Call: TypeAlias = Callable[..., Value]
"""Takes the context, the value and the arguments; one that is not given keeps its default."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter.

    Args:
        call: What it does.
        most_arguments: Arguments beyond these are ignored.
        exact_arguments: How many it must have, None when it does with fewer.
        refused_texts: Texts that it cannot take, each with the reason; known when a template is read that spells one.
    """

    call: Call
    most_arguments: int = 0
    exact_arguments: int | None = None
    refused_texts: Mapping[str, str] = field(default_factory=dict)


def is_set(argument: Value) -> bool:
    """Return whether JavaScript takes an optional argument for true; a container or a literal drop always is."""
    if isinstance(argument, (dict, list, Drop)):
        return True
    return argument is not ABSENT and bool(argument) and argument == argument  # noqa: PLR0124 - only NaN differs
