"""Moesif: whatever a record holds, it ends as the contract says, and its neighbours in the same request go out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.odd_records import (
    HALF,
    MANY_KEYS,
    NO_TIMES,
    RECORD_TIME,
    TIME,
    Ends,
    Item,
    Value,
    delivered,
    isolated,
    no_events,
    with_lists,
    written,
)
from tests.virtual_time import virtual

VENDOR = "moesif"
URI = "https://app.example/"
CONTEXT = {"ip": "203.0.113.9", "page": {"url": URI}}
BASE = {
    "type": "track",
    "messageId": "odd",
    "userId": "u-odd",
    "timestamp": TIME,
    "event": "Odd",
    "context": CONTEXT,
}
IDENTIFY = BASE | {"type": "identify"}
GROUP = BASE | {"type": "group", "groupId": "g-odd"}
ALIAS = BASE | {"type": "alias", "previousId": "anon-odd"}
BEFORE = BASE | {"messageId": "before", "userId": "u-before", "event": "Before"}
AFTER = BASE | {"messageId": "after", "userId": "u-after", "event": "After"}


async def ends(value: Value, *, kind: str = "track", **settings: Any) -> Ends:  # noqa: ANN401 - any setting
    """Return how a record between two good ones of a kind ends; these two must have gone out in one request."""
    more = {"groupId": "g"} if kind == "group" else {}
    before, after = (BEFORE | more | {"type": kind}), (AFTER | more | {"type": kind, "groupId": "h"})
    done = await delivered(VENDOR, [written(before), value, written(after)], **settings)
    assert (done.outstanding_count, done.stored) == (0, 3)
    together = [one for one in done.requests if {"u-before", "u-after"} <= {item.get("user_id") for item in one.items}]
    assert len(together) == 1
    return done


def odd_ones(done: Ends) -> list[Item]:
    """Return what the vendor got beside the neighbours."""
    ids = {"u-before", "u-after", "g", "h"}
    items = [item for one in done.requests for item in one.items]
    return [item for item in items if item.get("user_id", item.get("company_id")) not in ids]


REJECTED: dict[str, tuple[Value, str]] = {
    **no_events(BASE),
    "type of a deletion": (written(BASE | {"type": "delete"}), "unknown_type"),
    "no ids": (written(BASE | {"userId": None}), "no_identity"),
    "blank ids": (written(BASE | {"userId": " ", "anonymousId": ""}), "no_identity"),
    "ids that are none": (
        written(BASE | {"userId": {"id": 1}, "anonymousId": [True], "context": {"groupId": {}}}),
        "no_identity",
    ),
    "an endless id": (written(BASE).replace(b'"u-odd"', b"1e999"), "no_identity"),
    "an endless number": (written(BASE)[:-1] + b',"properties":{"n":1e999}}', "mapping_failed"),
    "event null": (written(BASE | {"event": None}), "missing_event_name"),
    "event blank": (written(BASE | {"event": "\u00a0"}), "missing_event_name"),
    "event an object": (written(BASE | {"event": {}}), "missing_event_name"),
    "event a boolean": (written(BASE | {"event": True}), "missing_event_name"),
    "groupId null": (written(GROUP | {"groupId": None}), "missing_group_id"),
    "groupId a list": (written(GROUP | {"groupId": ["g"]}), "missing_group_id"),
    "large properties": (written(BASE | {"properties": {"blob": "x" * 1_000_000}}), "event_too_large"),
    "a large id": (written(BASE | {"userId": "u" * 1_000_000}), "event_too_large"),
    "a large name": (written(BASE | {"event": "e" * 1_000_000}), "event_too_large"),
    "a large page address": (
        written(BASE | {"context": {"page": {"url": URI + "p" * 1_000_000}}}),
        "event_too_large",
    ),
    "a large user agent": (written(BASE | {"context": {"userAgent": "m" * 1_000_000}}), "event_too_large"),
    "large traits of a user": (written(IDENTIFY | {"traits": {"blob": "x" * 1_000_000}}), "event_too_large"),
    "large traits of a company": (written(GROUP | {"traits": {"blob": "x" * 1_000_000}}), "event_too_large"),
    "of last century": (written(BASE | {"timestamp": "1999-12-31T23:59:59Z"}), "event_too_old"),
    "of the first second": (written(BASE | {"timestamp": 0}), "event_too_old"),
}


@pytest.mark.parametrize("name", REJECTED)
@virtual
async def test_what_cannot_be_sent_is_a_dead_letter_alone(name: str) -> None:
    """A record that cannot be sent ends under the contract's code, and nothing else does."""
    value, reason = REJECTED[name]
    done = await ends(value)
    assert (done.letters, done.skips, odd_ones(done)) == ([reason], [], [])


SKIPPED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "an identify of nobody": (IDENTIFY | {"userId": None}, {}, "identify_without_user_id"),
    "an identify of something": (IDENTIFY | {"userId": ["u"]}, {}, "identify_without_user_id"),
    "an alias": (ALIAS, {}, "alias_unsupported"),
    "a type that is off": (GROUP, {"enabled_types": ["track"]}, "unsupported_type"),
    "switched off": (BASE | {"integrations": {"All": False}}, {}, "integration_disabled"),
    "an old identify": (IDENTIFY | {"timestamp": 0}, {"max_update_age_days": 1}, "event_expired"),
    "an old group": (GROUP | {"timestamp": 0}, {"max_update_age_days": 1}, "event_expired"),
}


@pytest.mark.parametrize("name", SKIPPED)
@virtual
async def test_what_is_left_out_on_purpose_is_counted(name: str) -> None:
    """A record that the rules or settings leave out is skipped under its code."""
    event, settings, reason = SKIPPED[name]
    done = await ends(written(event), **settings)
    assert (done.letters, done.skips, odd_ones(done)) == ([], [reason], [])


ACTIONS: dict[str, tuple[bytes, dict[str, Any], set[str]]] = {
    "numbers as ids": (
        written(BASE | {"userId": 10**30, "event": 404, "context": CONTEXT | {"groupId": 7.0}}),
        {"user_id": str(10**30), "action_name": "404", "company_id": "7"},
        set(),
    ),
    "a user of the wrong type": (
        written(BASE | {"userId": True, "anonymousId": "a"}),
        {"user_id": None, "anonymous_id": "a"},
        set(),
    ),
    "a company alone": (
        written(BASE | {"userId": None, "context": CONTEXT | {"groupId": "only"}}),
        {"user_id": None, "anonymous_id": None, "company_id": "only"},
        set(),
    ),
    "no messageId": (written(BASE | {"messageId": []}), {"action_name": "Odd"}, {"synthetic_message_id"}),
    "null properties": (written(BASE | {"properties": None}), {"metadata": None}, set()),
    "nulls inside": (written(BASE | {"properties": {"a": None}}), {"metadata": {"a": None}}, set()),
    "properties that are none": (written(BASE | {"properties": [1]}), {"metadata": None}, {"properties_not_object"}),
    "an address that is none": (
        written(BASE | {"context": CONTEXT | {"ip": "203.0.113.999"}}),
        {"request": {"time": TIME, "uri": URI}},
        {"bad_ip", "actions_without_ip"},
    ),
    "a context that is none": (
        written(BASE | {"context": "web"}),
        {"request": {"time": TIME, "uri": "https://segment.invalid/"}},
        {"actions_without_ip"},
    ),
    "a page that is none": (
        written(BASE | {"context": CONTEXT | {"page": {"url": "/cart"}, "userAgent": 7}, "properties": {"url": []}}),
        {"request": {"time": TIME, "uri": "https://segment.invalid/", "ip_address": "203.0.113.9"}},
        set(),
    ),
    "reserved names": (
        written(BASE | {"properties": {"email": 1, "": 2, "constructor": 3, "transaction_id": 4, "$set": {"a.b": 5}}}),
        {"metadata": {"email": 1, "": 2, "constructor": 3, "transaction_id": 4, "$set": {"a.b": 5}}},
        set(),
    ),
    "10,000 keys": (written(BASE | {"properties": MANY_KEYS}), {"metadata": MANY_KEYS}, set()),
    "depth that can be written": (with_lists(BASE, 400), {"action_name": "Odd"}, set()),
    "half a character": (
        written(BASE | {"userId": f"u{HALF}", "event": f"E{HALF}", "properties": {f"k{HALF}": f"v{HALF}"}}),
        {"user_id": "u\ufffd", "action_name": "E\ufffd", "metadata": {"k\ufffd": "v\ufffd"}},
        set(),
    ),
    "half a character as messageId": (written(BASE | {"messageId": HALF}), {"action_name": "Odd"}, set()),
    "late": (written(BASE | {"timestamp": RECORD_TIME}), {"action_name": "Odd"}, {"late_actions"}),
    "of the future": (written(BASE | {"timestamp": "9999-12-31T23:59:59Z"}), {"action_name": "Odd"}, set()),
}


@pytest.mark.parametrize("name", ACTIONS)
@virtual
async def test_an_action_that_is_only_odd_is_sent(name: str) -> None:
    """An odd record that can be sent is sent beside its neighbours, with the contract's warnings; None: no such key."""
    value, expected, warnings = ACTIONS[name]
    done = await ends(value)
    (item,) = odd_ones(done)
    assert (done.letters, done.skips, set(done.warnings)) == ([], [], warnings)
    assert {key: item.get(key) for key in expected} == expected
    assert all(key in item for key, member in expected.items() if member is not None)


UPDATES: dict[str, tuple[dict[str, Any], dict[str, Any], set[str]]] = {
    "traits that are none": (IDENTIFY | {"traits": "x"}, {"metadata": None}, {"traits_not_object"}),
    "a company that is none": (
        IDENTIFY | {"traits": {"company": ["x"]}},
        {"company_id": None, "metadata": {"company": ["x"]}},
        set(),
    ),
    "a company without a usable id": (
        IDENTIFY | {"traits": {"company": {"id": {}}}, "context": {"groupId": "g-2"}},
        {"company_id": "g-2"},
        set(),
    ),
    "reserved traits of the wrong type": (
        IDENTIFY | {"traits": {"firstName": None, "avatar": {}, "email": [1], "last_name": "x", "lastName": "y"}},
        {"metadata": {"first_name": None, "photo_url": {}, "email": [1], "last_name": "x"}},
        set(),
    ),
    "a campaign that is none": (
        IDENTIFY | {"context": {"campaign": [], "page": {"referrer": {}, "search": 7, "url": 8}}},
        {"campaign": None},
        set(),
    ),
    "a campaign of odd values": (
        IDENTIFY | {"context": {"campaign": {"source": " ", "name": 7, "term": None, "content": {}}}},
        {"campaign": {"utm_campaign": "7"}},
        set(),
    ),
    "10,000 traits": (IDENTIFY | {"traits": MANY_KEYS}, {"metadata": MANY_KEYS}, set()),
    "half a character": (
        IDENTIFY | {"traits": {"a": HALF}, "context": {"campaign": {"source": HALF}}},
        {"metadata": {"a": "\ufffd"}, "campaign": {"utm_source": "\ufffd"}},
        set(),
    ),
    "an address that is none": (IDENTIFY | {"context": {"ip": 7}}, {"ip_address": None}, {"bad_ip"}),
}


@pytest.mark.parametrize("name", UPDATES)
@virtual
async def test_an_update_that_is_only_odd_is_sent(name: str) -> None:
    """The same of updates of users."""
    event, expected, warnings = UPDATES[name]
    done = await ends(written(event), kind="identify")
    (item,) = odd_ones(done)
    assert (done.letters, done.skips, set(done.warnings)) == ([], [], warnings)
    assert {key: item.get(key) for key in expected} == expected


@virtual
async def test_an_odd_company_is_sent_and_linked() -> None:
    """A company whose domain and traits are unusable is still updated, and its user still linked."""
    traits = {"domain": "localhost", "company_domain": 7, "website": []}
    done = await ends(written(GROUP | {"traits": traits}), kind="group")
    company, link = odd_ones(done)
    assert (company["company_id"], company["metadata"], "company_domain" in company) == ("g-odd", traits, False)
    assert link == {"user_id": "u-odd", "company_id": "g-odd", "modified_time": TIME}


@pytest.mark.parametrize("timestamp", NO_TIMES)
@virtual
async def test_a_time_that_is_none_is_replaced(timestamp: Any) -> None:  # noqa: ANN401 - any JSON value
    """An event whose time cannot be read gets the next one that can, here the record's."""
    done = await ends(written(BASE | {"timestamp": timestamp}))
    (item,) = odd_ones(done)
    assert item["request"]["time"] == RECORD_TIME
    assert done.warnings == {"timestamp_from_record": 1, "late_actions": 1}


@virtual
async def test_a_large_update_goes_alone() -> None:
    """A profile larger than a request of users may be is sent by itself."""
    large = IDENTIFY | {"userId": "u-large", "traits": {"blob": "x" * 300_000}}
    done = await delivered(VENDOR, [written(event) for event in (IDENTIFY, BEFORE, large, AFTER)])
    users = [[item["user_id"] for item in one.items] for one in done.requests if "users" in one.url]
    assert (done.letters, done.stored, sorted(users)) == ([], 4, [["u-large"], ["u-odd"]])


@virtual
async def test_updates_of_visitors_never_share_a_request() -> None:
    """What no batch is documented to take cannot make one fail."""
    odd = written(IDENTIFY | {"userId": None, "anonymousId": "anon"})
    done = await ends(odd, kind="identify", anonymous_identify="send")
    assert sorted((one.url.rpartition("/v1/")[2], len(one.items)) for one in done.requests) == [
        ("users", 1),
        ("users/batch", 2),
    ]


@virtual
async def test_what_only_the_vendor_refuses_is_isolated() -> None:
    """A batch that is refused for one action is taken apart: that one is a dead letter, twenty others are delivered."""
    await isolated(VENDOR, BASE, "user_id")
