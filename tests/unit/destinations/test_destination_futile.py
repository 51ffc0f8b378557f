"""Mappings that can never satisfy their vendor: what is told, where, and that it is true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from processor.config.secret import PLAIN_SECRETS
from processor.destinations import REGISTRY, destination_class
from processor.destinations.base import Action, Destination, Field
from processor.destinations.forms import BY_TYPE
from processor.destinations.futile import Finding, futile
from processor.destinations.reference import example
from processor.mapping import SubscriptionSettings
from processor.mapping.outcomes import Some
from processor.model import Built, Payload, Record
from tests.golden_cases import REQUIRED

NOW_MS = 1_773_576_000_000
RECORD = Record("segment.events", 3, 1042, NOW_MS - 1877)
NOTHING = {"@path": "$.type.x"}
EVENT = {
    "type": "track",
    "event": "Signed Up",
    "userId": "u-17",
    "anonymousId": "a-17",
    "messageId": "m-17",
    "timestamp": "2026-03-15T11:59:30.250Z",
}
SETTINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("moveo", {}),
    ("moesif", {}),
    ("moesif", {"anonymous_identify": "send"}),
    ("moengage", {}),
    ("moengage", {"traits_id_as_customer_id": True}),
    ("moengage", {"mode": "segment_private"}),
    ("moengage", {"mode": "segment_private", "allow_anonymous": True}),
    ("moengage", {"profile": "actions"}),
)
VALUES: tuple[Any, ...] = (
    True,
    7,
    1.5,
    "text",
    "true",
    "u-1",
    "guest",
    "203.0.113.9",
    "https://a.example/",
    "a.example",
    {},
    {"a": 1},
    [],
    ["x"],
    ["a.example", "https://a.example/"],
    [{}],
    "2026-01-31T08:00:00Z",
)


def _vendor(name: str, settings: dict[str, Any] | None = None) -> Destination:
    """Return a destination of a vendor."""
    vendor = destination_class(name)
    whole = REQUIRED[name] | (settings or {})
    return vendor.create(name, vendor.settings_model.model_validate(whole, context={PLAIN_SECRETS: True}))


def _told(vendor: str, action: str, mapping: dict[str, Any], **more: Any) -> list[Finding]:  # noqa: ANN401 - settings
    """Return what is told of one subscription."""
    one = {"name": "One", "trigger": 'type = "track"', "action": action, "mapping": mapping} | more
    return futile(_vendor(vendor).actions, SubscriptionSettings.model_validate(one))


WHO = {"userId": {"@path": "$.userId"}}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "action 'trackEvent' needs the field, and this is null for every event; allowed: a text or a number"),
        (" ", "action 'trackEvent' needs the field, and this is a blank text for every event"),
        (NOTHING, "action 'trackEvent' needs the field, and this is nothing for every event"),
        ({"@if": {"exists": {"@path": "$.event"}, "then": None}}, "and this is null for every event"),
        ({"@excludeWhenNull": None}, "and this is nothing for every event"),
        ({}, "this is an object for every event, which the vendor gets nothing of; allowed: a text or a number"),
        ([{"@path": "$.event"}], "this is a list for every event"),
        (True, "this is a boolean for every event"),
        ({"@flatten": {"value": {"@path": "$.a"}, "separator": "."}}, "this is an object for every event"),
        ("x" * 201, "this has 201 characters; allowed: up to 200"),
        ({"@if": {"exists": {"@path": "$.a"}, "then": "x" * 300, "else": "x" * 250}}, "this has 250 characters"),
    ],
)
def test_a_field_that_never_serves(value: Any, text: str) -> None:  # noqa: ANN401 - any mapping value
    """The field is named with what comes of it and what is wanted."""
    ((path, told),) = _told("moengage", "trackEvent", {"event": value} | WHO)
    assert path == ("mapping", "event")
    assert text in told


@pytest.mark.parametrize(
    "value",
    [
        {"@path": "$.event"},
        {"@path": "$.type"},
        "Signed Up",
        5,
        "x" * 200,
        {"@if": {"exists": {"@path": "$.a"}, "then": None, "else": "b"}},
        {"@if": {"exists": {"@path": "$.a"}, "then": "x" * 300, "else": {"@path": "$.event"}}},
        {"@template": "{{event}}"},
        {"@json": {"mode": "decode", "value": {"@path": "$.event"}}},
        {"@case": {"operator": "lower", "value": "SIGNED UP"}},
    ],
)
def test_what_may_serve_is_let_be(value: Any) -> None:  # noqa: ANN401 - any mapping value
    """Nothing is told where some event may give what is wanted."""
    assert _told("moengage", "trackEvent", {"event": value} | WHO) == []


def test_nothing_on_purpose_and_by_mistake() -> None:
    """A literal null leaves an optional field out; a path that leads nowhere looks as if it did something."""
    event = {"event": {"@path": "$.event"}}
    assert _told("moengage", "trackEvent", event | WHO | {"properties": None, "os_name": ""}) == []
    ((path, text),) = _told("moengage", "trackEvent", event | WHO | {"properties": NOTHING})
    assert path == ("mapping", "properties")
    assert text == "this gives nothing for any event; to send nothing, use null"


@pytest.mark.parametrize(
    ("vendor", "action", "mapping", "text"),
    [
        ("moengage", "identifyUser", {"traits": {}}, "action 'identifyUser' needs 'userId', and no event gives it"),
        ("moengage", "identifyUser", {"userId": None}, "action 'identifyUser' needs 'userId', and no event gives it"),
        ("moveo", "identify", {"userId": ""}, "action 'identify' needs one of 'userId', 'anonymousId'"),
        ("moesif", "sendPageView", {}, "action 'sendPageView' needs one of 'user_id', 'anonymous_id', 'company_id'"),
        ("moesif", "updateUser", {"anonymous_id": {"@path": "$.a"}}, "action 'updateUser' needs 'user_id'"),
    ],
)
def test_somebody_must_be_named(vendor: str, action: str, mapping: dict[str, Any], text: str) -> None:
    """A mapping in which nobody is named gives no payload of any event."""
    ((path, told),) = _told(vendor, action, mapping, use_defaults=False)
    assert path == ("mapping",)
    assert told.startswith(text)


def test_one_id_for_all_events() -> None:
    """A vendor takes payloads of one id for repeats of the first; ids from the event are let be."""
    ((path, text),) = _told("moveo", "identify", WHO | {"messageId": "m-1"})
    assert path == ("mapping", "messageId")
    assert "takes all but the first for repeats" in text
    assert _told("moveo", "identify", WHO | {"messageId": {"@template": "{{messageId}}-b"}}) == []
    ((_, text),) = _told("moveo", "identify", WHO | {"messageId": "m" * 101})
    assert text == "this has 101 characters; allowed: up to 100"


@pytest.mark.parametrize(
    ("mapping", "paths"),
    [
        (
            {"@transform": {"apply": {"a": "x"}, "mapping": {"event": {"@path": "$.a.b"}, "userId": {"@path": "$.a"}}}},
            [("mapping", "@transform", "mapping", "event"), ("mapping", "@transform", "mapping", "userId")],
        ),
        (
            {"@transform": {"apply": {"@path": "$.properties"}, "mapping": WHO}},
            [("mapping", "@transform", "mapping")],
        ),
        (
            {"__segment_internal_directive": {"@transform": {"apply": {"a": "xy"}}}, "event": {"@path": "$.a.b"}}
            | {"userId": {"@path": "$.a"}},
            [("mapping",)],
        ),
        (
            {"__segment_internal_directive": {"@transform": {"apply": {"a": "xy"}}}, "event": {"@path": "$.a"}}
            | {"userId": {"@path": "$.a"}, "properties": {"@path": "$.properties"}, "os_name": {"@path": "$.os"}},
            [],
        ),
        ({"@merge": {"direction": "left", "objects": [WHO]}}, []),
        ({"@transform": {"apply": {"@path": "$.properties"}, "mapping": {"@path": "$.a"}}}, []),
    ],
)
def test_a_directive_that_stands_for_the_fields(mapping: dict[str, Any], paths: list[tuple[str, ...]]) -> None:
    """Behind a `@transform` the fields are known and read what it made; other directives tell nothing."""
    assert [path for path, _ in _told("moengage", "trackEvent", mapping)] == paths


def test_what_is_not_looked_at() -> None:
    """Nothing is told of a subscription that is not in force, of an unknown action, nor beyond what the stack holds."""
    assert _told("moengage", "trackEvent", {"event": None}, enabled=False) == []
    assert _told("moengage", "unknown", {"event": None}) == []
    deep: Any = None
    for _ in range(400):
        deep = {"@literal": {"@literal": {"a": deep}}}
    one = {"name": "One", "trigger": 'type = "track"', "action": "trackEvent", "mapping": {}}
    subscription = SubscriptionSettings.model_validate(one).model_copy(update={"mapping": {"event": {"a": deep}}})
    assert futile(_vendor("moengage").actions, subscription) == []


@pytest.mark.parametrize(("vendor", "settings"), SETTINGS)
def test_presets_and_defaults_are_let_be(vendor: str, settings: dict[str, Any]) -> None:
    """Nothing is told of a vendor's own mappings, neither in its presets nor in its field tables."""
    destination = _vendor(vendor, settings)
    mappings = [(preset["action"], preset["mapping"]) for preset in destination.presets()]
    for action in destination.actions.values():
        mappings += [(action.slug, {field.name: field.default for field in action.fields if field.default})]
    for action_name, mapping in mappings:
        one = {"name": "One", "trigger": 'type = "track"', "action": action_name, "mapping": mapping}
        assert futile(destination.actions, SubscriptionSettings.model_validate(one)) == []


def _fields() -> Iterator[Any]:
    """Yield each field of each action under each setting, once for the tests below."""
    for vendor, settings in SETTINGS:
        destination = _vendor(vendor, settings)
        for action in destination.actions.values():
            for field in action.fields:
                yield pytest.param(action, field, id=f"{vendor} {settings} {action.slug} {field.name}")


def _sample(action: Action) -> dict[str, Any]:
    """Return fields that give a payload, ids, texts and objects in their places."""
    texts = {field.name: "u-17" for field in action.fields if field.type == "string" or field.required}
    others = {"timestamp": EVENT["timestamp"], "time": EVENT["timestamp"], "previousId": "u-9", "anonymous_id": "a-9"}
    known = {"ip_address": "203.0.113.9", "company_id": "c-1", "traits": {"id": "u-17"}} | others
    names = {field.name for field in action.fields}
    return texts | {name: value for name, value in known.items() if name in names}


def _bodies(built: Built) -> list[bytes]:
    """Return the bodies of what was built; none for a skip or a refusal."""
    if isinstance(built, tuple):
        return [payload.body for payload in built]
    return [built.body] if isinstance(built, Payload) else []


@pytest.mark.parametrize(("action", "field"), list(_fields()))
def test_a_vendor_gets_nothing_of_what_does_not_fit(action: Action, field: Field) -> None:
    """The forms tell the truth: of a value that does not fit comes what comes without it, or no payload at all."""
    sample = _sample(action)
    assert _bodies(action.build(sample, EVENT, RECORD, NOW_MS))
    without = {name: value for name, value in sample.items() if name != field.name}
    absent = _bodies(action.build(without, EVENT, RECORD, NOW_MS))
    for value in VALUES:
        if not field.takes.fits(value):
            assert _bodies(action.build(without | {field.name: value}, EVENT, RECORD, NOW_MS)) in ([], absent)


@pytest.mark.parametrize(("action", "field"), list(_fields()))
def test_what_is_needed_is_needed(action: Action, field: Field) -> None:
    """Without a required field, or without all of a group, no event comes to a payload."""
    sample = _sample(action)
    groups = [group for group in action.needs if field.name in group]
    for names in [*groups, *([(field.name,)] if field.required else [])]:
        left = {name: value for name, value in sample.items() if name not in names}
        assert _bodies(action.build(left, EVENT, RECORD, NOW_MS)) == []


def test_forms_of_plain_types() -> None:
    """What is known only by its kind fits where that kind does."""
    assert {name for name, form in BY_TYPE.items() if form.fits(Some.TEXT)} == {"string", "boolean", "datetime", "any"}
    assert {name for name, form in BY_TYPE.items() if form.fits(Some.EVENT)} == {"object", "any"}
    assert {name for name, form in BY_TYPE.items() if form.fits(5)} == {"string", "number", "datetime", "any"}
    assert {name for name, form in BY_TYPE.items() if form.fits([])} == {"list", "any"}
    assert {name for name, form in BY_TYPE.items() if form.fits("true")} == {"string", "boolean", "any"}
    assert all(form.fits(Some.ANYTHING) for form in BY_TYPE.values())


def test_limits_are_those_of_the_contracts() -> None:
    """No field has a limit beside those that a contract names."""
    limits = {
        (vendor, action.slug, field.name): field.max_length
        for vendor in REGISTRY
        for action in example(REGISTRY[vendor]).actions.values()
        for field in action.fields
        if field.max_length is not None
    }
    assert {(vendor, name): length for (vendor, _, name), length in limits.items()} == {
        ("moveo", "messageId"): 100,
        ("moengage", "event"): 200,
        ("moengage", "project_name"): 512,
        ("moengage", "name"): 512,
        ("moengage", "category"): 512,
        ("moengage", "groupId"): 512,
    }
