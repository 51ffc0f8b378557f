"""How Segment validates the fields of an action before it sends them: what is left out, converted and refused.

Source: contract of Segment, section 2.17, and the recorded requests of Segment's own destination in
`tests/vectors/segment/moengage_actions.jsonl`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from processor.destinations.forms import Form
from processor.mapping.javascript import WHITESPACE, js_number, text_number
from processor.mapping.liquid.date_text import MAX_CHARS, MAX_MS, parse_date
from processor.mapping.outcomes import Some
from processor.mapping.values import kind
from processor.model import Rejected

REFUSED: Final = object()
"""What a rule reads where a value is none that the field takes."""

_PARTS: Final = re.compile(
    rf"[0-9]{{4}}[-/]?(?:[0-9]{{1,2}})?[-/]?[0-9]{{0,2}}[Tt{WHITESPACE}]*"
    r"(?:[0-9]{1,2})?:?(?:[0-9]{1,2})?:?(?:[0-9]{1,2})?[.:]?[0-9]*"
)
"""A year and what may follow: read part by part, and a part beyond its range runs over into the next."""
_MS_PER_SECOND: Final = 1000


@dataclass(frozen=True, slots=True)
class Rule:
    """What a field takes: `read` gives the value as it is sent, or `REFUSED`.

    `keeps_null` says that null is sent as null; elsewhere it is left out, as an empty text always is.
    """

    wanted: str
    read: Callable[[Any], Any]
    kinds: frozenset[Some] = frozenset({Some.TEXT})
    keeps_null: bool = False

    @property
    def form(self) -> Form:
        """Return the same for whoever looks at mappings before there are events."""
        return Form(self.wanted, lambda value: self.read(value) is not REFUSED, self.kinds)


def validated(fields: Mapping[str, Any], rules: Mapping[str, Rule]) -> dict[str, Any] | Rejected:
    """Return the fields that rules exist for as they are sent, or the refusal that names every field at fault.

    Null and empty text are left out before anything is looked at, and so is an empty text that stood in a list.
    """
    found: dict[str, Any] = {}
    problems: list[str] = []
    for name, rule in rules.items():
        value = fields.get(name)
        if value is None or value == "":
            if value is None and rule.keeps_null and name in fields:
                found[name] = None
            continue
        read = rule.read(value)
        if read is REFUSED:
            problems.append(f"`{name}` should be {rule.wanted} but it is {kind(value)}")
        elif read != "":
            found[name] = read
    return Rejected("invalid_field", "; ".join(problems)) if problems else found


def is_date_like(text: str) -> bool:
    """Return whether Segment takes a text for a time.

    The text of a number counts seconds since 1970. What begins with a year and names no zone is read leniently, so that
    an impossible date is one of the next month. Everything else is what JavaScript's `Date` reads.
    """
    if len(text) > MAX_CHARS:
        return False
    number = text_number(text)
    if js_number(number) == text:
        return abs(number * _MS_PER_SECOND) <= MAX_MS
    is_lenient = text[-1:] not in {"Z", "z"} and _PARTS.fullmatch(text) is not None
    return is_lenient or parse_date(text) is not None


def _text(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a text, or the text of a number or boolean; a list of one stands for its item."""
    if type(value) is str:
        return value
    return _text_of_one(value[0]) if _is_list_of_one(value) else _scalar_text(value)


def _text_of_one(item: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return the item of a list of one as text; null becomes empty text."""
    return item if type(item) is str else "" if item is None else _scalar_text(item)


def _nullable_text(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return the same where a field takes null beside text: then a text in a list is refused, but no empty one."""
    is_listed_text = _is_list_of_one(value) and type(value[0]) is str
    return REFUSED if is_listed_text and value[0] else _text(value)


def _scalar_text(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return JavaScript's text of a number or boolean."""
    if type(value) is bool:
        return "true" if value else "false"
    return js_number(value) if _is_number(value) else REFUSED


def _object(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return an object as it is."""
    return value if type(value) is dict else REFUSED


def _switch(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a boolean, also one that is spelled as text or as one and zero, or stands in a list of one."""
    if _is_list_of_one(value):
        value = False if value[0] is None else value[0]
    if type(value) is bool:
        return value
    if value == "true" or (_is_number(value) and value == 1):
        return True
    return False if value == "false" or (_is_number(value) and value == 0) else REFUSED


def _time(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a time as it came: any number, and a text that looks like a date. In a list of one the two change."""
    if type(value) is str:
        return value if is_date_like(value) else REFUSED
    if _is_number(value):
        return value if _is_finite(value) else REFUSED
    return _time_of_one(value[0]) if _is_list_of_one(value) else REFUSED


def _time_of_one(item: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return the item of a list of one: a number becomes text, and the text of a number becomes a number."""
    if type(item) is str:
        number = text_number(item) if item and len(item) <= MAX_CHARS else math.nan
        return number if math.isfinite(number) else REFUSED
    text = js_number(item) if _is_number(item) else ""
    return text if is_date_like(text) else REFUSED


def _is_number(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return type(value) is int or type(value) is float


def _is_finite(value: float) -> bool:
    return type(value) is int or math.isfinite(value)


def _is_list_of_one(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return type(value) is list and len(value) == 1


TEXT: Final = Rule("a text, a number or a boolean", _text)
NULLABLE_TEXT: Final = Rule("a text, a number, a boolean or null", _nullable_text, keeps_null=True)
OBJECT: Final = Rule("an object", _object, frozenset({Some.OBJECT}))
SWITCH: Final = Rule("true or false", _switch)
TIME: Final = Rule("a text that looks like a date, or a number", _time)
