"""Bad input for MoEngage: each record ends under the contract's reason, and its neighbours are delivered.

Through decoding, mapping, batching and answers as they run in production, against the stand-in, which judges requests
without knowing the code that makes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pytest

from tests.moengage_events import identify_event, track_event
from tests.odd_records import MANY_KEYS, Ends, Value, delivered, no_events, written
from tests.virtual_time import virtual

VENDOR = "moengage"
BEFORE = track_event(userId="cust-before", messageId="m-before")
BEHIND = identify_event(userId="cust-behind")
"""Events of other users, to stand before and behind a bad one."""
CALLS = {"page_events": True, "screen_events": True, "group_attributes": True, "alias": "merge", "delete_users": True}
NATIVE = {"nested": "native"}
PRIVATE = {"mode": "segment_private"}
DEEP = '{"a":' * 300 + "1" + "}" * 300
"""Deeper than any vendor keeps, not deeper than JSON is read."""
HUGE = "9" * 5_000


class Bad(NamedTuple):
    """A record that something is wrong with: its value, how it ends, and the settings that it needs."""

    value: Any
    """JSON, or the bytes of a value that JSON's writer would not write."""
    ends: str
    settings: dict[str, Any] = {}  # noqa: RUF012 - never changed


def _raw(text: str, value: str) -> bytes:
    """Return an event as bytes, with JSON that Python could not write in place of `"HERE"`."""
    return text.replace('"HERE"', value).encode()


def _track(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of an event
    return track_event(userId="cust-bad", messageId="m-bad", **fields)


def _identify(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of an event
    return identify_event(**{"userId": "cust-bad", "messageId": "m-bad"} | fields)


def _any(values: list[Any]) -> list[Any]:
    return values


TRACK = json.dumps(_track(properties={"x": "HERE"}))

CASES: dict[str, Bad] = {
    # what is no event
    **{name: Bad(value, f"dead_lettered {reason}") for name, (value, reason) in no_events(_track()).items()},
    "a call that is off": Bad(_track(type="page"), "skipped unsupported_type"),
    # missing ids and names
    **{
        f"userId {value!r}": Bad(_track() | {"userId": value}, "skipped missing_user_id")
        for value in _any([None, "", " \u00a0", True, False, [], ["u1"], {}])
    },
    **{
        f"userId {value!r}": Bad(_track() | {"userId": value}, "skipped invalid_user_id")
        for value in _any(["x", "0", 0, 1, -1, "NULL", " Guest ", "N/A", "(empty)", "true"])
    },
    "userId beyond numbers": Bad(_raw(json.dumps(_track() | {"userId": "HERE"}), "1e999"), "skipped missing_user_id"),
    "only a visitor": Bad(_identify(userId=None, anonymousId="a1"), "skipped missing_user_id"),
    "a visitor at Segment's endpoint": Bad(
        _identify(userId=None, anonymousId="a1"), "skipped missing_user_id", PRIVATE
    ),
    **{
        f"event {value!r}": Bad(_track(event=value), "dead_lettered missing_event_name")
        for value in _any([None, "", "  ", True, [], {"name": "x"}])
    },
    "no event at Segment's endpoint": Bad(_track(event=""), "dead_lettered missing_event_name", PRIVATE),
    "a group without id": Bad(_identify(type="group", groupId=" "), "dead_lettered missing_group_id", CALLS),
    "an alias without the old id": Bad(_identify(type="alias"), "dead_lettered missing_previous_id", CALLS),
    "an alias of a junk id": Bad(_identify(type="alias", previousId="null"), "skipped invalid_user_id", CALLS),
    "an alias with itself": Bad(_identify(type="alias", previousId=" cust-bad "), "skipped alias_same_id", CALLS),
    "a deletion of nobody": Bad(_identify(type="delete", userId=None), "skipped missing_user_id", CALLS),
    # sizes
    "an endless user": Bad(_identify(userId="u" * 95_000), "dead_lettered event_too_large"),
    "10,000 traits": Bad(_identify(traits=MANY_KEYS), "dead_lettered event_too_large"),
    "too much for Segment's endpoint": Bad(
        _track(properties={"x": "x" * 125_000}), "dead_lettered event_too_large", PRIVATE
    ),
    "10,000 properties": Bad(_track(properties=MANY_KEYS), "delivered"),
    "10,000 native keys": Bad(_track(properties={"deep": MANY_KEYS}), "delivered", NATIVE),
    "a long text": Bad(
        _track(properties={"x": "x" * 100_000, "url": "https://shop.example/" + "x" * 600}), "delivered"
    ),
    "a long list": Bad(_track(properties={"x": list(range(10_000)), "y": [{"z": 1}] * 10_000}), "delivered"),
    "long names": Bad(_track(event="e" * 9_000, properties={"k" * 9_000: 1, "K" * 9_000: 2}), "delivered"),
    # types
    **{
        f"properties {type(value).__name__}": Bad(_track(properties=value), "delivered")
        for value in _any([None, "x", 7, True, [1], {}])
    },
    **{
        f"traits {type(value).__name__}": Bad(_identify(traits=value), "delivered")
        for value in _any([None, "x", [1], {}])
    },
    "properties of no type at Segment's endpoint": Bad(_track(properties=[1]), "delivered", PRIVATE),
    "a context of another type": Bad(_track(context=[1], integrations="x", _metadata=7), "delivered"),
    "a context with other types": Bad(
        _track(context={"device": 1, "os": [], "app": "x", "library": None, "page": 2, "timezone": {}}), "delivered"
    ),
    "a numeric name": Bad(_track(event=404), "delivered"),
    "standard traits of other types": Bad(
        _identify(traits={"email": 7, "phone": [1, "2"], "age": "old", "birthday": "soon", "address": "here"}),
        "delivered",
    ),
    "a list of everything": Bad(_track(properties={"x": [1, "a", True, None, 2.5, {"y": 1}, [3]]}), "delivered"),
    "numbers out of range": Bad(_raw(TRACK, f"[{HUGE}, 1e999, -1e999, 18446744073709551616]"), "delivered"),
    # names that are not free
    "reserved traits": Bad(
        _identify(traits={"id": "other", "_id": 1, "": 2, "source": 3, "Status": 4, "moe_x": 5, "INSTALL": 6}),
        "delivered",
    ),
    "commands": Bad(
        _identify(traits={"addValueToArrayField": {"tags": "x"}, "removeValueFromArrayField": 1}),
        "delivered",
        {"key_case": "preserve"},
    ),
    "a reserved event": Bad(_track(event="moe_app_opened", properties={"moe_x": 1, "$.%#": 2}), "delivered"),
    # nulls and depth
    "nulls": Bad(_track(properties={"a": None, "b": {"c": None}, "d": [None], "e": []}, context=None), "delivered"),
    "deep nesting": Bad(_raw(TRACK, DEEP), "delivered"),
    "deep native nesting": Bad(_raw(TRACK, DEEP), "dead_lettered mapping_failed", NATIVE),
    "native objects in any place": Bad(
        _identify(
            traits={
                **{name: {"x": 1} for name in ("name", "email", "phone", "createdAt", "u_em", "moe_gaid", "fine")},
                "deep": {"a": {"b": {"c": {"d": "x" * 600}}}},
                "mixed": [1, {"a": [[{"b.c": 1}], 2]}, [None, "x"], {}],
                "lists": [[1], ["x", [True]], []],
            }
        ),
        "delivered",
        NATIVE,
    ),
    "a number that JSON has not": Bad(_raw(TRACK, "1e999"), "dead_lettered mapping_failed", PRIVATE),
    # dates
    "a time that is none": Bad(_track(timestamp="yesterday"), "delivered"),
    "a time of another type": Bad(_track(timestamp={"at": 1}), "delivered"),
    "the thirteenth month": Bad(_track(timestamp="2026-13-45T25:61:00Z"), "delivered"),
    "a time out of range": Bad(_track(timestamp=1e300), "delivered"),
    "a time of the future": Bad(_track(timestamp="2031-01-01T00:00:00Z"), "dead_lettered future_timestamp"),
    "two times of the future": Bad(
        _track(timestamp="2031-01-01T00:00:00Z", receivedAt="2031-01-01T00:00:01Z"), "dead_lettered future_timestamp"
    ),
    "dates that are none": Bad(
        _identify(traits={"birthday": "2026-02-30T00:00:00Z", "createdAt": "0000-00-00"}), "delivered"
    ),
    # half characters
    "lone surrogates": Bad(
        _track(
            event="\udc00 seen", properties={"\ud800": "\udfff", "ok": ["\ud83d", "\ude00"]}, context={"x": "\ud800"}
        ),
        "delivered",
    ),
    "a user of half characters": Bad(_identify(userId="\ud800\ud801", traits={"name": "\udc00"}), "delivered"),
    "half characters at Segment's endpoint": Bad(_track(properties={"\ud800": "\udfff"}), "delivered", PRIVATE),
    "half characters in an alias": Bad(_identify(type="alias", previousId="\ud800\ud801"), "delivered", CALLS),
}


async def ends(values: Iterable[Any], settings: Mapping[str, Any]) -> Ends:
    """Return how records with these values end, each of which is done at last."""
    records = [_json(value) for value in values]
    done = await delivered(VENDOR, records, **settings)
    assert (done.outstanding_count, done.stored) == (0, len(records))
    return done


def users(done: Ends) -> list[list[Any]]:
    """Return the users of each request that MoEngage took."""
    return [[item.get("customer_id", item.get("user_id")) for item in sent.items] for sent in done.requests]


def _json(value: Any) -> Value:  # noqa: ANN401 - any JSON value
    """Return what a record holds for a value: bytes are what they are, and None stays none."""
    return value if value is None or isinstance(value, bytes) else written(value)


@pytest.mark.parametrize("name", CASES)
@virtual
async def test_bad_record_ends_by_the_contract_and_its_neighbours_are_delivered(name: str) -> None:
    """One bad record between two good ones: it ends as the contract says, they are delivered, nothing is ignored."""
    bad = CASES[name]

    done = await ends([BEFORE, bad.value, BEHIND], bad.settings)

    end, _, reason = bad.ends.partition(" ")
    assert done.letters == ([reason] if end == "dead_lettered" else [])
    assert done.skips == ([reason] if end == "skipped" else [])
    assert done.delivered_count == (3 if end == "delivered" else 2)
    # The neighbours go out together, where one request takes several.
    good = [[user for user in request if user in {"cust-before", "cust-behind"}] for request in users(done)]
    together = [["cust-before"], ["cust-behind"]] if "mode" in bad.settings else [["cust-before", "cust-behind"]]
    assert [request for request in good if request] == together
    # A merge of users of whom MoEngage has not heard is no fault of the merge.
    assert done.findings - {"unknown_user"} == set()


@pytest.mark.parametrize("settings", [{}, CALLS, NATIVE, PRIVATE], ids=["default", "all calls", "native", "private"])
@virtual
async def test_all_bad_records_together_cost_no_neighbour(settings: dict[str, Any]) -> None:
    """Every bad record of these settings among good ones: all end by the contract, all good ones are delivered."""
    some = [bad for bad in CASES.values() if bad.settings == settings]
    values: list[Any] = []
    for number, bad in enumerate(some):
        values += [track_event(userId=f"cust-{number}", messageId=f"m-{number}"), _renamed(bad.value, number)]

    done = await ends(values, settings)

    assert sorted(done.letters) == sorted(_reasons(some, "dead_lettered"))
    assert done.skips == sorted(_reasons(some, "skipped"))
    assert done.delivered_count == 2 * len(some) - len(done.letters) - len(done.skips)


def _reasons(some: Iterable[Bad], end: str) -> list[str]:
    """Return the reasons of those bad records that end so."""
    return [reason for found, _, reason in (bad.ends.partition(" ") for bad in some) if found == end]


def _renamed(value: Any, number: int) -> Any:  # noqa: ANN401 - any JSON value
    """Return a record's value with a message id of its own, or it would be taken for a repeat of another."""
    if isinstance(value, bytes):
        return value.replace(b'"m-bad"', b'"m-bad-%d"' % number)
    return value | {"messageId": f"m-bad-{number}"} if isinstance(value, dict) else value


@virtual
async def test_a_runaway_user_goes_to_the_dead_letters_and_holds_up_nobody() -> None:
    """Beyond fair use a user's messages are letters that can be sent again, and never vanish at MoEngage."""
    hot = [track_event(userId="cust-hot", messageId=f"m-{number}") for number in range(20)]

    done = await ends([BEFORE, *hot, BEHIND], {"fair_use_share": 0.002})

    assert (done.delivered_count, done.letters) == (9, ["fair_use_exceeded"] * 13)
    assert set(done.attempt_counts) == {0}
    assert [user for request in users(done) for user in request].count("cust-hot") == 7


@virtual
async def test_half_characters_become_whole_ones() -> None:
    """What UTF-8 cannot carry is replaced, in names as in values, and what a vendor keeps is valid."""
    done = await ends([CASES["lone surrogates"].value], {})

    ((element,),) = [sent.items for sent in done.requests]
    (action,) = element["actions"]
    assert (action["action"], action["attributes"]) == ("\ufffd seen", {"ok": ["\ufffd", "\ufffd"]})
