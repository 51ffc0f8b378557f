"""What the outcome of writing messages means: a bad message told from a topic, a right or a broker that is missing."""

from __future__ import annotations

from typing import Final

import msgspec

from processor.destinations.target import WRITTEN, code_of
from processor.model import Answer, Decision, Verdict

MISSING_ATTEMPTS: Final = 3
"""A topic is missing for good only when it was so often: after a broker's start it may be unknown for a moment."""

_MISSING: Final = frozenset(map(code_of, ("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION")))
_FORBIDDEN: Final = frozenset(
    map(
        code_of,
        (
            "TOPIC_AUTHORIZATION_FAILED",
            "CLUSTER_AUTHORIZATION_FAILED",
            "SASL_AUTHENTICATION_FAILED",
            "_AUTHENTICATION",
            "_SSL",
            "SECURITY_DISABLED",
            "UNSUPPORTED_SASL_MECHANISM",
            "ILLEGAL_SASL_STATE",
            "TOPIC_EXCEPTION",
            "POLICY_VIOLATION",
            "INVALID_REQUIRED_ACKS",
            "UNSUPPORTED_VERSION",
            "UNSUPPORTED_FOR_MESSAGE_FORMAT",
            "_UNSUPPORTED_FEATURE",
            "_INVALID_ARG",
        ),
    )
)
"""Answers that another try does not change and no event is to blame for: somebody must act."""

_DELIVERED: Final = Verdict(Decision.DELIVERED)


def classify(answer: Answer, count: int) -> Verdict:
    """Return what the outcome of a request of `count` messages means."""
    code = answer.error or f"http_{answer.status}"
    if code == WRITTEN:
        return _written(answer.body, count)
    message = f"the topic cannot be written: {code}"
    if code in _FORBIDDEN:
        return Verdict(Decision.HOLD, reason=code, message=message)
    return Verdict(Decision.RETRY, reason=code, hold_after=MISSING_ATTEMPTS if code in _MISSING else 0, message=message)


def _written(body: bytes, count: int) -> Verdict:
    """Return what follows from messages that were refused while all others are in the topic."""
    refused = {} if not body else msgspec.json.decode(body, type=dict[int, str])
    if not refused:
        return _DELIVERED
    reason = code_of(refused[min(refused)])
    message = "the topic does not take this message"
    if count == 1:
        return Verdict(Decision.REJECTED, reason=reason, message=message)
    return Verdict(Decision.DELIVERED, reason=reason, failed=frozenset(refused), message=message)
