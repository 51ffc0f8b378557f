"""Destination filters: the query language of Segment's manual, which its triggers only resemble."""

from __future__ import annotations

from processor.mapping.filters.errors import FilterError
from processor.mapping.filters.filter import Filter

__all__ = ["Filter", "FilterError"]
