"""Another topic as a destination: what is written as it is or anew, under which key, and what answers mean."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from processor.destinations.base import Destination
from processor.destinations.filters import Filters, FilterSettings
from processor.destinations.kafka.destination import KafkaTopicDestination
from processor.destinations.kafka.settings import KafkaTopicSettings
from processor.destinations.plan import DEFAULT, Plan
from processor.destinations.privacy import Privacy
from processor.destinations.privacy_settings import PrivacySettings
from processor.destinations.target import WRITTEN, Message, Target, code_of, messages, written
from processor.mapping import SubscriptionSettings
from processor.model import Answer, Decision, Mapped, Record, Verdict
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings

SPELT = (
    b'{ "type":"track",  "messageId":"m1","userId":"u1","properties":{"price":1e2,"big":12345678901234567890123} }\n'
)
HEADERS = (("trace", b"\xff"), ("none", None))


def destination(**settings: Any) -> KafkaTopicDestination:  # noqa: ANN401 - any setting
    """Return a destination."""
    return KafkaTopicDestination.create("by-user", KafkaTopicSettings.model_validate({"topic": "out"} | settings))


def plan(
    subscriptions: list[Mapping[str, Any]] | None = None,
    *,
    privacy: Mapping[str, Any] | None = None,
    filters: list[Mapping[str, Any]] | None = None,
    **settings: Any,  # noqa: ANN401 - any setting
) -> Plan:
    """Return a plan of such a destination."""
    return Plan.compile(
        destination(**settings),
        DEFAULT if subscriptions is None else [SubscriptionSettings.model_validate(one) for one in subscriptions],
        privacy=None if privacy is None else Privacy(PrivacySettings.model_validate(privacy)),
        filters=None if filters is None else Filters([FilterSettings.model_validate(one) for one in filters]),
    )


def mapped(own: Plan, value: bytes, event_path: str | None = None) -> list[Mapped]:
    """Return what the events of a record come to, decoded as the pipeline does."""
    record = Record("in", 2, 7, 1_700_000_000_000, b"old", value, HEADERS)
    run = Decoder(DecodeSettings(), event_path).decode_run([record], own.needs)
    (events,) = run.decoded
    assert isinstance(events, list)
    return own.map_all(events, 0, has_plain_keys=run.has_plain_keys)


def sent(own: Plan, value: bytes, event_path: str | None = None) -> list[Message]:
    """Return the messages of a record."""
    payloads = [payload for one in mapped(own, value, event_path) for payload in one.payloads]
    return [message for payload in payloads for message in messages(payload.body)]


def test_a_record_is_written_byte_for_byte() -> None:
    """Spelling, numbers that no float holds, headers and time are those of the record; the key is the user."""
    assert sent(plan(), SPELT) == [Message("kafka:in:2:7", b"u1", SPELT, HEADERS, 1_700_000_000_000)]


def test_only_the_key_is_decoded() -> None:
    """Everything else of the event is passed over."""
    needs = plan().needs
    assert needs is not None
    assert needs.read | needs.handed_on == {"type", "userId", "anonymousId"}


@pytest.mark.parametrize(
    ("event", "key"),
    [
        ({"userId": "u1", "anonymousId": "a1"}, b"u1"),
        ({"userId": None, "anonymousId": "a1"}, b"a1"),
        ({"userId": "  ", "anonymousId": "a1"}, b"a1"),
        ({"userId": 17}, b"17"),
        ({"userId": {"id": 1}}, None),
        ({"userId": True}, None),
        ({"userId": "\ud800x"}, "\ufffdx".encode()),
        ({}, None),
    ],
)
def test_the_key_is_the_user_else_the_visitor(event: dict[str, Any], key: bytes | None) -> None:
    """What is no text or number, and what is blank, is no key."""
    (message,) = sent(plan(), json.dumps({"type": "identify", **event}).encode())
    assert message.key == key


def test_what_has_no_key_waits_for_nobody() -> None:
    """It is counted, and its lane is its own; or it is a dead letter where that is wanted."""
    ((first,), (second,)) = [mapped(plan(), b'{"type":"track"}') for _ in range(2)]
    assert first.payloads[0].warnings == second.payloads[0].warnings == ("unkeyed",)
    assert first.payloads[0].lanes == ("kafka:in:2:7",)
    (refused,) = mapped(plan(without_key="reject"), b'{"type":"track"}')
    assert [one.reason for one in refused.rejected] == ["no_key"]


def test_the_key_may_stand_anywhere() -> None:
    """The first path that leads to something counts."""
    own = plan(key=["$.context.groupId", "$.properties.org"])
    values = [{"context": {"groupId": "g"}, "properties": {"org": "o"}}, {"properties": {"org": "o"}}]
    keys = [sent(own, json.dumps({"type": "track", **value}).encode())[0].key for value in values]
    assert keys == [b"g", b"o"]


@pytest.mark.parametrize(
    "own",
    [
        plan(privacy={"drop": ["$.context.ip"]}),
        plan(
            filters=[{"if": "all", "actions": [{"type": "DROP_PROPERTIES", "fields": {"context": ["ip"]}}]}],
        ),
    ],
    ids=["privacy", "filter"],
)
def test_what_may_hide_something_is_written_anew(own: Plan) -> None:
    """A member that is named twice would else travel although nobody has looked at it."""
    twice = b'{"type":"track","userId":"u1","context":{"ip":"10.1.2.3"},"context":{}}'
    (message,) = sent(own, twice)
    assert (message.value, message.headers) == (b'{"type":"track","userId":"u1","context":{}}', ())
    (message,) = sent(own, b'{"type":"track","userId":"u1","context":{"ip":"10.1.2.3","x":1}}')
    assert json.loads(message.value) == {"type": "track", "userId": "u1", "context": {"x": 1}}


def test_a_filter_that_only_drops_events_leaves_the_others_alone() -> None:
    """Nothing is taken out of what it lets past."""
    own = plan(filters=[{"if": "type = 'page'", "actions": [{"type": "DROP"}]}])
    assert [message.value for message in sent(own, SPELT)] == [SPELT]
    assert sent(own, b'{"type":"page","userId":"u"}') == []


def test_a_batch_body_is_taken_apart() -> None:
    """Each event has a message of its own, a lone one too, with a name of its own and what the wrapper says."""
    body = b'{"batch":[{"type":"track","userId":"a"},{"type":"page","userId":"b"}],"sentAt":"2026-01-01T00:00:00Z"}'
    found = sent(plan(), body)
    assert [(one.name, one.key, json.loads(one.value), one.headers) for one in found] == [
        ("kafka:in:2:7", b"a", {"type": "track", "userId": "a", "sentAt": "2026-01-01T00:00:00Z"}, ()),
        ("kafka:in:2:7:1:0", b"b", {"type": "page", "userId": "b", "sentAt": "2026-01-01T00:00:00Z"}, ()),
    ]
    (alone,) = sent(plan(), b'[{"type":"track","userId":"a"}]')
    assert alone.value == b'{"type":"track","userId":"a"}'


def test_a_wrapped_event_keeps_its_wrapper() -> None:
    """Whoever reads the second topic reads it as the first one."""
    value = b'{"payload":{"event":{"type":"Track","userId":"u1"}},"seq":1}'
    assert [(one.key, one.value) for one in sent(plan(), value, "payload.event")] == [(b"u1", value)]


def test_a_mapping_gives_key_and_value() -> None:
    """Several subscriptions give several messages of different names; a value that is no object is none."""
    mapping = {"key": {"@path": "$.properties.order"}, "value": {"order": {"@path": "$.properties.order"}}}
    own = plan(
        [
            {"name": "one", "trigger": 'type = "track"', "action": "event", "mapping": mapping},
            {"name": "two", "trigger": 'type = "track"', "action": "record", "mapping": {}},
            {"name": "bad", "trigger": 'type = "track"', "action": "event", "mapping": {"value": {"@path": "$.type"}}},
        ]
    )
    value = b'{"type": "track","userId":"u1","properties":{"order":5}}'
    assert [(one.name, one.key, one.value) for one in sent(own, value)] == [
        ("kafka:in:2:7", b"5", b'{"order":5}'),
        ("kafka:in:2:7:1", b"u1", value),
    ]
    (whole,) = mapped(own, value)
    assert [(one.reason, one.subscription) for one in whole.rejected] == [("value_not_object", "bad")]


def test_what_is_too_large_is_a_dead_letter() -> None:
    """Key and headers count as well."""
    own = plan(max_message_bytes=1_024)
    room = 1_024 - len(b"u1") - len(b"trace" + b"\xff" + b"none")
    fitting = json.dumps({"type": "track", "userId": "u1", "x": ""}).encode()
    fitting = fitting.replace(b'""', b'"' + b"x" * (room - len(fitting)) + b'"')
    assert [one.value for one in sent(own, fitting)] == [fitting]
    (refused,) = mapped(own, fitting + b" ")
    assert [one.reason for one in refused.rejected] == ["event_too_large"]


def test_origin_and_time_are_choices() -> None:
    """Headers of an earlier origin make way; without its time a message has that of its writing."""
    record = Record("in", 1, 2, 5, None, SPELT, (("segment-bridge-source-topic", b"first"), ("h", b"1")))
    own = plan(origin_headers=True, keep_timestamp=False)
    (payload,) = own.map(json.loads(SPELT), record, 0).payloads
    (message,) = messages(payload.body)
    assert message.headers == (
        ("h", b"1"),
        ("segment-bridge-source-topic", b"in"),
        ("segment-bridge-source-partition", b"1"),
        ("segment-bridge-source-offset", b"2"),
    )
    assert message.timestamp_ms == 0


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b'{"a": [1, 2.5]}', {"value": {"a": [1, 2.5]}}),
        (b"\x00\xff", {"value_base64": base64.b64encode(b"\x00\xff").decode()}),
        (b"[1e999]", {"value_base64": base64.b64encode(b"[1e999]").decode()}),
    ],
)
def test_a_message_is_shown_as_json(value: bytes, shown: dict[str, Any]) -> None:
    """One line, whatever bytes it holds."""
    own = destination()
    record = Record("in", 0, 0, 5, None, value, HEADERS)
    built = own.actions["record"].build({}, {"userId": "u"}, record, 0)
    (payload,) = Plan.compile(own, DEFAULT).map({"type": "track", "userId": "u"}, record, 0).payloads
    assert payload.body == built.body  # type: ignore[union-attr]
    line = own.item(payload, 0)
    assert b"\n" not in line
    headers = [{"name": "trace", "value_base64": "/w=="}, {"name": "none", "value_base64": None}]
    assert json.loads(line) == {"key": "u", **shown, "headers": headers, "timestamp_ms": 5}


@pytest.mark.parametrize("code", ["TOPIC_AUTHORIZATION_FAILED", "_AUTHENTICATION", "_SSL", "_INVALID_ARG"])
def test_what_somebody_must_mend_holds(code: str) -> None:
    """No event is to blame, and another try changes nothing."""
    verdict = _verdict(Answer(None, error=code_of(code)), 5)
    assert (verdict.decision, verdict.reason) == (Decision.HOLD, code_of(code))


@pytest.mark.parametrize(
    "code", ["_TRANSPORT", "_MSG_TIMED_OUT", "NOT_ENOUGH_REPLICAS", "_FATAL", "MSG_SIZE_TOO_LARGE"]
)
def test_an_outage_is_tried_again(code: str) -> None:
    """For ever: a refusal that is about no single message is one of the client's batch."""
    verdict = _verdict(Answer(None, error=code_of(code)), 5)
    assert (verdict.decision, verdict.hold_after) == (Decision.RETRY, 0)


def test_a_missing_topic_holds_when_it_stays_missing() -> None:
    """A broker that has just started may not know it yet."""
    verdict = _verdict(Answer(None, error=code_of("UNKNOWN_TOPIC_OR_PART")), 5)
    assert (verdict.decision, verdict.hold_after) == (Decision.RETRY, 3)


def test_only_what_was_refused_is_a_dead_letter() -> None:
    """All others of the request are in the topic."""
    body = written({3: "MSG_SIZE_TOO_LARGE"})
    some = _verdict(Answer(None, error=WRITTEN, body=body), 5)
    assert (some.decision, some.failed, some.reason) == (Decision.DELIVERED, frozenset({3}), "kafka_msg_size_too_large")
    alone = _verdict(Answer(None, error=WRITTEN, body=written({0: "INVALID_RECORD"})), 1)
    assert (alone.decision, alone.reason) == (Decision.REJECTED, "kafka_invalid_record")
    assert _verdict(Answer(None, error=WRITTEN), 5) == Verdict(Decision.DELIVERED)


def test_any_other_answer_is_tried_again() -> None:
    """Nothing is concluded from what no topic says."""
    assert _verdict(Answer(500), 1).decision is Decision.RETRY
    assert _verdict(Answer(None, error="connect"), 1).decision is Decision.RETRY


def _verdict(answer: Answer, count: int) -> Verdict:
    own: Destination = destination()
    return own.classify(own.endpoints["records"], answer, count, 0, compressed=False)


@pytest.mark.parametrize(
    "settings",
    [
        {"properties": {"acks": "1"}},
        {"properties": {"enable.idempotence": False}},
        {"properties": {"linger.ms": 5}},
        {"properties": {"no.such.property": 5}},
        {"properties": {"sasl.password": "open"}},
        {"key": []},
        {"key": ["userId"]},
        {"key": ["$."]},
        {"topic": "no topic"},
        {"bootstrap_servers": ""},
    ],
)
def test_settings_that_cannot_hold_are_refused(settings: dict[str, Any]) -> None:
    """What order and safety rest on is not to be set."""
    with pytest.raises(ValidationError):
        destination(**settings)


def test_a_target_says_where_it_is() -> None:
    """Without brokers of its own it is on the cluster of events; one shared name makes two clusters one."""
    own = destination()
    assert own.target == Target(own.settings)
    assert own.settings.shares_cluster("a:1")
    other = destination(bootstrap_servers="b:1, A:1").settings
    assert (other.shares_cluster("a:1,c:1"), other.shares_cluster("c:1")) == (True, False)


def test_credentials_in_files_are_read_again(tmp_path: Any) -> None:  # noqa: ANN401 - pytest's path
    """The next client has what the file holds by then."""
    file = tmp_path / "password"
    file.write_text("first")
    own = destination(properties={"sasl.password": {"file": str(file)}, "sasl.username": "u"})
    file.write_text("second")
    own.reload_secrets()
    secret: Any = own.settings.properties["sasl.password"]
    assert secret.reveal() == "second"
