"""Text of ids and numbers, and JSON bytes."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.destinations.text import decode, encode, id_text, is_blank, js_bytes_count, js_number
from processor.errors import MappingError


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (10, "10"),
        (10.0, "10"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e16, "10000000000000000"),
        (12.50, "12.5"),
        (3e22, "3e+22"),
        (1e20, "100000000000000000000"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e300, "1.5e+300"),
        (5e-324, "5e-324"),
        (12345678901234567890123, "12345678901234567890123"),
    ],
)
def test_numbers_read_as_javascript_prints_them(number: float, text: str) -> None:
    """The table of Moveo One's contract holds, and integers beyond 2**53 keep their digits."""
    assert js_number(number) == text


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_text_of_a_float_reads_back(number: float) -> None:
    """The text is a form of the same number, for any float."""
    assert float(js_number(number)) == number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("u-501", "u-501"),
        (" u-501 ", " u-501 "),
        ("", None),
        (" \t\n", None),
        ("\ufeff\u00a0", None),
        ("\x1c", "\x1c"),
        (90071, "90071"),
        (7.0, "7"),
        (7.25, "7.25"),
        (0, "0"),
        (math.nan, None),
        (math.inf, None),
        (True, None),
        (False, None),
        (None, None),
        ([], None),
        ({"id": "u"}, None),
    ],
)
def test_ids_are_texts_or_numbers(value: Any, text: str | None) -> None:  # noqa: ANN401 - any JSON value
    """Texts stay untrimmed, numbers become text, and everything else, blanks included, is no id."""
    assert id_text(value) == text


def test_blank_means_empty_after_trimming() -> None:
    """JavaScript's blanks are blank, any other character is not."""
    assert is_blank("\u2028 \v")
    assert not is_blank("\u200b")


def test_encoding_escapes_nothing_that_need_not_be() -> None:
    """Text beyond ASCII stays as it is, as in `JSON.stringify`."""
    value = {"event": "Køb 🛒", "ctl": '\x01\b"\\/'}

    assert encode(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def test_lone_surrogates_are_replaced_and_pairs_joined() -> None:
    """What UTF-8 cannot carry becomes U+FFFD, in keys and at any depth; two halves become their character."""
    value = {"a\ud83d": ["\ude00", {"pair": "\ud83d\ude00"}], "n": 1}

    assert json.loads(encode(value)) == {"a\ufffd": ["\ufffd", {"pair": "😀"}], "n": 1}


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_endless_numbers_are_not_written_as_null(number: float) -> None:
    """A number that JSON does not know is an error at any depth, beside nulls and big integers as well."""
    for value in (number, [None, {"n": number}], {"big": 10**30, "n": [number]}):
        with pytest.raises(MappingError, match="not finite"):
            encode(value)


def test_nulls_and_big_integers_are_no_endless_numbers() -> None:
    """The search for endless numbers does not mistake other values for one."""
    value = {"nothing": None, "big": 10**30, "text": "\u02ff\u07ff null", "float": 1.7e308, "list": [None, 0.5]}

    assert json.loads(encode(value)) == value


def test_the_longest_numbers_are_read_back() -> None:
    """Whatever can be sent can be shown, with its sign."""
    longest = [-(10**4299), 10**4299]
    assert decode(encode(longest)) == longest


def test_a_number_too_long_to_print_is_an_error() -> None:
    """An integer of thousands of digits is refused as the event's fault, not as a crash."""
    with pytest.raises(MappingError) as caught:
        encode({"n": 10**5000})
    assert caught.value.safe == "a number is too long to be written"


def test_endless_nesting_is_an_error() -> None:
    """A value nested deeper than the stack is refused."""
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(MappingError) as caught:
        encode(value)
    assert caught.value.safe == "the value is nested too deeply"
    while value:  # taken apart by hand: freeing it at once would recurse
        value = value[0]


@pytest.mark.parametrize(
    ("value", "javascript"),
    [
        ({"n": 10.0}, '{"n":10}'),
        ({"n": [1e16, 1.5e300], "s": "ü"}, '{"n":[10000000000000000,1.5e+300],"s":"ü"}'),
        ({"n": 0.000001, "b": True, "z": None, "i": 5}, '{"n":0.000001,"b":true,"z":null,"i":5}'),
    ],
)
def test_bytes_are_counted_as_javascript_writes_them(value: Any, javascript: str) -> None:  # noqa: ANN401 - any JSON value
    """The count is that of `JSON.stringify`, whose floats are longer or shorter than ours."""
    assert js_bytes_count(value, msgspec.json.encode(value)) == len(javascript.encode())
