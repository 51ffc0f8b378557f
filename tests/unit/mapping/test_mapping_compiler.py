"""What the compiler gives to directives, and to results."""

from __future__ import annotations

from typing import Any

from processor.mapping.compiler import Compiler
from processor.mapping.directives.base import Constant, Place
from processor.mapping.values import ABSENT, Json

EVENT: dict[str, Any] = {"dirty": {"__proto__": 1, "k": 2}}
MAPPING: dict[str, Any] = {
    "gone": {"@path": "$.gone"},
    "items": [{"@path": "$.gone"}, 1],
    "read": {"@path": "$.dirty"},
    "spelled": {"@path": {"@template": "dirty"}},
}


def _resolved(mapping: Json, place: Place) -> Json:
    """Return what a mapping value gives at a place."""
    return Compiler().compile(mapping, "", place)(EVENT)


def test_an_operand_keeps_all_that_a_directive_may_ask_for() -> None:
    """Absent members and items stay apart from null, and objects are the event's own."""
    operand = _resolved(MAPPING, Place.OPERAND)
    assert (operand["gone"], operand["items"]) == (ABSENT, [ABSENT, 1])
    assert operand["read"] is operand["spelled"] is EVENT["dirty"]


def test_an_output_is_fit_for_a_result() -> None:
    """Absent members are left out, absent items are null; what is found is handed on, to be cleaned as a whole."""
    output = _resolved(MAPPING, Place.OUTPUT)
    assert output == {"items": [None, 1], "read": EVENT["dirty"], "spelled": EVENT["dirty"]}


def test_what_needs_no_event_is_folded() -> None:
    """Containers without a directive become one constant, keys in order, `__proto__` left out."""
    resolve = Compiler().compile({"b": [1, {"c": None}], "__proto__": 1, "a": "x"}, "", Place.OUTPUT)
    assert isinstance(resolve, Constant)
    assert list(resolve.value.items()) == [("b", [1, {"c": None}]), ("a", "x")]
