"""Liquid's dates: what is one, and how it is printed. What is expected is what LiquidJS 10.30.1 printed in Node 20."""

from __future__ import annotations

from typing import Any

import pytest

from processor.errors import MappingError
from processor.mapping.liquid import parse_template
from processor.mapping.liquid.date_text import MAX_CHARS, parse_date
from processor.mapping.liquid.filters.dates import MAX_ZONE_CHARS


def rendered(expression: str, value: Any, argument: Any = None) -> str:  # noqa: ANN401 - any JSON values
    """Return what an expression prints for the value `d` and the argument `x`."""
    return parse_template("{{ " + expression + " }}").render({"d": value, "x": argument})


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026", 1767225600000),
        ("2026-03", 1772323200000),
        ("2026-03-04", 1772582400000),
        ("2026-03-04T05:06", 1772600760000),
        ("2026-03-04T05:06:07.089Z", 1772600767089),
        ("2026-03-04t05:06:07.1z", 1772600767100),
        ("2026-03-04T05:06:07.123456+0530", 1772580967123),
        ("2026-03-04T05:06:07-05:30", 1772620567000),
        ("2026-01-01T24:00:00Z", 1767312000000),
        ("2026-01-01T24:00:01Z", None),
        ("2026-01-01T25:00", None),
        ("2026-01-01T10:60", None),
        ("2026-01-01T10:00+24:00", None),
        ("2026-01-01T10:00+05", None),
        ("2026-02-30", 1772409600000),
        ("2026-13-45", None),
        ("+002026-01-01", 1767225600000),
        ("-000001-01-01", -62198755200000),
        ("+275760-09-13", 8640000000000000),
        ("+275760-09-14", None),
        ("2026-2-3", 1770076800000),
        ("2026-03-04T", None),
        ("Sat, 28 Feb 2026 18:29:59 GMT", 1772303399000),
        ("Mon, 3 Feb 2025 10:20:30 -0500 (EST (US))", 1738596030000),
        ("Sat Mar 07 2026 10:00:00 GMT+0100 (CET)", 1772874000000),
        ("January 1, 2026 5:00 pm", 1767286800000),
        ("2026-03-07 12:30 am", 1772843400000),
        ("1/2/2020 13:30 pm", None),
        ("am 1/2/2020", 1577923200000),
        ("Mar 5", 983750400000),
        ("5-mar-99", 920592000000),
        ("2026 Jan", 1767225600000),
        ("12/31/49", 2524521600000),
        ("12/31/50", -599702400000),
        ("32", 1956528000000),
        ("1/2/2020 10::30", 1577959230000),
        ("1/2/2020 10:20:30.4567", 1577960430456),
        ("1/2/2020 10:20:30.x", None),
        ("1/2/2020 10:20:30:40", 1577960430040),
        ("1/2/2020 1:2:3:4:5", None),
        ("1/2/2020 10:20 10::30", None),
        ("1/2/2020 10:20x", None),
        ("1/2/2020 10:20Z", 1577960400000),
        ("1/2/2020 10:61", None),
        ("1/2/2020 10:20 +2", 1577953200000),
        ("1/2/2020 10:20 +0230", 1577951400000),
        ("1/2/2020 10:20 -02:30", 1577969400000),
        ("1/2/2020 GMT+2", 1577916000000),
        ("1/2/2020 GMT+12345", None),
        ("1/2/2020 10:20 +", None),
        ("1/2/2020 +2", None),
        ("1/2/2020 )", None),
        ("1/2/2020 (open", 1577923200000),
        (") on 1/2/2020", 1577923200000),
        ("1/2/2020 PST", 1577952000000),
        ("1/2/2020 x", None),
        ("x1/2/2020", None),
        ("1/2/3/4", None),
        ("2026:03", 1772323200000),
        ("+05301/1/1", 105116227200000),
        ("0/1/2020", None),
        ("Feb", None),
        ("10:20", None),
        ("-5", 988675200000),
        ("-002026-1-1", -126101577600000),
        ("", None),
        ("+", None),
        ("(" + "x" * MAX_CHARS + ") 1/1/2020", None),
    ],
)
def test_what_is_a_date(text: str, ms: float | None) -> None:
    """ISO 8601, and what Node makes of anything else."""
    assert ms == parse_date(text)


DATE = "2026-03-04T05:06:07.089Z"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("%a %A %b %B %h", "Wed Wednesday Mar March Mar"),
        ("%c|%x|%X", "3/4/2026, 5:06:07 AM|3/4/2026|5:06:07 AM"),
        ("%C %d %e %H %I %j %k %l", "20 04  4 05 05 063  5  5"),
        ("%L %N %3N %12N %m %M %p %P %q", "089 089000000 089 089000000000 03 06 AM am th"),
        ("%s %S %u %U %w %W %y %Y %z %:z %Z", "1772600767 07 3 09 3 09 26 2026 +0000 +00:00 UTC"),
        ("%t%n%%", "\t\n%"),
        ("%F %T %Q %", "%F %T %Q %"),
        ("%-d %_m %05d %^a %#a %#p %10Y %-10d %Ed", "4  3 00004 WED WED am 0000002026 4 04"),
        ("", ""),
    ],
)
def test_codes(pattern: str, text: str) -> None:
    """Each code, flag and width."""
    assert text == rendered("d | date: x", DATE, pattern)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2026-03-01T00:00:00Z", "1st AM 12 7"),
        ("2026-03-02T12:00:00Z", "2nd PM 12 1"),
        ("2026-03-03T13:00:00Z", "3rd PM 01 2"),
        ("2026-03-11T23:00:00Z", "11th PM 11 3"),
        ("2026-03-13T23:00:00Z", "13th PM 11 5"),
        ("2026-03-22T23:00:00Z", "22nd PM 11 7"),
    ],
)
def test_endings_and_halves_of_the_day(value: str, text: str) -> None:
    """English ordinals and the twelve-hour clock."""
    assert text == rendered("d | date: '%-d%q %p %I %u'", value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "1970-01-01 00:00:00"),
        (-1.5, "1969-12-31 23:59:58"),
        ("1700000000", "2023-11-14 22:13:20"),
        (1772323199999, "58132-09-07 23:59:59"),
        (-62200000000, "-002-12-17 14:13:20"),
        (1e14, "100000000000000"),
        (True, "1970-01-01 00:00:00"),
        ([2020], "2020-01-01 00:00:00"),
        ({}, "[object Object]"),
        (None, ""),
        ("no date", "no date"),
    ],
)
def test_values(value: Any, text: str) -> None:  # noqa: ANN401 - any JSON value
    """Seconds, dates, and what is none and stays as it is."""
    assert text == rendered("d | date: '%Y-%m-%d %H:%M:%S'", value)


@pytest.mark.parametrize(
    ("value", "zone", "text"),
    [
        (DATE, "Asia/Tokyo", "14:06 +0900 Asia/Tokyo"),
        ("2026-07-04T05:06Z", "America/New_York", "01:06 -0400 America/New_York"),
        ("+012026-07-01T00:00:00Z", "Europe/Berlin", "02:00 +0200 Europe/Berlin"),
        ("1938-04-25", "Europe/Berlin", "01:00 +0100 Europe/Berlin"),
        (DATE, 90, "03:36 -0130 -0130"),
        (DATE, -90.5, "06:36 +0130.5 +0130.5"),
        (DATE, True, "05:05 -0001 -0001"),
        (DATE, [], "05:06 +0000 +0000"),
        (DATE, {}, DATE),
        (DATE, 1e15, DATE),
        (DATE, None, "05:06 +0000 UTC"),
    ],
)
def test_zones(value: str, zone: Any, text: str) -> None:  # noqa: ANN401 - any JSON value
    """Names of zones, and minutes behind UTC."""
    assert text == rendered("d | date: '%H:%M %z %Z', x", value, zone)


@pytest.mark.parametrize(
    ("value", "zone", "text"),
    [
        ("-000100-01-01", "Europe/Berlin", "+0053.46666666666667"),
        ("0001-01-01", "America/New_York", "-0456.03333333333336"),
        ("0001-12-31", "Pacific/Auckland", "+1139.06666666666672"),
        ("9999-12-31T23:59:59Z", "Asia/Tokyo", "+0900"),
        ("+275760-09-13", "America/New_York", "-0400"),
    ],
)
def test_zones_have_an_offset_in_any_year(value: str, zone: str, text: str) -> None:
    """Also in years that Python's dates do not know; in New York's year 1 LiquidJS itself is a century off."""
    assert text == rendered("d | date: '%z', x", value, zone)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("d | date", "Wednesday, March 4, 2026 at 5:06 am +0000"),
        ("d | date: nil", "Wednesday, March 4, 2026 at 5:06 am +0000"),
        ("d | date: '%H %Z', empty", "05 +0000"),
        ("d | date_to_xmlschema", "2026-03-04T05:06:07+00:00"),
        ("d | date_to_rfc822", "Wed, 04 Mar 2026 05:06:07 +0000"),
        ("d | date_to_string", "04 Mar 2026"),
        ("d | date_to_string: 'ordinal'", "4th Mar 2026"),
        ("d | date_to_long_string", "04 March 2026"),
        ("d | date_to_long_string: 'ordinal', 'US'", "March 4th, 2026"),
        ("nil | date", ""),
    ],
)
def test_ready_made_forms(expression: str, text: str) -> None:
    """Filters with a pattern of their own."""
    assert text == rendered(expression, DATE)


@pytest.mark.parametrize(
    ("value", "argument", "message"),
    [
        ("now", "", "current time"),
        ("today", "", "current time"),
        (DATE, "Nope/Zone", "time zone that is not known"),
        (DATE, "../etc/passwd", "time zone that is not known"),
        (DATE, "", "time zone that is not known"),
        (DATE, "Europe", "time zone that is not known"),
        (DATE, "zone.tab", "time zone that is not known"),
        (DATE, "\0", "time zone that is not known"),
        (DATE, "\ud83d", "time zone that is not known"),
        (DATE, "a.b/c", "time zone that is not known"),
        (DATE, ".", "time zone that is not known"),
        (DATE, "x" * (MAX_ZONE_CHARS + 1), "time zone that is not known"),
    ],
)
def test_what_has_no_date(value: str, argument: str, message: str) -> None:
    """The clock is never read, and a zone must be one."""
    with pytest.raises(MappingError, match=message):
        rendered("d | date: '%Y', x", value, argument)


def test_widths_cost_what_they_print() -> None:
    """A width from an event cannot fill the memory."""
    with pytest.raises(MappingError, match="steps"):
        rendered("d | date: x", DATE, "%99999999999d")
