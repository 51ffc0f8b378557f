"""A webhook's requests: what is sent, in which form, signed how, in which order."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from processor.config.secret import PLAIN_SECRETS
from processor.destinations import vector_result
from processor.destinations.plan import DEFAULT, Plan
from processor.destinations.webhook.destination import WebhookDestination
from processor.destinations.webhook.settings import WebhookSettings
from processor.mapping import SubscriptionSettings
from processor.model import Mapped, Record
from tests.golden_cases import NOW, RECORD, payload_schema

NOW_MS = 1_773_576_000_250
EVENT = {"type": "track", "event": "Opened", "userId": "u1", "messageId": "m1", "properties": {"a": [1, 2.5, None]}}


def _destination(**settings: Any) -> WebhookDestination:  # noqa: ANN401 - plain settings
    """Return a destination with these settings."""
    given = {"url": "https://hooks.shop.example/in"} | settings
    return WebhookDestination.create("w", WebhookSettings.model_validate(given, context={PLAIN_SECRETS: True}))


def _mapped(event: Any, mapping: dict[str, Any] | None = None, **settings: Any) -> Mapped:  # noqa: ANN401 - any JSON value
    """Return what an event comes to, by the presets or by a mapping."""
    own = {"name": "a", "trigger": 'type != "x"', "action": "send", "use_defaults": False, "mapping": mapping}
    listed = [SubscriptionSettings.model_validate(own)] if mapping is not None else ()
    return Plan.compile(_destination(**settings), listed or DEFAULT).map(event, Record("t", 3, 7, NOW_MS), NOW_MS)


def _lanes(event: dict[str, Any], **settings: Any) -> tuple[str, ...]:  # noqa: ANN401 - plain settings
    """Return what an event stays in order with."""
    (payload,) = _mapped({"type": "track"} | event, **settings).payloads
    return payload.lanes


@pytest.mark.parametrize("kind", ["track", "page", "screen", "identify", "group", "alias", "delete"])
def test_every_call_is_sent_as_it_is(kind: str) -> None:
    """Nothing is added, left out or converted, whatever the call."""
    event = EVENT | {"type": kind, "context": {"deep": [{"é": "\u2028"}]}, "own": 10**30}
    (payload,) = _mapped(event).payloads
    assert json.loads(payload.body) == event
    payload_schema("webhook", "hook").validate(json.loads(payload.body))


def test_what_a_mapping_makes_is_sent() -> None:
    """Any object, and nothing of the event beside it."""
    mapping = {"data": {"id": {"@path": "$.messageId"}, "what": {"@template": "{{event}}!"}, "list": [1]}}
    (payload,) = _mapped(EVENT, mapping).payloads
    assert json.loads(payload.body) == {"id": "m1", "what": "Opened!", "list": [1]}


@pytest.mark.parametrize("data", [{"@path": "$.event"}, {"@path": "$.nowhere"}, {"@path": "$.properties.a"}])
def test_what_is_no_object_is_refused(data: dict[str, Any]) -> None:
    """A text, nothing, and a list."""
    (rejected,) = _mapped(EVENT, {"data": data}).rejected
    assert rejected.reason == "data_not_object"


def test_a_number_that_json_does_not_know_is_refused() -> None:
    """Sent as null it would change data without a trace."""
    assert [one.reason for one in _mapped(EVENT | {"n": math.inf}).rejected] == ["mapping_failed"]


def _nested(depth: int) -> Any:  # noqa: ANN401 - any JSON value
    """Return a list in a list in a list."""
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ([], "not_an_object"),
        ({}, "missing_type"),
        ({"type": 7}, "missing_type"),
        ({"type": "other"}, "unknown_type"),
        ({"type": "track", "deep": _nested(100_000)}, "mapping_failed"),
        ({"type": "track", "n": 10**5000}, "mapping_failed"),
        ({"type": "track", "pad": "x" * 500_000}, "event_too_large"),
        ({"type": "track", "userId": None, "timestamp": "no time", "context": 5}, ""),
        ({"type": "track", "userId": {}, "anonymousId": []}, ""),
        ({"type": "track", "half": "\ud83d", "\udc00": 1}, ""),
        ({"type": "track"} | {f"key {number}": number for number in range(10_000)}, ""),
    ],
)
def test_bad_input_ends_as_its_code_and_spares_its_neighbours(event: Any, reason: str) -> None:  # noqa: ANN401 - any JSON value
    """What JSON can carry is sent, whatever it means; the rest is a dead letter, and events beside it are sent."""
    plan = Plan.compile(_destination(), DEFAULT)
    records = [(Record("t", 3, offset, NOW_MS), value) for offset, value in enumerate((EVENT, event, EVENT))]
    before, mapped, after = plan.map_all(records, NOW_MS)
    assert [one.reason for one in mapped.rejected] == ([reason] if reason else [])
    assert len(mapped.payloads) == (not reason)
    assert [len(one.payloads) for one in (before, after)] == [1, 1]


@pytest.mark.parametrize(("wrapper", "body"), [(None, "array"), (None, "single"), ("événements", "array")])
def test_an_event_that_alone_is_too_large_is_refused(wrapper: str | None, body: str) -> None:
    """One that just fits a request is sent, and the request is exactly as large as allowed; a byte more is too many."""
    settings: dict[str, Any] = {"max_request_bytes": 1000, "wrapper": wrapper, "body": body}
    destination = _destination(**settings)
    join = destination.endpoints["hook"].envelope.join
    (bare,) = _mapped({"type": "track", "pad": ""}, **settings).payloads
    room = 1000 - len(join([bare.body], NOW_MS))

    (payload,) = _mapped({"type": "track", "pad": "x" * room}, **settings).payloads
    assert len(join([payload.body], NOW_MS)) == 1000
    (rejected,) = _mapped({"type": "track", "pad": "x" * (room + 1)}, **settings).rejected
    assert rejected.reason == "event_too_large"


@pytest.mark.parametrize(
    ("settings", "body"),
    [
        ({}, [{"n": 1}, {"n": 2}]),
        ({"wrapper": "batch"}, {"batch": [{"n": 1}, {"n": 2}]}),
        ({"wrapper": 'a "b"'}, {'a "b"': [{"n": 1}, {"n": 2}]}),
        ({"body": "single"}, {"n": 1}),
        ({"body": "single", "wrapper": "event"}, {"event": {"n": 1}}),
    ],
)
def test_bodies_have_the_shape_of_the_settings(settings: dict[str, Any], body: Any) -> None:  # noqa: ANN401 - any JSON value
    """Arrays of as many as may be in one, single objects, and either in a member of an object."""
    endpoint = _destination(**settings).endpoints["hook"]
    bodies = [b'{"n":1}', b'{"n":2}'][: endpoint.max_batch_count]
    joined = endpoint.envelope.join(bodies, NOW_MS)
    assert json.loads(joined) == body
    assert len(joined) == endpoint.envelope.body_bytes(len(bodies), sum(map(len, bodies)))
    assert endpoint.is_single is ("single" in settings.values())


def test_the_endpoint_is_that_of_the_settings() -> None:
    """Address, method and limits; an event that goes alone waits for no others."""
    settings = {"batch_size": 7, "flush_interval_ms": 5, "max_request_bytes": 2000}
    endpoint = _destination(method="PUT", gzip=True, **settings).endpoints["hook"]
    assert (endpoint.url, endpoint.method) == ("https://hooks.shop.example/in", "PUT")
    assert (endpoint.max_batch_count, endpoint.max_wait_ms, endpoint.max_body_bytes) == (7, 5, 2000)
    assert endpoint.gzip
    single = _destination(body="single").endpoints["hook"]
    assert (single.max_batch_count, single.max_wait_ms) == (1, 0)


def _headers(destination: WebhookDestination, body: bytes = b"[{}]") -> dict[str, str]:
    """Return the headers of an attempt."""
    return destination.headers(destination.endpoints["hook"], body, NOW_MS)


def test_headers_are_ours_and_those_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A header of the settings takes the place of ours, however it is spelled."""
    assert _headers(_destination())["User-Agent"].startswith("segment-bridge/")
    assert _headers(_destination())["Content-Type"] == "application/json"
    monkeypatch.setenv("TOKEN", "Bearer t")
    headers = {"content-type": "application/vnd.shop+json", "Authorization": {"env": "TOKEN"}, "X-A": "b"}
    own = _headers(_destination(headers=headers))
    assert own.pop("User-Agent")
    assert own == {"content-type": "application/vnd.shop+json", "Authorization": "Bearer t", "X-A": "b"}


BODY = '[{"event":"Öffnen"}]'.encode()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ("X-Signature", hmac.new(b"k", BODY, hashlib.sha256).hexdigest())),
        ({"algorithm": "sha1"}, ("X-Signature", hmac.new(b"k", BODY, hashlib.sha1).hexdigest())),
        (
            {"header": "X-Hub-Signature-256", "prefix": "sha256="},
            ("X-Hub-Signature-256", "sha256=" + hmac.new(b"k", BODY, hashlib.sha256).hexdigest()),
        ),
    ],
)
def test_the_body_is_signed(settings: dict[str, Any], expected: tuple[str, str]) -> None:
    """As receivers check it that were made for Segment's webhooks or for those of code hosts."""
    name, value = expected
    assert _headers(_destination(signature={"secret": "k"} | settings), BODY)[name] == value


def test_a_known_signature_comes_out() -> None:
    """The second test case of RFC 4231, which this code has not made."""
    destination = _destination(signature={"secret": "Jefe"})
    assert _headers(destination, b"what do ya want for nothing?")["X-Signature"] == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_the_time_can_be_signed_with_the_body() -> None:
    """In whole seconds, so that a receiver can refuse a request that somebody repeats later."""
    signature = {"secret": "ключ", "timestamp_header": "X-Time", "encoding": "base64", "algorithm": "sha512"}
    headers = _headers(_destination(signature=signature), BODY)
    assert headers["X-Time"] == str(NOW_MS // 1000)
    assert b64decode(headers["X-Signature"]) == hmac.digest(
        "ключ".encode(), headers["X-Time"].encode() + b"." + BODY, hashlib.sha512
    )


def test_rotated_secrets_are_read_again(tmp_path: Path) -> None:
    """Those of headers and of the signature; nothing shows them."""
    header, secret = tmp_path / "header", tmp_path / "secret"
    header.write_text("first")
    secret.write_text("k1")
    destination = _destination(
        headers={"X-Token": {"file": str(header)}, "X-A": "b"}, signature={"secret": {"file": str(secret)}}
    )
    header.write_text("second")
    secret.write_text("k2")
    destination.reload_secrets()
    headers = _headers(destination, BODY)
    assert headers["X-Token"] == "second"
    assert headers["X-Signature"] == hmac.new(b"k2", BODY, hashlib.sha256).hexdigest()
    assert "second" not in repr(destination.settings)
    unsigned = _destination()
    unsigned.reload_secrets()
    assert "X-Signature" not in _headers(unsigned)


@pytest.mark.parametrize(
    ("event", "lanes"),
    [
        ({"userId": "u", "anonymousId": "a"}, ("u",)),
        ({"userId": 7, "anonymousId": "a"}, ("7",)),
        ({"userId": " ", "anonymousId": "a"}, ("a",)),
        ({"anonymousId": "a", "previousId": "p"}, ("a",)),
        ({}, ("kafka:t:3:7",)),
        ({"type": "alias", "userId": "u", "previousId": "p"}, ("u", "p")),
        ({"type": "alias", "userId": "u", "previousId": "u"}, ("u",)),
        ({"type": "alias", "userId": "u", "previousId": None}, ("u",)),
    ],
)
def test_a_users_events_stay_in_order(event: dict[str, Any], lanes: tuple[str, ...]) -> None:
    """By the user, else the visitor; an alias with both of its identities; an event of nobody with none."""
    assert _lanes(event) == lanes


@pytest.mark.parametrize(
    ("context", "lanes"),
    [({"groupId": "g"}, ("g",)), ({"groupId": 5}, ("5",)), ({"groupId": {}}, ("u",)), ("none", ("u",)), (None, ("u",))],
)
def test_a_path_can_say_what_stays_in_order(context: object, lanes: tuple[str, ...]) -> None:
    """Where an event has nothing there, its user does."""
    assert _lanes({"userId": "u", "context": context}, lane_path="$.context.groupId") == lanes


def test_golden_forms() -> None:
    """What is sent, why an event is a dead letter, and why nothing is sent."""

    def result(event: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
        return vector_result("webhook", event, {"url": "https://hooks.shop.example/in"}, RECORD, NOW)

    assert result(EVENT) == {"sent": [EVENT], "warnings": []}
    assert result([]) == {"dead_letter": "not_an_object", "warnings": []}
    assert result(EVENT | {"type": "other"})["dead_letter"] == "unknown_type"
    assert result(EVENT | {"integrations": {"Webhooks": False}})["dropped"] == "integration_disabled"
    assert result(EVENT | {"type": " Track "})["sent"] == [EVENT]
