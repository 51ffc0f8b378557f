"""Moveo One: whatever a record holds, it ends as the contract says, and its neighbours in the same request go out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from processor.sandbox.settings import SandboxLimits
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

VENDOR = "moveo"
BASE = {"type": "track", "messageId": "odd", "userId": "u-odd", "timestamp": TIME, "event": "Odd"}
GROUP = BASE | {"type": "group", "groupId": "g"}
BEFORE = BASE | {"messageId": "before", "userId": "u-before"}
AFTER = BASE | {"messageId": "after", "userId": "u-after"}
ENDLESS = written(BASE)[:-1] + b',"properties":{"n":1e999}}'


async def ends(value: Value, **settings: Any) -> Ends:  # noqa: ANN401 - any setting
    """Return how a record between two good ones ends; these two must have gone out in one request."""
    done = await delivered(VENDOR, [written(BEFORE), value, written(AFTER)], **settings)
    assert (done.outstanding_count, done.stored) == (0, 3)
    (request,) = done.requests
    assert {"before", "after"} <= {item["messageId"] for item in request.items}
    return done


def odd_ones(done: Ends) -> list[Item]:
    """Return what the vendor got beside the neighbours."""
    return [item for one in done.requests for item in one.items if item["messageId"] not in {"before", "after"}]


REJECTED: dict[str, tuple[Value, str]] = {
    **no_events(BASE),
    "type of a deletion": (written(BASE | {"type": "delete"}), "unknown_type"),
    "no ids": (written(BASE | {"userId": None}), "no_identity"),
    "blank ids": (written(BASE | {"userId": " ", "anonymousId": ""}), "no_identity"),
    "ids that are none": (written(BASE | {"userId": {"id": 1}, "anonymousId": [True]}), "no_identity"),
    "an endless id": (written(BASE).replace(b'"u-odd"', b"1e999"), "no_identity"),
    "event null": (written(BASE | {"event": None}), "missing_event_name"),
    "event blank": (written(BASE | {"event": "\u00a0"}), "missing_event_name"),
    "event an object": (written(BASE | {"event": {}}), "missing_event_name"),
    "event a boolean": (written(BASE | {"event": True}), "missing_event_name"),
    "groupId null": (written(GROUP | {"groupId": None}), "missing_group_id"),
    "groupId blank": (written(GROUP | {"groupId": ""}), "missing_group_id"),
    "groupId a list": (written(GROUP | {"groupId": ["g"]}), "missing_group_id"),
    "large properties": (written(BASE | {"properties": {"blob": "x" * 32_000}}), "event_too_large"),
    "large by its characters": (
        json.dumps(BASE | {"properties": {"blob": "漢" * 10_700}}, ensure_ascii=False).encode(),
        "event_too_large",
    ),
    "a large id": (written(BASE | {"userId": "u" * 32_000}), "event_too_large"),
    "a large messageId": (written(BASE | {"messageId": "m" * 32_000}), "event_too_large"),
    "a large name": (written(BASE | {"event": "e" * 32_000}), "event_too_large"),
    "large context": (written(BASE | {"context": {"page": {"url": "u" * 32_000}}}), "event_too_large"),
    "large integrations": (written(BASE | {"integrations": {"All": "x" * 32_000}}), "event_too_large"),
    "10,000 keys": (written(BASE | {"properties": MANY_KEYS}), "event_too_large"),
}


@pytest.mark.parametrize("name", REJECTED)
@virtual
async def test_what_cannot_be_sent_is_a_dead_letter_alone(name: str) -> None:
    """A record that cannot be sent ends under the contract's code, and nothing else does."""
    value, reason = REJECTED[name]
    done = await ends(value)
    assert (done.letters, done.skips, odd_ones(done)) == ([reason], [], [])


SKIPPED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a property of the wrong type": ({"properties": {"plan": {}}}, {"filter": {"plan": ["x"]}}, "filtered"),
    "properties that are none": ({"properties": [1]}, {"filter": {"plan": ["x"]}}, "filtered"),
    "switched off": ({"integrations": {"All": False}}, {"respect_integrations": True}, "integration_disabled"),
    "too old": ({"timestamp": 0}, {"max_event_age_ms": 3_600_000}, "event_expired"),
}


@pytest.mark.parametrize("name", SKIPPED)
@virtual
async def test_what_is_left_out_on_purpose_is_counted(name: str) -> None:
    """A record that the settings leave out is skipped under its code; its neighbours, which pass, are sent."""
    changes, settings, reason = SKIPPED[name]
    good = {"properties": {"plan": "x"}}
    values = [written(BEFORE | good), written(BASE | good | changes), written(AFTER | good)]
    done = await delivered(VENDOR, values, **settings)
    assert (done.letters, done.skips, done.stored) == ([], [reason], 3)
    assert [["before", "after"]] == [[item["messageId"] for item in one.items] for one in done.requests]


SENT: dict[str, tuple[bytes, dict[str, Any], set[str]]] = {
    "numbers as ids": (
        written(BASE | {"userId": 7.0, "anonymousId": 10**30, "messageId": 1, "event": 404}),
        {"userId": "7", "anonymousId": str(10**30), "messageId": "1", "event": "404"},
        set(),
    ),
    "a user of the wrong type": (
        written(BASE | {"userId": True, "anonymousId": "a"}),
        {"userId": None, "anonymousId": "a"},
        set(),
    ),
    "no messageId": (written(BASE | {"messageId": []}), {"event": "Odd"}, {"synthetic_message_id"}),
    "null objects": (
        written(BASE | {"properties": None, "context": None, "integrations": None}),
        {"properties": None, "context": None, "integrations": None},
        set(),
    ),
    "nulls inside": (written(BASE | {"properties": {"a": None}}), {"properties": {"a": None}}, set()),
    "objects that are none": (
        written(BASE | {"properties": "x", "context": [], "integrations": 0}),
        {"properties": None, "context": None, "integrations": None},
        {"properties_not_object", "context_not_object", "integrations_not_object"},
    ),
    "traits that are none": (
        written(GROUP | {"traits": False}),
        {"groupId": "g", "traits": None},
        {"traits_not_object"},
    ),
    "names of the envelope": (
        written(
            BASE | {"sentAt": "1999-01-01", "originalTimestamp": 0, "writeKey": "w", "version": 2, "_metadata": {}}
        ),
        {"originalTimestamp": TIME, "writeKey": None, "version": None, "_metadata": None},
        set(),
    ),
    "reserved names inside": (
        written(BASE | {"properties": {"constructor": 1, "sentAt": 2, "": 3, "$set": {"a.b": 4}}}),
        {"properties": {"constructor": 1, "sentAt": 2, "": 3, "$set": {"a.b": 4}}},
        set(),
    ),
    "depth that can be written": (with_lists(BASE, 400), {"event": "Odd"}, set()),
    "half a character": (
        written(BASE | {"userId": f"u{HALF}", "event": f"E{HALF}", "properties": {f"k{HALF}": f"v{HALF}"}}),
        {"userId": "u\ufffd", "event": "E\ufffd", "properties": {"k\ufffd": "v\ufffd"}},
        set(),
    ),
    "an endless number in an object that is handed on": (ENDLESS, {"properties": {"n": float("inf")}}, set()),
    "an empty text as name": (written(BASE | {"type": "page", "name": ""}), {"type": "page", "name": None}, set()),
    "a type that shouts": (written(BASE | {"type": " TRACK "}), {"type": "track", "event": "Odd"}, set()),
}


@pytest.mark.parametrize("name", SENT)
@virtual
async def test_what_is_only_odd_is_sent(name: str) -> None:
    """An odd record that can be sent is sent beside its neighbours, with the contract's warnings; None: no such key."""
    value, expected, warnings = SENT[name]
    done = await ends(value)
    (item,) = odd_ones(done)
    assert (done.letters, done.skips, set(done.warnings)) == ([], [], warnings)
    assert {key: item.get(key) for key in expected} == expected
    assert all(key in item for key, member in expected.items() if member is not None)


@pytest.mark.parametrize("timestamp", NO_TIMES)
@virtual
async def test_a_time_that_is_none_is_replaced(timestamp: Any) -> None:  # noqa: ANN401 - any JSON value
    """An event whose time cannot be read gets the next one that can, here the record's, in both places."""
    done = await ends(written(BASE | {"timestamp": timestamp}))
    (item,) = odd_ones(done)
    assert item["timestamp"] == item["originalTimestamp"] == RECORD_TIME
    assert done.warnings == {"timestamp_from_record": 1}


@virtual
async def test_an_endless_number_of_an_event_that_is_read_as_a_whole_is_refused() -> None:
    """It could only be sent as null."""
    done = await ends(ENDLESS.replace(b"Odd", b"\\u004fdd"))
    assert (done.letters, odd_ones(done)) == (["mapping_failed"], [])


@virtual
async def test_many_keys_are_no_fault_of_themselves() -> None:
    """10,000 keys are sent where the settings leave room for them."""
    limits = SandboxLimits(moveo_event_bytes=400_000)
    done = await ends(written(BASE | {"properties": MANY_KEYS}), max_event_bytes=400_000, limits=limits)
    assert [item["properties"] for item in odd_ones(done)] == [MANY_KEYS]


@virtual
async def test_what_only_the_vendor_refuses_is_isolated() -> None:
    """A batch that is refused for one event is taken apart: that one is a dead letter, twenty others are delivered."""
    await isolated(VENDOR, BASE, "userId")
