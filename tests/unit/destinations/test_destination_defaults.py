"""`use_defaults`: fields that a mapping does not name take the default mappings of the action."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from processor.destinations import REGISTRY
from processor.destinations.defaults import completed
from processor.destinations.futile import futile
from processor.destinations.plan import Plan, findings
from processor.destinations.reference import example
from processor.mapping import SubscriptionSettings
from processor.model import Record

RECORD = Record("segment.events", 3, 1042, 1_773_576_000_000)
TRACK: dict[str, Any] = {
    "name": "Orders",
    "trigger": 'type = "track"',
    "action": "trackEvent",
    "use_defaults": True,
    "mapping": {"userId": {"@path": "$.properties.customer"}, "properties": None},
}


def _subscription(**changes: Any) -> SubscriptionSettings:  # noqa: ANN401 - what a file says
    """Return the subscription with some of its parts changed."""
    return SubscriptionSettings.model_validate(TRACK | changes)


@pytest.mark.parametrize("vendor", REGISTRY)
def test_defaults_alone_are_the_presets(vendor: str) -> None:
    """A subscription that names nothing maps as the vendor's preset of that action does."""
    destination = example(REGISTRY[vendor])
    presets = destination.presets()
    assert presets
    for preset in presets:
        bare = {key: value for key, value in preset.items() if key != "mapping"} | {"use_defaults": True}
        mapping = completed(destination.actions, SubscriptionSettings.model_validate(bare)).mapping
        assert mapping == preset["mapping"]


def test_named_fields_stay_as_they_are() -> None:
    """What the mapping names wins, null as well; the other fields of the table are added behind."""
    destination = example(REGISTRY["moengage"])
    mapping = completed(destination.actions, _subscription()).mapping
    assert mapping["userId"] == {"@path": "$.properties.customer"}
    assert mapping["properties"] is None
    assert mapping["event"] == {"@path": "$.event"}
    assert "project_name" not in mapping  # it has no default
    assert list(mapping)[:2] == ["userId", "properties"]


def test_without_the_switch_nothing_is_added() -> None:
    """A mapping is all that is sent, unless the file says otherwise: for pasted subscriptions as well."""
    actions = example(REGISTRY["moengage"]).actions
    plain = _subscription(use_defaults=False)
    assert completed(actions, plain) is plain
    pasted = {"actionSlug": "trackEvent", "trigger": 'type = "track"', "settings": {"event": "a"}}
    assert SubscriptionSettings.model_validate(pasted).use_defaults is False
    unknown = _subscription(action="unknown")
    assert completed(actions, unknown) is unknown


def test_a_plan_runs_on_the_defaults() -> None:
    """Events are mapped with the added fields, a required one counts as given, and the hash tells what was added."""
    destination = example(REGISTRY["moengage"])
    assert findings(destination, [_subscription()]) == []
    assert [text for _, text in findings(destination, [_subscription(use_defaults=False)])] == [
        "subscription 'Orders': action 'trackEvent' needs the field 'event'"
    ]
    plan = Plan.compile(destination, [_subscription()])
    event = {"type": "track", "event": "Sold", "properties": {"customer": "c-17"}, "context": {"app": {"version": "2"}}}
    (payload,) = plan.map(event, RECORD, RECORD.timestamp_ms).payloads
    body = destination.decoded(payload, RECORD.timestamp_ms)
    assert body["customer_id"] == "c-17"
    assert body["actions"][0]["action"] == "Sold"
    assert body["actions"][0]["app_version"] == "2"
    assert "attributes" not in body["actions"][0]
    written_out = _subscription(use_defaults=False, mapping=completed(destination.actions, _subscription()).mapping)
    assert Plan.compile(destination, [written_out]).hash == plan.hash


def test_warnings_see_the_defaults() -> None:
    """Whom an event is about may come from a default."""
    actions = example(REGISTRY["moengage"]).actions
    assert futile(actions, _subscription(mapping={})) == []
    assert futile(actions, _subscription(mapping={"userId": None})) != []


@pytest.mark.parametrize(
    "mapping",
    [
        {"@merge": {"direction": "left", "objects": [{"@path": "$.properties"}]}},
        {"__segment_internal_directive": {"@transform": {"apply": {"a": "b"}}}, "event": {"@path": "$.a"}},
    ],
)
def test_a_directive_for_all_fields_takes_no_defaults(mapping: dict[str, Any]) -> None:
    """Beside it there is no room for fields, and fields that it is given read something else than the event."""
    found = findings(example(REGISTRY["moengage"]), [_subscription(mapping=mapping)])
    text = "a directive stands for the fields here, so none can be added; allowed: false"
    assert (("subscriptions", 0, "use_defaults"), f"subscription 'Orders': {text}") in found


def test_a_mapping_may_be_left_out_only_beside_the_switch() -> None:
    """Who asks for the defaults need not write an empty mapping; who does not has forgotten one."""
    bare = {key: value for key, value in TRACK.items() if key != "mapping"}
    assert SubscriptionSettings.model_validate(bare).mapping == {}
    assert SubscriptionSettings.model_validate(bare | {"fields": {"event": "a"}}).mapping == {"event": "a"}
    with pytest.raises(ValidationError, match="mapping"):
        SubscriptionSettings.model_validate(bare | {"use_defaults": False})
