"""What a receiver's answers mean: the settings' rule of success, and for the rest the table that all vendors share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from processor.destinations.answers import default_verdict, hold, refuse
from processor.destinations.base import Backoff
from processor.destinations.webhook.settings import WebhookSettings
from processor.mapping.paths import walk
from processor.model import Answer, Decision, Verdict

_SUCCESSES: Final = frozenset(range(200, 300))
_DELIVERED: Final = Verdict(Decision.DELIVERED)


@dataclass(frozen=True, slots=True)
class SuccessRule:
    """By which statuses, and by which member of the answer, a receiver says that it has a request's events."""

    statuses: frozenset[int]
    member: tuple[str, ...] | None
    shows_address: bool
    """Whether a message may name where a receiver redirects to: often the same address, which may hold a key."""

    @classmethod
    def of(cls, settings: WebhookSettings) -> SuccessRule:
        """Return the rule of the settings."""
        statuses = frozenset(settings.success_statuses) or _SUCCESSES
        return cls(statuses, settings.success_keys, isinstance(settings.url, str))


def classify(
    rule: SuccessRule, answer: Answer, count: int, now_ms: int, backoff: Backoff, *, compressed: bool
) -> Verdict:
    """Return what an answer to a request of `count` events means."""
    if answer.status in rule.statuses:
        return _DELIVERED if rule.member is None else _by_member(rule.member, answer, answer.status, count)
    if answer.status in _SUCCESSES:
        return hold(answer)  # the receiver is another one than the settings were written for
    verdict = default_verdict(answer, count, now_ms, backoff, compressed=compressed)
    if verdict.decision is Decision.HOLD and not rule.shows_address:
        return replace(verdict, message=f"status {answer.status}")
    return verdict


def _by_member(member: tuple[str, ...], answer: Answer, status: int, count: int) -> Verdict:
    """Return the verdict of the member that must be true; an answer that is no JSON object says nothing of events."""
    body = _object(answer.body)
    if body is None:
        return Verdict(Decision.RETRY, reason=f"http_{status}", message=f"status {status}, but no JSON object")
    return _DELIVERED if walk(body, member) is True else refuse(status, count)


def _object(body: bytes) -> dict[str, Any] | None:
    """Return an answer's JSON object, None where it is anything else."""
    try:
        found = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
