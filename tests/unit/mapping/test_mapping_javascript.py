"""JavaScript's text of JSON values."""

from __future__ import annotations

import math
from typing import Any

import pytest

from processor.errors import MappingError
from processor.mapping.javascript import (
    is_falsy,
    js_number,
    js_text,
    js_trim,
    text_number,
    to_double,
    utf16_length,
    utf16_unit,
)
from processor.mapping.values import ABSENT, Json


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (-7, "-7"),
        (-0.0, "0"),
        (19.0, "19"),
        (19.5, "19.5"),
        (-0.25, "-0.25"),
        (1e16, "10000000000000000"),
        (12345678901234568.0, "12345678901234568"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (-1.5e300, "-1.5e+300"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (123456789012345680000.0, "123456789012345680000"),
        (0.0001, "0.0001"),
        (-0.000012345, "-0.000012345"),
        (0.000001, "0.000001"),
        (0.0000001, "1e-7"),
        (5e-324, "5e-324"),
        (2**53, "9007199254740992"),
        (2**53 + 1, "9007199254740992"),
        (-(2**53) - 1, "-9007199254740992"),
        (12345678901234567890, "12345678901234567000"),
        (10**23, "1e+23"),
        (10**400, "Infinity"),
        (-(10**400), "-Infinity"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (math.nan, "NaN"),
    ],
)
def test_numbers_print_as_in_javascript(number: float, text: str) -> None:
    """Shortest digits, JavaScript's two forms and their bounds, doubles beyond 2**53."""
    assert js_number(number) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (19.0, "19"),
        ({}, "[object Object]"),
        ({"a": 1}, "[object Object]"),
        ([], ""),
        ([None], ""),
        ([[]], ""),
        ([[], []], ","),
        ([1, [2, [None, "x"]], {}, False], "1,2,,x,[object Object],false"),
    ],
)
def test_values_print_as_in_javascript(value: Json, text: str) -> None:
    """Scalars by name, lists joined by commas with null as nothing, objects by their useless name."""
    assert js_text(value) == text


def test_absent_items_are_nothing() -> None:
    """An operand keeps the place of what its list has nothing for, as JavaScript does with undefined."""
    absent: Any = ABSENT
    assert js_text([1, absent, [absent, "a"], None]) == "1,,,a,"


@pytest.mark.parametrize("value", [{"toString": 1}, [1, [{"toString": None}]]])
def test_an_object_that_hides_its_text_is_an_error(value: Json) -> None:
    """JavaScript throws for an own key `toString`, wherever the object is."""
    with pytest.raises(MappingError):
        js_text(value)


def test_depth_is_no_danger() -> None:
    """A list far deeper than the stack still prints."""
    value: Any = "x"
    for _ in range(50_000):
        value = [value]
    assert js_text(value) == "x"


def test_trim_takes_what_javascript_takes() -> None:
    """U+FEFF and U+00A0 go; U+0085 and U+001C stay, unlike in Python."""
    assert js_trim("\ufeff\u00a0\u2003\v a \n") == "a"
    assert js_trim("\u0085a\u001c") == "\u0085a\u001c"


def test_lengths_and_indexes_count_utf16_units() -> None:
    """A letter outside the basic plane is two units, each of which can be read."""
    assert (utf16_length("abc"), utf16_length("a\U0001f44b")) == (3, 3)
    assert [utf16_unit("a\U0001f44b", i) for i in range(4)] == ["a", "\ud83d", "\udc4b", None]
    assert [utf16_unit("ab", i) for i in range(3)] == ["a", "b", None]
    assert utf16_length("\ud83d") == 1


@pytest.mark.parametrize("value", [None, False, 0, 0.0, -0.0, math.nan, ""])
def test_false_values(value: Json) -> None:
    """What JavaScript takes for false."""
    assert is_falsy(value)


@pytest.mark.parametrize("value", [True, 1, "0", " ", [], {}, math.inf])
def test_true_values(value: Json) -> None:
    """Empty containers are true in JavaScript, unlike in Python."""
    assert not is_falsy(value)


def test_to_double_saturates() -> None:
    """Integers beyond any double become infinities, as a JavaScript reader would see them."""
    assert (to_double(10**400), to_double(-(10**400)), to_double(3)) == (math.inf, -math.inf, 3.0)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0.0),
        (" \ufeff ", 0.0),
        (" 12 ", 12.0),
        ("+.5", 0.5),
        ("5.", 5.0),
        ("-1e3", -1000.0),
        ("0x1F", 31.0),
        ("0O17", 15.0),
        ("0b11", 3.0),
        ("0x" + "f" * 400, math.inf),
        ("Infinity", math.inf),
        ("+Infinity", math.inf),
        ("-Infinity", -math.inf),
    ],
)
def test_texts_are_read_as_numbers_as_in_javascript(text: str, number: float) -> None:
    """Blanks around a number do not count, and blank text is zero."""
    assert text_number(text) == number


@pytest.mark.parametrize("text", ["x", "1x", ".", "1_0", "-0x1", "0xg", "0b2", "infinity", "NaN", "1,5", "\u0661"])
def test_other_texts_are_no_number(text: str) -> None:
    """What Python would read besides, such as `1_0` and digits of other scripts, JavaScript does not."""
    assert math.isnan(text_number(text))
