"""What an answer means, as the table of ARCHITECTURE.md has it; each vendor lays its own rows over these."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from msgspec.structs import replace

from processor.destinations.base import Backoff
from processor.model import Answer, Decision, Verdict

HOLD_STATUSES: Final = frozenset({401, 402, 403, 407})
"""Key, account or proxy: nothing can be delivered until somebody acts, and no event is to blame."""
WRONG_ADDRESS_STATUSES: Final = frozenset({404, 405, 410})
"""The address in the settings is wrong."""
TOO_MANY_REQUESTS: Final = 429
RETRY_STATUSES: Final = frozenset({408, 425, TOO_MANY_REQUESTS})

_SUCCESSES: Final = range(200, 300)
_TOO_LARGE: Final = 413
_BAD_CODING: Final = 415

_WHOLE_SECONDS: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_DELIVERED: Final = Verdict(Decision.DELIVERED)


def default_verdict(answer: Answer, count: int, now_ms: int, backoff: Backoff, *, compressed: bool = False) -> Verdict:
    """Return what an answer to a request of `count` payloads means where the vendor's contract is silent."""
    status = answer.status
    if status is None:
        return Verdict(Decision.RETRY, reason=answer.error, message=f"no answer: {answer.error}")
    if status in RETRY_STATUSES or status >= 500:  # noqa: PLR2004 - the class of server faults
        return retry(answer, now_ms, backoff)
    if status in _SUCCESSES:
        return _DELIVERED
    if status < 400 or status in HOLD_STATUSES or status in WRONG_ADDRESS_STATUSES:  # noqa: PLR2004 - redirects and less
        return hold(answer)
    if status == _BAD_CODING:
        return Verdict(Decision.RESEND_PLAIN, reason=f"http_{status}") if compressed else hold(answer)
    return refuse(status, count)


def refuse(status: int, count: int) -> Verdict:
    """Return the verdict on a refusal that the payloads of a request have earned: by size or by content."""
    several = Decision.SPLIT if status == _TOO_LARGE else Decision.BISECT
    return Verdict(several if count > 1 else Decision.REJECTED, reason=f"http_{status}")


def retry(answer: Answer, now_ms: int, backoff: Backoff) -> Verdict:
    """Return the verdict that the same request may succeed later, at the time that the answer names if it names one.

    Its message says when the answer named a later time than the ceiling allows.
    """
    asked_s = asked_pause_s(answer.headers, now_ms)
    wait_s = retry_after_s(answer.headers, now_ms, backoff)
    is_cut = wait_s is not None and asked_s > wait_s
    message = f"the vendor asked for a pause of {asked_s:.0f} s; it is cut to {wait_s:.0f} s" if is_cut else ""
    return Verdict(
        Decision.RETRY,
        reason=f"http_{answer.status}",
        is_throttled=wait_s is not None or answer.status == TOO_MANY_REQUESTS,
        wait_s=wait_s,
        message=message,
    )


def hold(answer: Answer, *, probe_s: float | None = None) -> Verdict:
    """Return the verdict that nothing can be delivered until somebody acts.

    The target of a redirect is named in the message, and never followed.
    """
    message = f"status {answer.status}"
    if "location" in answer.headers:
        message += f", redirected to {_without_query(answer.headers['location'])}"
    return Verdict(Decision.HOLD, reason=f"http_{answer.status}", probe_s=probe_s, message=message)


def with_hint(verdict: Verdict, hints: Mapping[str, str]) -> Verdict:
    """Return a verdict; that of a hold says what the vendor advises for its reason, such as `http_401`, if anything."""
    hint = hints.get(verdict.reason) if verdict.decision is Decision.HOLD else None
    return verdict if hint is None else replace(verdict, message=f"{verdict.message}: {hint}")


def _without_query(url: str) -> str:
    """Return an address without the part in which a login page may repeat secrets."""
    return url.partition("?")[0].partition("#")[0]


def retry_after_s(headers: Mapping[str, str], now_ms: int, backoff: Backoff) -> float | None:
    """Return the pause in seconds that `Retry-After` asks for, cut at the ceiling; None when it asks for none.

    Whole seconds or an HTTP date. Zero, past and unreadable values count as absent.
    """
    asked_s = asked_pause_s(headers, now_ms)
    return min(asked_s, backoff.max_retry_after_s) if asked_s > 0 else None


def asked_pause_s(headers: Mapping[str, str], now_ms: int) -> float:
    """Return the pause in seconds that `Retry-After` asks for, however long; zero or less when it asks for none."""
    text = headers.get("retry-after", "").strip()
    return float(text) if _WHOLE_SECONDS.fullmatch(text) else _seconds_until(text, now_ms)


def _seconds_until(http_date: str, now_ms: int) -> float:
    """Return the seconds from now to an HTTP date, zero when it is not one."""
    try:
        moment = parsedate_to_datetime(http_date)
    except (ValueError, OverflowError):
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp() - now_ms / 1000
