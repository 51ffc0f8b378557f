"""Destination filters: the query language of Segment's manual, which its triggers only resemble."""

from __future__ import annotations

from processor.mapping.filters.condition import FilterCondition
from processor.mapping.filters.errors import FilterError

__all__ = ["FilterCondition", "FilterError"]
