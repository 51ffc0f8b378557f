"""Moveo One: settings, the rules of its six calls, envelope and answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from processor.config.secret import PLAIN_SECRETS
from processor.destinations import classify, vector_result
from processor.destinations.moveo.destination import ENVELOPE, MoveoDestination, stamp
from processor.destinations.moveo.settings import MoveoSettings
from processor.destinations.plan import DEFAULT, Plan
from processor.destinations.text import encode
from processor.mapping import SubscriptionSettings
from processor.model import Mapped, Payload, Record, Rejected
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings
from tests.golden_cases import NOW, RECORD, REQUIRED

NOW_MS = 1_773_576_000_000
KAFKA_RECORD = Record("segment.events", 3, 1042, NOW_MS - 1877)
BASE = {
    "messageId": "ajs-next-1773575970250-7c1e",
    "anonymousId": "anon-19",
    "userId": "u-501",
    "timestamp": "2026-03-15T11:59:30.250Z",
}
TRACK = {**BASE, "type": "track", "event": "Cart Opened"}


def _settings(**settings: Any) -> MoveoSettings:  # noqa: ANN401 - any setting
    """Return settings with a plain key unless one is given."""
    return MoveoSettings.model_validate({"api_key": "k"} | settings, context={PLAIN_SECRETS: True})


def _result(event: Any, **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value, any setting
    """Return what the presets make of an event."""
    return vector_result("moveo", event, REQUIRED["moveo"] | settings, RECORD, NOW)


def _payload(event: dict[str, Any], **settings: Any) -> Payload:  # noqa: ANN401 - any setting
    """Return the one payload of an event."""
    plan = Plan.compile(MoveoDestination("moveo", _settings(**settings)), DEFAULT)
    (payload,) = plan.map(event, KAFKA_RECORD, NOW_MS).payloads
    return payload


def test_both_spellings_are_read() -> None:
    """What is pasted from the vendor's page means the same as our own names."""
    pasted = {"batchSize": 5, "flushIntervalMs": 100, "maxQueueAgeMs": 604_800_000, "filter": {"plan": ["team"]}}
    own = {"batch_size": 5, "flush_interval_ms": 100, "max_event_age_ms": 604_800_000, "filter": {"plan": ["team"]}}
    pasted |= {"maxRetries": 10, "maxQueueBytes": 5_000_000, "debug": True, "gzip": False}
    own |= {"max_retries": 10, "max_buffer_bytes": 5_000_000, "debug": True, "gzip": False}

    assert MoveoSettings.model_validate({"apiKey": "k"} | pasted, context={PLAIN_SECRETS: True}) == _settings(**own)


@pytest.mark.parametrize(
    "settings",
    [
        {"apiKey": "k"},
        {"batch_size": 5, "batchSize": 5},
        {"batch_size": 0},
        {"endpoint": "http://api.moveo.one/x"},
        {"endpoint": "api.moveo.one"},
        {"max_event_bytes": 474_952},
        {"filter": {"plan": "team"}},
        {"filter": {"plan": [["team"]]}},
        {"max_retry_after_s": 0},
        {"unknown": 1},
    ],
)
def test_settings_that_are_refused(settings: dict[str, Any]) -> None:
    """Two spellings at once, limits that cannot be kept and unsafe addresses are errors at load."""
    with pytest.raises(ValidationError):
        _settings(**settings)


def test_addresses_that_are_taken() -> None:
    """Plain http reaches the own machine, and others where the settings say so."""
    assert _settings(endpoint="http://127.0.0.1:9/x").endpoint == "http://127.0.0.1:9/x"
    assert _settings(endpoint="http://sandbox/x", allow_http=True).endpoint == "http://sandbox/x"


def test_largest_event_still_fits_the_smallest_request() -> None:
    """The two limits may meet exactly: wrapper and `sentAt` are counted."""
    settings = _settings(max_event_bytes=474_951)

    assert ENVELOPE.body_bytes(1, settings.max_event_bytes - 1) == settings.max_request_bytes


@pytest.mark.parametrize(
    ("changes", "settings", "expected"),
    [
        ({"type": "delete"}, {}, {"dead_letter": "unknown_type"}),
        ({"userId": " ", "anonymousId": [], "event": ""}, {}, {"dead_letter": "no_identity"}),
        ({"event": None}, {}, {"dead_letter": "missing_event_name"}),
        ({"event": True}, {}, {"dead_letter": "missing_event_name"}),
        ({"type": "group", "groupId": {}}, {}, {"dead_letter": "missing_group_id"}),
        (
            {"event": " ", "integrations": {"All": False}},
            {"respect_integrations": True},
            {"dropped": "integration_disabled"},
        ),
        ({"userId": None, "anonymousId": None}, {"filter": {"plan": ["team"]}}, {"dropped": "filtered"}),
        ({"integrations": {"Moveo One": False}}, {"respect_integrations": True}, {"dropped": "integration_disabled"}),
        ({"timestamp": NOW_MS - 1001}, {"max_event_age_ms": 1000}, {"dropped": "event_expired"}),
        ({"event": "", "timestamp": 0}, {"max_event_age_ms": 1000}, {"dead_letter": "missing_event_name"}),
    ],
)
def test_order_of_checks(changes: dict[str, Any], settings: dict[str, Any], expected: dict[str, Any]) -> None:
    """An event with several faults ends by the first one in the contract's order."""
    assert _result(TRACK | changes, **settings) == expected | {"warnings": []}


def test_integrations_are_not_honoured_by_default() -> None:
    """The official plugin mirrors every call, so the default does too."""
    assert _result({**TRACK, "integrations": {"All": False}})["integrations"] == {"All": False}


def test_event_of_exactly_the_age_limit_is_sent() -> None:
    """Only what is older than the limit is skipped."""
    assert "type" in _result(TRACK | {"timestamp": NOW_MS - 1000}, max_event_age_ms=1000)


def _fitting(limit: int) -> dict[str, Any]:
    """Return a track of exactly so many bytes of JSON without `sentAt`, two-byte letters included."""
    sent = _result({**TRACK, "properties": {"blob": "ü"}})
    del sent["sentAt"], sent["warnings"]
    room = limit - len(encode(sent))
    return {**TRACK, "properties": {"blob": "ü" + "x" * room}}


@pytest.mark.parametrize(("extra_bytes", "is_sent"), [(0, True), (1, False)])
def test_size_is_counted_in_bytes_before_sent_at(extra_bytes: int, is_sent: bool) -> None:  # noqa: FBT001 - a table
    """Exactly 32 000 bytes pass, one more does not; characters beyond ASCII count as the bytes they are."""
    result = _result(_fitting(32_000 + extra_bytes))

    assert ("type" in result) is is_sent
    assert is_sent or result["dead_letter"] == "event_too_large"


def test_size_is_counted_as_javascript_writes_floats() -> None:
    """`10.0` counts two bytes as the vendor's client would count it, so an event of 32 002 of our bytes passes."""
    event = _fitting(32_000 - len(',"n":10'))
    event["properties"]["n"] = 10.0
    assert "type" in _result(event)

    event["properties"]["n"] = 1e16
    assert _result(event)["dead_letter"] == "event_too_large"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"userId": 7.0}, {"userId": "7"}),
        ({"userId": {"id": 1}}, {"userId": None}),
        ({"userId": " u "}, {"userId": " u "}),
        ({"anonymousId": None}, {"anonymousId": None}),
        ({"anonymousId": 19}, {"anonymousId": "19"}),
        ({"event": 404}, {"event": "404"}),
        ({"timestamp": NOW_MS}, {"timestamp": NOW, "originalTimestamp": NOW}),
        ({"properties": {}}, {"properties": {}}),
        ({"properties": {"a": None}}, {"properties": {"a": None}}),
        ({"context": None, "integrations": None}, {"context": None, "integrations": None}),
        ({"type": "screen", "name": "Home", "category": "x"}, {"name": "Home", "category": None, "event": None}),
        ({"type": "page", "name": None}, {"name": None}),
        ({"type": "group", "groupId": 31, "traits": {"fooBar": 1}}, {"groupId": "31", "traits": {"fooBar": 1}}),
        ({"type": "alias", "previousId": "anon-18"}, {"previousId": None}),
        ({"version": 2, "writeKey": "wk", "_metadata": {}}, {"version": None, "writeKey": None, "_metadata": None}),
        ({"messageId": "x" * 200}, {"messageId": "x" * 200}),
    ],
)
def test_fields(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    """Each field by its row of the contract; None stands for a key that is left out."""
    result = _result(TRACK | changes)

    assert {name: result.get(name) for name in expected} == expected
    assert all(name in result for name, value in expected.items() if value is not None)


@pytest.mark.parametrize(
    ("changes", "warnings"),
    [
        (
            {"properties": [], "context": "x", "integrations": 0},
            ["context_not_object", "integrations_not_object", "properties_not_object"],
        ),
        ({"type": "identify", "traits": False}, ["traits_not_object"]),
        ({"timestamp": "soon", "originalTimestamp": "2026-03-15"}, ["timestamp_from_originalTimestamp"]),
        ({"messageId": " "}, ["synthetic_message_id"]),
        ({"messageId": None, "timestamp": None}, ["synthetic_message_id", "timestamp_from_record"]),
    ],
)
def test_warnings(changes: dict[str, Any], warnings: list[str]) -> None:
    """What is left out or made up is warned about, and the event is still sent."""
    result = _result(TRACK | changes)

    assert sorted(result["warnings"]) == warnings
    assert "type" in result


def test_any_depth_is_sent_or_refused() -> None:
    """An event of any depth that a decoder lets through ends as a payload or as a refusal, never as a crash."""
    outcomes = set()
    for depth in range(20, 1500, 20):
        deep: Any = 1.5
        for _ in range(depth):
            deep = [None, deep]
        outcomes.add(_result(TRACK | {"properties": {"deep": deep, "blob": "x" * 9000}}).get("dead_letter"))

    assert outcomes == {None, "mapping_failed"}


def test_time_of_another_field_passes_unchanged() -> None:
    """A fallback's text is copied as it is, into both times."""
    result = _result(TRACK | {"timestamp": None, "receivedAt": "2026-03-15T12:59:30.1+01:00"})

    assert result["timestamp"] == result["originalTimestamp"] == "2026-03-15T12:59:30.1+01:00"


def test_previous_id_is_sent_on_request() -> None:
    """The setting adds `previousId` to alias calls, as text."""
    event = {**BASE, "type": "alias", "previousId": 18}

    assert _result(event, alias_include_previous_id=True)["previousId"] == "18"


@pytest.mark.parametrize(
    ("event", "lanes"),
    [
        (TRACK, ("u-501",)),
        (TRACK | {"userId": None}, ("anon-19",)),
        ({**BASE, "type": "alias", "previousId": "anon-18"}, ("u-501", "anon-18")),
        ({**BASE, "type": "alias", "previousId": "u-501"}, ("u-501",)),
        ({**BASE, "type": "alias"}, ("u-501",)),
    ],
)
def test_lanes(event: dict[str, Any], lanes: tuple[str, ...]) -> None:
    """A user's events share a lane; an alias stays behind the earlier events of both identities."""
    assert _payload(event).lanes == lanes


def test_vendors_rules_hold_for_written_mappings() -> None:
    """What a mapping gives is treated like an event's own field; what it leaves out comes from the event if needed."""
    subscription = SubscriptionSettings.model_validate(
        {
            "name": "Orders",
            "trigger": 'type = "track"',
            "action": "track",
            "use_defaults": False,
            "mapping": {"userId": {"@path": "$.properties.customer"}, "event": 7, "context": "none"},
        }
    )
    plan = Plan.compile(MoveoDestination("moveo", _settings()), [subscription])

    (payload,) = plan.map(TRACK | {"properties": {"customer": 9.0}}, KAFKA_RECORD, NOW_MS).payloads

    assert json.loads(payload.body + b"}") == {
        "type": "track",
        "messageId": BASE["messageId"],
        "timestamp": BASE["timestamp"],
        "originalTimestamp": BASE["timestamp"],
        "userId": "9",
        "event": "7",
    }
    assert payload.warnings == ("context_not_object",)
    assert payload.subscription == "Orders"


def _from_bytes(data: bytes, *more: bytes, **settings: Any) -> Mapped:  # noqa: ANN401 - any setting
    """Return what the presets make of a record, decoded as the pipeline does it, with more records in its run."""
    plan = Plan.compile(MoveoDestination("moveo", _settings(**settings)), DEFAULT)
    records = [Record("segment.events", 3, 1042, NOW_MS - 1877, value=one) for one in (data, *more)]
    decoded, _, has_plain_keys = Decoder(DecodeSettings()).decode_run(records, plan.needs)
    values = decoded[0]
    assert isinstance(values, list)
    (mapped,) = plan.map_all(values, NOW_MS, has_plain_keys=has_plain_keys)
    return mapped


def test_objects_are_sent_as_they_were_written() -> None:
    """What nobody looks into keeps its spelling: spaces, a number that no float holds, a key that comes twice."""
    bag = b'{ "n":1e999, "big":123456789012345678901234567890,"a":1,"a":2}'
    (payload,) = _from_bytes(b'{"type":"track","event":"E","userId":"u","properties":' + bag + b"}").payloads
    assert payload.body.endswith(b',"event":"E","properties":' + bag)


@pytest.mark.parametrize("other", [b'{"":"\\u00e9"}', b'{"__proto__":1}', b"{"])
def test_neighbours_change_nothing(other: bytes) -> None:
    """What a record comes to does not depend on the run in which it is read."""
    data = b'{"type":"track","event":"E","userId":"u","properties":{ "n":1e999}}'
    assert _from_bytes(data, other) == _from_bytes(data)


@pytest.mark.parametrize("kind", ["identify", "track"])
def test_member_without_a_name_is_not_sent(kind: str) -> None:
    """Also where all members of an event are decoded and a call has no text of its own."""
    (payload,) = _from_bytes(b'{"type":"%b","event":"E","userId":"u","":"x \\u2603"}' % kind.encode()).payloads
    assert b'"":' not in payload.body


@pytest.mark.parametrize("written", [b"null", b"[1]", b'"text"', b"7", b"true"])
def test_what_is_no_object_is_left_out_of_a_record(written: bytes) -> None:
    """As of a decoded event: null without a word, anything else with a warning."""
    data = b'{"type":"track","event":"E","userId":"u","messageId":"m","timestamp":"2026-03-15","context":%b}' % written
    (payload,) = _from_bytes(data).payloads
    assert b"context" not in payload.body
    assert payload.warnings == (() if written == b"null" else ("context_not_object",))


def test_spaces_do_not_count() -> None:
    """The size is that of `JSON.stringify`, which writes none; nor may they make a request larger than is allowed."""
    event = b'{"type":"track","event":"E","userId":"u","context":{"a":' + b" " * 40_000 + b"1}}"
    (payload,) = _from_bytes(event).payloads
    assert payload.body.endswith(b'"context":{"a":1}')
    assert _from_bytes(event, max_event_bytes=100).rejected == [
        Rejected("event_too_large", "the event is larger than max_event_bytes", "Track")
    ]


@pytest.mark.parametrize("number", [b"1e999", b"7" * 5_000], ids=["beyond a float", "beyond what Python reads"])
def test_endless_number_in_a_large_event(number: bytes) -> None:
    """Where its size has to be counted, a number that cannot be written again ends as its own dead letter."""
    event = b'{"type":"track","event":"E","userId":"u","context":{"a":%b,"b":"%b"}}' % (number, b"x" * 20_000)
    (rejected,) = _from_bytes(event).rejected
    assert rejected.reason == "mapping_failed"


def test_request_body_is_exact() -> None:
    """Bodies are joined without serialising again: size known before, every event stamped, one JSON document."""
    bodies = [_payload(TRACK | {"event": name}).body for name in ("A", "Bé", "C")]

    body = ENVELOPE.join(bodies, NOW_MS)

    assert len(body) == ENVELOPE.body_bytes(3, sum(map(len, bodies)))
    events = json.loads(body)["events"]
    assert [event["event"] for event in events] == ["A", "Bé", "C"]
    assert {event["sentAt"] for event in events} == {NOW}


def test_every_attempt_has_its_own_time() -> None:
    """A retry renews `sentAt` and nothing else, and a body never changes its length by it."""
    body = _payload(TRACK).body
    first, second = (ENVELOPE.join([body], NOW_MS + wait_ms) for wait_ms in (0, 1500))

    assert first.replace(NOW.encode(), b"2026-03-15T12:00:01.500Z") == second
    assert {len(stamp(time_ms)) for time_ms in (0, NOW_MS, -1, 253_402_300_799_999)} == {ENVELOPE.stamp_bytes}


def test_endpoint_follows_the_settings() -> None:
    """Address and limits of the one endpoint are the settings'."""
    (endpoint,) = MoveoDestination("m", _settings(batch_size=3, flush_interval_ms=5, gzip=False)).endpoints.values()

    assert (endpoint.max_batch_count, endpoint.max_wait_ms, endpoint.max_body_bytes) == (3, 5, 475_000)
    assert not endpoint.gzip
    assert endpoint.url == "https://api.moveo.one/api/analytic/external/segment-destination"


@pytest.mark.parametrize(
    ("response", "events", "expected"),
    [
        ({"status": 400}, 2, {"decision": "bisect"}),
        ({"status": 402}, 2, {"decision": "bisect"}),
        ({"status": 402}, 1, {"decision": "dead_letter", "reason": "http_402"}),
        ({"status": 406}, 1, {"decision": "dead_letter", "reason": "http_406"}),
        ({"status": 401}, 2, {"decision": "stop"}),
        ({"status": 404}, 2, {"decision": "stop"}),
        ({"status": 408}, 2, {"decision": "backoff"}),
        ({"status": 307, "headers": {"Location": "https://x.example"}}, 2, {"decision": "stop"}),
        ({"status": 413}, 5, {"decision": "split", "sizes": [3, 2]}),
        ({"status": 415}, 5, {"decision": "stop"}),
        ({"status": 429, "headers": {"Retry-After": "86400"}}, 5, {"decision": "wait", "seconds": 60.0}),
    ],
)
def test_answers(response: dict[str, Any], events: int, expected: dict[str, Any]) -> None:
    """The contract's table, with a ceiling for pauses from the settings."""
    settings = REQUIRED["moveo"] | {"max_retry_after_s": 60}

    assert classify("moveo", settings, {"response": response, "events": events}, NOW) == expected


def test_backoff_is_the_vendors() -> None:
    """One second doubled up to 300, with a fifth of jitter on top."""
    backoff = MoveoDestination("m", _settings()).backoff

    assert (backoff.base_s, backoff.factor, backoff.cap_s, backoff.jitter) == (1.0, 2.0, 300.0, "up_to_20_percent")
