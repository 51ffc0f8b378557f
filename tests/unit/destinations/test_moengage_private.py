"""Segment's own endpoint at MoEngage: the body is Segment's to the letter."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from processor.config.secret import PLAIN_SECRETS
from processor.destinations.moengage.destination import MoEngageDestination
from processor.destinations.moengage.settings import MoEngageSettings
from processor.destinations.plan import Plan
from processor.model import Event, Mapped, Payload, Record

REQUIRED = {"api_id": "WKSPACE7EXAMPLE", "api_key": "example-key", "region": "DC_03", "mode": "segment_private"}
NOW_MS = 1_773_576_000_000
RECORD = Record("segment.events", 3, 1042, NOW_MS)
EMPTY: dict[str, Any] = {"app": {}, "os": {}, "library": {}}


def _destination(**settings: Any) -> MoEngageDestination:  # noqa: ANN401 - plain settings
    """Return a destination with these settings."""
    validated = MoEngageSettings.model_validate(REQUIRED | settings, context={PLAIN_SECRETS: True})
    return MoEngageDestination("moengage", validated)


def _mapped(event: Event, **settings: Any) -> Mapped:  # noqa: ANN401 - plain settings
    """Return what the presets make of an event."""
    return Plan.compile(_destination(**settings), "default").map(event, RECORD, NOW_MS)


def _payload(event: Event, **settings: Any) -> Payload:  # noqa: ANN401 - plain settings
    """Return the one payload of an event."""
    (payload,) = _mapped(event, **settings).payloads
    return payload


def _body(event: Event, **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - plain settings
    """Return the body of the one request of an event."""
    body: dict[str, Any] = msgspec.json.decode(_payload(event, **settings).body)
    return body


def test_track_is_passed_on() -> None:
    """Properties, nulls and the time are passed on unchanged; numbers become text where Segment makes them text."""
    event = {
        "type": "track",
        "userId": "cust-4711",
        "anonymousId": 5,
        "event": 19.0,
        "timestamp": "in May",
        "properties": {"seatRow": None, "deep": {"x": [1]}},
        "context": {"app": {"version": 42}, "os": {"name": True}, "library": {"version": 1.5}},
    }

    assert _body(event) == {
        "type": "track",
        "user_id": "cust-4711",
        "anonymous_id": "5",
        "event": "19",
        "context": {"app": {"version": "42"}, "os": {"name": "true"}, "library": {"version": "1.5"}},
        "properties": {"seatRow": None, "deep": {"x": [1]}},
        "timestamp": "in May",
        "update_existing_only": False,
    }


@pytest.mark.parametrize(
    ("kind", "ids", "expected"),
    [
        ("track", {"userId": "cust-4711", "anonymousId": None}, {"user_id": "cust-4711"}),
        ("identify", {"userId": "cust-4711", "anonymousId": None}, {"user_id": "cust-4711", "anonymous_id": None}),
        ("track", {"userId": None, "anonymousId": "an-1"}, {"anonymous_id": "an-1"}),
        ("identify", {"userId": None, "anonymousId": "an-1"}, {"user_id": None, "anonymous_id": "an-1"}),
        ("identify", {"userId": "", "anonymousId": "an-1"}, {"anonymous_id": "an-1"}),
    ],
)
def test_ids_as_segment_sends_them(kind: str, ids: dict[str, Any], expected: dict[str, Any]) -> None:
    """Null ids stay null on identify and are left out on track; blank ones are left out on both."""
    body = _body({"type": kind, "event": "E", **ids}, allow_anonymous=True)

    assert {key: body[key] for key in ("user_id", "anonymous_id") if key in body} == expected


def test_visitors_count_only_where_settings_say_so() -> None:
    """Without a user a message is skipped, unless visitors are let in; refused ids are never taken for a visitor."""
    visitor = {"type": "track", "event": "E", "anonymousId": "an-1"}

    assert _mapped(visitor).skipped[0].reason == "missing_user_id"
    assert _payload(visitor, allow_anonymous=True).lanes == ("anonymous:an-1",)
    assert _mapped(visitor | {"userId": "guest"}, allow_anonymous=True).skipped[0].reason == "invalid_user_id"
    assert _mapped({"type": "identify"}, allow_anonymous=True).skipped[0].reason == "missing_user_id"


@pytest.mark.parametrize(("bag", "warnings"), [(None, ()), ("", ()), ("x", (1,)), ([], (1,))])
def test_bag_that_is_no_object_is_left_out(bag: Any, warnings: tuple[int, ...]) -> None:  # noqa: ANN401 - any JSON value
    """Segment drops null and empty bags; others it refuses, and here they are left out with a warning."""
    track = _payload({"type": "track", "userId": "cust-4711", "event": "E", "properties": bag})
    identify = _payload({"type": "identify", "userId": "cust-4711", "traits": bag})

    assert b"properties" not in track.body
    assert track.warnings == ("properties_not_object",) * len(warnings)
    assert b"traits" not in identify.body
    assert identify.warnings == ("traits_not_object",) * len(warnings)


def test_event_needs_a_name() -> None:
    """A track without a name is refused before it is sent."""
    assert _mapped({"type": "track", "userId": "cust-4711", "event": ""}).rejected[0].reason == "missing_event_name"


def test_settings_that_apply() -> None:
    """Project, update switch and, where asked for, the form of keys are the only things that settings change."""
    event = {"type": "track", "userId": "cust-4711", "event": "E", "properties": {"aB": [{"cD": None}], "$": 1}}

    assert _body(event, project_name="Cinema", update_existing_only=True, key_case="snake") == {
        "type": "track",
        "user_id": "cust-4711",
        "event": "E",
        "context": EMPTY,
        "properties": {"a_b": [{"c_d": None}], "moe_project_name": "Cinema"},
        "update_existing_only": True,
    }


def test_project_needs_no_properties() -> None:
    """A project makes properties where the event has none."""
    event = {"type": "track", "userId": "cust-4711", "event": "E"}

    assert _body(event, project_name="Cinema")["properties"] == {"moe_project_name": "Cinema"}


def test_depth_is_bounded_where_keys_are_converted() -> None:
    """A message nested beyond all reason is refused and does not exhaust the stack."""
    bag: dict[str, Any] = {}
    for _ in range(200):
        bag = {"a": bag}
    event = {"type": "identify", "userId": "cust-4711", "traits": bag}

    rejected = _mapped(event, key_case="snake").rejected[0]
    assert (rejected.reason, rejected.message) == ("mapping_failed", "the message is nested too deeply")
    assert _body(event)["traits"] == bag


def test_track_is_recognised_when_it_is_repeated() -> None:
    """The endpoint takes no id, so a repeated track has to be found before it is sent; an identify repeats no harm."""
    ids = {"userId": "cust-4711", "messageId": "m-1"}

    assert _payload({"type": "track", "event": "E", **ids}).dedupe_id == "m-1"
    assert _payload({"type": "identify", **ids}).dedupe_id is None


def test_identify_waits_for_what_its_visitor_did() -> None:
    """An identify that says who a visitor is keeps its place behind the visitor's events and before the user's."""
    ids = {"userId": "cust-4711", "anonymousId": "a1"}
    visit = {"type": "track", "event": "E", "anonymousId": "a1"}
    events = [visit, {"type": "identify", **ids}, visit | ids]

    lanes = [_payload(event, allow_anonymous=True).lanes for event in events]

    assert lanes == [("anonymous:a1",), ("cust-4711", "anonymous:a1"), ("cust-4711",)]
    odd = {"type": "identify", "userId": "anonymous:a1", "anonymousId": "a1"}
    assert _payload(odd, allow_anonymous=True).lanes == ("anonymous:a1",)


def test_number_that_json_does_not_know_is_refused() -> None:
    """A number that is not finite cannot be passed on, and must not become null without a trace."""
    event = {"type": "track", "userId": "cust-4711", "event": "E", "properties": {"n": float("nan")}}

    assert _mapped(event).rejected[0].reason == "mapping_failed"


def test_type_comes_from_the_mapping_or_the_event() -> None:
    """A mapping may name another type, as in Segment; without one it is the event's."""
    build = _destination().actions["identifyUser"].build
    for fields, expected in [({"type": "screen"}, "screen"), ({}, "track")]:
        built = build({"userId": "cust-4711", **fields}, {"type": "track"}, RECORD, NOW_MS)
        assert isinstance(built, Payload)
        assert msgspec.json.decode(built.body)["type"] == expected
