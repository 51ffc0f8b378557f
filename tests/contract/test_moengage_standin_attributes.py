"""Attributes that MoEngage drops or alters after it has accepted them: each is named, with the reason, rule by rule."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.moengage_standin import USER, events_of, put, state_of, workspace
from tests.standin_requests import moengage_action, moengage_customer, moengage_event


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
    vendor = workspace()
    said = put(vendor, element)
    (taken, dropped) = said.items
    assert (taken.ignored, dropped.call, dropped.user, dropped.seq) == ("", "attribute", USER, 7)
    assert (dropped.ignored, list(said.findings)) == (reason, [reason])
    (listed,) = state_of(vendor, kind="ignored")["ignored"]
    assert (listed["call"], listed["reason"], listed["seq"]) == (element["type"], reason, 7)
    row = state_of(vendor)
    known = row["attributes"] if element["type"] == "customer" else events_of(row)[0]["attributes"]
    assert known == {"seq": 7}


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
    vendor = workspace()
    said = put(vendor, element)
    row = state_of(vendor)
    bag = element["attributes"] if element["type"] == "customer" else element["actions"][0]["attributes"]
    assert (len(said.items), list(said.findings)) == (1, [])
    assert (row["attributes"] if element["type"] == "customer" else events_of(row)[0]["attributes"]) == bag


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
    vendor = workspace()
    said = put(vendor, moengage_customer(attributes={"a": value}))
    assert (len(said.items), list(said.findings)) == (1, [finding])
    assert state_of(vendor)["attributes"] == {"a": stored}


def test_names_are_cut() -> None:
    """Attributes and events keep the first two hundred characters, and a period becomes a blank."""
    vendor = workspace()
    said = put(vendor, moengage_event(moengage_action(action="a." + "x" * 200, attributes={"b" * 201: 1})))
    assert list(said.findings) == ["event_name_too_long", "period_in_event_name", "name_too_long"]
    (event,) = events_of(state_of(vendor))
    assert (event["action"], event["attributes"]) == ("a " + "x" * 198, {"b" * 200: 1})


def test_the_first_hundred_attributes_of_an_event_are_kept() -> None:
    """Each of the others is listed."""
    vendor = workspace()
    said = put(vendor, moengage_event(moengage_action(attributes={f"a{number}": 1 for number in range(103)})))
    assert list(said.findings) == ["too_many_attributes"] * 3
    assert list(events_of(state_of(vendor))[0]["attributes"]) == [f"a{number}" for number in range(100)]


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
    vendor = workspace(pinned_types={"a": pinned})
    said = put(vendor, moengage_customer(attributes={"a": value}))
    known = state_of(vendor)["attributes"]
    assert known == ({} if stored is ... else {"a": stored})
    assert list(said.findings) == (["type_conflict"] if stored is ... else [])


def test_objects_are_dropped_where_they_are_not_enabled() -> None:
    """The feature is switched on by workspace, and without it dictionaries are refused."""
    vendor = workspace(takes_objects=False)
    said = put(vendor, moengage_customer(attributes={"a": {"b": 1}, "c": [{"d": 1}], "e": 1}))
    assert list(said.findings) == ["objects_not_enabled"] * 2
    assert state_of(vendor)["attributes"] == {"e": 1}


def test_new_names_beyond_a_quota_are_dropped() -> None:
    """Known names go on; standard attributes are no custom ones; events of a new name are ignored whole."""
    rules = {"user_attribute_count": 2, "event_name_count": 1, "user_object_count": 1, "event_object_count": 1}
    vendor = workspace(**rules)
    bag = {"email": "b@example.org", "a": 1, "b": {"x": 1}, "c": 1}
    assert list(put(vendor, moengage_customer(attributes=bag)).findings) == ["user_attribute_quota"]
    assert list(put(vendor, moengage_customer(attributes={"a": {"x": 1}})).findings) == ["object_quota"]
    assert state_of(vendor)["attributes"] == {"email": "b@example.org", "a": 1, "b": {"x": 1}}
    objects = {"a": {"x": 1}, "b": {"x": 1}}
    said = put(vendor, moengage_event(moengage_action(attributes=objects), moengage_action(action="Other")))
    assert [item.ignored for item in said.items] == ["", "object_quota", "event_name_quota"]
    assert [event["attributes"] for event in events_of(state_of(vendor))] == [{"a": {"x": 1}}]
