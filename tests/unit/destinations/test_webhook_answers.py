"""What answers of a webhook's receiver mean."""

from __future__ import annotations

from typing import Any

import pytest

from processor.config.secret import PLAIN_SECRETS
from processor.destinations import classify
from processor.destinations.answers import default_verdict
from processor.destinations.webhook.destination import WebhookDestination
from processor.destinations.webhook.settings import WebhookSettings
from processor.model import Answer, Decision, Verdict

URL = "https://hooks.shop.example/in"
MEMBER: dict[str, Any] = {"success_member": "$.result.ok"}


def _verdict(answer: Answer, count: int = 2, *, compressed: bool = False, **settings: Any) -> Verdict:  # noqa: ANN401 - plain settings
    """Return what an answer means under these settings."""
    model = WebhookSettings.model_validate({"url": URL} | settings, context={PLAIN_SECRETS: True})
    destination = WebhookDestination.create("w", model)
    return destination.classify(destination.endpoints["hook"], answer, count, 0, compressed=compressed)


@pytest.mark.parametrize("status", [None, *range(100, 600)])
@pytest.mark.parametrize("count", [1, 2])
def test_without_a_rule_answers_mean_what_they_mean_everywhere(status: int | None, count: int) -> None:
    """Timeouts, throttling, faults of the server and refusals are those of the shared table."""
    answer = Answer(status, {"retry-after": "7"}, error="timeout" if status is None else "")
    destination = WebhookDestination.create("w", WebhookSettings(url=URL))
    assert _verdict(answer, count) == default_verdict(answer, count, 0, destination.backoff)


def test_a_pause_that_is_asked_for_is_kept() -> None:
    """By the public entry, in the words of golden cases."""
    line = {"response": {"status": 429, "headers": {"Retry-After": "30"}}, "events": 3}
    assert classify("webhook", {"url": URL}, line, "2026-03-15T12:00:00Z") == {"decision": "wait", "seconds": 30.0}


def test_a_coding_that_is_not_read_is_left_out() -> None:
    """As everywhere, once."""
    assert _verdict(Answer(415), compressed=True, gzip=True).decision is Decision.RESEND_PLAIN


@pytest.mark.parametrize(
    ("status", "decision"),
    [
        (200, Decision.DELIVERED),
        (409, Decision.DELIVERED),
        (202, Decision.HOLD),
        (204, Decision.HOLD),
        (400, Decision.BISECT),
        (429, Decision.RETRY),
        (500, Decision.RETRY),
        (401, Decision.HOLD),
    ],
)
def test_the_settings_say_which_statuses_are_successes(status: int, decision: Decision) -> None:
    """Another 2xx is none: what it means nobody knows, and nothing is lost by waiting for somebody who does."""
    assert _verdict(Answer(status), success_statuses=[200, 409]).decision is decision


@pytest.mark.parametrize(
    ("body", "several", "one"),
    [
        (b'{"result": {"ok": true}}', Decision.DELIVERED, Decision.DELIVERED),
        (b'{"result": {"ok": false}}', Decision.BISECT, Decision.REJECTED),
        (b'{"result": {"ok": "true"}}', Decision.BISECT, Decision.REJECTED),
        (b'{"result": {"ok": 1}}', Decision.BISECT, Decision.REJECTED),
        (b'{"result": null}', Decision.BISECT, Decision.REJECTED),
        (b"{}", Decision.BISECT, Decision.REJECTED),
        (b"[true]", Decision.RETRY, Decision.RETRY),
        (b"<html>", Decision.RETRY, Decision.RETRY),
        (b"", Decision.RETRY, Decision.RETRY),
        (b"\xff", Decision.RETRY, Decision.RETRY),
        (b'{"a":' * 5_000, Decision.RETRY, Decision.RETRY),
    ],
)
def test_a_member_of_the_answer_must_be_true(body: bytes, several: Decision, one: Decision) -> None:
    """Else events are refused, and found by halves; what is no JSON object, as of a proxy, says nothing of events."""
    assert [_verdict(Answer(200, {}, body), count, **MEMBER).decision for count in (2, 1)] == [several, one]
    assert _verdict(Answer(400, {}, body), **MEMBER).decision is Decision.BISECT


def test_a_refusal_by_the_answers_member_has_a_code() -> None:
    """It counts for the guard, as refusals by status do."""
    assert _verdict(Answer(200, {}, b"{}"), 1, **MEMBER).reason == "http_200"


def test_where_a_secret_address_is_redirected_to_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is mostly the same address with another host, keys in its path included."""
    answer = Answer(308, {"location": "https://www.shop.example/key-1"})
    assert "key-1" in _verdict(answer).message
    monkeypatch.setenv("HOOK", "https://shop.example/key-1")
    hidden = _verdict(answer, url={"env": "HOOK"})
    assert (hidden.decision, hidden.reason, hidden.message) == (Decision.HOLD, "http_308", "status 308")
