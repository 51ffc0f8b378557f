"""Destination filters: what they do to events, and that nothing passes one that cannot be used."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from processor.destinations.filters import Filters, FilterSettings
from processor.model import Record, Rejected, Skipped
from tests.property.test_mapping_total import EVENTS

RECORD = Record("t", 0, 7, 1_773_576_000_000)
EVENT: dict[str, Any] = {
    "type": "track",
    "userId": "u1",
    "messageId": "m1",
    "properties": {"total": 5, "card": "4111", "products": [{"sku": 1, "price": 2}, "x", [{"price": 3}]]},
    "context": {"ip": "203.0.113.9", "page": {"url": "u"}},
}
FIELDS = {"": ["messageId"], "context": ["ip"], "properties.products": ["price"], "no.such": ["x"], "userId": ["x"]}


def filters(*actions: dict[str, Any], condition: str = "all", **more: Any) -> Filters:  # noqa: ANN401 - plain settings
    """Return one filter, ready to run."""
    return Filters([FilterSettings.model_validate({"if": condition, "actions": list(actions), **more})])


def fate(event: dict[str, Any], *actions: dict[str, Any], condition: str = "all", **more: Any) -> Any:  # noqa: ANN401 - plain settings
    """Return what a filter makes of an event, and see that the event itself stays as it was."""
    before = copy.deepcopy(event)
    found = filters(*actions, condition=condition, **more).apply(event, RECORD)
    assert event == before
    return found


def test_drop_is_for_events_that_meet_the_condition() -> None:
    """Others pass untouched, and so do all when the filter is not in force."""
    assert fate(EVENT, {"type": "DROP"}, condition="properties.total > 4") == Skipped("filtered")
    assert fate(EVENT, {"type": "drop"}, condition="properties.total > 5") is EVENT
    assert fate(EVENT, {"type": "DROP"}, enabled=False) is EVENT
    assert not filters({"type": "DROP"}, enabled=False)
    assert filters({"type": "DROP"})


def test_properties_are_dropped_where_the_fields_say() -> None:
    """At the top, in an object, in each object of a list; what is not there is no trouble."""
    assert fate(EVENT, {"type": "DROP_PROPERTIES", "fields": FIELDS}) == {
        "type": "track",
        "userId": "u1",
        "properties": {"total": 5, "card": "4111", "products": [{"sku": 1}, "x", [{"price": 3}]]},
        "context": {"page": {"url": "u"}},
    }


def test_only_allowed_properties_are_kept() -> None:
    """What is not named goes; objects that are not named stay as they are."""
    found = fate(EVENT, {"type": "ALLOW_PROPERTIES", "fields": {"properties": ["total", "none"]}})
    assert found == EVENT | {"properties": {"total": 5}}
    assert found["context"] is EVENT["context"]


def test_actions_and_filters_run_in_order() -> None:
    """What one leaves is what the next one sees."""
    first = FilterSettings.model_validate(
        {"if": "all", "actions": [{"type": "DROP_PROPERTIES", "fields": {"properties": ["total"]}}]}
    )
    second = FilterSettings.model_validate({"if": "properties.total = 5", "actions": [{"type": "DROP"}]})
    assert isinstance(Filters([first, second]).apply(EVENT, RECORD), dict)
    assert Filters([second, first]).apply(EVENT, RECORD) == Skipped("filtered")
    assert fate(EVENT, {"type": "DROP_PROPERTIES", "fields": {"": ["x"]}}, {"type": "DROP"}) == Skipped("filtered")


@pytest.mark.parametrize("path", [None, "$.userId", "$.no.such"])
def test_a_sample_is_a_share_and_always_the_same(path: str | None) -> None:
    """By a hash: reading again changes nothing, and about the share goes on."""
    action = {"type": "SAMPLE", "percent": 0.25, "path": path}
    events = [EVENT | {"userId": f"u{number}", "messageId": f"m{number}"} for number in range(400)]
    kept = [isinstance(filters(action).apply(event, RECORD), dict) for event in events]
    assert kept == [isinstance(filters(action).apply(event, RECORD), dict) for event in events]
    if path == "$.no.such":
        assert len(set(kept)) == 1
    else:
        assert 60 < sum(kept) < 140


def test_the_ends_of_a_sample() -> None:
    """Nothing and everything; without an id the record's place decides; a value that has no text is the event's."""
    assert fate(EVENT, {"type": "SAMPLE", "percent": 0}) == Skipped("filtered")
    assert fate({"type": "track"}, {"type": "SAMPLE", "percent": 1}) == {"type": "track"}
    deep: Any = []
    for _ in range(5_000):
        deep = [deep]
    action = FilterSettings.model_validate({"if": "all", "actions": [{"type": "SAMPLE", "percent": 1, "path": "v"}]})
    found = Filters([action]).apply({"v": deep}, RECORD)
    assert isinstance(found, Rejected)
    assert found.reason == "mapping_failed"


@pytest.mark.parametrize(
    ("condition", "part"),
    [
        ("type = ", "filter 'Staff': at character"),
        ("nope(type) = 1", "filter 'Staff': at character"),
        ("!properties.total", "filter 'Staff': and, or and !"),
    ],
)
def test_a_condition_that_cannot_be_used_lets_nothing_past(condition: str, part: str) -> None:
    """It fails closed, whatever the event is, and says which filter it was."""
    found = fate(EVENT, {"type": "DROP_PROPERTIES", "fields": {"": ["x"]}}, condition=condition, title="Staff")
    settings = FilterSettings.model_validate({"if": condition, "actions": [{"type": "DROP"}]})
    assert (settings.fault is None) == (condition == "!properties.total")
    assert settings.model_copy(update={"enabled": False}).fault is None
    assert isinstance(found, Rejected)
    assert found.reason == "filter_invalid"
    assert found.message.startswith(part)


def test_a_filter_can_be_pasted() -> None:
    """With its ids and dates."""
    pasted = {
        "id": "f1",
        "sourceId": "s",
        "destinationId": "d",
        "title": "t",
        "description": "d",
        "if": "type = 'track'",
        "actions": [{"type": "DROP"}],
        "enabled": True,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": "2026-01-01T00:00:00.000Z",
    }
    assert FilterSettings.model_validate(pasted).condition == "type = 'track'"


@pytest.mark.parametrize(
    ("action", "part"),
    [
        ({"type": "SAMPLE"}, "SAMPLE needs percent"),
        ({"type": "SAMPLE", "percent": 25}, "less than or equal to 1"),
        ({"type": "DROP_PROPERTIES"}, "DROP_PROPERTIES needs fields"),
        ({"type": "ALLOW_PROPERTIES", "fields": {}}, "ALLOW_PROPERTIES needs fields"),
        ({"type": "REPLACE"}, "Input should be 'DROP'"),
        ({"type": 5}, "Input should be 'DROP'"),
    ],
)
def test_an_action_needs_what_it_acts_by(action: dict[str, Any], part: str) -> None:
    """A slip is told at load, not by every event."""
    with pytest.raises(ValidationError, match=part):
        filters(action)
    with pytest.raises(ValidationError):
        FilterSettings.model_validate("x")


@given(event=EVENTS)
def test_any_event_has_a_fate(event: dict[str, Any]) -> None:
    """Whatever stands in it, and the event itself stays as it was."""
    before = repr(event)
    actions: list[dict[str, Any]] = [
        {"type": "SAMPLE", "percent": 0.5, "path": "a"},
        {"type": "DROP_PROPERTIES", "fields": {"a": ["b"], "": ["0"], "a.b.0": ["a"]}},
    ]
    found = filters(*actions, condition="contains(a, 'b') or length(a) > 0 or b != null").apply(event, RECORD)
    assert isinstance(found, (dict, Skipped, Rejected))
    assert repr(event) == before
