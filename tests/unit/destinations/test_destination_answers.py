"""What answers mean where a vendor's contract is silent, and how `Retry-After` is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.destinations.answers import default_verdict, retry_after_s, with_hint
from processor.destinations.base import Backoff
from processor.model import Answer, Decision, Verdict

NOW_MS = 1_773_576_000_000
"""2026-03-15T12:00:00Z, a Sunday."""
BACKOFF = Backoff()


def _verdict(status: int | None, count: int = 4, *, compressed: bool = False) -> Verdict:
    """Return the verdict on an answer with this status."""
    return default_verdict(Answer(status, error="timeout"), count, NOW_MS, BACKOFF, compressed=compressed)


@pytest.mark.parametrize(
    ("statuses", "several", "single"),
    [
        ((200, 201, 202, 204, 299), Decision.DELIVERED, Decision.DELIVERED),
        ((400, 409, 422, 418), Decision.BISECT, Decision.REJECTED),
        ((413,), Decision.SPLIT, Decision.REJECTED),
        ((401, 402, 403, 407, 404, 405, 410), Decision.HOLD, Decision.HOLD),
        ((100, 301, 302, 307, 308), Decision.HOLD, Decision.HOLD),
        ((408, 425, 429, 500, 501, 502, 503, 504, 599, 999), Decision.RETRY, Decision.RETRY),
        ((None,), Decision.RETRY, Decision.RETRY),
        ((415,), Decision.HOLD, Decision.HOLD),
    ],
)
def test_decisions(statuses: tuple[int | None, ...], several: Decision, single: Decision) -> None:
    """The table of ARCHITECTURE.md, for a batch and for one payload alone."""
    for status in statuses:
        assert _verdict(status, 4).decision is several
        assert _verdict(status, 1).decision is single


def test_throttled_is_who_is_told_to_wait() -> None:
    """By a 429, or by a pause that the answer names, not by any other failure."""
    told = default_verdict(Answer(503, {"retry-after": "30"}), 4, NOW_MS, BACKOFF)
    assert (told.is_throttled, told.wait_s) == (True, 30.0)
    assert [status for status in (408, 429, 500, 503, None) if _verdict(status).is_throttled] == [429]


def test_unsupported_coding_is_tried_without_compression() -> None:
    """A 415 to a compressed body is the compression's fault first."""
    assert _verdict(415, compressed=True).decision is Decision.RESEND_PLAIN


def test_refusals_name_their_status() -> None:
    """The reason of a dead letter is the vendor's status."""
    assert _verdict(400, 1).reason == "http_400"
    assert _verdict(413, 1).reason == "http_413"


def test_redirect_is_named_without_its_query() -> None:
    """A redirect's target is told, but not the part of it that may hold a secret."""
    answer = Answer(302, {"location": "https://login.example/sso?token=abc#x"})

    verdict = default_verdict(answer, 4, NOW_MS, BACKOFF)

    assert verdict.decision is Decision.HOLD
    assert "https://login.example/sso" in verdict.message
    assert "abc" not in verdict.message


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12", 12.0),
        (" 12 ", 12.0),
        ("86400", 900.0),
        ("9" * 18, 900.0),
        ("0", None),
        ("-5", None),
        ("1.5", None),
        ("120, 5", None),
        ("soon", None),
        ("", None),
        ("9" * 400, None),
        ("\u0663", None),
        ("Sun, 15 Mar 2026 12:00:30 GMT", 30.0),
        ("Sunday, 15-Mar-26 12:00:30 GMT", 30.0),
        ("Sun Mar 15 12:00:30 2026", 30.0),
        ("Sun, 15 Mar 2026 11:59:59 GMT", None),
        ("Mon, 16 Mar 2026 12:00:00 GMT", 900.0),
        ("Sun, 99 Mar 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    """Whole seconds and HTTP dates are read, cut at the ceiling; zero, past and unreadable count as absent."""
    assert retry_after_s({"retry-after": text}, NOW_MS, BACKOFF) == seconds


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_retry_after_is_honoured_on_every_retry(status: int) -> None:
    """A vendor may name a time with any answer that is worth a retry."""
    answer = Answer(status, {"retry-after": "30"})

    assert default_verdict(answer, 4, NOW_MS, BACKOFF).wait_s == 30.0


@pytest.mark.parametrize(("seconds", "message"), [(900, ""), (86_400, "a pause of 86400 s; it is cut to 900 s")])
def test_a_pause_that_is_cut_is_told(seconds: int, message: str) -> None:
    """Whoever wonders why the vendor was asked again so early finds what it had said; else there is nothing to say."""
    verdict = default_verdict(Answer(503, {"retry-after": str(seconds)}), 4, NOW_MS, BACKOFF)

    assert (verdict.wait_s, verdict.message.removeprefix("the vendor asked for ")) == (900.0, message)


@pytest.mark.parametrize(("status", "message"), [(401, "status 401: look at the key"), (403, "status 403"), (400, "")])
def test_a_hold_says_what_the_vendor_advises(status: int, message: str) -> None:
    """The hint for a status stands behind it, only where the destination is held."""
    hints = {"http_401": "look at the key", "http_400": "never told"}

    assert with_hint(_verdict(status), hints).message == message


@given(
    status=st.none() | st.integers(0, 1000),
    header=st.text(),
    count=st.integers(1, 1000),
    compressed=st.booleans(),
)
def test_any_answer_has_a_verdict(status: int | None, header: str, count: int, *, compressed: bool) -> None:
    """No status and no header raises, and a pause is positive and within the ceiling."""
    answer = Answer(status, {"retry-after": header, "location": header})

    verdict = default_verdict(answer, count, NOW_MS, BACKOFF, compressed=compressed)

    assert verdict.wait_s is None or 0 < verdict.wait_s <= BACKOFF.max_retry_after_s
    assert count > 1 or verdict.decision not in {Decision.BISECT, Decision.SPLIT}
