"""Elements for MoEngage: actions of users, what every event goes through, and calls that are off."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from processor.destinations.moengage.surroundings import timezone_offset_s
from processor.destinations.times import iso_ms, read_time_ms
from processor.model import Payload, Record
from tests.moengage_events import (
    NOW_MS,
    RECORD,
    action_of,
    element_of,
    identify_event,
    mapped_by_presets,
    moengage,
    only_payload,
    reason_of,
    track_event,
)


@pytest.mark.parametrize(
    ("user_id", "reason"),
    [
        (None, "missing_user_id"),
        ("  ", "missing_user_id"),
        ({"id": 1}, "missing_user_id"),
        (["cust"], "missing_user_id"),
        (False, "missing_user_id"),
        ("x", "invalid_user_id"),
        (7, "invalid_user_id"),
        (" USER_ID ", "invalid_user_id"),
        ("N/A", "invalid_user_id"),
        (-2, "invalid_user_id"),
        (0.0, "invalid_user_id"),
    ],
)
@pytest.mark.parametrize("kind", ["track", "identify", "page", "group", "alias", "delete"])
def test_message_without_a_usable_user_is_skipped(kind: str, user_id: Any, reason: str) -> None:  # noqa: ANN401 - any JSON value
    """Missing and refused ids are told apart, before anything else about the message is looked at."""
    switched_on = {"page_events": True, "group_attributes": True, "alias": "merge", "delete_users": True}

    assert reason_of(track_event(type=kind, userId=user_id, event=None), **switched_on) == f"skipped {reason}"


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"device": {"type": "Android"}}, {"platform": "ANDROID"}),
        ({"device": {"type": " iOS "}, "os": {"name": "Android"}}, {"platform": "iOS"}),
        ({"os": {"name": "watchOS"}}, {"platform": "iOS"}),
        ({"os": {"name": "tvOS"}}, {"platform": "TV", "moe_os_type": "tvOS"}),
        ({"device": {"type": "mobile"}, "os": {"name": "iOS"}}, {"platform": "iOS"}),
        ({"library": {"name": "analytics.js"}, "os": {"name": "Mac OS X"}}, {"platform": "web"}),
        ({"library": {"name": "analytics-next"}, "device": {"id": "d"}}, {"platform": "web"}),
        ({"page": {"url": "https://a.example"}}, {"platform": "web"}),
        ({"page": {"url": "https://a.example"}, "device": {"id": "d"}}, {}),
        ({"page": {"url": ""}}, {}),
        ({"library": {"name": ["analytics.js"]}, "os": "iOS", "device": []}, {}),
        ({"os": {"name": "Linux"}}, {}),
        ({"app": {"version": 7}}, {"app_version": "7"}),
        ({"app": {"version": True}}, {}),
        ([], {}),
    ],
)
def test_surroundings_of_an_action(context: Any, expected: dict[str, str]) -> None:  # noqa: ANN401 - any JSON value
    """Platform and version come from the context, and are left out where it does not say them for certain."""
    action = action_of(track_event(context=context))

    assert {key: action[key] for key in ("platform", "moe_os_type", "app_version") if key in action} == expected


@pytest.mark.parametrize(
    ("zone", "moment", "expected"),
    [
        ("Europe/Berlin", "2026-01-20T08:00:00Z", 3600),
        ("Europe/Berlin", "2025-07-20T08:00:00Z", 7200),
        ("Europe/Berlin", "2026-03-29T00:59:59Z", 3600),
        ("Europe/Berlin", "2026-03-29T01:00:00Z", 7200),
        ("America/St_Johns", "2026-01-20T08:00:00Z", -12600),
        ("Pacific/Kiritimati", "2026-01-20T08:00:00Z", 50400),
        ("UTC", "2026-01-20T08:00:00Z", 0),
        ("Mars/Olympus", "2026-01-20T08:00:00Z", None),
        ("../../etc/passwd", "2026-01-20T08:00:00Z", None),
        ("", "2026-01-20T08:00:00Z", None),
        ("\0", "2026-01-20T08:00:00Z", None),
        ("x" * 5000, "2026-01-20T08:00:00Z", None),
        (3600, "2026-01-20T08:00:00Z", None),
        ("Pacific/Kiritimati", "9999-12-31T23:59:59Z", None),
    ],
)
def test_zone_offset_is_that_of_the_event_time(zone: Any, moment: str, expected: int | None) -> None:  # noqa: ANN401 - any JSON value
    """The offset follows daylight saving at the moment of the event, and is left out for unknown zones."""
    epoch_ms = read_time_ms(moment)
    assert epoch_ms is not None

    assert timezone_offset_s(zone, epoch_ms) == expected


@pytest.mark.parametrize(
    ("fields", "expected_ms", "warnings"),
    [
        ({"timestamp": 1_773_575_000}, 1_773_575_000_000, ()),
        ({"timestamp": iso_ms(NOW_MS)}, NOW_MS, ()),
        ({"timestamp": iso_ms(NOW_MS + 300_000)}, NOW_MS, ()),
        ({"timestamp": iso_ms(NOW_MS + 300_001), "receivedAt": iso_ms(NOW_MS)}, NOW_MS, ("timestamp_from_receivedAt",)),
        ({"timestamp": "soon", "sentAt": iso_ms(NOW_MS - 5)}, NOW_MS - 5, ("timestamp_from_sentAt",)),
        ({"timestamp": None}, RECORD.timestamp_ms, ("timestamp_from_record",)),
    ],
)
def test_time_of_an_event(fields: dict[str, Any], expected_ms: int, warnings: tuple[str, ...]) -> None:
    """A clock a little ahead is forgiven, a wrong one replaced by the time of receipt, a missing one by the next."""
    payload = only_payload(mapped_by_presets(track_event(**fields)))

    assert msgspec.json.decode(payload.body)["actions"][0]["current_time"] == iso_ms(expected_ms)
    assert payload.warnings == warnings


@pytest.mark.parametrize("received", [None, "never", iso_ms(NOW_MS + 1)])
def test_event_of_the_future_is_refused(received: str | None) -> None:
    """Without a past time of receipt, an event from far ahead cannot be sent; an identify has no time to check."""
    ahead = iso_ms(NOW_MS + 300_001)

    assert reason_of(track_event(timestamp=ahead, receivedAt=received)) == "rejected future_timestamp"
    assert element_of(identify_event(timestamp=ahead))["type"] == "customer"


def test_event_carries_what_settings_add() -> None:
    """Project and message id become attributes, the id of the device is named, and the real-time flag can go."""
    event = track_event(properties={"seatRow": 1}, context={"device": {"id": "dev-1"}})
    settings = {
        "project_name": "Cinema",
        "include_message_id": True,
        "device_elements": True,
        "real_time_action": False,
    }

    element = element_of(event, **settings)

    assert element["device_id"] == "dev-1"
    assert element["actions"][0]["attributes"] == {
        "moe_project_name": "Cinema",
        "segment_message_id": "m-1",
        "seat_row": 1,
    }
    assert "real_time_action" not in element["actions"][0]
    assert "device_id" not in element_of(track_event(), **settings)


def test_message_id_that_cannot_be_sent_is_left_out() -> None:
    """An event without an id has no attribute for it and cannot be recognised when repeated."""
    payload = only_payload(mapped_by_presets(track_event(messageId=None), include_message_id=True))

    assert b"segment_message_id" not in payload.body
    assert payload.dedupe_id is None


def test_payload_is_ready_for_delivery() -> None:
    """The payload names its user as lane, its id for the dedupe window, action, endpoint and subscription."""
    payload = only_payload(mapped_by_presets(track_event(userId=" cust-4711 ")))

    assert (payload.action, payload.endpoint, payload.lanes) == ("trackEvent", "bulk", ("cust-4711",))
    assert (payload.dedupe_id, payload.subscription) == ("m-1", "Track Event")
    assert only_payload(mapped_by_presets(identify_event())).dedupe_id is None


def test_second_payload_of_a_record_is_no_repeat_of_the_first() -> None:
    """Where two subscriptions take one event, the dedupe window must not drop the second."""
    build = moengage().actions["trackEvent"].build
    second = build(
        {"userId": "cust-4711", "event": "Again"}, track_event(), Record("t", 0, 1, NOW_MS, payload_index=1), NOW_MS
    )

    assert isinstance(second, Payload)
    assert second.dedupe_id == "m-1:1"


def test_mapping_decides_over_settings() -> None:
    """What a mapping gives for project and update switch wins; what it gives wrongly leaves the setting in force."""
    destination = moengage(project_name="Cinema", update_existing_only=True)
    track, identify = (destination.actions[slug].build for slug in ("trackEvent", "identifyUser"))
    mapped = track({"userId": "cust-4711", "event": "E", "project_name": "Rail"}, track_event(), RECORD, NOW_MS)
    assert isinstance(mapped, Payload)
    assert b'"moe_project_name":"Rail"' in mapped.body

    for value, expected in [(False, False), ("false", False), (0, False), ("yes", True), (None, True), (1, True)]:
        built = identify({"userId": "cust-4711", "update_existing_only": value}, identify_event(), RECORD, NOW_MS)
        assert isinstance(built, Payload)
        assert msgspec.json.decode(built.body)["update_existing_only"] is expected


def test_name_close_to_the_reserved_prefix_is_counted() -> None:
    """A name that merely starts like MoEngage's own is sent as it is, and counted."""
    payload = only_payload(mapped_by_presets(track_event(event="Moengage ticket")))

    assert b'"action":"Moengage ticket"' in payload.body
    assert payload.warnings == ("event_name_starts_with_moe",)


@pytest.mark.parametrize("bag", ["x", 5, ["x"], True])
def test_bag_that_is_no_object_is_left_out(bag: Any) -> None:  # noqa: ANN401 - any JSON value
    """Properties and traits that are no objects are left out with a warning, and the message is sent."""
    track, identify = (
        only_payload(mapped_by_presets(track_event(properties=bag))),
        only_payload(mapped_by_presets(identify_event(traits=bag))),
    )
    group = only_payload(
        mapped_by_presets(identify_event(type="group", groupId="g-1", traits=bag), group_attributes=True)
    )

    assert (
        b"attributes"
        not in track.body + identify.body + only_payload(mapped_by_presets(track_event(properties={"a": None}))).body
    )
    assert track.warnings == ("properties_not_object",)
    assert identify.warnings == group.warnings == ("traits_not_object",)


def test_oversize_element_is_refused() -> None:
    """An element larger than a request may be is a dead letter, and one that just fits is sent."""
    bag = {f"k{number}": "x" * 500 for number in range(100)}
    size = len(only_payload(mapped_by_presets(identify_event(traits=bag))).body)

    assert only_payload(mapped_by_presets(identify_event(traits=bag), max_request_bytes=size)).endpoint == "bulk"
    assert reason_of(identify_event(traits=bag), max_request_bytes=size - 1) == "rejected event_too_large"


def test_deep_native_objects_are_refused() -> None:
    """Objects nested beyond all reason make a dead letter in native mode, of events and of users."""
    bag: dict[str, Any] = {}
    for _ in range(300):
        bag = {"a": bag}

    assert reason_of(track_event(properties=bag), nested="native") == "rejected mapping_failed"
    assert reason_of(identify_event(traits=bag), nested="native") == "rejected mapping_failed"


@pytest.mark.parametrize("call", ["page", "screen"])
def test_view_becomes_one_event_name(call: str) -> None:
    """Pages and screens share a fixed name; their own names are attributes unless properties say them."""
    event = track_event(
        type=call, name="Seats", category="Booking", properties={"name": "Own", "category": None, "url": "u"}
    )
    settings = {"page_events": True, "screen_events": True}

    action = action_of(event, **settings)

    assert action["action"] == f"{call.title()} Viewed"
    assert action["attributes"] == {"category": "Booking", "name": "Own", "url": "u"}
    without = track_event(type=call, name="Seats", properties=None)
    assert action_of(without, **settings)["attributes"] == {"name": "Seats"}
    assert reason_of(track_event(type=call)) == "skipped unsupported_type"


def test_page_address_is_shortened() -> None:
    """Addresses of pages lose query and fragment before they would be dropped for their length."""
    bag = {"url": "https://a.example/p?" + "q" * 600, "referrer": "https://a.example/" + "p" * 600, "Url": "x"}
    event = track_event(type="page", properties=bag, name="https://a.example/" + "n" * 600)

    assert action_of(event, page_events=True)["attributes"] == {"url": "https://a.example/p"}


@pytest.mark.parametrize("kind", ["page", "screen", "group", "alias", "delete"])
def test_calls_that_are_off(kind: str) -> None:
    """Calls that no setting switches on are skipped by the presets, and left to the triggers of a list."""
    event = track_event(type=kind)
    destination = moengage()

    assert reason_of(event) == "skipped unsupported_type"
    assert destination.admit(event, presets=False) == event


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ([1], "rejected not_an_object"),
        ({"type": 5}, "rejected missing_type"),
        (track_event(type="heartbeat"), "rejected unknown_type"),
        (track_event(integrations={"All": False}), "skipped integration_disabled"),
        (track_event(integrations={"Moengage (Actions)": False, "MoEngage": True}), "skipped integration_disabled"),
        (track_event(event=["x"]), "rejected missing_event_name"),
    ],
)
def test_gates(event: Any, reason: str) -> None:  # noqa: ANN401 - any JSON value
    """What does not pass the gates ends under the code of the contract."""
    assert reason_of(event) == reason


def test_type_is_read_without_case() -> None:
    """A type in capitals or with blanks around it is the same call."""
    assert action_of(track_event(type=" Track "))["action"] == "Seat Reserved"
