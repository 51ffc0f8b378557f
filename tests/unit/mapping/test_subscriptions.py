"""Subscriptions, from what the YAML says to fields."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from processor.errors import MappingError
from processor.mapping import Subscription, SubscriptionSettings, compile_subscriptions
from processor.mapping.values import Json

TRACK: dict[str, Any] = {
    "name": "Track",
    "trigger": 'type = "track"',
    "action": "send",
    "mapping": {"event": {"@path": "$.event"}, "id": {"@path": "$.userId"}},
}


def _settings(**changes: Json) -> SubscriptionSettings:
    """Return valid settings with some members changed."""
    return SubscriptionSettings.model_validate(TRACK | changes)


def test_a_subscription_maps_the_events_it_takes() -> None:
    """Trigger, action and fields together; absent fields are left out."""
    subscriptions = compile_subscriptions([_settings()])
    (subscription,) = subscriptions.matching({"type": "track", "event": "A"})
    assert (subscription.name, subscription.action, subscription.trigger.text) == ("Track", "send", 'type = "track"')
    assert subscription.fields({"type": "track", "event": "A"}) == {"event": "A"}
    assert repr(subscription) == "<Subscription 'Track': type = \"track\" -> send>"
    assert list(subscriptions.matching({"type": "page"})) == []


def test_keys_that_are_known_to_be_plain_are_not_looked_at() -> None:
    """Who knows the event's keys is spared a walk through the fields; what a counter writes is known to nobody."""
    event = {"p": {"__proto__": 1, "k": 2}}
    copied = Subscription(_settings(mapping={"p": {"@path": "$.p"}}))
    assert copied.fields(event) == {"p": {"k": 2}}
    assert copied.fields(event, has_plain_keys=True)["p"] is event["p"]
    counted = {"n": {"@liquid": "{% increment __proto__ %}"}, "all": {"@path": "$."}}
    assert Subscription(_settings(mapping=counted)).fields({"a": 1}, has_plain_keys=True) == {"n": "0", "all": {"a": 1}}


def test_order_is_kept_and_what_is_not_enabled_is_left_out() -> None:
    """All that match run, in the order of the file."""
    names = ["b", "a", "off", "c"]
    subscriptions = compile_subscriptions([_settings(name=name, enabled=name != "off") for name in names])
    assert [item.name for item in subscriptions.all] == ["b", "a", "c"]
    assert [item.name for item in subscriptions.matching({"type": "track"})] == ["b", "a", "c"]


def test_segments_own_keys_are_no_fields() -> None:
    """What Segment stores beside the fields does not reach the action."""
    mapping = TRACK["mapping"] | {"__segment_internal_sync_mode": "upsert", "onMappingSave": {}}
    assert Subscription(_settings(mapping=mapping)).fields({"event": "A", "userId": "u"}) == {"event": "A", "id": "u"}


def test_what_segment_keeps_beside_the_fields_is_not_checked() -> None:
    """It is no part of the mapping: it may stand beside a directive that is the whole mapping, and hold anything."""
    kept = {"__segment_internal_sync_mode": "upsert", "onMappingSave": {"@hook": 1}}
    whole = _settings(mapping={"@path": "$.properties"} | kept)
    (subscription,) = compile_subscriptions([whole]).all
    assert subscription.fields({"properties": {"a": 1}}) == {"a": 1}


@pytest.mark.parametrize(
    ("changes", "location", "part"),
    [
        ({"trigger": "type = 'track'"}, ("trigger",), 'use instead: type = "track"'),
        ({"mapping": {"a": {"@nope": 1}}}, ("mapping", "a"), "holds an unknown directive"),
        ({"mapping": {"a": [{"@path": 1}]}}, ("mapping", "a", 0, "@path"), "needs a text"),
        ({"mapping": {"a/b": {"c": {"@if": {}}}}}, ("mapping", "a/b", "c", "@if"), "needs exists or blank"),
        ({"mapping": {"": {"@path": {"@template": 1}}}}, ("mapping", "", "@path", "@template"), "should be a text"),
        ({"mapping": {"@pth": "$.a"}}, ("mapping",), "did you mean @path?"),
        ({"mapping": []}, ("mapping",), "dictionary"),
        ({"name": ""}, ("name",), "at least 1 character"),
        ({"tigger": "x"}, ("tigger",), "not permitted"),
    ],
)
def test_settings_are_refused_where_the_file_says_them(changes: Json, location: tuple[str, ...], part: str) -> None:
    """The error carries the key, so that the configuration can name line and column."""
    with pytest.raises(ValidationError) as caught:
        _settings(**changes)
    (error,) = caught.value.errors()
    assert error["loc"] == location
    assert part in error["msg"]


def test_all_problems_of_a_mapping_are_told() -> None:
    """Those that Segment's own check finds, and those that would fail for each event; each place once."""
    mapping = {"a": {"@path": 1}, "b": [{"@template": 5}, {"@if": {"exists": 1, "then": [{"@no": 1}]}}]}
    with pytest.raises(ValidationError) as caught:
        _settings(mapping=mapping)
    assert [error["loc"][1:] for error in caught.value.errors()] == [
        ("a", "@path"),
        ("b", 0, "@template"),
        ("b", 1, "@if", "then", 0),
    ]


def test_what_is_not_enabled_is_not_checked() -> None:
    """Work in progress may stand in the file."""
    settings = _settings(enabled=False, trigger="to do", mapping={"a": {"@later": 1}})
    assert compile_subscriptions([settings]).all == ()


def test_all_problems_of_all_subscriptions_are_told() -> None:
    """Settings that were made without their checks are still refused, all at once."""
    broken = SubscriptionSettings.model_construct(name="Broken", trigger="x", action="a", mapping={"a": {"@no": 1}})
    with pytest.raises(MappingError) as caught:
        compile_subscriptions([_settings(), _settings(), broken])
    assert "subscription 'Track': there are several of this name" in caught.value.safe
    assert "subscription 'Broken': at character 1" in caught.value.safe


AS_SEGMENT = [
    ('type = "track" and event == "A"', False),
    ('type = "page" or type = "track" and event = "A"', False),
    ('type = "page" OR type = "track"', False),
    ('type = "track" AND event = "B"', True),
    ('type = "track" and groupId = "g"', True),
]


@pytest.mark.parametrize(("trigger", "takes"), AS_SEGMENT)
def test_a_trigger_that_reads_differently_runs_only_as_segment(trigger: str, takes: bool) -> None:  # noqa: FBT001 - a column of the table
    """It is refused unless the subscription says that it wants Segment's reading, and then it gets that."""
    with pytest.raises(ValidationError, match=r"at character .* with as_segment: true it runs as Segment reads it: "):
        _settings(trigger=trigger)
    subscriptions = compile_subscriptions([_settings(trigger=trigger, as_segment=True)])
    assert bool(subscriptions.matching({"type": "track", "event": "B", "groupId": "h"})) is takes


def test_what_segment_cannot_read_is_refused_as_segment_too() -> None:
    """A trigger of which Segment makes nothing would never run."""
    with pytest.raises(ValidationError, match="finds no condition"):
        _settings(trigger='anonymousId = "a"', as_segment=True)
    with pytest.raises(ValidationError) as caught:
        _settings(trigger='anonymousId = "a"')
    assert "as_segment" not in str(caught.value)


def test_a_trigger_that_fails_names_its_subscription() -> None:
    """The event fails as a whole, as it does in Segment, and the text says whose trigger it was."""
    failing = _settings(name="Odd", trigger='type = "page" or properties.\\. = null', as_segment=True)
    subscriptions = compile_subscriptions([_settings(), failing])
    assert [item.name for item in subscriptions.matching({"type": "page"})] == ["Odd"]
    with pytest.raises(MappingError) as caught:
        subscriptions.matching({"type": "track"})
    assert caught.value.safe == "subscription 'Odd': no member of properties can have a name like '.'"
    assert caught.value.reason == "trigger_failed"


def test_errors_name_the_subscription() -> None:
    """Subscription, field path and directive, and nothing of the event."""
    subscription = Subscription(_settings(mapping={"x": {"@path": {"@path": "$.event"}}}))
    with pytest.raises(MappingError) as caught:
        subscription.fields({"event": 424242})
    expected = "subscription 'Track': /x/@path needs a text, but its directive gave a number"
    assert (caught.value.safe, str(caught.value)) == (expected, expected)


@pytest.mark.parametrize("event", [{}, {"p": 5}, {"p": [1]}, {"p": None}])
def test_fields_are_an_object(event: dict[str, Any]) -> None:
    """A mapping that is one directive must give an object of fields."""
    subscription = Subscription(_settings(mapping={"@path": "$.p"}))
    assert subscription.fields({"p": {"a": 1}}) == {"a": 1}
    with pytest.raises(MappingError, match="should give an object of fields"):
        subscription.fields(event)


def test_the_hash_follows_the_content_in_force() -> None:
    """It changes with each thing that changes what comes out, and with nothing else."""
    base = compile_subscriptions([_settings()]).hash
    assert len(base) == 12
    assert int(base, 16) >= 0
    assert compile_subscriptions([_settings(), _settings(name="off", enabled=False)]).hash == base
    changed: list[dict[str, Any]] = [
        {"name": "Other"},
        {"trigger": 'type = "page"'},
        {"action": "other"},
        {"mapping": {"id": {"@path": "$.userId"}, "event": {"@path": "$.event"}}},
        {"mapping": {"event": "\ud800"}},
    ]
    hashes = {compile_subscriptions([_settings(**change)]).hash for change in changed}
    assert len(hashes - {base}) == len(changed)
