"""JSON text as JavaScript writes and reads it."""

from __future__ import annotations

import math

import pytest

from processor.mapping.javascript import js_keys, utf16_joined, utf16_split
from processor.mapping.js_json import parse, stringify
from processor.mapping.values import ABSENT, Json


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": ABSENT, "l": [ABSENT, math.nan, 10**400]}, '{"l":[null,null,null]}'),
        ({"2": 0, "10": 1, "b": 2, "01": 3, "4294967295": 4}, '{"2":0,"10":1,"b":2,"01":3,"4294967295":4}'),
        ([True, False, None, 1.0, -0.0], "[true,false,null,1,0]"),
        ("\ud83d \U0001f44b", '"\\ud83d \U0001f44b"'),
    ],
)
def test_writing(value: Json, expected: str) -> None:
    """Absent, endless, order of keys, halves of letters."""
    assert stringify(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9" * 301, 1e301),
        ("9" * 400, math.inf),
        ("12345678901234567890", 12345678901234567890),
        ("NaN", "NaN"),
    ],
)
def test_reading(text: str, expected: Json) -> None:
    """Integers stay exact as long as a float could hold them; what is no JSON stays text."""
    assert parse(text) == expected


def test_keys_that_are_indexes_come_first() -> None:
    """Ascending, and only canonical ones below 2**32 - 1."""
    assert js_keys({"b": 0, "10": 0, "9": 0, "4294967294": 0, "4294967295": 0, "": 0, "٣": 0}) == [
        "9",
        "10",
        "4294967294",
        "b",
        "4294967295",
        "",
        "٣",
    ]


@pytest.mark.parametrize("text", ["ab", "a\U0001f44b", "\udc4b\ud83d", ""])
def test_units_and_back(text: str) -> None:
    """Splitting into units loses nothing."""
    assert utf16_joined("".join(utf16_split(text))) == text
