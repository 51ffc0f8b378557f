"""The public entries for golden cases."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest
from pydantic import ValidationError

from processor.destinations import classify, request_for, vector_result
from processor.destinations.golden import _in_words
from processor.errors import ConfigError, MappingError
from processor.model import Decision, Verdict
from tests.golden_cases import NOW, RECORD, REQUIRED

KEY = REQUIRED["moesif"]


def test_result_has_the_vendors_form_and_warnings() -> None:
    """One event gives the golden form, with the warnings of all its payloads."""
    event = {"type": "group", "groupId": "org-7", "userId": "u-501", "context": {"ip": "here"}}

    result = vector_result("moesif", event, KEY, RECORD, NOW)

    assert [list(operation) for operation in result["ops"]] == [["company"], ["user"]]
    assert sorted(result["warnings"]) == ["bad_ip", "timestamp_from_record"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"response": {"status": 413}, "events": 9}, {"decision": "split", "sizes": [5, 4]}),
        ({"response": {"status": 413}, "events": 1}, {"decision": "dead_letter", "reason": "http_413"}),
        ({"response": {"status": 400}, "elements": 2}, {"decision": "bisect"}),
        ({"response": {"status": 429, "headers": {"Retry-After": "12"}}}, {"decision": "wait", "seconds": 12.0}),
        ({"response": {"error": "timeout"}}, {"decision": "backoff", "same_ids": True}),
        ({"response": {"error": "connect"}}, {"decision": "backoff"}),
        ({"response": {"status": 401, "body": {"message": "no"}}, "endpoint": "users/batch"}, {"decision": "stop"}),
        ({"response": {"status": 415, "body": "?"}, "request": {"gzip": True}}, {"decision": "resend_plain"}),
        ({"response": {"status": 201}, "endpoint": "any"}, {"decision": "success"}),
        ({"response": {"status": 503}, "endpoint": "companies"}, {"decision": "backoff"}),
    ],
)
def test_answers_in_words(line: dict[str, Any], expected: dict[str, Any]) -> None:
    """A verdict is told in the words of the golden cases."""
    assert classify("moesif", KEY, line, NOW) == expected


def test_pause_between_probes_is_told() -> None:
    """Where a vendor's contract names it, the words say how often to probe."""
    assert _in_words(Verdict(Decision.HOLD, probe_s=300.0), 8) == {"decision": "stop", "probe_seconds": 300.0}


def test_clock_must_be_readable() -> None:
    """A case with a broken clock is an error of the case, not a wrong result."""
    with pytest.raises(ValueError, match="not an ISO 8601 time"):
        vector_result("moesif", {}, KEY, RECORD, "noon")


PASTED: dict[str, Any] = {
    "partnerAction": "trackEvent",
    "subscribe": 'type = "track"',
    "mapping": {"type": {"@path": "$.type"}, "event": {"@path": "$.event"}, "userId": {"@path": "$.userId"}},
}
TRACK = {"type": "track", "event": "Seat Chosen", "userId": "rider-1"}
MOENGAGE = REQUIRED["moengage"]


def _request(
    settings: dict[str, Any] | None = None,
    subscription: dict[str, Any] | None = None,
    **event: Any,  # noqa: ANN401 - any JSON value
) -> dict[str, Any] | None:
    """Return the request that a pasted subscription makes of a track with these fields."""
    return request_for("moengage", MOENGAGE | (settings or {}), PASTED | (subscription or {}), TRACK | event, NOW)


def test_request_is_the_one_that_is_sent() -> None:
    """Method, address, headers with the key, and body are those of the vendor's endpoint."""
    request = _request()

    assert request is not None
    assert (request["method"], request["headers"]["Content-Type"]) == ("POST", "application/json")
    assert b64decode(request["headers"]["Authorization"].removeprefix("Basic ")) == b"WKSPACE7EXAMPLE:example-key"
    assert request["url"] == "https://api-03.moengage.com/v1/integrations/segment?appId=WKSPACE7EXAMPLE"
    assert request["body"]["user_id"] == "rider-1"


def test_requests_of_settings_that_choose() -> None:
    """Settings that say how to send are ours and taken as they are, whatever the vendor."""
    classic = _request({"profile": "classic"}, {"mapping": {**PASTED["mapping"], "properties": {"aB": 1}}})
    private = _request({"mode": "segment_private"}, userId="guest")
    moveo = request_for(
        "moveo",
        REQUIRED["moveo"],
        {"trigger": 'type = "track"', "action": "track", "use_defaults": True},
        TRACK | {"timestamp": NOW, "messageId": "m-1"},
    )

    assert classic is not None
    assert classic["url"].endswith("/v1/transition/WKSPACE7EXAMPLE")
    assert classic["body"]["elements"][0]["actions"][0]["attributes"] == {"a_b": 1}
    assert private is None
    assert moveo is not None
    assert moveo["body"]["events"]


def test_settings_of_segment_are_read_as_segment_reads_them() -> None:
    """Numbers are the texts that they spell, and what is no setting of the destination is not looked at."""
    request = _request({"api_id": 12, "region": ["DC_02"], "subscriptions": [PASTED]})

    assert request is not None
    assert request["url"] == "https://api-02.moengage.com/v1/integrations/segment?appId=12"


@pytest.mark.parametrize(
    "subscription",
    [
        {"subscribe": None},
        {"subscribe": "type ="},
        {"subscribe": 'type = "page"'},
        {"partnerAction": "nope"},
    ],
)
def test_nothing_is_sent_without_an_error(subscription: dict[str, Any]) -> None:
    """A trigger that is none or takes other events, and an unknown action, send nothing and are no error."""
    assert _request(None, subscription) is None


def test_what_segment_does_not_look_at_counts_for_nothing() -> None:
    """A switch that Segment has not, and mappings for fields that the action has not, change nothing."""
    odd = {"enabled": False, "mapping": {**PASTED["mapping"], "enable_batching": True}}

    assert _request(None, odd) == _request()


@pytest.mark.parametrize(
    ("subscription", "event", "error"),
    [
        ({"subscribe": 'type = "track" and ()'}, {}, MappingError),
        ({"mapping": {"type": "track"}}, {}, ConfigError),
        ({"mapping": {**PASTED["mapping"], "event": {"@path": 5}}}, {}, ValidationError),
        ({}, {"userId": []}, MappingError),
        ({}, {"event": None}, MappingError),
    ],
)
def test_failures_are_errors(subscription: dict[str, Any], event: dict[str, Any], error: type[Exception]) -> None:
    """A trigger or mapping that fails, and an event that is refused, are errors as in the pipeline."""
    with pytest.raises(error):
        _request(None, subscription, **event)


def test_gates_of_the_settings_stand_before_a_request() -> None:
    """What the gates skip is not sent, as in the pipeline; Segment asks for `integrations` before its destination."""
    event = {"integrations": {"MoEngage": False}}

    assert _request(**event) == _request()
    assert _request({"respect_integrations": True}, **event) is None
    assert _request({"profile": "actions"}, **event) is None
