"""The registry of filters: one file each family.

What Segment switches off is known by name, so that a template that reaches it fails instead of printing the value
unfiltered.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from processor.mapping.liquid.filters.base import Filter
from processor.mapping.liquid.filters.dates import DATE_FILTERS
from processor.mapping.liquid.filters.defaults import DEFAULT_FILTERS
from processor.mapping.liquid.filters.encodings import ENCODING_FILTERS
from processor.mapping.liquid.filters.lists import LIST_FILTERS
from processor.mapping.liquid.filters.numbers import NUMBER_FILTERS
from processor.mapping.liquid.filters.texts import TEXT_FILTERS

__all__ = ["DISABLED", "FILTERS", "UNSTABLE", "Filter"]

FILTERS: Final[Mapping[str, Filter]] = MappingProxyType(
    {
        **DATE_FILTERS,
        **DEFAULT_FILTERS,
        **ENCODING_FILTERS,
        **LIST_FILTERS,
        **NUMBER_FILTERS,
        **TEXT_FILTERS,
    }
)

DISABLED: Final = frozenset(
    {
        "array_to_sentence_string",
        "concat",
        "find",
        "find_exp",
        "find_index",
        "find_index_exp",
        "group_by",
        "group_by_exp",
        "has",
        "has_exp",
        "map",
        "newline_to_br",
        "reject",
        "reject_exp",
        "reverse",
        "sort",
        "sort_natural",
        "type",
        "uniq",
        "where_exp",
    }
)
"""Filters that Segment switches off."""

UNSTABLE: Final = frozenset({"sample"})
"""Filters whose result is by chance."""
