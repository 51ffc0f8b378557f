"""How Segment validates fields: what each type of field takes, and which texts look like a date."""

from __future__ import annotations

import math
from typing import Any

import pytest

from processor.destinations.moengage.validation import (
    NULLABLE_TEXT,
    OBJECT,
    REFUSED,
    SWITCH,
    TEXT,
    TIME,
    Rule,
    is_date_like,
    validated,
)
from processor.model import Rejected


@pytest.mark.parametrize(
    ("value", "text", "nullable"),
    [
        ("a", "a", "a"),
        (19.0, "19", "19"),
        (-0.0, "0", "0"),
        (1e21, "1e+21", "1e+21"),
        (12345678901234567890, "12345678901234567000", "12345678901234567000"),
        (True, "true", "true"),
        (["a"], "a", REFUSED),
        ([5], "5", "5"),
        ([False], "false", "false"),
        ([None], "", ""),
        ([""], "", ""),
        ([], REFUSED, REFUSED),
        (["a", "b"], REFUSED, REFUSED),
        ([["a"]], REFUSED, REFUSED),
        ({"a": 1}, REFUSED, REFUSED),
    ],
)
def test_texts(value: Any, text: Any, nullable: Any) -> None:  # noqa: ANN401 - any JSON value
    """Numbers become JavaScript's text of them, a list of one its item; beside null a listed text is refused."""
    assert TEXT.read(value) == text
    assert NULLABLE_TEXT.read(value) == nullable


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (False, False),
        (1, True),
        (1.0, True),
        (0, False),
        (-0.0, False),
        ("true", True),
        ("false", False),
        ([True], True),
        (["false"], False),
        ([None], False),
        (2, REFUSED),
        ("TRUE", REFUSED),
        ("1", REFUSED),
        ([], REFUSED),
        ({}, REFUSED),
        ([[True]], REFUSED),
    ],
)
def test_switches(value: Any, expected: Any) -> None:  # noqa: ANN401 - any JSON value
    """A boolean may be spelled as text or as one and zero, and nothing else."""
    assert SWITCH.read(value) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (1.5, 1.5),
        (10**400, 10**400),
        ("2026-05-06", "2026-05-06"),
        (["1700000000"], 1_700_000_000),
        ([" 12 "], 12),
        ([1_700_000_000], "1700000000"),
        (math.nan, REFUSED),
        (math.inf, REFUSED),
        (True, REFUSED),
        ("now", REFUSED),
        (["2026-05-06"], REFUSED),
        ([""], REFUSED),
        (["Infinity"], REFUSED),
        ([1e300], REFUSED),
        ([None], REFUSED),
        ([True], REFUSED),
        ([], REFUSED),
        ({}, REFUSED),
    ],
)
def test_times(value: Any, expected: Any) -> None:  # noqa: ANN401 - any JSON value
    """Numbers are not looked at, texts must look like a date; in a list a text of a number becomes that number."""
    assert TIME.read(value) == expected


def test_objects() -> None:
    """An object is passed on as it is; a list is never unwrapped."""
    bag = {"a": [None]}
    assert OBJECT.read(bag) is bag
    for value in ([bag], [], "x", 5, True):
        assert OBJECT.read(value) is REFUSED


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "-5",
        "1.5",
        "2026",
        "8640000000000",
        "20260506",
        "2026-05",
        "2026-13-45",
        "2026-02-30T25:61:61.5",
        "2026/05/06 07:08",
        "2026-05-06t07:08:09",
        "2026-05-06T07:08:09.123456+02:00",
        "2026-05-06T07:08:09Z",
        "2026-02-30T00:00:00Z",
        "May 6, 2026",
        "Wed, 06 May 2026 07:08:09 GMT",
        "5/6/2026",
    ],
)
def test_date_like_texts(text: str) -> None:
    """Seconds since 1970, a year with any parts behind it but no zone, and whatever JavaScript reads as a date."""
    assert is_date_like(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "now",
        "12:30",
        "31/12/2026",
        "8640000000001",
        "9999999999999",
        "NaN",
        "Infinity",
        "0x10",
        "true",
        "2026-13-45T00:00:00Z",
        "2026-05-06T25:00:00Z",
        "2026-05-06T07:08:09 Z later",
        "2026-05-06\nlater",
        "2026" + " " * 1_000_000 + "x",
        "9" * 1_000_000,
    ],
)
def test_texts_that_are_no_date(text: str) -> None:
    """Everything else is none, however long it is."""
    assert not is_date_like(text)


RULES = {"id": TEXT, "other": NULLABLE_TEXT, "bag": OBJECT, "switch": SWITCH}


def test_what_is_empty_is_left_out() -> None:
    """Null and empty text are left out, also in a list; null stays where the field takes it, and unknown fields go."""
    assert validated({"id": None, "other": None, "bag": "", "switch": None, "more": 1}, RULES) == {"other": None}
    assert validated({"id": [None], "other": [""], "bag": {}}, RULES) == {"bag": {}}
    assert validated({}, RULES) == {}


def test_every_field_at_fault_is_named_and_no_value() -> None:
    """One refusal names all fields at fault, what they take and what they are; values of the event stay out of it."""
    refused = validated({"id": ["secret", 1], "bag": "secret", "switch": False}, RULES)

    assert isinstance(refused, Rejected)
    assert refused.reason == "invalid_field"
    assert "`id`" in refused.message
    assert "`bag`" in refused.message
    assert "secret" not in refused.message


@pytest.mark.parametrize("rule", RULES.values())
def test_form_takes_what_the_rule_reads(rule: Rule) -> None:
    """Whoever checks mappings before there are events sees the same rule."""
    values: tuple[Any, ...] = ("a", 1, True, {}, [], ["a"])
    for value in values:
        assert rule.form.takes(value) == (rule.read(value) is not REFUSED)
