"""What MoEngage's answers mean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from processor.destinations.moengage.answers import BACKOFF, UNREADABLE_ANSWER, classify
from processor.model import Answer, Decision, Verdict

NOW_MS = 1_773_576_000_000
FAIL = {"status": "fail"}


def _verdict(
    status: int | None,
    body: Any = "",  # noqa: ANN401 - any JSON value
    *,
    endpoint: str = "bulk",
    count: int = 8,
    headers: dict[str, str] | None = None,
    compressed: bool = False,
) -> Verdict:
    """Return the verdict on an answer."""
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    answer = Answer(status, {} if headers is None else headers, content, error="" if status else "timeout")
    return classify(endpoint, answer, count, NOW_MS, compressed=compressed)


def _error(kind: str, message: str = "") -> dict[str, Any]:
    """Return the usual body of a refusal."""
    return FAIL | {"error": {"type": kind, "message": message, "request_id": "rq-1"}}


@pytest.mark.parametrize(
    ("endpoint", "body", "reason"),
    [
        ("bulk", {"status": "success"}, ""),
        ("bulk", {"status": "Success"}, ""),
        ("merge", {"status": "success", "operation": "created"}, ""),
        ("segment", {}, ""),
        ("segment", "", ""),
        ("bulk", {}, UNREADABLE_ANSWER),
        ("bulk", "<html>", UNREADABLE_ANSWER),
        ("bulk", ["success"], UNREADABLE_ANSWER),
        ("bulk", "[" * 100_000, UNREADABLE_ANSWER),
    ],
)
def test_success_says_so_or_is_noted(endpoint: str, body: Any, reason: str) -> None:  # noqa: ANN401 - any JSON value
    """An accepted request is delivered; a body that does not say success is noted where one is documented."""
    verdict = _verdict(200, body, endpoint=endpoint)

    assert (verdict.decision, verdict.reason) == (Decision.DELIVERED, reason)


@pytest.mark.parametrize(
    ("request_id", "message"),
    [("rq-1", "request_id rq-1"), (None, ""), (7, ""), ("two words", ""), ("x" * 101, "")],
)
def test_success_names_the_request(request_id: Any, message: str) -> None:  # noqa: ANN401 - any JSON value
    """The id by which MoEngage's support finds a request goes to the log, if it is one that a log can take."""
    assert _verdict(200, {"status": "success", "request_id": request_id}).message == message


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    ("body", "several", "single"),
    [
        (_error("AttributeError", "Blacklisted name"), Decision.BISECT, Decision.REJECTED),
        (_error("Malformed JSON"), Decision.BISECT, Decision.REJECTED),
        (_error("Something new"), Decision.BISECT, Decision.REJECTED),
        (_error("Not Found"), Decision.BISECT, Decision.REJECTED),
        (_error("missing header value"), Decision.HOLD, Decision.HOLD),
        (_error("InvalidParams"), Decision.HOLD, Decision.HOLD),
        (_error("BadRequest", "ParamsRequired"), Decision.HOLD, Decision.HOLD),
        (FAIL | {"error": "Blacklisted"}, Decision.HOLD, Decision.HOLD),
        (FAIL | {"title": "Blacklisted", "description": "x"}, Decision.HOLD, Decision.HOLD),
        (FAIL | {"error": {"type": 5, "message": None}}, Decision.BISECT, Decision.REJECTED),
    ],
)
def test_refusal_is_read_by_its_kind(status: int, body: dict[str, Any], several: Decision, single: Decision) -> None:
    """A refusal of one element is searched for by halves, one of the sender holds; with status 200 as with 400."""
    assert _verdict(status, body).decision is several
    alone = _verdict(status, body, count=1)
    assert (alone.decision, alone.reason) == (single, "http_400")


def test_deleting_an_unknown_user_is_done() -> None:
    """A user that MoEngage does not know needs no deleting."""
    assert _verdict(400, _error("Not Found"), endpoint="delete", count=1).decision is Decision.DELIVERED


@pytest.mark.parametrize(
    ("status", "body", "probe_s"),
    [
        (302, "", None),
        (401, "", 60.0),
        (403, _error("Account Suspended"), 600.0),
        (403, _error("BlockedClient"), 600.0),
        (403, _error("Account Temporarily Suspended"), 300.0),
        (403, {"error": "IP Validation Required", "message": "x"}, None),
        (403, "", None),
        (407, "", None),
        (409, _error("Conflict"), None),
        (415, _error("MediaTypeError"), None),
    ],
)
def test_what_no_event_is_to_blame_for_holds(status: int, body: Any, probe_s: float | None) -> None:  # noqa: ANN401 - any JSON value
    """Key, account, address and configuration hold the destination, and are probed as often as makes sense."""
    verdict = _verdict(status, body, count=1)

    assert (verdict.decision, verdict.probe_s) == (Decision.HOLD, probe_s)


@pytest.mark.parametrize("status", [404, 405])
def test_missing_route_is_tried_again_before_it_holds(status: int) -> None:
    """A load balancer may say for a moment that the route is not there; a wrong path says so for ever."""
    verdict = _verdict(status, count=1)

    assert verdict.decision is Decision.RETRY
    assert verdict.hold_after > 1


@pytest.mark.parametrize("status", [None, 408, 423, 500, 501, 503])
def test_passing_trouble_is_retried(status: int | None) -> None:
    """No answer and server errors are no fault of the events."""
    verdict = _verdict(status, {"title": "Internal", "description": "x"}, count=1)

    assert (verdict.decision, verdict.wait_s, verdict.hold_after) == (Decision.RETRY, None, 0)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"x-ratelimit-reset": "17"}, 17.0),
        ({"x-ratelimit-reset": "17.5"}, 17.5),
        ({"x-ratelimit-reset": str(NOW_MS // 1000 + 42)}, 42.0),
        ({"x-ratelimit-reset": str(NOW_MS // 1000 - 42)}, None),
        ({"x-ratelimit-reset": "0"}, None),
        ({"x-ratelimit-reset": "soon"}, None),
        ({"x-ratelimit-reset": "\u0661\u0667"}, None),
        ({"x-ratelimit-reset": "999999"}, BACKOFF.max_retry_after_s),
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": "30", "x-ratelimit-reset": "17"}, 30.0),
        ({"retry-after": "3", "x-ratelimit-reset": "17"}, 17.0),
    ],
)
def test_throttling_waits_as_long_as_it_is_told(headers: dict[str, str], wait_s: float | None) -> None:
    """The pause is the longest that the answer names, in either unit of the reset header; without one we back off."""
    verdict = _verdict(429, _error("RateLimitError"), headers=headers)

    assert (verdict.decision, verdict.wait_s) == (Decision.RETRY, wait_s)


def test_envoy_throttles_under_any_status() -> None:
    """The proxy in front of MoEngage says by a header that it was the limit, for a time that it may name or not."""
    timed = _verdict(503, headers={"x-envoy-ratelimited": "True", "x-ratelimit-reset": "9"})
    assert (timed.is_throttled, timed.wait_s) == (True, 9.0)
    for status in (400, 403, 503):
        untimed = _verdict(status, headers={"x-envoy-ratelimited": "true"})
        assert (untimed.decision, untimed.is_throttled, untimed.wait_s) == (Decision.RETRY, True, None)
    assert not _verdict(503, headers={"x-envoy-ratelimited": "false"}).is_throttled


def test_too_large_is_split_and_a_single_one_refused() -> None:
    """A request that is too large is halved; an element that is too large alone is a dead letter."""
    assert _verdict(413).decision is Decision.SPLIT
    assert _verdict(413, count=1) == Verdict(Decision.REJECTED, "http_413")


def test_compression_that_is_refused_is_left_off() -> None:
    """A refused media type of a compressed request is answered by sending it plainly."""
    assert _verdict(415, compressed=True).decision is Decision.RESEND_PLAIN


@pytest.mark.parametrize("status", [402, 406, 410, 418, 422, 451])
def test_other_refusals_are_of_an_element(status: int) -> None:
    """Any other refusal is permanent: searched for among several, a dead letter alone."""
    assert _verdict(status).decision is Decision.BISECT
    assert _verdict(status, count=1) == Verdict(Decision.REJECTED, f"http_{status}")
