"""Reads dates as JavaScript's `Date` does in Node: ISO 8601 first, then anything that looks like a date.

Times are milliseconds since 1970 in UTC. What names no time zone is UTC, as on Segment's servers.

Source: ECMAScript 2024, Date Time String Format; for other spellings, what Node 20 answers.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from processor.mapping.javascript import WHITESPACE

MAX_CHARS: Final = 200
"""Characters of a date; a longer text is none."""

MAX_MS: Final = 8_640_000_000_000_000
"""The farthest that a date may be from 1970, on either side."""

MS_PER_DAY: Final = 86_400_000
_MS_PER_HOUR: Final = 3_600_000
_MS_PER_MINUTE: Final = 60_000
_MS_PER_SECOND: Final = 1_000
_CYCLE_YEARS: Final = 400
_CYCLE_DAYS: Final = 146_097
_FIRST_DAY: Final = dt.date(1970, 1, 1).toordinal()

_ISO: Final = re.compile(
    r"(?P<year>[0-9]{4}|[+-][0-9]{6})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2}))?)?"
    r"(?:[Tt](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?)?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_PIECE: Final = re.compile(rf"(?P<number>[0-9]+)|(?P<space>[{WHITESPACE}]+)|(?P<word>[^\x00-\x40{WHITESPACE}]+)|(?s:.)")

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONES: Final = {
    **dict.fromkeys(("ut", "utc", "gmt", "z"), 0),
    "est": -5,
    "edt": -4,
    "cst": -6,
    "cdt": -5,
    "mst": -7,
    "mdt": -6,
    "pst": -8,
    "pdt": -7,
}
_HALVES: Final = {"am": 0, "pm": 12}
_MOST_DIGITS: Final = 9
_DATE_PARTS: Final = 3
_TIME_PARTS: Final = 4
_TIME_LIMITS: Final = (0, 59, 59, 999)
_NOON: Final = 12
_LAST_DAY: Final = 31
_LAST_MONTH: Final = 12
_LAST_HOUR: Final = 24
_LAST_MINUTE: Final = 59


def days_of(year: int, month: int, day: int) -> int:
    """Return the days since 1970 of a date in any year; a day past the month's end is one of the next month."""
    cycle, rest = divmod(year - 1, _CYCLE_YEARS)
    return dt.date(rest + 1, month, 1).toordinal() + day - 1 - _FIRST_DAY + cycle * _CYCLE_DAYS


def date_of(days: int) -> tuple[int, dt.date]:
    """Return the year of a day since 1970, and the same date in an early year with the same calendar."""
    cycle, rest = divmod(days + _FIRST_DAY - 1, _CYCLE_DAYS)
    date = dt.date.fromordinal(rest + 1)
    return date.year + cycle * _CYCLE_YEARS, date


def parse_date(text: str) -> float | None:
    """Return the milliseconds since 1970 of a date, None for a text that is none."""
    if len(text) > MAX_CHARS:
        return None
    found = _ISO.fullmatch(text)
    ms = None if found is None else _iso_ms(found)
    if ms is None:
        ms = _Lenient().read(text)
    return None if ms is None or abs(ms) > MAX_MS else ms


def _iso_ms(found: re.Match[str]) -> int | None:
    """Return the milliseconds of a date in ISO 8601, None when a part of it is out of range."""
    month, day, hour, minute, second = (
        int(found[name] or default)
        for name, default in (("month", 1), ("day", 1), ("hour", 0), ("minute", 0), ("second", 0))
    )
    ms = _milliseconds(found["fraction"] or "0")
    offset = _iso_offset(found["zone"])
    if not (1 <= month <= _LAST_MONTH and 1 <= day <= _LAST_DAY) or offset is None or found["year"] == "-000000":
        return None
    time = _time_ms([hour, minute, second, ms])
    return None if time is None else days_of(int(found["year"]), month, day) * MS_PER_DAY + time - offset


def _iso_offset(zone: str | None) -> int | None:
    """Return the milliseconds that a zone is ahead of UTC, None for one that is out of range."""
    if zone is None or zone in "Zz":
        return 0
    hour, minute = int(zone[1:3]), int(zone[-2:])
    if hour >= _LAST_HOUR or minute > _LAST_MINUTE:
        return None
    return (-1 if zone[0] == "-" else 1) * (hour * _MS_PER_HOUR + minute * _MS_PER_MINUTE)


def _milliseconds(fraction: str) -> int:
    """Return a fraction of a second in milliseconds, cut off."""
    return int(f"{fraction}00"[:3])


def _time_ms(parts: list[int]) -> int | None:
    """Return the milliseconds of hour, minute, second, millisecond, None when one of them is out of range."""
    hour, minute, second, ms = parts
    is_midnight = hour == _LAST_HOUR and not (minute or second or ms)
    if not (hour < _LAST_HOUR or is_midnight) or any(
        part > limit for part, limit in zip(parts[1:], _TIME_LIMITS[1:], strict=True)
    ):
        return None
    return hour * _MS_PER_HOUR + minute * _MS_PER_MINUTE + second * _MS_PER_SECOND + ms


class _Lenient:
    """Reads a date that is not ISO: numbers in one of the usual orders, a month's name, a time, a zone.

    Words before the first number and what stands in parentheses are ignored; an unknown word behind a number is not.
    """

    def __init__(self) -> None:
        """Start with nothing read."""
        self._numbers: list[int] = []
        self._month: int | None = None
        self._time: list[int] = []
        self._noon: int | None = None
        self._sign: int | None = None
        self._hours: int | None = None
        self._minutes: int | None = None
        self._has_number = False
        self._pieces: list[tuple[str, str]] = []
        self._at = 0

    def read(self, text: str) -> int | None:
        """Return the milliseconds since 1970, None when the text is no date."""
        self._pieces = [(found.lastgroup or "mark", found.group()) for found in _PIECE.finditer(text)]
        self._take_iso_date()
        while self._at < len(self._pieces):
            kind, piece = self._pieces[self._at]
            self._at += 1
            if not self._takes(kind, piece):
                return None
        return self._ms()

    def _take_iso_date(self) -> None:
        """Take the date that the text begins with as far as it is ISO: its numbers are no part of a time."""
        sign = self._pieces[0][1] if self._pieces and self._pieces[0][1] in ("+", "-") else ""
        self._at = len(sign)
        if not self._takes_digits(6 if sign else 4, range(10**6)):
            self._at = 0
            return
        if sign == "-":
            self._numbers[0] *= -1
        for limit in (_LAST_MONTH, _LAST_DAY):
            if not (self._skips("-") and self._takes_digits(2, range(1, limit + 1))):
                return

    def _takes_digits(self, count: int, allowed: range) -> bool:
        """Take a number of so many digits for the date; return whether one came."""
        kind, piece = self._peek()
        if kind != "number" or len(piece) != count or int(piece) not in allowed:
            return False
        self._at += 1
        self._numbers.append(int(piece))
        self._has_number = True
        return True

    def _takes(self, kind: str, piece: str) -> bool:
        """Take one piece; return whether the text may still be a date."""
        if kind == "number":
            self._has_number = True
            return self._takes_number(piece)
        if kind == "word":
            return self._takes_word(piece.lower())
        if piece in ("+", "-") and (self._time or (self._hours, self._minutes) == (0, 0)):
            return self._takes_offset(1 if piece == "+" else -1)
        if piece == "(":
            self._skip_parentheses()
            return True
        return not (piece in ("+", "-", ")") and self._has_number)

    def _peek(self) -> tuple[str, str]:
        """Return the next piece, empty at the end."""
        return self._pieces[self._at] if self._at < len(self._pieces) else ("end", "")

    def _skips(self, mark: str) -> bool:
        """Skip a mark; return whether it came."""
        if self._peek()[1] != mark:
            return False
        self._at += 1
        return True

    def _takes_number(self, piece: str) -> bool:
        """Take a number for what its surroundings make it: part of a time, of an offset, or of the date."""
        number = _number(piece)
        if self._skips(":"):
            return self._takes_hour(number)
        if self._skips(".") and self._expects_time(number):
            return self._takes_seconds(number)
        if self._hours is not None and self._minutes is None and number <= _LAST_MINUTE:
            self._minutes = number
            return True
        if self._expects_time(number):
            self._finish_time(number)
            kind, following = self._peek()
            return kind in ("end", "space") or following in ("+", "-") or following.lower() == "z"
        if len(self._numbers) == _DATE_PARTS:
            return False
        self._numbers.append(number)
        self._skips("-")
        return True

    def _takes_hour(self, number: int) -> bool:
        """Take a number before a colon: the next part of the time; two colons leave the minute out."""
        if self._skips(":"):
            if self._time:
                return False
            self._time.extend((number, 0))
            return True
        self._time.append(number)
        self._skips(".")
        return len(self._time) <= _TIME_PARTS

    def _takes_seconds(self, number: int) -> bool:
        """Take a number before a point within a time, and the fraction behind it."""
        kind, fraction = self._peek()
        if kind != "number":
            return False
        self._at += 1
        self._time.append(number)
        self._finish_time(_milliseconds(fraction))
        return True

    def _expects_time(self, number: int) -> bool:
        """Return whether a time was begun of which this can be the next part."""
        return 0 < len(self._time) < _TIME_PARTS and number <= _TIME_LIMITS[len(self._time)]

    def _finish_time(self, number: int) -> None:
        """Take the last part of a time."""
        self._time.append(number)
        self._time.extend([0] * (_TIME_PARTS - len(self._time)))

    def _takes_word(self, word: str) -> bool:
        """Take a word: a month, a half of the day, a zone, or one to ignore."""
        if word in _HALVES and self._time:
            self._noon = _HALVES[word]
        elif word[:3] in _MONTHS:
            self._month = _MONTHS.index(word[:3]) + 1
            self._skips("-")
        elif word in _ZONES and self._has_number:
            self._sign, self._hours, self._minutes = (-1 if _ZONES[word] < 0 else 1), abs(_ZONES[word]), 0
        else:
            return not self._has_number and self._peek()[0] != "number"
        return True

    def _takes_offset(self, sign: int) -> bool:
        """Take an offset from UTC: hours, hours and minutes, or hours before a colon."""
        self._sign = sign
        kind, piece = self._peek()
        digits = piece if kind == "number" else ""
        if digits:
            self._at += 1
        self._has_number = True
        number = _number(digits)
        if self._peek()[1] == ":":
            self._hours, self._minutes = number, None
        elif len(digits) in (1, 2):
            self._hours, self._minutes = number, 0
        elif len(digits) in (3, 4):
            self._hours, self._minutes = divmod(number, 100)
        else:
            return False
        return True

    def _skip_parentheses(self) -> None:
        """Skip what stands in parentheses, which may be nested and need not be closed."""
        depth = 1
        while depth and self._at < len(self._pieces):
            piece = self._pieces[self._at][1]
            depth += (piece == "(") - (piece == ")")
            self._at += 1

    def _ms(self) -> int | None:
        """Return the milliseconds of what was read, None when that is no date."""
        days, time = self._days(), self._time_ms()
        if days is None or time is None:
            return None
        offset = (self._hours or 0) * _MS_PER_HOUR + (self._minutes or 0) * _MS_PER_MINUTE
        return days * MS_PER_DAY + time - (self._sign or 0) * offset

    def _days(self) -> int | None:
        """Return the day, its order told by a month's name and by numbers that can be no day."""
        if not self._numbers:
            return None
        first, second, third = [*self._numbers, 1, 1][:_DATE_PARTS]
        is_year_first = not 1 <= first <= _LAST_DAY
        if self._month is not None:
            month = self._month
            year, day = (first, second) if is_year_first else (second, first)
        elif is_year_first:
            year, month, day = first, second, third
        else:
            month, day, year = first, second, third
        if not (1 <= month <= _LAST_MONTH and 1 <= day <= _LAST_DAY):
            return None
        return days_of(_full_year(year), month, day)

    def _time_ms(self) -> int | None:
        """Return the time of the day, midnight when there is none."""
        parts = [*self._time, 0, 0, 0, 0][:_TIME_PARTS]
        if self._noon is not None:
            if parts[0] > _NOON:
                return None
            parts[0] = parts[0] % _NOON + self._noon
        return _time_ms(parts)


def _number(digits: str) -> int:
    """Return the number of its first significant digits, zero for no digits."""
    return int(digits.lstrip("0")[:_MOST_DIGITS] or 0)


def _full_year(year: int) -> int:
    """Return a year of two digits in the century that it stands for."""
    if 0 <= year <= 49:  # noqa: PLR2004 - the limit has no other name
        return year + 2000
    return year + 1900 if 50 <= year <= 99 else year  # noqa: PLR2004 - as above
