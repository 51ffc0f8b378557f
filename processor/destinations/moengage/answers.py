"""What MoEngage's answers mean.

Source: the contract, section 6. A success says that MoEngage has taken the request, not that it kept every element:
results per element exist nowhere. Which element is to blame for a refusal is found by halves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from processor.destinations.answers import default_verdict, hold, refuse, retry, retry_after_s
from processor.destinations.base import Backoff
from processor.destinations.moengage.payloads import DELETE, SEGMENT
from processor.model import Answer, Decision, Verdict

BACKOFF: Final = Backoff(base_s=2.0, factor=2.0, cap_s=60.0, jitter="full")

UNREADABLE_ANSWER: Final = "unreadable_answer"
"""A warning beside a success whose body does not say so."""

_OUR_FAULT: Final = frozenset({"missing header value", "invalidparams", "paramsrequired", "blacklisted"})
"""Refusals of the sender: no element is to blame, and every further request would be refused alike."""
_ELEMENT_FAULT: Final = frozenset(
    {
        "missingattributeerror",
        "attributeerror",
        "arrayfielderror",
        "valueerror",
        "typeerror",
        "malformed json",
        "body type is not json",
        "empty request body",
    }
)
_NOT_FOUND: Final = "not found"
_SUSPENDED_FOR_A_WHILE: Final = "account temporarily suspended"
_SUSPENDED: Final = frozenset({"account suspended", "blockedclient"})

_PROBE_S: Final = 60.0
_PROBE_AFTER_A_WHILE_S: Final = 300.0
_PROBE_SUSPENDED_S: Final = 600.0
_MISSING_ROUTE_ATTEMPTS: Final = 5
"""Attempts at a route that is not there, before that is believed: a load balancer says so too, for a moment."""

_SUCCESSES: Final = range(200, 300)
_BAD_REQUEST: Final = 400

_REQUEST_ID: Final = re.compile(r"[\w.:-]{1,100}", re.ASCII)

_FIRST_EPOCH: Final = 10**9
"""`x-ratelimit-reset` above this is a time, below it a number of seconds: MoEngage's pages say either."""
_NUMBER: Final = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,9})?", re.ASCII)


def classify(endpoint: str, answer: Answer, count: int, now_ms: int, *, compressed: bool) -> Verdict:
    """Return what an answer to a request of `count` payloads means."""
    if answer.status is not None and answer.status in _SUCCESSES:
        return _accepted(endpoint, answer, count)
    if answer.headers.get("x-envoy-ratelimited", "").lower() == "true":
        return _throttled(answer, now_ms)
    if answer.status == _BAD_REQUEST:
        return _refused(endpoint, answer, count)
    rule = _RULES.get(answer.status)
    if rule is not None:
        return rule(answer, now_ms)
    if answer.status in _OTHER_REFUSALS:
        return refuse(answer.status, count)
    return default_verdict(answer, count, now_ms, BACKOFF, compressed=compressed)


def _unauthorised(answer: Answer, now_ms: int) -> Verdict:  # noqa: ARG001 - rules have one form
    return hold(answer, probe_s=_PROBE_S)


def _forbidden(answer: Answer, now_ms: int) -> Verdict:  # noqa: ARG001 - rules have one form
    """Hold, and probe as often as the kind of suspension makes sense."""
    hints = _hints(answer)
    if _SUSPENDED_FOR_A_WHILE in hints:
        return hold(answer, probe_s=_PROBE_AFTER_A_WHILE_S)
    return hold(answer, probe_s=None if _SUSPENDED.isdisjoint(hints) else _PROBE_SUSPENDED_S)


def _missing_route(answer: Answer, now_ms: int) -> Verdict:  # noqa: ARG001 - rules have one form
    """Try again a few times, then hold: the path is wrong, or a load balancer was for a moment."""
    return Verdict(Decision.RETRY, reason=f"http_{answer.status}", hold_after=_MISSING_ROUTE_ATTEMPTS)


def _conflict(answer: Answer, now_ms: int) -> Verdict:  # noqa: ARG001 - rules have one form
    return hold(answer)


def _later(answer: Answer, now_ms: int) -> Verdict:
    return retry(answer, now_ms, BACKOFF)


def _accepted(endpoint: str, answer: Answer, count: int) -> Verdict:
    """Return the verdict on an answer of success; its body may still say otherwise."""
    status = _word(_body(answer).get("status"))
    if status == "fail":
        return _refused(endpoint, answer, count)
    # What Segment's endpoint answers is documented nowhere; Segment's own tests take an empty object for success.
    if status == "success" or endpoint == SEGMENT:
        return Verdict(Decision.DELIVERED, message=_request_id(answer))
    return Verdict(Decision.DELIVERED, reason=UNREADABLE_ANSWER, message="the answer does not say success")


def _request_id(answer: Answer) -> str:
    """Return the id by which MoEngage's support finds a request, empty where the answer names none."""
    found = _body(answer).get("request_id")
    return f"request_id {found}" if isinstance(found, str) and _REQUEST_ID.fullmatch(found) else ""


def _refused(endpoint: str, answer: Answer, count: int) -> Verdict:
    """Return the verdict on a refusal by its kind: ours, of one element, or of something that is gone already."""
    hints = _hints(answer)
    kind = next((hint for hint in hints if hint in _OUR_FAULT or hint in _ELEMENT_FAULT or hint == _NOT_FOUND), "")
    if kind in _OUR_FAULT:
        return Verdict(Decision.HOLD, reason="http_400", message=f"status {answer.status}: {kind}")
    if kind == _NOT_FOUND and endpoint == DELETE:
        return Verdict(Decision.DELIVERED, reason="not_found", message="the user to delete is unknown")
    return refuse(400, count)


def _throttled(answer: Answer, now_ms: int) -> Verdict:
    """Return the verdict that the whole destination pauses, for as long as the longest of the answer's figures says.

    Whatever its status: the proxy in front of MoEngage says by a header that it was the limit.
    """
    waits = (_reset_s(answer.headers, now_ms), retry_after_s(answer.headers, now_ms, BACKOFF))
    return Verdict(
        Decision.RETRY,
        reason=f"http_{answer.status}",
        is_throttled=True,
        wait_s=max((wait for wait in waits if wait is not None), default=None),
    )


def _reset_s(headers: Mapping[str, str], now_ms: int) -> float | None:
    """Return the seconds until the rate limit is lifted, None when the answer does not say or it is lifted already."""
    written = headers.get("x-ratelimit-reset", "").strip()
    if _NUMBER.fullmatch(written) is None:
        return None
    seconds = float(written)
    if seconds > _FIRST_EPOCH:
        seconds -= now_ms / 1000
    return min(seconds, BACKOFF.max_retry_after_s) if seconds > 0 else None


def _body(answer: Answer) -> dict[str, Any]:
    """Return the body of an answer, an empty object when it is anything else."""
    try:
        body = msgspec.json.decode(answer.body)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _hints(answer: Answer) -> tuple[str, ...]:
    """Return what the body gives as the reason, in lower case, the most exact first.

    Bodies have three shapes: `error` with type and message, `error` as text, and `title` with a description.
    """
    body = _body(answer)
    error = body.get("error")
    inside = error if isinstance(error, dict) else {"type": error}
    found = (inside.get("type"), inside.get("message"), body.get("message"), body.get("title"), body.get("description"))
    return tuple(word for value in found if (word := _word(value)))


def _word(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a text for comparison, empty for anything else."""
    return value.strip().lower() if isinstance(value, str) else ""


_RULES: Final[dict[int | None, Callable[[Answer, int], Verdict]]] = {
    401: _unauthorised,
    403: _forbidden,
    404: _missing_route,
    405: _missing_route,
    409: _conflict,
    423: _later,
    429: _throttled,
}
"""423 is retried as Segment does; MoEngage documents none."""
_BY_DEFAULT: Final = frozenset({407, 408, 413, 415})
"""Refusals that mean here what they mean everywhere."""
_OTHER_REFUSALS: Final = frozenset(range(401, 500)) - _RULES.keys() - _BY_DEFAULT
