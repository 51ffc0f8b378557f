"""Checking, compiling and applying mappings, beyond what the golden cases cover."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from typing import Any

import pytest

from processor.errors import MappingError
from processor.mapping import (
    ABSENT,
    Problem,
    Subscription,
    SubscriptionSettings,
    compile_mapping,
    transform,
    validate,
)
from processor.mapping.check import MAX_DEPTH
from processor.mapping.values import Json

PATH = {"@path": "$.a"}


def test_absent_keys_go_and_absent_items_stay_as_null() -> None:
    """The two places where absent shows."""
    assert transform({"x": PATH, "l": [PATH, 1], "o": {"y": PATH}}, {}) == {"l": [None, 1], "o": {}}
    assert transform(PATH, {}) is ABSENT


def test_operands_keep_absent_items() -> None:
    """A list as a condition exists, whatever its items are."""
    condition = {"@if": {"exists": [PATH, {"k": PATH, "c": 1}], "then": 1, "else": 2}}
    assert transform(condition, {}) == 1


def test_the_result_shares_what_is_clean_and_never_changes_the_event() -> None:
    """Objects are handed through, `__proto__` goes from a copy."""
    event: dict[str, Any] = {
        "a": {"b": [1]},
        "dirty": {"__proto__": 1, "k": 2},
        "deep": {"er": {"est": {"__proto__": 1}}},
    }
    mapping = {
        "a": PATH,
        "dirty": {"@path": "$.dirty"},
        "two": {"@path": "$.deep.er"},
        "three": {"@path": "$.deep.er.est"},
        "all": {"@path": {"@template": "dirty"}},
    }
    result = transform(mapping, event)
    assert transform({"a": PATH}, event)["a"] is event["a"]
    assert (result["dirty"], result["two"], result["three"], result["all"]) == ({"k": 2}, {"est": {}}, {}, {"k": 2})
    assert event["dirty"] == {"__proto__": 1, "k": 2}


@pytest.mark.parametrize(
    ("mapping", "problems"),
    [
        ({"a": {"@nope": 1}}, [("/a", "unknown directive '@nope'")]),
        ({"a": {"@paths": 1}}, [("/a", "did you mean @path?")]),
        ({"a": {"@liquid": 5}}, [("/a/@liquid", "a number")]),
        ({"a": {"@path": 5}}, [("/a/@path", "a number")]),
        ({"@path": "$.a", "k": 1}, [("/", "'k'")]),
        ({"@path": "$.a", "@if": {}}, [("/", "'@if'")]),
        ({"a": {"@if": {"@path": "x"}}}, [("/a/@if", "not the directive @path")]),
        ({"a": {"@if": []}, "b": {"@template": None}}, [("/a/@if", "a list"), ("/b/@template", "null")]),
        ({"a": {1: 2}}, [("/a", "a key that is a number")]),
        ({"a": [dt.date(2026, 1, 1)]}, [("/a/0", "a date, which JSON does not know")]),
    ],
)
def test_problems_name_their_place(mapping: Json, problems: list[tuple[str, str]]) -> None:
    """All problems at once, each with its path and something to act on."""
    found = validate(mapping)
    assert [problem.path for problem in found] == [path for path, _ in problems]
    assert all(part in problem.message for problem, (_, part) in zip(found, problems, strict=True))
    with pytest.raises(MappingError, match=found[0].path):
        transform(mapping, {})


def test_a_problem_reads_as_one_line() -> None:
    """Path first."""
    assert str(Problem("/a", "is wrong")) == "/a is wrong"


@pytest.mark.parametrize(
    "mapping",
    [
        {"l": [{"@path": 5}]},
        {"l": [{"@nope": 1}]},
        {"l": [{"@if": "x"}]},
        {"l": [{"@template": []}]},
        {"a": {"@if": {"then": 1}}},
    ],
)
def test_what_fails_for_each_event_is_refused_at_load(mapping: dict[str, Any]) -> None:
    """Segment's check lets these through and its run fails; `compile_mapping` does not wait for events."""
    assert validate(mapping) == []
    with pytest.raises(MappingError):
        transform(mapping, {})
    with pytest.raises(MappingError):
        compile_mapping(mapping)


def test_transform_fails_only_where_the_event_leads() -> None:
    """A branch that cannot work does no harm to an event that does not take it, as in Segment."""
    mapping = {"x": {"@if": {"exists": PATH, "then": [{"@path": 5}], "else": "fine"}}}
    assert transform(mapping, {}) == {"x": "fine"}
    with pytest.raises(MappingError, match="/x/@if/then/0/@path"):
        transform(mapping, {"a": 1})


@pytest.mark.parametrize("mapping", [None, [], "text", 5])
def test_only_objects_compile(mapping: Json) -> None:
    """A configuration's mapping is an object of fields."""
    with pytest.raises(MappingError, match="should be an object"):
        compile_mapping(mapping)


@pytest.mark.parametrize("event", [None, [], "x", 5, True])
def test_only_objects_are_events(event: Json) -> None:
    """Anything else is an error, not an empty event."""
    with pytest.raises(MappingError, match="the event should be an object"):
        transform({"a": 1}, event)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"x": {"@path": {"@path": "$.secret"}}}, "/x/@path needs a text, but its directive gave a number"),
        ({"x": {"@template": {"@path": "$.gone"}}}, "/x/@template needs a text, but its directive gave nothing"),
        ({"x": {"@template": "{{hidden}}"}}, "/x/@template an object with a key toString has no text"),
        ({"x": {"@template": {"@path": "$.spell"}}}, "/x/@template an object with a key toString has no text"),
        (
            {"x": {"@if": {"blank": {"@path": "$.hidden"}, "then": 1}}},
            "/x/@if/blank an object with a key toString has no text",
        ),
    ],
)
def test_run_time_errors_say_where_and_nothing_of_the_event(mapping: Json, message: str) -> None:
    """Field path and directive, safe to log."""
    event = {"secret": 424242, "hidden": {"toString": "s3cret"}, "spell": "{{hidden}}"}
    with pytest.raises(MappingError) as caught:
        compile_mapping(mapping)(event)
    assert (str(caught.value), caught.value.safe, caught.value.reason) == (message, message, "mapping_failed")


def _nested(levels: int, shape: str) -> Json:
    """Return a mapping of so many levels."""
    value: Any = {"@path": "$.a"}
    for _ in range(levels):
        match shape:
            case "object":
                value = {"k": value}
            case "list":
                value = [value]
            case "if":
                value = {"@if": {"exists": 1, "then": value}}
            case _:
                value = {"@template": value}
    return value


@pytest.mark.parametrize(("shape", "levels"), [("object", 200), ("list", 200), ("if", 100), ("template", 200)])
def test_two_hundred_levels_work(shape: str, levels: int) -> None:
    """As deep as anyone may ask, through each kind of nesting."""
    assert transform({"x": _nested(levels, shape)}, {"a": "end"}) is not ABSENT


@pytest.mark.parametrize("shape", ["object", "list", "if", "template"])
@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 100_000])
def test_endless_nesting_is_a_problem(shape: str, levels: int) -> None:
    """Beyond the limit there is one problem and no exhausted stack."""
    mapping = {"x": _nested(levels, shape)}
    assert [problem.path for problem in validate(mapping)] == ["/"]
    with pytest.raises(MappingError, match="nested deeper"):
        compile_mapping(mapping)


def test_a_mapping_that_holds_itself_is_a_problem() -> None:
    """A YAML alias can do that."""
    mapping: dict[str, Any] = {}
    mapping["self"] = [mapping, mapping]
    assert [problem.path for problem in validate(mapping)] == ["/"]


def test_an_event_of_any_depth_maps() -> None:
    """What is handed through is never followed by our own calls."""
    value: Any = {"__proto__": 1}
    for _ in range(100_000):
        value = {"v": value}
    result = transform({"x": {"@path": "$.a"}, "t": {"@template": "{{a}}"}}, {"a": value})
    assert result["t"] == "[object Object]"


def _at_depth(depth: int, call: Callable[[], object]) -> object:
    """Return what the call gives with so many frames below it."""
    return call() if depth == 0 else _at_depth(depth - 1, call)


def _outcomes(call: Callable[[], object]) -> set[str]:
    """Return how the call ends at every depth up to the one at which it cannot even be made."""
    outcomes = set()
    for depth in range(0, sys.getrecursionlimit(), 20):
        try:
            _at_depth(depth, call)
        except MappingError as error:
            outcomes.add("refused" if "too deeply for the stack" in error.safe else error.safe)
        except RecursionError:
            break
        else:
            outcomes.add("mapped")
    return outcomes


def test_an_exhausted_stack_is_a_mapping_error() -> None:
    """Whoever calls from deep inside gets the error that callers handle, from each of the entries."""
    mapping = {"x": _nested(200, "object")}
    run = compile_mapping(mapping)
    assert _outcomes(lambda: run({"a": 1})) == {"mapped", "refused"}
    assert _outcomes(lambda: transform(mapping, {"a": 1})) == {"mapped", "refused"}
    assert _outcomes(lambda: compile_mapping(mapping)) == {"mapped", "refused"}
    settings = {"name": "s", "trigger": 'type = "track"', "action": "a", "mapping": mapping}
    subscription = Subscription(SubscriptionSettings.model_validate(settings))
    assert _outcomes(lambda: subscription.fields({"a": 1}, has_plain_keys=True)) == {"mapped", "refused"}


def test_editor_notes_have_no_effect() -> None:
    """`_metadata` beside a directive is skipped, alone it is an ordinary key."""
    assert transform({"x": {"@path": "$.a", "_metadata": {"label": "A"}}}, {"a": 1}) == {"x": 1}
    assert transform({"_metadata": {"label": "A"}}, {}) == {"_metadata": {"label": "A"}}


def test_long_paths_are_compiled_in_linear_time() -> None:
    """The steps that paths share are found one by one: a copy of all before each would fill the memory."""
    keys = ["a"] * 30_000
    run = compile_mapping({"x": {"@path": f"$.{'.'.join(keys)}"}, "y": {"@path": f"$.{'.'.join(keys)}.b"}})
    event: dict[str, Any] = {}
    node = event
    for key in keys:
        node[key] = {}
        node = node[key]
    node["b"] = 1
    assert run(event) == {"x": {"b": 1}, "y": 1}
    while event:  # or taking it apart would exhaust the stack
        event = event.pop("a", {})
