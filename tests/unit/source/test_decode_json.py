"""JSON in and out, on what the fast decoder and the standard library disagree about."""

from __future__ import annotations

import math

import pytest

from processor.errors import DecodeError
from processor.source.json_value import json_text, json_value


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a":1,"a":2}', {"a": 2}),
        (b'"\\ud800"', "\ud800"),
        (b'{"\\udc00":"\\ud83d\\ude00"}', {"\udc00": "\U0001f600"}),
        (b"1e400", math.inf),
        (b"[-1e400]", [-math.inf]),
        (b"1" * 30, int("1" * 30)),
        (b"1" * 5000, math.inf),
        (b"19", 19),
        (b"\xef\xbb\xbf{}", {}),
        (b" null ", None),
        ('{"a":"ä"}', {"a": "ä"}),
        ("\ufeff[]", []),
        ('"\ud800"', "\ud800"),
    ],
)
def test_everything_that_json_allows_is_read(data: bytes | str, expected: object) -> None:
    """Values that one of the two readers refuses are read all the same, with the types that JavaScript would see."""
    value = json_value(data)
    assert value == expected
    assert type(value) is type(expected)


def test_a_float_stays_a_float() -> None:
    """A number written with a point is not turned into an integer, on either way of reading."""
    assert isinstance(json_value(b"19.0"), float)
    assert [type(item) for item in json_value(b"[19.0,1e400]")] == [float, float]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the value is not JSON: Expecting value at character 0"),
        (b"NaN", "the value is not JSON: NaN is no JSON"),
        (b"[Infinity]", "the value is not JSON: Infinity is no JSON"),
        (b"-Infinity", "the value is not JSON: -Infinity is no JSON"),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", "the value is not JSON: Expecting value at character 0"),
        ('{"a":1}'.encode("utf-16"), "the value is not JSON: not UTF-8 at byte 0"),
        (b'"\xed\xa0\x80"', "the value is not JSON: not UTF-8 at byte 1"),
        (b'"\x01"', "the value is not JSON: Invalid control character at at character 1"),
        (b"{} x", "the value is not JSON: Extra data at character 3"),
        (b"{'a':1}", "the value is not JSON: Expecting property name enclosed in double quotes at character 1"),
        (b"[" * 100_000, "the value is not JSON: nested too deeply"),
        (b'["\\ud800",' + b"[" * 100_000, "the value is not JSON: nested too deeply"),
        (b"01", "the value is not JSON: Extra data at character 1"),
    ],
)
def test_what_is_no_json_is_refused_in_safe_words(data: bytes, message: str) -> None:
    """Whatever is no JSON in UTF-8 gives one reason code and a message with nothing of the value in it."""
    with pytest.raises(DecodeError) as caught:
        json_value(data)
    assert (caught.value.reason, caught.value.safe) == ("invalid_json", message)


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2.0, None, True, "Infinity"], "\ud800": "\udc00"},
        [math.inf, {"a": -math.inf, "b": "\ud800", "c": 2**80}],
        -0.0,
        "",
        {},
    ],
)
def test_text_reads_back_as_the_same_value(value: object) -> None:
    """What `json_text` writes is ASCII from which `json_value` reads the same, infinities and surrogates included."""
    text = json_text(value)
    assert text.isascii()
    assert repr(json_value(text)) == repr(value)


@pytest.mark.parametrize("value", [math.nan, [math.inf, math.nan]])
def test_nan_has_no_text(value: object) -> None:
    """A value that no JSON gives is refused instead of being written as something else."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text(value)
