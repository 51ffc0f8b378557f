"""The stand-ins' JSON Schemas are what any validator reads them as: good and spoiled bodies are judged alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from processor.sandbox.shapes import shape
from tests.golden_cases import cases, expanded
from tests.standin_requests import changed

_SPOILED: Final[tuple[Any, ...]] = (..., None, True, 7, 2.5, "", " ", "x", [], ["x"], {}, {"x": None})


def _schema(name: str) -> dict[str, Any]:
    text = files("processor.sandbox").joinpath("schemas", f"{name}.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _variants(form: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a form as it is, and with each of its members removed or replaced by all sorts of things."""
    yield form
    yield {**form, "unknown": 1}
    for name, value in form.items():
        for spoiled in _SPOILED:
            yield changed(form, {name: spoiled})
        if isinstance(value, dict) and name in {"request", "campaign"}:
            yield from ({**form, name: inner} for inner in _variants(value))


def _bodies() -> Iterator[tuple[str, str | None, Any]]:
    """Yield schema, definition and body for every golden case and all its variants."""
    for case in cases("moveo", "events"):
        event = expanded(case.values[0]["expected"])
        if "messageId" in event:
            yield from (("moveo", None, {"events": [one]}) for one in _variants(event))
    names = {"action": "actions", "user": "users", "company": "companies"}
    for case in cases("moesif", "events"):
        for operation in expanded(case.values[0]["expected"]).get("ops", ()):
            ((kind, form),) = operation.items()
            for one in _variants(form):
                yield "moesif", kind, one
                yield "moesif", names[kind], [one]


@pytest.mark.parametrize("name", ["moveo", "moesif"])
def test_the_schemas_are_schemas(name: str) -> None:
    """They are valid by the schema of schemas."""
    Draft202012Validator.check_schema(_schema(name))


def test_spoiled_golden_bodies_are_judged_alike() -> None:
    """For each golden body and each way to spoil a member, the stand-in's verdict is that of the reference."""
    reference, own = {}, {}
    differing: list[Any] = []
    verdicts: set[bool] = set()
    for name, definition, body in _bodies():
        key = (name, definition)
        if key not in own:
            own[key] = shape(name, definition)
            whole = _schema(name)
            target = whole if definition is None else {**whole, "$ref": f"#/$defs/{definition}"}
            reference[key] = Draft202012Validator(target, format_checker=Draft202012Validator.FORMAT_CHECKER)
        verdict = own[key](body) is None
        verdicts.add(verdict)
        if verdict != reference[key].is_valid(body):
            differing.append((key, verdict, body))
    assert differing[:3] == []
    assert verdicts == {True, False}
