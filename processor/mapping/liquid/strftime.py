"""Formats dates by the codes of `strftime`, as LiquidJS spells them in English.

Not quite C's: `%F` and `%T` are unknown and stay as they are, `%N` has nine digits unless a width is given, `%c`, `%x`
and `%X` are what JavaScript prints in the United States.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from processor.mapping.javascript import js_number
from processor.mapping.liquid.budget import Budget
from processor.mapping.liquid.date_text import MS_PER_DAY, date_of

_CODE: Final = re.compile("%([-_0^#:]+)?([0-9]+)?([EO])?([^\n\r\u2028\u2029])")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_WIDTHS: Final = {
    **dict.fromkeys("CdeHIklmMSUWy", 2),
    **dict.fromkeys("jL", 3),
    "Y": 4,
}
_BLANK_PADDED: Final = frozenset("aAbBceklpP")
_NANOSECOND_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time as a clock in some zone shows it.

    Args:
        ms: Milliseconds since 1970, in UTC.
        offset_minutes: Minutes that the zone is behind UTC, as JavaScript counts; negative east of Greenwich.
        zone: The zone's name, empty when only an offset is known.
    """

    ms: int
    offset_minutes: float
    zone: str

    def clock(self) -> Clock:
        """Return what the clock shows."""
        days, rest = divmod(self.ms - math.trunc(self.offset_minutes * 60_000), MS_PER_DAY)
        year, date = date_of(days)
        seconds, ms = divmod(rest, 1000)
        minutes, second = divmod(seconds, 60)
        hour, minute = divmod(minutes, 60)
        weekday = date.isoweekday() % 7
        return Clock(year, date.month, date.day, weekday, date.timetuple().tm_yday, hour, minute, second, ms, self)


@dataclass(frozen=True, slots=True)
class Clock:
    """Date and time as parts; Sunday is weekday 0, the first of January day 1 of the year."""

    year: int
    month: int
    day: int
    weekday: int
    day_of_year: int
    hour: int
    minute: int
    second: int
    ms: int
    moment: Moment


def ordinal(day: int) -> str:
    """Return the ending of a day's number: `st`, `nd`, `rd`, `th`."""
    if 11 <= day <= 13:  # noqa: PLR2004 - English has these three exceptions
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def strftime(clock: Clock, pattern: str, budget: Budget) -> str:
    """Return a date formatted by a pattern.

    Raises:
        MappingError: the budget does not hold what the widths in the pattern ask for.
    """
    return _CODE.sub(lambda found: _formatted(clock, found, budget), pattern)


def _formatted(clock: Clock, found: re.Match[str], budget: Budget) -> str:
    """Return what a code stands for, in the width and the case that its flags ask for."""
    flags, width, _, code = found.groups(default="")
    convert = _CODES.get(code)
    if convert is None:
        return found.group()
    wanted = float(width or 0)
    budget.spend(wanted)
    text = _nanoseconds(clock, wanted) if code == "N" else convert(clock, flags)
    return _padded(_cased(text, flags), code, flags, int(wanted))


def _nanoseconds(clock: Clock, width: float) -> str:
    """Return the fraction of the second in so many digits."""
    digits = int(width) or _NANOSECOND_DIGITS
    return f"{clock.ms:03}"[:digits].ljust(digits, "0")


def _cased(text: str, flags: str) -> str:
    """Return the text in capitals for `^`, in the other case for `#`."""
    if "^" in flags:
        return text.upper()
    if "#" in flags:
        return text.upper() if any("a" <= char <= "z" for char in text) else text.lower()
    return text


def _padded(text: str, code: str, flags: str, width: int) -> str:
    """Return the text filled up on the left; a minus stays in front of zeros."""
    width = 0 if "-" in flags else width or _WIDTHS.get(code, 0)
    fill = " " if code in _BLANK_PADDED else "0"
    if "_" in flags:
        fill = " "
    elif "0" in flags:
        fill = "0"
    if fill == "0" and text.startswith("-"):
        return "-" + text[1:].rjust(width - 1, fill)
    return text.rjust(width, fill)


def _week(clock: Clock, first_weekday: int) -> str:
    """Return the week of the year; days before its first such weekday are in week 0."""
    return str((clock.day_of_year - 1 - (clock.weekday - first_weekday) % 7 + 7) // 7)


def _offset(clock: Clock, flags: str) -> str:
    """Return the offset from UTC."""
    behind = clock.moment.offset_minutes
    hours, minutes = divmod(abs(behind), 60)
    colon = ":" if ":" in flags else ""
    return f"{'-' if behind > 0 else '+'}{int(hours):02}{colon}{js_number(minutes).rjust(2, '0')}"


def _date(clock: Clock) -> str:
    """Return the date as JavaScript prints it in the United States; years before the first count from 1 backwards."""
    return f"{clock.month}/{clock.day}/{clock.year if clock.year > 0 else 1 - clock.year}"


def _time(clock: Clock) -> str:
    """Return the time as JavaScript prints it in the United States."""
    half = "AM" if clock.hour < 12 else "PM"  # noqa: PLR2004 - noon
    return f"{clock.hour % 12 or 12}:{clock.minute:02}:{clock.second:02} {half}"


_CODES: Final[Mapping[str, Callable[[Clock, str], str]]] = {
    "a": lambda clock, _: _DAYS[clock.weekday][:3],
    "A": lambda clock, _: _DAYS[clock.weekday],
    "b": lambda clock, _: _MONTHS[clock.month - 1][:3],
    "B": lambda clock, _: _MONTHS[clock.month - 1],
    "c": lambda clock, _: f"{_date(clock)}, {_time(clock)}",
    "C": lambda clock, _: str(clock.year // 100),
    "d": lambda clock, _: str(clock.day),
    "e": lambda clock, _: str(clock.day),
    "h": lambda clock, _: _MONTHS[clock.month - 1][:3],
    "H": lambda clock, _: str(clock.hour),
    "I": lambda clock, _: str(clock.hour % 12 or 12),
    "j": lambda clock, _: str(clock.day_of_year),
    "k": lambda clock, _: str(clock.hour),
    "l": lambda clock, _: str(clock.hour % 12 or 12),
    "L": lambda clock, _: str(clock.ms),
    "m": lambda clock, _: str(clock.month),
    "M": lambda clock, _: str(clock.minute),
    "n": lambda _clock, _: "\n",
    "N": lambda clock, _: str(clock.ms),
    "p": lambda clock, _: "AM" if clock.hour < 12 else "PM",  # noqa: PLR2004 - noon
    "P": lambda clock, _: "am" if clock.hour < 12 else "pm",  # noqa: PLR2004 - noon
    "q": lambda clock, _: ordinal(clock.day),
    "s": lambda clock, _: str(clock.moment.ms // 1000),
    "S": lambda clock, _: str(clock.second),
    "t": lambda _clock, _: "\t",
    "u": lambda clock, _: str(clock.weekday or 7),
    "U": lambda clock, _: _week(clock, 0),
    "w": lambda clock, _: str(clock.weekday),
    "W": lambda clock, _: _week(clock, 1),
    "x": lambda clock, _: _date(clock),
    "X": lambda clock, _: _time(clock),
    "y": lambda clock, _: str(clock.year % 100),
    "Y": lambda clock, _: str(clock.year),
    "z": _offset,
    "Z": lambda clock, flags: clock.moment.zone or _offset(clock, flags),
    "%": lambda _clock, _: "%",
}
