"""Moesif: sizes, ages and retries of its settings, counters, addresses, and what is said when it refuses everything."""

from __future__ import annotations

from typing import Any

import pytest

from processor.config.secret import PLAIN_SECRETS
from processor.delivery.schedule import effective_settings
from processor.delivery.settings import DeliverySettings
from processor.destinations import vector_result
from processor.destinations.moesif.destination import MoesifDestination
from processor.destinations.moesif.settings import MoesifSettings
from processor.destinations.plan import DEFAULT, Plan
from processor.model import Answer, Decision, Mapped, Record
from tests.golden_cases import NOW, RECORD, REQUIRED

NOW_MS = 1_773_576_000_000
DAY_MS = 86_400_000
KEY = REQUIRED["moesif"]
BASE = {"messageId": "m-1", "userId": "u-501", "groupId": "org-7", "event": "E", "timestamp": NOW_MS}


def _destination(**settings: Any) -> MoesifDestination:  # noqa: ANN401 - any setting
    """Return the destination with these settings."""
    return MoesifDestination("moesif", MoesifSettings.model_validate(KEY | settings, context={PLAIN_SECRETS: True}))


def _mapped(event: dict[str, Any], **settings: Any) -> Mapped:  # noqa: ANN401 - any setting
    """Return what an event comes to."""
    return Plan.compile(_destination(**settings), DEFAULT).map(event, Record("t", 0, 0, NOW_MS), NOW_MS)


@pytest.mark.parametrize(
    ("event_type", "age_ms", "settings", "is_sent"),
    [
        ("identify", 365 * DAY_MS, {}, True),
        ("identify", DAY_MS, {"max_update_age_days": 1}, True),
        ("identify", DAY_MS + 1, {"max_update_age_days": 1}, False),
        ("group", DAY_MS + 1, {"max_update_age_days": 1}, False),
        ("group", DAY_MS // 2 + 1, {"max_update_age_days": 0.5}, False),
        ("identify", -DAY_MS, {"max_update_age_days": 1}, True),
        ("track", 2 * DAY_MS, {"max_update_age_days": 1}, True),
        ("alias", 2 * DAY_MS, {"max_update_age_days": 1, "alias_mode": "merge_anonymous"}, True),
    ],
)
def test_updates_of_a_replay_can_be_left_out(
    event_type: str, age_ms: int, settings: dict[str, Any], *, is_sent: bool
) -> None:
    """Only identify and group beyond the age are skipped, and only where the setting asks for it."""
    event = BASE | {"type": event_type, "timestamp": NOW_MS - age_ms, "previousId": "anon-18"}
    result = vector_result("moesif", event, KEY | settings, RECORD, NOW)
    assert ("ops" in result) is is_sent
    assert is_sent or result["dropped"] == "event_expired"


def test_what_is_missing_comes_before_the_age() -> None:
    """An old group without an id is a dead letter, as a young one is."""
    event = BASE | {"type": "group", "groupId": "", "timestamp": 0}
    result = vector_result("moesif", event, KEY | {"max_update_age_days": 1}, RECORD, NOW)
    assert result["dead_letter"] == "missing_group_id"


@pytest.mark.parametrize(
    ("event_type", "changes"),
    [
        ("track", {"properties": {"blob": "x" * 400}}),
        ("identify", {"traits": {"blob": "x" * 400}}),
        ("group", {"traits": {"blob": "x" * 400}}),
        ("alias", {"previousId": "x" * 400}),
    ],
)
def test_the_largest_record_is_a_setting(event_type: str, changes: dict[str, Any]) -> None:
    """Every kind of record keeps the limit of the settings."""
    event = BASE | {"type": event_type} | changes
    settings = KEY | {"alias_mode": "merge_anonymous"}
    assert "ops" in vector_result("moesif", event, settings, RECORD, NOW)
    smaller = vector_result("moesif", event, settings | {"max_event_bytes": 400}, RECORD, NOW)
    assert smaller["dead_letter"] == "event_too_large"


@pytest.mark.parametrize(
    ("changes", "settings", "counted"),
    [
        ({}, {}, ("actions_without_ip",)),
        ({"context": {"ip": "203.0.113.9"}}, {}, ()),
        ({"context": {"ip": "unknown"}}, {}, ("bad_ip", "actions_without_ip")),
        ({}, {"missing_ip_value": "0.0.0.0"}, ()),
        ({"context": {"ip": "::1"}, "timestamp": NOW_MS - 300_000}, {}, ()),
        ({"context": {"ip": "::1"}, "timestamp": NOW_MS - 300_001}, {}, ("late_actions",)),
        ({"type": "page", "timestamp": 0}, {"max_event_age_days": 0}, ("actions_without_ip", "late_actions")),
        ({"type": "identify", "timestamp": 0}, {}, ()),
    ],
)
def test_what_moesif_would_count_otherwise_is_counted(
    changes: dict[str, Any], settings: dict[str, Any], counted: tuple[str, ...]
) -> None:
    """Actions that get the bridge's own address, and those that come too late for alerts, show in the metrics."""
    (payload,) = _mapped(BASE | {"type": "track"} | changes, **settings).payloads
    assert payload.warnings == counted


def test_golden_cases_do_not_list_what_is_only_counted() -> None:
    """Counters are no warnings about an event."""
    result = vector_result("moesif", BASE | {"type": "track", "timestamp": NOW_MS - 600_000}, KEY, RECORD, NOW)
    assert result["warnings"] == []


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://api.moesif.net", "https://api.moesif.net/v1/users"),
        ("https://api.moesif.net/v1", "https://api.moesif.net/v1/users"),
        ("http://localhost:9500/collector/v1/", "http://localhost:9500/collector/v1/users"),
        ("http://localhost:9500/collector", "http://localhost:9500/collector/v1/users"),
    ],
)
def test_the_address_may_hold_the_version(base_url: str, expected: str) -> None:
    """The vendor's pages write it both ways, and both work."""
    assert _destination(base_url=base_url).endpoints["anonymous_users"].url == expected


def test_retries_and_pauses_follow_the_settings() -> None:
    """Retries are attempts after the first, without end by default; the ceiling of a pause is a setting."""
    assert effective_settings(_destination(), DeliverySettings()).max_attempts is None
    assert effective_settings(_destination(max_retries=3), DeliverySettings()).max_attempts == 4
    assert (_destination().backoff.max_retry_after_s, _destination(max_retry_after_s=5).backoff.max_retry_after_s) == (
        900.0,
        5.0,
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "Application Id"), (402, "inactive or cancelled"), (403, "may not write"), (404, "`base_url` is wrong")],
)
def test_a_hold_says_what_to_do(status: int, words: str) -> None:
    """The vendor's own meaning of a status stands where an operator looks first."""
    destination = _destination()
    verdict = destination.classify(destination.endpoints["actions"], Answer(status), 5, 0, compressed=False)
    assert verdict.decision is Decision.HOLD
    assert words in verdict.message
