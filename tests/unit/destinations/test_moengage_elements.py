"""Elements and calls for MoEngage: events, users, devices, groups, merges, deletions."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from processor.config.secret import PLAIN_SECRETS
from processor.destinations.moengage.destination import MoEngageDestination
from processor.destinations.moengage.settings import MoEngageSettings
from processor.destinations.moengage.surroundings import timezone_offset_s
from processor.destinations.plan import Plan
from processor.destinations.times import iso_ms, read_time_ms
from processor.model import Event, Mapped, Payload, Record

REQUIRED = {"api_id": "WKSPACE7EXAMPLE", "api_key": "example-key", "region": "DC_03"}
NOW_MS = 1_773_576_000_000
RECORD = Record("segment.events", 3, 1042, NOW_MS - 1877)


def _destination(**settings: Any) -> MoEngageDestination:  # noqa: ANN401 - plain settings
    """Return a destination with these settings."""
    validated = MoEngageSettings.model_validate(REQUIRED | settings, context={PLAIN_SECRETS: True})
    return MoEngageDestination("moengage", validated)


def _mapped(event: Event, **settings: Any) -> Mapped:  # noqa: ANN401 - plain settings
    """Return what the presets make of an event."""
    return Plan.compile(_destination(**settings), "default").map(event, RECORD, NOW_MS)


def _track(**fields: Any) -> Event:  # noqa: ANN401 - fields of an event
    """Return a track of a user, thirty seconds old."""
    return {
        "type": "track",
        "messageId": "m-1",
        "userId": "cust-4711",
        "timestamp": iso_ms(NOW_MS - 30_000),
        "event": "Seat Reserved",
    } | fields


def _identify(**fields: Any) -> Event:  # noqa: ANN401 - fields of an event
    """Return an identify of a user."""
    return {"type": "identify", "messageId": "m-2", "userId": "cust-4711"} | fields


def _only(mapped: Mapped) -> Payload:
    """Return the one payload of an event."""
    assert not mapped.skipped
    assert not mapped.rejected
    (payload,) = mapped.payloads
    return payload


def _element(event: Event, **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - plain settings
    """Return the one element of an event."""
    element: dict[str, Any] = msgspec.json.decode(_only(_mapped(event, **settings)).body)
    return element


def _action(event: Event, **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - plain settings
    """Return the one action of an event."""
    (action,) = _element(event, **settings)["actions"]
    assert isinstance(action, dict)
    return action


def _reason(event: Any, **settings: Any) -> str:  # noqa: ANN401 - any JSON value, plain settings
    """Return why an event is not sent, its list before it."""
    mapped = _mapped(event, **settings)
    assert not mapped.payloads
    return f"skipped {mapped.skipped[0].reason}" if mapped.skipped else f"rejected {mapped.rejected[0].reason}"


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

    assert _reason(_track(type=kind, userId=user_id, event=None), **switched_on) == f"skipped {reason}"


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
    action = _action(_track(context=context))

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
    payload = _only(_mapped(_track(**fields)))

    assert msgspec.json.decode(payload.body)["actions"][0]["current_time"] == iso_ms(expected_ms)
    assert payload.warnings == warnings


@pytest.mark.parametrize("received", [None, "never", iso_ms(NOW_MS + 1)])
def test_event_of_the_future_is_refused(received: str | None) -> None:
    """Without a past time of receipt, an event from far ahead cannot be sent; an identify has no time to check."""
    ahead = iso_ms(NOW_MS + 300_001)

    assert _reason(_track(timestamp=ahead, receivedAt=received)) == "rejected future_timestamp"
    assert _element(_identify(timestamp=ahead))["type"] == "customer"


def test_event_carries_what_settings_add() -> None:
    """Project and message id become attributes, the id of the device is named, and the real-time flag can go."""
    event = _track(properties={"seatRow": 1}, context={"device": {"id": "dev-1"}})
    settings = {
        "project_name": "Cinema",
        "include_message_id": True,
        "device_elements": True,
        "real_time_action": False,
    }

    element = _element(event, **settings)

    assert element["device_id"] == "dev-1"
    assert element["actions"][0]["attributes"] == {
        "moe_project_name": "Cinema",
        "segment_message_id": "m-1",
        "seat_row": 1,
    }
    assert "real_time_action" not in element["actions"][0]
    assert "device_id" not in _element(_track(), **settings)


def test_message_id_that_cannot_be_sent_is_left_out() -> None:
    """An event without an id has no attribute for it and cannot be recognised when repeated."""
    payload = _only(_mapped(_track(messageId=None), include_message_id=True))

    assert b"segment_message_id" not in payload.body
    assert payload.dedupe_id is None


def test_payload_is_ready_for_delivery() -> None:
    """The payload names its user as lane, its id for the dedupe window, action, endpoint and subscription."""
    payload = _only(_mapped(_track(userId=" cust-4711 ")))

    assert (payload.action, payload.endpoint, payload.lanes) == ("trackEvent", "bulk", ("cust-4711",))
    assert (payload.dedupe_id, payload.subscription) == ("m-1", "Track Event")
    assert _only(_mapped(_identify())).dedupe_id is None


def test_second_payload_of_a_record_is_no_repeat_of_the_first() -> None:
    """Where two subscriptions take one event, the dedupe window must not drop the second."""
    build = _destination().actions["trackEvent"].build
    second = build(
        {"userId": "cust-4711", "event": "Again"}, _track(), Record("t", 0, 1, NOW_MS, payload_index=1), NOW_MS
    )

    assert isinstance(second, Payload)
    assert second.dedupe_id == "m-1:1"


def test_mapping_decides_over_settings() -> None:
    """What a mapping gives for project and update switch wins; what it gives wrongly leaves the setting in force."""
    destination = _destination(project_name="Cinema", update_existing_only=True)
    track, identify = (destination.actions[slug].build for slug in ("trackEvent", "identifyUser"))
    mapped = track({"userId": "cust-4711", "event": "E", "project_name": "Rail"}, _track(), RECORD, NOW_MS)
    assert isinstance(mapped, Payload)
    assert b'"moe_project_name":"Rail"' in mapped.body

    for value, expected in [(False, False), ("false", False), (0, False), ("yes", True), (None, True), (1, True)]:
        built = identify({"userId": "cust-4711", "update_existing_only": value}, _identify(), RECORD, NOW_MS)
        assert isinstance(built, Payload)
        assert msgspec.json.decode(built.body)["update_existing_only"] is expected


def test_name_close_to_the_reserved_prefix_is_counted() -> None:
    """A name that merely starts like MoEngage's own is sent as it is, and counted."""
    payload = _only(_mapped(_track(event="Moengage ticket")))

    assert b'"action":"Moengage ticket"' in payload.body
    assert payload.warnings == ("event_name_starts_with_moe",)


@pytest.mark.parametrize("bag", ["x", 5, ["x"], True])
def test_bag_that_is_no_object_is_left_out(bag: Any) -> None:  # noqa: ANN401 - any JSON value
    """Properties and traits that are no objects are left out with a warning, and the message is sent."""
    track, identify = _only(_mapped(_track(properties=bag))), _only(_mapped(_identify(traits=bag)))
    group = _only(_mapped(_identify(type="group", groupId="g-1", traits=bag), group_attributes=True))

    assert b"attributes" not in track.body + identify.body + _only(_mapped(_track(properties={"a": None}))).body
    assert track.warnings == ("properties_not_object",)
    assert identify.warnings == group.warnings == ("traits_not_object",)


def test_oversize_element_is_refused() -> None:
    """An element larger than a request may be is a dead letter, and one that just fits is sent."""
    bag = {f"k{number}": "x" * 500 for number in range(100)}
    size = len(_only(_mapped(_identify(traits=bag))).body)

    assert _only(_mapped(_identify(traits=bag), max_request_bytes=size)).endpoint == "bulk"
    assert _reason(_identify(traits=bag), max_request_bytes=size - 1) == "rejected event_too_large"


def test_deep_native_objects_are_refused() -> None:
    """Objects nested beyond all reason make a dead letter in native mode, of events and of users."""
    bag: dict[str, Any] = {}
    for _ in range(300):
        bag = {"a": bag}

    assert _reason(_track(properties=bag), nested="native") == "rejected mapping_failed"
    assert _reason(_identify(traits=bag), nested="native") == "rejected mapping_failed"


@pytest.mark.parametrize("call", ["page", "screen"])
def test_view_becomes_one_event_name(call: str) -> None:
    """Pages and screens share a fixed name; their own names are attributes unless properties say them."""
    event = _track(
        type=call, name="Seats", category="Booking", properties={"name": "Own", "category": None, "url": "u"}
    )
    settings = {"page_events": True, "screen_events": True}

    action = _action(event, **settings)

    assert action["action"] == f"{call.title()} Viewed"
    assert action["attributes"] == {"category": "Booking", "name": "Own", "url": "u"}
    without = _track(type=call, name="Seats", properties=None)
    assert _action(without, **settings)["attributes"] == {"name": "Seats"}
    assert _reason(_track(type=call)) == "skipped unsupported_type"


def test_page_address_is_shortened() -> None:
    """Addresses of pages lose query and fragment before they would be dropped for their length."""
    bag = {"url": "https://a.example/p?" + "q" * 600, "referrer": "https://a.example/" + "p" * 600, "Url": "x"}
    event = _track(type="page", properties=bag, name="https://a.example/" + "n" * 600)

    assert _action(event, page_events=True)["attributes"] == {"url": "https://a.example/p"}


def test_traits_id_is_compared_and_not_sent() -> None:
    """A differing id among the traits is worth a warning; the same one, as a number too, is not."""
    assert _only(_mapped(_identify(traits={"id": "crm-9"}))).warnings == ("traits_id_differs",)
    assert _only(_mapped(_identify(userId="4711", traits={"id": 4711}))).warnings == ()
    assert "attributes" not in _element(_identify(traits={"id": "crm-9"}))


def test_traits_id_can_name_the_user() -> None:
    """Where settings say so, a usable id among the traits names the user, and any other leaves it to userId."""
    on = {"traits_id_as_customer_id": True}

    assert _element(_identify(traits={"id": "crm-9"}), **on)["customer_id"] == "crm-9"
    assert _element(_identify(userId=None, traits={"id": "crm-9"}), **on)["customer_id"] == "crm-9"
    assert _only(_mapped(_identify(traits={"id": "guest"}), **on)).lanes == ("cust-4711",)


def test_null_traits_become_unset_attributes() -> None:
    """The early-access form of removal names each attribute, beside those that are set."""
    element = _element(_identify(traits={"plan": "gold", "homeCinema": None}), unset_null_traits=True)

    assert element["attributes"] == {"plan": "gold"}
    assert element["unset_attributes"] == [{"type": "equals", "attr": "home_cinema", "case_sensitive": True}]


def test_device_follows_its_customer() -> None:
    """A push token becomes a device of the same user and lane, behind the customer."""
    context = {
        "device": {"id": 77, "type": "android", "token": "tok", "advertisingId": "AD"},
        "os": {"version": "15"},
        "app": {"version": "1"},
    }

    customer, device = _mapped(_identify(context=context), device_elements=True).payloads

    assert customer.lanes == device.lanes == ("cust-4711",)
    assert msgspec.json.decode(device.body) == {
        "type": "device",
        "customer_id": "cust-4711",
        "device_id": "77",
        "attributes": {
            "platform": "ANDROID",
            "push_id": "tok",
            "os_version": "15",
            "app_version": "1",
            "moe_gaid": "AD",
        },
    }


@pytest.mark.parametrize(
    "context",
    [{"device": {"token": "tok"}}, {"device": {"type": "ios"}}, {"device": {"type": "ios", "token": ""}}, None],
)
def test_device_needs_token_and_platform(context: Any) -> None:  # noqa: ANN401 - any JSON value
    """Without a push token or a certain platform there is no device, and the customer is sent alone."""
    assert len(_mapped(_identify(context=context), device_elements=True).payloads) == 1


def test_web_device_has_no_advertising_id() -> None:
    """Where MoEngage knows no advertising id for a platform, none is sent."""
    context = {"device": {"token": "tok", "advertisingId": "AD"}, "library": {"name": "analytics.js"}}

    _, device = _mapped(_identify(context=context), device_elements=True).payloads

    assert msgspec.json.decode(device.body)["attributes"] == {"platform": "web", "push_id": "tok"}


def test_device_that_is_too_large_takes_its_customer_with_it() -> None:
    """Half of a record would look like all of it, so both go to the dead letters."""
    event = _identify(context={"device": {"type": "ios", "token": "t" * 2000}})

    assert _reason(event, device_elements=True, max_request_bytes=1000) == "rejected event_too_large"


def test_group_becomes_attributes_of_the_user() -> None:
    """Id and traits of a group get a prefix; the group's own id wins over a trait of that name."""
    event = _identify(type="group", groupId=7, traits={"id": "x", "planName": "team", "address": {"city": "Oslo"}})

    element = _element(event, group_attributes=True)

    assert element["attributes"] == {"group_id": "7", "group_plan_name": "team", "group_address_city": "Oslo"}
    assert element["update_existing_only"] is False


@pytest.mark.parametrize("group_id", [None, " ", True, ["g"]])
def test_group_needs_its_id(group_id: Any) -> None:  # noqa: ANN401 - any JSON value
    """A group without a usable id is a dead letter."""
    event = _identify(type="group", groupId=group_id)

    assert _reason(event, group_attributes=True) == "rejected missing_group_id"


def test_merge_keeps_the_order_of_both_users() -> None:
    """An alias names both users as lanes, so that nothing of either overtakes it."""
    payload = _only(_mapped(_identify(type="alias", previousId=" old-11 "), alias="merge"))

    assert (payload.endpoint, payload.lanes) == ("merge", ("cust-4711", "old-11"))
    assert msgspec.json.decode(payload.body) == {"merged_user": "old-11", "retained_user": "cust-4711"}


@pytest.mark.parametrize(
    ("previous_id", "reason"),
    [
        (None, "rejected missing_previous_id"),
        ({}, "rejected missing_previous_id"),
        ("guest", "skipped invalid_user_id"),
        (" cust-4711", "skipped alias_same_id"),
    ],
)
def test_merge_that_must_not_happen(previous_id: Any, reason: str) -> None:  # noqa: ANN401 - any JSON value
    """A merge cannot be undone: junk ids and a user with itself are never merged."""
    assert _reason(_identify(type="alias", previousId=previous_id), alias="merge") == reason


@pytest.mark.parametrize("kind", ["page", "screen", "group", "alias", "delete"])
def test_calls_that_are_off(kind: str) -> None:
    """Calls that no setting switches on are skipped by the presets, and left to the triggers of a list."""
    event = _track(type=kind)
    destination = _destination()

    assert _reason(event) == "skipped unsupported_type"
    assert destination.admit(event, presets=False) == event


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ([1], "rejected not_an_object"),
        ({"type": 5}, "rejected missing_type"),
        (_track(type="heartbeat"), "rejected unknown_type"),
        (_track(integrations={"All": False}), "skipped integration_disabled"),
        (_track(integrations={"Moengage (Actions)": False, "MoEngage": True}), "skipped integration_disabled"),
        (_track(event=["x"]), "rejected missing_event_name"),
    ],
)
def test_gates(event: Any, reason: str) -> None:  # noqa: ANN401 - any JSON value
    """What does not pass the gates ends under the code of the contract."""
    assert _reason(event) == reason


def test_type_is_read_without_case() -> None:
    """A type in capitals or with blanks around it is the same call."""
    assert _action(_track(type=" Track "))["action"] == "Seat Reserved"
