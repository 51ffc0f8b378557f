"""Subscriptions in Segment's own spellings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from processor.mapping import SubscriptionSettings

MAPPING = {"userId": {"@path": "$.userId"}}
PUBLIC_API: dict[str, Any] = {
    "id": "sub1",
    "name": "Identify",
    "actionId": "nhpgGAvR8TVUQs6rH8wp1n",
    "actionSlug": "identifyUser",
    "destinationId": "dst1",
    "modelId": "",
    "reverseETLSchedule": None,
    "enabled": True,
    "trigger": 'type = "identify"',
    "settings": MAPPING,
}
TERRAFORM: dict[str, Any] = {
    "name": "Track",
    "destination_id": "dst1",
    "action_id": "5nJHSM1jHFBvf6J4TQnQSf",
    "enabled": False,
    "trigger": 'type = "track"',
    "settings": json.dumps(MAPPING),
}
PRESET: dict[str, Any] = {
    "partnerAction": "trackEvent",
    "subscribe": 'type = "track"',
    "fields": MAPPING,
    "type": "automatic",
}
MIXED = 'type = "track" or type = "page" and event = "x"'


@pytest.mark.parametrize(
    ("pasted", "expected"),
    [
        (PUBLIC_API, ("Identify", "identifyUser", 'type = "identify"', True)),
        (TERRAFORM, ("Track", "trackEvent", 'type = "track"', False)),
        (PRESET, ("trackEvent", "trackEvent", 'type = "track"', True)),
    ],
)
def test_each_spelling_means_the_same(pasted: dict[str, Any], expected: tuple[str, str, str, bool]) -> None:
    """Name, action, trigger, mapping and whether it is in force come from wherever the spelling keeps them."""
    found = SubscriptionSettings.model_validate(pasted)
    assert (found.name, found.action, found.trigger, found.enabled) == expected
    assert found.mapping == MAPPING
    assert found.as_segment
    assert found.differences == []


@pytest.mark.parametrize(
    ("changes", "place", "part"),
    [
        ({"modelId": "m"}, ("modelId",), "a Reverse ETL model is run by Segment alone"),
        ({"reverseETLSchedule": {"strategy": "PERIODIC"}}, ("reverseETLSchedule",), "a Reverse ETL schedule is run"),
        ({"eventSlug": "warehouse_audience_entered"}, ("eventSlug",), "presets of Engage have no trigger"),
        ({"settings": "{"}, ("settings",), "is no JSON"),
        ({"settings": "[" * 100_000}, ("settings",), "is nested too deeply"),
        ({"settings": '{"a": NaN}'}, ("settings",), "is no JSON: NaN is not a number"),
        ({"settings": '{"a": -1e999}'}, ("settings",), "is no JSON: -1e999 is beyond the range"),
        ({"settings": "[]"}, ("settings",), "valid dictionary"),
        ({"subscribe": 'type = "track"'}, ("subscribe",), "not permitted"),
        ({"mapping": {}}, ("settings",), "not permitted"),
        ({"trigger": "typo"}, ("trigger",), "Segment finds no condition"),
        ({"settings": {"a": {"@nope": 1}}}, ("settings", "a"), "unknown directive"),
        ({"actoinSlug": "x"}, ("actoinSlug",), "not permitted"),
        ({"type": "manual"}, ("type",), "not permitted"),
    ],
)
def test_what_cannot_be_is_refused_where_it_stands(changes: dict[str, Any], place: tuple[str, ...], part: str) -> None:
    """Under the name that the file has, never under ours."""
    with pytest.raises(ValidationError) as caught:
        SubscriptionSettings.model_validate(PUBLIC_API | changes)
    (error,) = caught.value.errors()
    assert error["loc"] == place
    assert part in error["msg"]


def test_an_action_that_only_segment_knows() -> None:
    """An id stands for an action only where it is known."""
    pasted = {key: value for key, value in PUBLIC_API.items() if key != "actionSlug"} | {"actionId": "x"}
    with pytest.raises(ValidationError, match="unknown action id 'x'; give the action's slug as actionSlug"):
        SubscriptionSettings.model_validate(pasted)


def test_what_is_no_object_is_no_subscription() -> None:
    """A list of names where subscriptions should stand is refused as such."""
    with pytest.raises(ValidationError, match="valid dictionary or instance of SubscriptionSettings"):
        SubscriptionSettings.model_validate("Orders")


def test_a_pasted_trigger_that_means_something_else_says_so() -> None:
    """Both readings and a line to use; not when the file says that it is known, nor while it is not in force."""
    (difference,) = SubscriptionSettings.model_validate(PUBLIC_API | {"trigger": MIXED}).differences
    assert 'Segment reads: type = "track" and type = "page" and event = "x"' in str(difference)
    known = PUBLIC_API | {"trigger": MIXED, "as_segment": True}
    assert SubscriptionSettings.model_validate(known).differences == []
    assert SubscriptionSettings.model_validate(PUBLIC_API | {"trigger": MIXED, "enabled": False}).differences == []
    with pytest.raises(ValidationError, match="the last one would rule the whole level"):
        SubscriptionSettings.model_validate(PUBLIC_API | {"trigger": MIXED, "as_segment": False})


@pytest.mark.parametrize(
    ("subscription", "fits"),
    [
        (PUBLIC_API, True),
        (PRESET, True),
        (TERRAFORM, True),
        ({"name": "n", "trigger": "t", "action": "a", "mapping": {}}, True),
        ({"name": "n", "trigger": "t", "subscribe": "t", "action": "a", "mapping": {}}, False),
        ({"name": "n", "trigger": "t", "action": "a"}, True),
        ({"name": "n", "trigger": "t", "action": "a", "use_defaults": False}, False),
        ({"name": "n", "trigger": "t", "action": "a", "use_defaults": True}, True),
        ({"name": "n", "trigger": "t", "action": "a", "use_defaults": True, "fields": {}}, True),
        ({"name": "n", "trigger": "t", "action": "a", "use_defaults": True, "fields": {}, "mapping": {}}, False),
        ({"name": "n", "trigger": "t", "mapping": {}}, False),
        (PUBLIC_API | {"unknown": 1}, False),
    ],
)
def test_the_schema_takes_every_spelling(subscription: dict[str, Any], fits: bool) -> None:  # noqa: FBT001 - a table
    """An editor underlines what `check` refuses, and nothing of an export."""
    validator = Draft202012Validator(SubscriptionSettings.model_json_schema())
    assert validator.is_valid(subscription) is fits


def test_numbers_of_a_mapping_in_text_are_kept() -> None:
    """Fractions and whole numbers in the JSON text of a mapping come as they are written."""
    read = SubscriptionSettings.model_validate(TERRAFORM | {"settings": '{"price": 1.5, "count": 2}'})
    assert read.mapping == {"price": 1.5, "count": 2}
