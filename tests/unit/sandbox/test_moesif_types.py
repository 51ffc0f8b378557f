"""The types of metadata are remembered by path, nulls have none, and the memory is bounded."""

from __future__ import annotations

from typing import Any

import pytest

from processor.sandbox import moesif_types
from processor.sandbox.moesif_types import KeyTypes


def test_the_first_type_of_a_key_stays() -> None:
    """Whole and broken numbers are one type; a key inside an object is another key than one beside it."""
    types = KeyTypes()
    assert types.conflict_count({"a": 1, "b": {"a": "x"}, "c": [], "d": None}) == 0
    assert types.conflict_count({"a": 2.5, "b": {"a": "y"}, "c": [True], "d": {}}) == 0
    assert types.conflict_count({"a": True, "b": {"a": 1}, "c": [[0]], "d": "x"}) == 4
    assert types.conflict_count({"b": "x"}) == 1


def test_what_is_new_beyond_the_bound_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that a sender makes up without end cost no memory without end."""
    monkeypatch.setattr(moesif_types, "_KNOWN_PATHS", 2)
    types = KeyTypes()
    bags: list[dict[str, Any]] = [{"a": 1}, {"b": 1}, {"c": 1}, {"c": "x"}, {"a": "x"}]
    assert [types.conflict_count(bag) for bag in bags] == [0, 0, 0, 0, 1]
