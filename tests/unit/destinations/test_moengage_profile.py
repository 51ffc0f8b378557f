"""MoEngage's profile `actions`: its settings, whose order messages keep, and what is refused."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from processor.destinations.plan import Plan
from processor.mapping import SubscriptionSettings
from processor.model import Event, Mapped, Payload, Record
from tests.moengage_events import NOW_MS, RECORD, identify_event, mapped_by_presets, moengage, only_payload, track_event

EMPTY: dict[str, Any] = {"app": {}, "os": {}, "library": {}}


def _mapped(event: Event, **settings: Any) -> Mapped:  # noqa: ANN401 - plain settings
    """Return what the presets make of an event under the profile."""
    return mapped_by_presets(event, profile="actions", **settings)


def _body(event: Event, **settings: Any) -> Any:  # noqa: ANN401 - plain settings
    """Return the body of the one request of an event."""
    return msgspec.json.decode(only_payload(_mapped(event, **settings)).body)


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "bulk"},
        {"allow_anonymous": False},
        {"region": "DC_06"},
        {"region": "DC_101"},
        {"page_events": True},
        {"device_elements": True},
        {"api_id": "a:b"},
        {"api_id": " a"},
        {"api_id": "a\nb"},
    ],
)
def test_settings_that_contradict_the_profile_are_refused(settings: dict[str, Any]) -> None:
    """What the profile implies cannot be set otherwise, and MoEngage's further regions are none of Segment's."""
    with pytest.raises(ValidationError):
        moengage(profile="actions", **settings)


def test_profile_implies_segments_endpoint() -> None:
    """It posts where Segment posts, with keys as they are; saying what it implies is allowed."""
    implied = moengage(profile="actions")
    said = moengage(profile="actions", mode="segment_private", allow_anonymous=True, region="DC_05")

    assert (implied.settings.is_private, implied.settings.keys) == (True, "preserve")
    assert implied.endpoints.keys() == said.endpoints.keys() == {"segment", "merge", "delete"}
    assert not moengage().settings.is_private


@pytest.mark.parametrize(
    ("api_id", "written"),
    [("DEMO_APP", "DEMO_APP"), ("a b", "a%20b"), ("\u00fc", "%C3%BC"), ("a&b+c", "a&b+c"), ('a"<>b', "a%22%3C%3Eb")],
)
def test_workspace_id_stands_in_the_address_as_segment_writes_it(api_id: str, written: str) -> None:
    """Only what no address can hold is escaped; classic takes no such id, and its addresses escape everything."""
    destination = moengage(profile="actions", api_id=api_id)
    headers = destination.headers(destination.endpoints["merge"], b"", NOW_MS)

    assert destination.endpoints["segment"].url == (
        f"https://api-03.moengage.com/v1/integrations/segment?appId={written}"
    )
    assert b64decode(headers["Authorization"].split()[1]).decode() == f"{api_id}:example-key"
    assert headers.get("MOE-APPKEY", api_id) == api_id
    assert all(value.isascii() for value in headers.values())


def test_classic_takes_ids_of_headers_only() -> None:
    """An id that the documented API could not carry in a header or an address is refused before the start."""
    for api_id in ("a b", "\u00fc"):
        with pytest.raises(ValidationError):
            moengage(api_id=api_id)


@pytest.mark.parametrize(
    ("ids", "sent", "lane"),
    [
        ({"userId": "0"}, {"user_id": "0"}, "0"),
        ({"userId": "guest", "anonymousId": "an-1"}, {"user_id": "guest", "anonymous_id": "an-1"}, "guest"),
        ({"userId": None, "anonymousId": 5}, {"anonymous_id": "5"}, "anonymous:5"),
        ({"userId": ["u"]}, {"user_id": "u"}, "u"),
        ({"userId": ""}, {}, "nobody:3:1042:0:0"),
    ],
)
def test_whoever_is_meant_is_sent(ids: dict[str, Any], sent: dict[str, Any], lane: str) -> None:
    """Every id is sent, junk or not; a message of nobody is sent too, and keeps no order with any other."""
    payload = only_payload(_mapped({"type": "track", "event": "E", **ids}))

    assert msgspec.json.decode(payload.body) == {
        "type": "track",
        **sent,
        "event": "E",
        "context": EMPTY,
        "update_existing_only": False,
    }
    assert payload.lanes == (lane,)


def test_null_ids_of_an_identify_stay_null() -> None:
    """An identify says that an id is null, and its lane is that of the other one."""
    payload = only_payload(_mapped({"type": "identify", "userId": None, "anonymousId": "an-1"}))

    assert msgspec.json.decode(payload.body)["user_id"] is None
    assert payload.lanes == ("anonymous:an-1",)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (track_event(event=None), "missing_event_name"),
        (track_event(event=[""]), "missing_event_name"),
        (track_event(event=[]), "invalid_field"),
        (track_event(userId=["u", "v"]), "invalid_field"),
        (track_event(properties=[]), "invalid_field"),
        (track_event(timestamp="noon"), "invalid_field"),
        (track_event(context={"app": {"version": {}}}), "invalid_field"),
        (track_event(properties={"text": "x" * 200_000}), "event_too_large"),
        (identify_event(userId=["u"]), "invalid_field"),
        (identify_event(traits="x"), "invalid_field"),
    ],
)
def test_refused_events_and_their_neighbours(event: Event, reason: str) -> None:
    """What Segment's validation refuses is a dead letter of its own; the events beside it are sent."""
    plan = Plan.compile(moengage(profile="actions"), "default")

    before, refused, after = plan.map_all([(RECORD, track_event()), (RECORD, event), (RECORD, track_event())], NOW_MS)

    assert [one.reason for one in refused.rejected] == [reason]
    assert (refused.payloads, refused.skipped) == ([], [])
    assert only_payload(before).body == only_payload(after).body


def test_settings_fill_what_the_mapping_leaves_open() -> None:
    """Project and update switch apply where the mapping says nothing, and keys are converted where that is asked."""
    event = {"type": "track", "event": "E", "userId": "u"}

    assert _body(event, project_name="Cinema", update_existing_only=True) == {
        "type": "track",
        "user_id": "u",
        "event": "E",
        "context": EMPTY,
        "properties": {"moe_project_name": "Cinema"},
        "update_existing_only": True,
    }
    assert _body({**event, "properties": {"aB": 1}}, key_case="snake")["properties"] == {"a_b": 1}


def test_depth_is_bounded_where_keys_are_converted() -> None:
    """A message nested beyond all reason is refused and does not exhaust the stack."""
    bag: dict[str, Any] = {}
    for _ in range(200):
        bag = {"a": bag}

    assert _mapped(identify_event(traits=bag), key_case="snake").rejected[0].reason == "mapping_failed"


def test_number_that_json_does_not_know_becomes_null() -> None:
    """Segment sends null for it, and so does the profile, but not without a trace."""
    payload = only_payload(_mapped(track_event(properties={"n": float("inf"), "m": 1})))

    assert msgspec.json.decode(payload.body)["properties"] == {"n": None, "m": 1}
    assert payload.warnings == ("number_became_null",)


def test_number_that_nobody_can_write_is_refused() -> None:
    """An integer too long to be printed is a dead letter."""
    assert _mapped(track_event(properties={"n": 10**5000})).rejected[0].reason == "mapping_failed"


def test_message_needs_a_type() -> None:
    """As in Segment a mapping must give the type; an event has one, but that is not asked."""
    action = moengage(profile="actions").actions["identifyUser"]

    assert action.build({"userId": "u"}, {"type": "identify"}, RECORD, NOW_MS).reason == "missing_type"  # type: ignore[union-attr]


def test_identify_keeps_the_order_of_its_visitor_too() -> None:
    """An identify that says who a visitor is stands behind the visitor's events and before the user's."""
    ids = {"userId": "u", "anonymousId": "an-1"}
    events = [{"type": "track", "event": "E", **ids}, {"type": "identify", **ids}]

    assert [only_payload(_mapped(event)).lanes for event in events] == [("u",), ("u", "anonymous:an-1")]
    odd = {"type": "identify", "userId": "anonymous:an-1", "anonymousId": "an-1"}
    assert only_payload(_mapped(odd)).lanes == ("anonymous:an-1",)


def test_track_is_recognised_when_it_is_repeated() -> None:
    """Segment sends a message once, so a repeat of its id is found before it is sent; an identify repeats no harm."""
    track, identify = {"type": "track", "event": "E", "messageId": "m-1"}, {"type": "identify", "messageId": "m-1"}

    assert only_payload(_mapped(track)).dedupe_id == "m-1"
    assert only_payload(_mapped(identify)).dedupe_id is None


def test_second_payload_of_nobody_has_a_lane_of_its_own() -> None:
    """Two subscriptions that take one event of nobody make two payloads that do not wait for each other."""
    mapping = {"type": {"@path": "$.type"}, "event": {"@path": "$.event"}}
    subscriptions = [
        SubscriptionSettings.model_validate(
            {"name": name, "subscribe": 'type = "track"', "partnerAction": "trackEvent", "mapping": mapping}
        )
        for name in ("one", "two")
    ]
    plan = Plan.compile(moengage(profile="actions"), subscriptions)

    payloads = plan.map({"type": "track", "event": "E"}, Record("t", 0, 7, NOW_MS), NOW_MS).payloads

    assert [payload.lanes for payload in payloads] == [("nobody:0:7:0:0",), ("nobody:0:7:0:1",)]
    assert all(isinstance(payload, Payload) for payload in payloads)
