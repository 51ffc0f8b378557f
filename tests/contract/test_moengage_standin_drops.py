"""A 200 of MoEngage proves nothing: what it drops or alters afterwards is named, with the reason, rule by rule."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from processor.sandbox import moengage_limits
from processor.sandbox.moengage_settings import MoEngageFairUse, MoEngageWorkspace
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.vendor import Accepted, Vendor
from tests.standin_requests import (
    NOW_S,
    Ask,
    moengage,
    moengage_action,
    moengage_customer,
    moengage_device,
    moengage_event,
    standin,
)

_USER: Final = "cust-4711"


def _workspace(**rules: Any) -> Vendor:  # noqa: ANN401 - fields of `MoEngageWorkspace`
    return standin("moengage", SandboxSettings(moengage=MoEngageWorkspace(**rules)))


def _put(workspace: Vendor, *elements: dict[str, Any], now_s: float = NOW_S) -> Accepted:
    said = moengage(*elements).put_to(workspace, now_s)
    assert isinstance(said, Accepted), said
    return said


def _row(workspace: Vendor, user: str = _USER, kind: str = "user") -> dict[str, Any]:
    """Return what the workspace knows of a user."""
    return next(row for row in workspace.state(user) if row["kind"] == kind)


def _user_attribute(name: str, value: Any = "x") -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    return moengage_customer(attributes={name: value, "seq": 7})


def _event_attribute(name: str, value: Any = "x") -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    return moengage_event(moengage_action(attributes={name: value, "seq": 7}))


_RESERVED: Final = (
    *("USER_ATTRIBUTE_UNIQUE_ID", "USER_ATTRIBUTE_USER_EMAIL", "USER_ATTRIBUTE_USER_MOBILE"),
    *("USER_ATTRIBUTE_USER_NAME", "USER_ATTRIBUTE_USER_GENDER", "USER_ATTRIBUTE_USER_FIRST_NAME"),
    *("USER_ATTRIBUTE_USER_LAST_NAME", "USER_ATTRIBUTE_USER_BDAY", "USER_ATTRIBUTE_NOTIFICATION_PREF"),
    *("user_attribute_old_id", "USER_ATTRIBUTE_DND_START_TIME", "User_Attribute_DND_End_Time", "MOE_TIME_FORMAT"),
    *("moe_time_timezone", "INSTALL", "update", "MOE_ISLAT", "status", "User_Id", "source"),
)
_LONG_URL: Final = "https://shop.example/" + "x" * 500
_DROPPED: Final[dict[str, tuple[dict[str, Any], str]]] = {
    **{f"user attribute {name!r}": (_user_attribute(name), "blocked_name") for name in ("id", "_id", "")},
    **{f"user attribute {name}": (_user_attribute(name), "reserved_name") for name in _RESERVED},
    "prefix of a user attribute": (_user_attribute("moe_x"), "reserved_prefix"),
    "prefix of a user attribute in capitals": (_user_attribute("MOE_x"), "reserved_prefix"),
    "prefix of an event attribute": (_event_attribute("moe_x"), "reserved_prefix"),
    "consent on an event": (_event_attribute("moe_unsubscribe"), "reserved_prefix"),
    "project on a user": (_user_attribute("moe_project_name"), "reserved_prefix"),
    "command that adds": (_user_attribute("addValueToArrayField"), "command_name"),
    "command that removes": (_user_attribute("removeValueFromArrayField"), "command_name"),
    "null": (_user_attribute("a", None), "null_value"),
    "null of an event": (_event_attribute("a", None), "null_value"),
    "number that is too large": (_user_attribute("a", 2**63), "number_out_of_range"),
    "number that is too small": (_user_attribute("a", -(2**63) - 1), "number_out_of_range"),
    "number that no float holds": (_user_attribute("a", 10**400), "number_out_of_range"),
    "long address": (_event_attribute("url", _LONG_URL), "url_too_long"),
    "list that cannot be cast": (_user_attribute("a", [1, "x"]), "mixed_list"),
    "list of nulls": (_user_attribute("a", [None]), "mixed_list"),
    "list of lists": (_user_attribute("a", [[1]]), "mixed_list"),
    "object as a standard attribute": (_user_attribute("name", {"b": 1}), "object_on_standard"),
    "objects under a stored name": (_user_attribute("U_EM", [{"b": 1}]), "object_on_standard"),
    "empty object": (_user_attribute("a", {}), "empty_object"),
    "object of many keys": (_event_attribute("a", {f"k{number}": 1 for number in range(101)}), "object_too_wide"),
    "large object": (_event_attribute("a", {f"k{number}": "x" * 500 for number in range(60)}), "object_too_large"),
}


@pytest.mark.parametrize(("element", "reason"), _DROPPED.values(), ids=_DROPPED)
def test_an_attribute_is_dropped_and_listed(element: dict[str, Any], reason: str) -> None:
    """The element is taken in without it; an item of its own, the counts and the state say so."""
    workspace = _workspace()
    said = _put(workspace, element)
    (taken, dropped) = said.items
    assert (taken.ignored, dropped.call, dropped.user, dropped.seq) == ("", "attribute", _USER, 7)
    assert (dropped.ignored, list(said.findings)) == (reason, [reason])
    (listed,) = _row(workspace, kind="ignored")["ignored"]
    assert (listed["call"], listed["reason"], listed["seq"]) == (element["type"], reason, 7)
    row = _row(workspace)
    known = row["attributes"] if element["type"] == "customer" else _events(row)[0]["attributes"]
    assert known == {"seq": 7}


def _events(row: dict[str, Any]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(event) for event in row["events"]]


_ALLOWED: Final[dict[str, dict[str, Any]]] = {
    **{
        f"user attribute {name}": _user_attribute(name)
        for name in (
            *("moe_wa_subscription", "moe_em_unsub_categories", "moe_sub_w", "moe_spam", "moe_unsubscribe"),
            *("moe_hard_bounce", "moe_sms_subscription", "moe_email_optin_status", "moe_gaid", "MOE_GAID"),
        )
    },
    "project of an event": _event_attribute("moe_project_name"),
    "reserved word of users on an event": _event_attribute("source"),
    "blocked name of users on an event": _event_attribute("id"),
    "stem of reserved words": _user_attribute("user_attribute_x"),
    "moment that there is not": _user_attribute("a", "2026-13-45T99:00:00+01:00"),
    "largest number": _user_attribute("a", 2**63 - 1),
    "smallest number": _user_attribute("a", -(2**63)),
    "address of just the length": _event_attribute("url", _LONG_URL[:512]),
    "object of two levels": _user_attribute("a", {"b": {"c": 1}}),
    "list of objects": _event_attribute("a", [{"b": 1}, {"b": 2}]),
    "whole and broken numbers": _user_attribute("a", [1, 2.5]),
}


@pytest.mark.parametrize("element", _ALLOWED.values(), ids=_ALLOWED)
def test_what_the_contract_allows_is_kept_as_it_is(element: dict[str, Any]) -> None:
    """At the limits and on the allow-lists nothing is dropped or altered."""
    workspace = _workspace()
    said = _put(workspace, element)
    row = _row(workspace)
    bag = element["attributes"] if element["type"] == "customer" else element["actions"][0]["attributes"]
    assert (len(said.items), list(said.findings)) == (1, [])
    assert (row["attributes"] if element["type"] == "customer" else _events(row)[0]["attributes"]) == bag


_ALTERED: Final[dict[str, tuple[Any, str, Any]]] = {
    "long text": ("x" * 513, "text_too_long", "x" * 512),
    "long list": ([1] * 51, "list_too_long", [1] * 50),
    "long text in a list": (["x" * 513], "text_too_long", ["x" * 512]),
    "list cast to text": (["x", 1, 2.5, True], "mixed_list", ["x", "1", "2.5", "true"]),
    "list cast to numbers": ([1, "2", "2.5"], "mixed_list", [1, 2, 2.5]),
    "list cast to flags": ([True, "false"], "mixed_list", [True, False]),
    "null in a list": ([1, None], "mixed_list", [1]),
    "time with offset": ("2026-01-02T03:04:05+01:00", "time_with_offset", "2026-01-02T03:04:05+01:00"),
    "scalar among objects": ([{"b": 1}, 2], "mixed_list", [{"b": 1}]),
    "many objects": ([{"b": 1}] * 101, "list_too_long", [{"b": 1}] * 100),
    "third level": ({"b": {"c": {"d": 1}}}, "object_too_deep", {"b": {"c": '{"d":1}'}}),
    "key of an object": ({"b.c": 1}, "object_key", {"b.c": 1}),
}


@pytest.mark.parametrize(("value", "finding", "stored"), _ALTERED.values(), ids=_ALTERED)
def test_a_value_is_altered_and_counted(value: Any, finding: str, stored: Any) -> None:  # noqa: ANN401 - any JSON value
    """What is cut or cast is kept in its new form, and counted."""
    workspace = _workspace()
    said = _put(workspace, moengage_customer(attributes={"a": value}))
    assert (len(said.items), list(said.findings)) == (1, [finding])
    assert _row(workspace)["attributes"] == {"a": stored}


def test_names_are_cut() -> None:
    """Attributes and events keep the first two hundred characters, and a period becomes a blank."""
    workspace = _workspace()
    said = _put(workspace, moengage_event(moengage_action(action="a." + "x" * 200, attributes={"b" * 201: 1})))
    assert list(said.findings) == ["event_name_too_long", "period_in_event_name", "name_too_long"]
    (event,) = _events(_row(workspace))
    assert (event["action"], event["attributes"]) == ("a " + "x" * 198, {"b" * 200: 1})


def test_the_first_hundred_attributes_of_an_event_are_kept() -> None:
    """Each of the others is listed."""
    workspace = _workspace()
    said = _put(workspace, moengage_event(moengage_action(attributes={f"a{number}": 1 for number in range(103)})))
    assert list(said.findings) == ["too_many_attributes"] * 3
    assert list(_events(_row(workspace))[0]["attributes"]) == [f"a{number}" for number in range(100)]


_PINNED: Final[dict[str, tuple[str, Any, Any]]] = {
    "number as text": ("text", 7, "7"),
    "flag as text": ("text", True, "true"),
    "list as text": ("text", [1], ...),
    "text as number": ("number", "7.5", 7.5),
    "text as whole number": ("number", "-7", -7),
    "word as number": ("number", "seven", ...),
    "flag as number": ("number", True, ...),
    "text as flag": ("boolean", "false", False),
    "number as flag": ("boolean", 1, ...),
    "day": ("date", "2026-03-15", "2026-03-15"),
    "moment": ("date", "2026-03-15T12:00:00.000Z", "2026-03-15T12:00:00.000Z"),
    "word as day": ("date", "today", ...),
    "scalar as list": ("list", 7, ...),
    "list as list": ("list", [7], [7]),
    "scalar as object": ("object", 7, ...),
}


@pytest.mark.parametrize(("pinned", "value", "stored"), _PINNED.values(), ids=_PINNED)
def test_a_pinned_type_casts_or_drops(pinned: str, value: Any, stored: Any) -> None:  # noqa: ANN401 - any JSON value
    """A value that cannot be cast leaves what was known before untouched."""
    workspace = _workspace(pinned_types={"a": pinned})
    said = _put(workspace, moengage_customer(attributes={"a": value}))
    known = _row(workspace)["attributes"]
    assert known == ({} if stored is ... else {"a": stored})
    assert list(said.findings) == (["type_conflict"] if stored is ... else [])


def test_objects_are_dropped_where_they_are_not_enabled() -> None:
    """The feature is switched on by workspace, and without it dictionaries are refused."""
    workspace = _workspace(takes_objects=False)
    said = _put(workspace, moengage_customer(attributes={"a": {"b": 1}, "c": [{"d": 1}], "e": 1}))
    assert list(said.findings) == ["objects_not_enabled"] * 2
    assert _row(workspace)["attributes"] == {"e": 1}


def test_new_names_beyond_a_quota_are_dropped() -> None:
    """Known names go on; standard attributes are no custom ones; events of a new name are ignored whole."""
    rules = {"user_attribute_count": 2, "event_name_count": 1, "user_object_count": 1, "event_object_count": 1}
    workspace = _workspace(**rules)
    bag = {"email": "b@example.org", "a": 1, "b": {"x": 1}, "c": 1}
    assert list(_put(workspace, moengage_customer(attributes=bag)).findings) == ["user_attribute_quota"]
    assert list(_put(workspace, moengage_customer(attributes={"a": {"x": 1}})).findings) == ["object_quota"]
    assert _row(workspace)["attributes"] == {"email": "b@example.org", "a": 1, "b": {"x": 1}}
    objects = {"a": {"x": 1}, "b": {"x": 1}}
    said = _put(workspace, moengage_event(moengage_action(attributes=objects), moengage_action(action="Other")))
    assert [item.ignored for item in said.items] == ["", "object_quota", "event_name_quota"]
    assert [event["attributes"] for event in _events(_row(workspace))] == [{"a": {"x": 1}}]


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
    workspace = _workspace()
    said = _put(workspace, element, moengage_customer(customer_id="cust-2"))
    assert [item.ignored for item in said.items] == [reason, ""]
    assert list(said.findings) == [reason]
    assert [(row["kind"], row["id"]) for row in workspace.state(None)] == [
        ("user", "cust-2"),
        ("ignored", element["customer_id"]),
    ]


@pytest.mark.parametrize(
    "time", ["2026-03-15T12:00:00Z", "2026-03-15T13:00:00+01:00", "1773575970", 1_773_575_970, ...]
)
def test_times_of_every_form_are_read(time: Any) -> None:  # noqa: ANN401 - any JSON value
    """ISO with and without offset, and whole seconds; an event without a time is of now."""
    assert [item.ignored for item in _put(_workspace(), moengage_event(moengage_action(current_time=time))).items] == [
        ""
    ]


def _event_times(workspace: Vendor, count: int, now_s: float) -> int:
    """Return how many of so many events are taken in."""
    said = _put(workspace, moengage_event(*[moengage_action(attributes=...)] * count), now_s=now_s)
    assert {item.ignored for item in said.items} <= {"", "over_fair_use"}
    return sum(not item.ignored for item in said.items)


def test_a_user_beyond_fair_use_is_blocked_for_an_hour() -> None:
    """The sender hears nothing; another user is not concerned; afterwards data is taken in again."""
    workspace = _workspace(fair_use=MoEngageFairUse(per_minute=5))
    assert _event_times(workspace, 7, NOW_S) == 5
    assert _event_times(workspace, 1, NOW_S + 3_599) == 0
    assert _put(workspace, moengage_customer(customer_id="cust-2")).items[0].ignored == ""
    assert _event_times(workspace, 1, NOW_S + 3_600) == 1
    assert len(_row(workspace)["events"]) == 6


_WINDOWS: Final = {
    "five minutes": ({"per_minute": 5, "per_five_minutes": 8}, (0, 60), 3_600),
    "an hour": ({"per_minute": 5, "per_five_minutes": 8, "per_hour": 12}, (0, 300, 600), 86_400),
    "a day": ({"per_minute": 5, "per_five_minutes": 8, "per_hour": 12, "per_day": 13}, (0, 300, 3_900), 86_400),
}


@pytest.mark.parametrize(("bounds", "times_s", "block_s"), _WINDOWS.values(), ids=_WINDOWS)
def test_longer_windows_add_up(bounds: dict[str, int], times_s: tuple[int, ...], block_s: int) -> None:
    """What fits into a minute may be too much for a longer time, and then blocks for longer."""
    workspace = _workspace(fair_use=MoEngageFairUse(**bounds))
    taken = [_event_times(workspace, 5, NOW_S + each) for each in times_s]
    assert taken[:-1] == [5] * (len(times_s) - 1)
    assert taken[-1] < 5
    last = NOW_S + times_s[-1]
    assert [_event_times(workspace, 1, last + each) for each in (block_s - 1, block_s)] == [0, 1]


def test_a_third_breach_in_a_row_blocks_for_a_week() -> None:
    """A quiet day in between starts the row anew."""
    workspace = _workspace(fair_use=MoEngageFairUse(per_minute=1))
    for start in (0, 4_000, 8_000):
        _event_times(workspace, 2, NOW_S + start)
    week = NOW_S + 8_000 + 604_800
    assert [_event_times(workspace, 1, week + each) for each in (-1, 0)] == [0, 1]
    other = _workspace(fair_use=MoEngageFairUse(per_minute=1))
    for start in (0, 4_000, 100_000):
        _event_times(other, 2, NOW_S + start)
    assert _event_times(other, 1, NOW_S + 103_600) == 1


def test_fair_use_remembers_so_many_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: the user who was met first starts anew."""
    monkeypatch.setattr(moengage_limits, "_KNOWN_USERS", 1)
    workspace = _workspace(fair_use=MoEngageFairUse(per_minute=1))
    assert _event_times(workspace, 2, NOW_S) == 1
    _put(workspace, moengage_customer(customer_id="cust-2"))
    assert _event_times(workspace, 2, NOW_S) == 1


def test_fair_use_can_be_switched_off() -> None:
    """A benchmark of one user is about something else."""
    assert _event_times(_workspace(fair_use=None), 600, NOW_S) == 600


def test_one_device_too_many_blocks_the_user() -> None:
    """A known device may still be written; the one too many shuts out whatever comes after it."""
    workspace = _workspace(device_count=2)
    devices = [
        moengage_device(device_id=f"dev-{number}", attributes={"platform": "iOS", "push_id": f"tok-{number}"})
        for number in range(3)
    ]
    said = _put(workspace, moengage_customer(), devices[0], devices[1], devices[0], devices[2], moengage_event())
    assert [item.ignored for item in said.items] == ["", "", "", "", "too_many_devices", "user_blocked"]
    assert (list(_row(workspace)["devices"]), _row(workspace)["is_blocked"]) == (["dev-0", "dev-1"], True)


_DEVICE: Final = {
    "unknown": ({"platform": "iOS", "push_id": "t-1", "colour": "red"}, "unknown_device_attribute"),
    "Android's id on iOS": ({"platform": "iOS", "push_id": "t-1", "moe_gaid": "g"}, "foreign_device_attribute"),
    "iOS' id on Android": ({"platform": "ANDROID", "push_id": "t-1", "idfv": "v"}, "foreign_device_attribute"),
}


@pytest.mark.parametrize(("attributes", "reason"), _DEVICE.values(), ids=_DEVICE)
def test_device_attributes_that_do_not_belong_are_dropped(attributes: dict[str, str], reason: str) -> None:
    """The device itself is taken in."""
    workspace = _workspace()
    said = _put(workspace, moengage_customer(attributes=...), moengage_device(attributes=attributes))
    assert [item.ignored for item in said.items] == ["", "", reason]
    assert _row(workspace)["devices"] == {"dev-12": {"platform": attributes["platform"], "push_id": "t-1"}}


def test_what_was_dropped_is_listed_up_to_a_bound() -> None:
    """Memory is bounded whatever comes; the counts go on."""
    workspace = standin("moengage", SandboxSettings(keep_count=2))
    said = _put(workspace, *[moengage_customer(customer_id="guest")] * 3)
    assert len(said.findings) == 3
    assert len(_row(workspace, "guest", "ignored")["ignored"]) == 2


def test_a_message_of_segments_route_is_judged_by_its_user() -> None:
    """Junk ids, known users only and fair use hold there too; a message of nobody is taken at its word."""
    workspace = _workspace(fair_use=MoEngageFairUse(per_minute=2))
    context: dict[str, Any] = {"app": {}, "os": {}, "library": {}}

    def message(**members: Any) -> str:  # noqa: ANN401 - any JSON value
        body = {"type": "identify", "context": context, **members}
        said = Ask("moengage", "/v1/integrations/segment", body, query={"appId": "WKSPACE7EXAMPLE"}).put_to(workspace)
        assert isinstance(said, Accepted), said
        return said.items[0].ignored

    assert message(user_id="guest") == "invalid_customer_id"
    assert message(user_id="cust-1", update_existing_only=True) == "unknown_user"
    assert [message(user_id="cust-1"), message(user_id="cust-1")] == ["", "over_fair_use"]
    assert message(anonymous_id="guest") == ""
    assert message() == ""
