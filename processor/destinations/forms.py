"""Forms of values: what of all JSON a field takes, so that a mapping that can never give it is noticed at load.

A form describes; it changes nothing. What does not fit is read by the action's `build`, which leaves it out, takes
something else instead or refuses the event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from processor.destinations.addresses import is_absolute, is_ip
from processor.destinations.text import id_text
from processor.destinations.times import read_time_ms
from processor.mapping.outcomes import Outcome, Some

FieldType = Literal["string", "number", "boolean", "object", "list", "datetime", "any"]

_SWITCHES: Final = ("true", "false", 0, 1)


@dataclass(frozen=True, slots=True)
class Form:
    """Which values a field takes: `name` says it to a person, `takes` decides for a JSON value.

    `kinds` are those of which only the kind is known, a text or an object, and which may fit.
    """

    name: str
    takes: Callable[[Any], bool]
    kinds: frozenset[Some] = frozenset({Some.TEXT})

    def fits(self, outcome: Outcome) -> bool:
        """Return whether what a mapping comes to may be one of these values."""
        if outcome is Some.EVENT:
            return Some.OBJECT in self.kinds
        if isinstance(outcome, Some):
            return outcome is Some.ANYTHING or outcome in self.kinds
        return self.takes(outcome)


def candidates(form: Form) -> Form:
    """Return the form of a field that also takes a list, of which the first value that fits counts."""

    def takes(value: Any) -> bool:  # noqa: ANN401 - any JSON value
        return any(map(form.fits, value)) if isinstance(value, list) else form.takes(value)

    return Form(f"{form.name}, or a list with one", takes, form.kinds)


def _is_number(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_switch(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return isinstance(value, bool) or (not isinstance(value, float) and value in _SWITCHES)


TEXT: Final = Form("a text or a number", lambda value: id_text(value) is not None)
IP: Final = Form("an IPv4 or IPv6 address", lambda value: isinstance(value, str) and is_ip(value))
ADDRESS: Final = Form("an absolute address", lambda value: isinstance(value, str) and is_absolute(value))

BY_TYPE: Final[Mapping[FieldType, Form]] = {
    "string": TEXT,
    "number": Form("a number", _is_number, frozenset()),
    "boolean": Form("true or false", _is_switch),
    "object": Form("an object", lambda value: isinstance(value, dict), frozenset({Some.OBJECT})),
    "list": Form("a list", lambda value: isinstance(value, list), frozenset()),
    "datetime": Form(
        "a time such as 2026-01-31T08:00:00Z, or seconds or milliseconds since 1970",
        lambda value: read_time_ms(value) is not None,
    ),
    "any": Form("any value", lambda _value: True, frozenset({Some.TEXT, Some.OBJECT})),
}
"""What a field takes where its table says no more than its type."""
