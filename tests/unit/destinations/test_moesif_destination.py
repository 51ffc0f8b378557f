"""Moesif: settings, endpoints, presets and answers."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from processor.config.secret import PLAIN_SECRETS
from processor.destinations import classify, vector_result
from processor.destinations.moesif.destination import MoesifDestination
from processor.destinations.moesif.settings import MoesifSettings
from processor.destinations.plan import Plan, findings
from processor.mapping import SubscriptionSettings
from processor.model import Record
from tests.golden_cases import NOW, RECORD, REQUIRED

NOW_MS = 1_773_576_000_000
KEY = REQUIRED["moesif"]


def _settings(**settings: Any) -> MoesifSettings:  # noqa: ANN401 - any setting
    """Return settings with a plain key."""
    return MoesifSettings.model_validate(KEY | settings, context={PLAIN_SECRETS: True})


def _destination(**settings: Any) -> MoesifDestination:  # noqa: ANN401 - any setting
    """Return the destination with these settings."""
    return MoesifDestination("moesif", _settings(**settings))


def test_segments_name_of_the_key_is_read() -> None:
    """What Segment calls API key is the application id."""
    settings = MoesifSettings.model_validate({"api_key": "k"}, context={PLAIN_SECRETS: True})

    assert settings.application_id.reveal() == "k"


@pytest.mark.parametrize(
    "settings",
    [
        {"api_key": "k"},
        {"base_url": "http://api.moesif.net"},
        {"default_uri": "/relative"},
        {"missing_ip_value": "unknown"},
        {"enabled_types": ["track", "alias"]},
        {"company_id_paths": {"alias": ["groupId"]}},
        {"company_id_paths": {"track": "groupId"}},
        {"page_name_mode": "both"},
        {"max_event_age_days": -1},
        {"batch_size": 0},
        {"unknown": 1},
    ],
)
def test_settings_that_are_refused(settings: dict[str, Any]) -> None:
    """Both names of the key at once and values that Moesif would refuse are errors at load."""
    with pytest.raises(ValidationError):
        _settings(**settings)


def test_endpoints_keep_the_contracts_limits() -> None:
    """Counts, bytes, order of endpoints and the rule of one update per id in a batch."""
    endpoints = _destination().endpoints

    limits = {
        name: (endpoint.max_batch_count, endpoint.max_body_bytes, endpoint.rank, endpoint.one_per_lane)
        for name, endpoint in endpoints.items()
    }
    assert limits == {
        "companies": (100, 240_000, 0, True),
        "users": (100, 240_000, 1, True),
        "actions": (250, 5_000_000, 2, False),
        "anonymous_users": (1, 240_000, 1, True),
    }
    assert endpoints["users"].scope == endpoints["anonymous_users"].scope != endpoints["actions"].scope
    assert {endpoint.url.removeprefix("https://api.moesif.net/v1/") for endpoint in endpoints.values()} == {
        "companies/batch",
        "users/batch",
        "actions/batch",
        "users",
    }


def test_limits_follow_the_settings_at_every_endpoint() -> None:
    """One setting bounds all batches; the vendor's proxy is reached under its path."""
    settings = {"batch_size": 7, "max_request_bytes": 999, "flush_interval_ms": 5, "gzip": False}
    endpoints = _destination(base_url="http://localhost:9500/collector/", **settings).endpoints

    for name in ("companies", "users", "actions"):
        endpoint = endpoints[name]
        assert (endpoint.max_batch_count, endpoint.max_body_bytes, endpoint.max_wait_ms) == (7, 999, 5)
        assert not endpoint.gzip
    assert endpoints["actions"].url == "http://localhost:9500/collector/v1/actions/batch"
    assert endpoints["anonymous_users"].max_batch_count == 1


def test_update_without_user_is_a_body_of_its_own() -> None:
    """The single route takes an object, not a list."""
    envelope = _destination().endpoints["anonymous_users"].envelope

    assert envelope.join([b'{"anonymous_id":"a"}'], NOW_MS) == b'{"anonymous_id":"a"}'
    assert envelope.body_bytes(1, 20) == 20


@pytest.mark.parametrize(
    ("event_type", "settings", "expected"),
    [
        ("page", {"enabled_types": ["track", "identify"]}, {"dropped": "unsupported_type"}),
        ("identify", {"enabled_types": []}, {"dropped": "unsupported_type"}),
        ("alias", {"enabled_types": []}, {"dropped": "alias_unsupported"}),
        ("delete", {}, {"dead_letter": "unknown_type"}),
    ],
)
def test_types_that_are_switched_off(event_type: str, settings: dict[str, Any], expected: dict[str, Any]) -> None:
    """A type that the settings switch off is skipped with its reason; alias has a switch of its own."""
    event = {"type": event_type, "userId": "u"}

    assert vector_result("moesif", event, KEY | settings, RECORD, NOW) == expected | {"warnings": []}


def test_gates_come_before_the_enabled_type() -> None:
    """An event that is stopped by two rules is counted under the first."""
    event = {"type": "alias", "integrations": {"All": False}}

    assert vector_result("moesif", event, KEY, RECORD, NOW)["dropped"] == "integration_disabled"


def test_paths_of_the_settings_shape_the_presets() -> None:
    """Company, session token and subscription are found where the settings say, per type."""
    settings = {
        "company_id_paths": {"track": ["properties.org", "$.context.groupId"], "group": ["nothing", "properties.sub"]},
        "session_token_path": "context.session",
        "subscription_id_path": "properties.sub",
    }
    event = {
        "type": "track",
        "event": "E",
        "userId": "u",
        "messageId": "m",
        "timestamp": NOW,
        "properties": {"org": 7, "sub": "s-1"},
        "context": {"session": "t-1", "groupId": "other"},
    }

    (track,) = vector_result("moesif", event, KEY | settings, RECORD, NOW)["ops"]
    (page,) = vector_result("moesif", event | {"type": "page"}, KEY | settings, RECORD, NOW)["ops"]
    (user,) = vector_result("moesif", event | {"type": "identify"}, KEY | settings, RECORD, NOW)["ops"]

    company = vector_result("moesif", event | {"type": "group"}, KEY | settings, RECORD, NOW)["ops"][0]["company"]

    assert company["company_id"] == "s-1"
    ids = {"company_id": "7", "session_token": "t-1", "subscription_id": "s-1"}
    assert {name: track["action"].get(name) for name in ids} == ids
    assert page["action"]["company_id"] == user["user"]["company_id"] == "other"
    assert user["user"]["session_token"] == "t-1"
    assert "subscription_id" not in user["user"]


def test_preset_settings_are_refused_beside_a_list() -> None:
    """Whoever writes subscriptions says paths and types there."""
    destination = _destination(enabled_types=["track"], alias_mode="skip", default_uri="https://x.example/")

    places = [place for place, _ in findings(destination, [])]

    assert places == [("settings", "alias_mode"), ("settings", "enabled_types")]


def test_list_decides_about_types() -> None:
    """With a list an alias is taken although the default mode skips it."""
    mapping = {"user_id": {"@path": "$.userId"}, "anonymous_id": {"@path": "$.previousId"}}
    subscription = SubscriptionSettings.model_validate(
        {"name": "Merge", "trigger": 'type = "alias"', "action": "mergeAnonymousUser", "mapping": mapping}
    )
    plan = Plan.compile(_destination(), [subscription])

    (payload,) = plan.map(
        {"type": "alias", "userId": "u", "previousId": "a"}, Record("t", 0, 0, NOW_MS), NOW_MS
    ).payloads

    assert payload.lanes == ("u", "a")


@pytest.mark.parametrize(
    ("response", "events", "expected"),
    [
        ({"status": 400}, 2, {"decision": "bisect"}),
        ({"status": 422}, 1, {"decision": "dead_letter", "reason": "http_422"}),
        ({"status": 402}, 2, {"decision": "stop"}),
        ({"status": 406}, 2, {"decision": "stop"}),
        ({"status": 302}, 2, {"decision": "stop"}),
        ({"status": 425}, 2, {"decision": "backoff"}),
        ({"status": 502, "headers": {"Retry-After": "7"}}, 2, {"decision": "wait", "seconds": 7.0}),
        (
            {"status": 429, "headers": {"retry-after": "Sun, 15 Mar 2026 12:00:20 GMT"}},
            2,
            {"decision": "wait", "seconds": 20.0},
        ),
        ({"status": 507}, 2, {"decision": "backoff"}),
    ],
)
def test_answers(response: dict[str, Any], events: int, expected: dict[str, Any]) -> None:
    """The contract's table."""
    assert classify("moesif", KEY, {"response": response, "events": events, "endpoint": "any"}, NOW) == expected
