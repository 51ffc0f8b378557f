"""Elements and calls for MoEngage about users: customers, devices, groups and merges."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.moengage_events import element_of, identify_event, mapped_by_presets, only_payload, reason_of


def test_traits_id_is_compared_and_not_sent() -> None:
    """A differing id among the traits is worth a warning; the same one, as a number too, is not."""
    assert only_payload(mapped_by_presets(identify_event(traits={"id": "crm-9"}))).warnings == ("traits_id_differs",)
    assert only_payload(mapped_by_presets(identify_event(userId="4711", traits={"id": 4711}))).warnings == ()
    assert "attributes" not in element_of(identify_event(traits={"id": "crm-9"}))


def test_traits_id_can_name_the_user() -> None:
    """Where settings say so, a usable id among the traits names the user, and any other leaves it to userId."""
    on = {"traits_id_as_customer_id": True}

    assert element_of(identify_event(traits={"id": "crm-9"}), **on)["customer_id"] == "crm-9"
    assert element_of(identify_event(userId=None, traits={"id": "crm-9"}), **on)["customer_id"] == "crm-9"
    assert only_payload(mapped_by_presets(identify_event(traits={"id": "guest"}), **on)).lanes == ("cust-4711",)


def test_null_traits_become_unset_attributes() -> None:
    """The early-access form of removal names each attribute, beside those that are set."""
    element = element_of(identify_event(traits={"plan": "gold", "homeCinema": None}), unset_null_traits=True)

    assert element["attributes"] == {"plan": "gold"}
    assert element["unset_attributes"] == [{"type": "equals", "attr": "home_cinema", "case_sensitive": True}]


def test_device_follows_its_customer() -> None:
    """A push token becomes a device of the same user and lane, behind the customer."""
    context = {
        "device": {"id": 77, "type": "android", "token": "tok", "advertisingId": "AD"},
        "os": {"version": "15"},
        "app": {"version": "1"},
    }

    customer, device = mapped_by_presets(identify_event(context=context), device_elements=True).payloads

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
    assert len(mapped_by_presets(identify_event(context=context), device_elements=True).payloads) == 1


def test_device_that_the_sdk_registered_is_left_to_it() -> None:
    """Where MoEngage was bundled on the device, a second registration of the token would delete the first."""
    context = {"device": {"token": "tok", "type": "ios"}}
    for bundled, count in ((["Segment.io"], 2), (["MoEngage"], 1), (["Segment.io", "Moengage (Actions)"], 1)):
        event = identify_event(context=context, _metadata={"bundled": bundled})
        assert len(mapped_by_presets(event, device_elements=True).payloads) == count


def test_attributes_can_have_other_names() -> None:
    """The stored names stand in for the readable ones, the types of standard attributes kept."""
    names = {"email": "u_em", "mobile": "u_mb", "plan": "p" * 200}
    traits = {"email": "a@example.org", "phone": 4155550199, "plan": {}, "deep": {"plan": 1}}

    for extra in ({}, {"tags": ["x"]}):
        element = element_of(identify_event(traits=traits | extra), attribute_names=names)
        expected = {"u_em": "a@example.org", "u_mb": "4155550199", "deep_plan": 1} | extra
        assert element["attributes"] == expected


def test_web_device_has_no_advertising_id() -> None:
    """Where MoEngage knows no advertising id for a platform, none is sent."""
    context = {"device": {"token": "tok", "advertisingId": "AD"}, "library": {"name": "analytics.js"}}

    _, device = mapped_by_presets(identify_event(context=context), device_elements=True).payloads

    assert msgspec.json.decode(device.body)["attributes"] == {"platform": "web", "push_id": "tok"}


def test_device_that_is_too_large_takes_its_customer_with_it() -> None:
    """Half of a record would look like all of it, so both go to the dead letters."""
    event = identify_event(context={"device": {"type": "ios", "token": "t" * 2000}})

    assert reason_of(event, device_elements=True, max_request_bytes=1000) == "rejected event_too_large"


def test_group_becomes_attributes_of_the_user() -> None:
    """Id and traits of a group get a prefix; the group's own id wins over a trait of that name."""
    event = identify_event(type="group", groupId=7, traits={"id": "x", "planName": "team", "address": {"city": "Oslo"}})

    element = element_of(event, group_attributes=True)

    assert element["attributes"] == {"group_id": "7", "group_plan_name": "team", "group_address_city": "Oslo"}
    assert element["update_existing_only"] is False


@pytest.mark.parametrize("group_id", [None, " ", True, ["g"]])
def test_group_needs_its_id(group_id: Any) -> None:  # noqa: ANN401 - any JSON value
    """A group without a usable id is a dead letter."""
    event = identify_event(type="group", groupId=group_id)

    assert reason_of(event, group_attributes=True) == "rejected missing_group_id"


def test_merge_keeps_the_order_of_both_users() -> None:
    """An alias names both users as lanes, so that nothing of either overtakes it."""
    payload = only_payload(mapped_by_presets(identify_event(type="alias", previousId=" old-11 "), alias="merge"))

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
    assert reason_of(identify_event(type="alias", previousId=previous_id), alias="merge") == reason
