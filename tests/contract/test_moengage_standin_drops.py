"""A 200 of MoEngage proves nothing: the elements that it drops afterwards are named, with the reason, rule by rule."""

from __future__ import annotations

from typing import Any, Final

import pytest

from processor.sandbox import moengage_limits
from processor.sandbox.moengage_settings import MoEngageFairUse
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.vendor import Accepted, Vendor
from tests.moengage_standin import put, state_of, workspace
from tests.standin_requests import (
    NOW_S,
    Ask,
    moengage_action,
    moengage_customer,
    moengage_device,
    moengage_event,
    standin,
)

_IGNORED: Final[dict[str, tuple[dict[str, Any], str]]] = {
    **{
        f"id {name!r}": (moengage_customer(customer_id=name), "invalid_customer_id")
        for name in (
            *(
                "unknown",
                "GUEST",
                "null",
                "0",
                "1",
                "true",
                "False",
                "USER_ATTRIBUTE_UNIQUE_ID",
                "(empty)",
                "NA",
                "n/a",
            ),
            *(
                "dummy_seller_code",
                "user_id",
                "ID",
                "customer_id",
                "uid",
                "userid",
                "None",
                "-2",
                "-1",
                "2",
                "x",
                " ab",
            ),
        )
    },
    "device of nobody": (moengage_device(), "unknown_user"),
    "known users only": (moengage_customer(update_existing_only=True), "unknown_user"),
    "future": (moengage_event(moengage_action(current_time="2026-03-15T12:01:00.000Z")), "future_event"),
    "milliseconds as seconds": (moengage_event(moengage_action(current_time="1773575970250")), "future_event"),
    "no such day": (moengage_event(moengage_action(current_time="2026-02-30T12:00:00.000Z")), "invalid_time"),
    "name with the prefix": (moengage_event(moengage_action(action="moe_x")), "reserved_event_name"),
}


@pytest.mark.parametrize(("element", "reason"), _IGNORED.values(), ids=_IGNORED)
def test_an_element_is_ignored_and_listed(element: dict[str, Any], reason: str) -> None:
    """Nothing of it reaches the state of a user, and its neighbour is taken in."""
    vendor = workspace()
    said = put(vendor, element, moengage_customer(customer_id="cust-2"))
    assert [item.ignored for item in said.items] == [reason, ""]
    assert list(said.findings) == [reason]
    assert [(row["kind"], row["id"]) for row in vendor.state(None)] == [
        ("user", "cust-2"),
        ("ignored", element["customer_id"]),
    ]


@pytest.mark.parametrize(
    "time", ["2026-03-15T12:00:00Z", "2026-03-15T13:00:00+01:00", "1773575970", 1_773_575_970, ...]
)
def test_times_of_every_form_are_read(time: Any) -> None:  # noqa: ANN401 - any JSON value
    """ISO with and without offset, and whole seconds; an event without a time is of now."""
    assert [item.ignored for item in put(workspace(), moengage_event(moengage_action(current_time=time))).items] == [""]


def _event_times(vendor: Vendor, count: int, now_s: float) -> int:
    """Return how many of so many events are taken in."""
    said = put(vendor, moengage_event(*[moengage_action(attributes=...)] * count), now_s=now_s)
    assert {item.ignored for item in said.items} <= {"", "over_fair_use"}
    return sum(not item.ignored for item in said.items)


def test_a_user_beyond_fair_use_is_blocked_for_an_hour() -> None:
    """The sender hears nothing; another user is not concerned; afterwards data is taken in again."""
    vendor = workspace(fair_use=MoEngageFairUse(per_minute=5))
    assert _event_times(vendor, 7, NOW_S) == 5
    assert _event_times(vendor, 1, NOW_S + 3_599) == 0
    assert put(vendor, moengage_customer(customer_id="cust-2")).items[0].ignored == ""
    assert _event_times(vendor, 1, NOW_S + 3_600) == 1
    assert len(state_of(vendor)["events"]) == 6


_WINDOWS: Final = {
    "five minutes": ({"per_minute": 5, "per_five_minutes": 8}, (0, 60), 3_600),
    "an hour": ({"per_minute": 5, "per_five_minutes": 8, "per_hour": 12}, (0, 300, 600), 86_400),
    "a day": ({"per_minute": 5, "per_five_minutes": 8, "per_hour": 12, "per_day": 13}, (0, 300, 3_900), 86_400),
}


@pytest.mark.parametrize(("bounds", "times_s", "block_s"), _WINDOWS.values(), ids=_WINDOWS)
def test_longer_windows_add_up(bounds: dict[str, int], times_s: tuple[int, ...], block_s: int) -> None:
    """What fits into a minute may be too much for a longer time, and then blocks for longer."""
    vendor = workspace(fair_use=MoEngageFairUse(**bounds))
    taken = [_event_times(vendor, 5, NOW_S + each) for each in times_s]
    assert taken[:-1] == [5] * (len(times_s) - 1)
    assert taken[-1] < 5
    last = NOW_S + times_s[-1]
    assert [_event_times(vendor, 1, last + each) for each in (block_s - 1, block_s)] == [0, 1]


def test_a_third_breach_in_a_row_blocks_for_a_week() -> None:
    """A quiet day in between starts the row anew."""
    vendor = workspace(fair_use=MoEngageFairUse(per_minute=1))
    for start in (0, 4_000, 8_000):
        _event_times(vendor, 2, NOW_S + start)
    week = NOW_S + 8_000 + 604_800
    assert [_event_times(vendor, 1, week + each) for each in (-1, 0)] == [0, 1]
    other = workspace(fair_use=MoEngageFairUse(per_minute=1))
    for start in (0, 4_000, 100_000):
        _event_times(other, 2, NOW_S + start)
    assert _event_times(other, 1, NOW_S + 103_600) == 1


def test_fair_use_remembers_so_many_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: the user who was met first starts anew."""
    monkeypatch.setattr(moengage_limits, "_KNOWN_USERS", 1)
    vendor = workspace(fair_use=MoEngageFairUse(per_minute=1))
    assert _event_times(vendor, 2, NOW_S) == 1
    put(vendor, moengage_customer(customer_id="cust-2"))
    assert _event_times(vendor, 2, NOW_S) == 1


def test_fair_use_can_be_switched_off() -> None:
    """A benchmark of one user is about something else."""
    assert _event_times(workspace(fair_use=None), 600, NOW_S) == 600


def test_one_device_too_many_blocks_the_user() -> None:
    """A known device may still be written; the one too many shuts out whatever comes after it."""
    vendor = workspace(device_count=2)
    devices = [
        moengage_device(device_id=f"dev-{number}", attributes={"platform": "iOS", "push_id": f"tok-{number}"})
        for number in range(3)
    ]
    said = put(vendor, moengage_customer(), devices[0], devices[1], devices[0], devices[2], moengage_event())
    assert [item.ignored for item in said.items] == ["", "", "", "", "too_many_devices", "user_blocked"]
    assert (list(state_of(vendor)["devices"]), state_of(vendor)["is_blocked"]) == (["dev-0", "dev-1"], True)


_DEVICE: Final = {
    "unknown": ({"platform": "iOS", "push_id": "t-1", "colour": "red"}, "unknown_device_attribute"),
    "Android's id on iOS": ({"platform": "iOS", "push_id": "t-1", "moe_gaid": "g"}, "foreign_device_attribute"),
    "iOS' id on Android": ({"platform": "ANDROID", "push_id": "t-1", "idfv": "v"}, "foreign_device_attribute"),
}


@pytest.mark.parametrize(("attributes", "reason"), _DEVICE.values(), ids=_DEVICE)
def test_device_attributes_that_do_not_belong_are_dropped(attributes: dict[str, str], reason: str) -> None:
    """The device itself is taken in."""
    vendor = workspace()
    said = put(vendor, moengage_customer(attributes=...), moengage_device(attributes=attributes))
    assert [item.ignored for item in said.items] == ["", "", reason]
    assert state_of(vendor)["devices"] == {"dev-12": {"platform": attributes["platform"], "push_id": "t-1"}}


def test_what_was_dropped_is_listed_up_to_a_bound() -> None:
    """Memory is bounded whatever comes; the counts go on."""
    vendor = standin("moengage", SandboxSettings(keep_count=2))
    said = put(vendor, *[moengage_customer(customer_id="guest")] * 3)
    assert len(said.findings) == 3
    assert len(state_of(vendor, "guest", "ignored")["ignored"]) == 2


def test_a_message_of_segments_route_is_judged_by_its_user() -> None:
    """Junk ids, known users only and fair use hold there too; a message of nobody is taken at its word."""
    vendor = workspace(fair_use=MoEngageFairUse(per_minute=2))
    context: dict[str, Any] = {"app": {}, "os": {}, "library": {}}

    def message(**members: Any) -> str:  # noqa: ANN401 - any JSON value
        body = {"type": "identify", "context": context, **members}
        said = Ask("moengage", "/v1/integrations/segment", body, query={"appId": "WKSPACE7EXAMPLE"}).put_to(vendor)
        assert isinstance(said, Accepted), said
        return said.items[0].ignored

    assert message(user_id="guest") == "invalid_customer_id"
    assert message(user_id="cust-1", update_existing_only=True) == "unknown_user"
    assert [message(user_id="cust-1"), message(user_id="cust-1")] == ["", "over_fair_use"]
    assert message(anonymous_id="guest") == ""
    assert message() == ""
