"""The public entries for golden cases."""

from __future__ import annotations

from typing import Any

import pytest

from processor.destinations import classify, vector_result
from processor.destinations.golden import _in_words
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
        ({"response": {"error": "timeout"}}, {"decision": "backoff"}),
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
