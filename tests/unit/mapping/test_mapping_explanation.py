"""How a mapping's explanation tells what it read and why something is not there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from processor.errors import MappingError
from processor.mapping import ABSENT, transform
from processor.mapping.directives import DIRECTIVES
from processor.mapping.explanation import _LOOKS, _NEED_OBJECT, SHOWN_ITEMS, Explained, as_json, explain
from processor.mapping.templates import read_paths
from processor.mapping.values import Json
from tests.property.test_mapping_total import EVENTS, MAPPINGS

EVENT: dict[str, Any] = {
    "e": "ev",
    "key": "e",
    "anon": "a-1",
    "x": {"z": 3},
    "items": [{"sku": number} for number in range(5)],
}


def _part(one: Explained, *names: str) -> Explained:
    """Return the part at these names."""
    for name in names:
        one = next(part for part in one.parts if part.name == name)
    return one


@pytest.mark.parametrize(
    ("mapping", "directive", "reads", "value", "note"),
    [
        ("lit", None, (), "lit", ""),
        ({"@path": "$.x.z"}, "@path", ("$.x.z",), 3, ""),
        ({"@path": "no.where[0]"}, "@path", ("$.no.where.0",), ABSENT, "nothing at $.no.where.0"),
        ({"@path": {"@path": "$.key"}}, "@path", ("$.e",), "ev", ""),
        ({"@path": {"@path": "$.no"}}, "@path", (), ABSENT, "/@path needs a text, but its directive gave nothing"),
        ({"@template": "{{ e }}-{{{x.z}}}-{{e}}"}, "@template", ("$.e", "$.x.z"), "ev-3-ev", ""),
        ({"@template": {"@literal": "{{e}}"}}, "@template", ("$.e",), "ev", ""),
        ({"@if": {"exists": {"@path": "$.no"}, "then": 1}}, "@if", (), ABSENT, "else is taken"),
        ({"@if": {"then": 1}}, "@if", (), ABSENT, "/@if needs exists or blank with a value that JavaScript"),
        ({"@if": 5}, "@if", (), ABSENT, "/@if needs an object"),
        ({"@case": {"operator": "upper", "value": {"@path": "$.e"}}}, "@case", (), "EV", ""),
        ({"@case": {"operator": "upper"}}, "@case", (), ABSENT, ""),
        ({"@literal": [1]}, "@literal", (), [1], ""),
        ({"@merge": {"objects": [{"a": 1}], "direction": "left"}}, "@merge", (), {"a": 1}, "left wins"),
        ({"@merge": {"objects": 5, "direction": "left"}}, "@merge", (), ABSENT, "/@merge needs a list"),
        ({"@transform": {"apply": {"a": 1}, "mapping": {"b": {"@path": "a"}}}}, "@transform", (), {"b": 1}, ""),
        ({"@arrayPath": ["$.e"]}, "@arrayPath", (), "ev", "a text as it is"),
        ({"@arrayPath": ["$.x", {"@path": "$.z"}]}, "@arrayPath", (), [3], "1 items"),
        ({"@arrayPath": [{"@path": "items"}, {"@path": "sku"}]}, "@arrayPath", (), [0, 1, 2, 3, 4], "the first 3 of 5"),
        ({"@arrayPath": []}, "@arrayPath", (), None, ""),
        ({"@nope": 1}, "@nope", (), ABSENT, "/ holds an unknown directive"),
    ],
)
def test_a_place_tells_what_it_read(
    mapping: Json, directive: str | None, reads: tuple[str, ...], value: Json, note: str
) -> None:
    """Directive, paths, result, and the reason where there is none."""
    (found,) = explain({"field": mapping}, EVENT).parts
    assert (found.directive, found.reads, found.value) == (directive, reads, value)
    assert found.note.startswith(note)
    assert bool(found.note) == bool(note)


def test_parts_lead_to_what_was_read() -> None:
    """Each branch, item and stage can be followed down to the event."""
    mapping = {
        "who": {"@if": {"exists": {"@path": "$.u"}, "then": {"@path": "$.u"}, "else": {"@path": "$.anon"}}},
        "list": ["x", {"@path": "$.e"}],
        "items": {"@arrayPath": ["$.items", {"s": {"@path": "$.sku"}}]},
        "staged": {"@transform": {"apply": {"a": {"@path": "$.e"}}, "mapping": {"b": {"@path": "$.a"}}}},
    }
    found = explain(mapping, EVENT)
    assert [part.name for part in _part(found, "who").parts] == ["exists", "else"]
    assert _part(found, "who", "else").reads == ("$.anon",)
    assert _part(found, "list", "1").value == "ev"
    assert len(_part(found, "items").parts) == 1 + SHOWN_ITEMS
    assert _part(found, "items", "2", "s").value == 2
    assert _part(found, "staged", "mapping", "b").value == "ev"


def test_fields_that_write_into_the_event_are_told_as_one_run_gives_them() -> None:
    """A counter that one field writes is read by the next; a field by itself would have shown an empty text."""
    mapping = {"a": {"@liquid": "{% increment n %}"}, "b": {"@liquid": "{{ n }}"}, "c": {"@path": "$.no"}, "d": "x"}
    one = explain(mapping, EVENT)
    assert one.value == transform(mapping, EVENT) == {"a": "0", "b": "1", "d": "x"}
    found = [(part.name, part.directive, part.value) for part in one.parts]
    assert found == [("a", "@liquid", "0"), ("b", "@liquid", "1"), ("c", "@path", ABSENT), ("d", None, "x")]


def test_a_run_that_writes_and_fails_says_why() -> None:
    """Nothing came out of any field, and the note of the whole names the one that failed."""
    one = explain({"a": {"@liquid": "{% increment n %}"}, "b": {"@path": {"@path": "$.no"}}}, EVENT)
    assert one.value is ABSENT
    assert one.note == "/b/@path needs a text, but its directive gave nothing"
    assert [part.value for part in one.parts] == [ABSENT, ABSENT]


def test_a_directive_for_the_whole_that_writes_has_no_fields_to_tell() -> None:
    """Which fields it gives only its result shows."""
    one = explain({"@literal": {"a": {"@liquid": "{% increment n %}"}}}, EVENT)
    assert (one.value, one.parts) == ({"a": "0"}, ())


def test_as_plain_values() -> None:
    """What is empty is left out; absent is no null."""
    plain = as_json(explain({"a": None, "b": {"@path": "$.no"}}, EVENT))
    assert plain == {
        "name": "",
        "value": {"a": None},
        "parts": [
            {"name": "a", "value": None},
            {"name": "b", "directive": "@path", "reads": ["$.no"], "note": "nothing at $.no"},
        ],
    }


def test_a_root_directive_that_cannot_work_says_so() -> None:
    """As `validate` does."""
    assert explain({"__segment_internal_directive": 5}, {}).note.startswith("/__segment_internal_directive should be")


def test_a_mapping_deeper_than_the_stack() -> None:
    """Looking takes more of the stack than mapping does."""
    mapping: Json = 1
    for _ in range(2_000):
        mapping = [mapping]
    assert explain({"a": mapping}, {}).note == "is nested too deeply to be explained"


def test_paths_of_a_template() -> None:
    """Each once, in the order of their places."""
    assert read_paths("{{{b}}} {{a}} {{ b }} {{}}") == ("b", "a")


@given(mapping=MAPPINGS, event=EVENTS)
def test_an_explanation_ends_where_the_mapping_does(mapping: Json, event: Json) -> None:
    """It is total, and its value is the mapping's result wherever there is one."""
    try:
        result = transform(mapping, event)
    except MappingError:
        explain(mapping, event)
        return
    if isinstance(mapping, dict):
        assert repr(explain(mapping, event).value) == repr(result)


def test_every_directive_is_looked_into() -> None:
    """One that is not looked into tells neither what it read nor its parts; only of a Liquid template nobody can."""
    assert DIRECTIVES.keys() - {"@liquid"} == _LOOKS.keys()
    assert _LOOKS.keys() >= _NEED_OBJECT
