"""The gates in front of every destination, each by its rule and all in their order."""

from __future__ import annotations

from typing import Any

import pytest

from processor.destinations.gates import CALLS, Filter, Gates, GateSettings, has_consent, is_enabled, was_sent_by_device
from processor.model import Rejected, Skipped

NAMES = ("Moesif API Analytics", "moesif-api-analytics")


def _reason(gates: Gates, event: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return why an event is stopped, or None when it is admitted."""
    admitted = gates.admit(event)
    return admitted.reason if isinstance(admitted, Skipped | Rejected) else None


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ([1, 2], "not_an_object"),
        (None, "not_an_object"),
        ("track", "not_an_object"),
        ({}, "missing_type"),
        ({"type": None}, "missing_type"),
        ({"type": 7}, "missing_type"),
        ({"type": ["track"]}, "missing_type"),
        ({"type": " \ufeff"}, "missing_type"),
        ({"type": "delete"}, "unknown_type"),
        ({"type": "tracks"}, "unknown_type"),
    ],
)
def test_types_that_are_refused(event: Any, reason: str) -> None:  # noqa: ANN401 - any JSON value
    """An event without a usable type of the six is refused with the contract's reason."""
    assert _reason(Gates(GateSettings()), event) == reason


def test_type_is_trimmed_and_lower_cased_in_a_copy() -> None:
    """Triggers see the plain form, and the record's own event stays as it was."""
    event = {"type": " Page\n", "name": "Home"}

    assert Gates(GateSettings()).admit(event) == {"type": "page", "name": "Home"}
    assert event["type"] == " Page\n"


def test_more_types_can_be_known() -> None:
    """A vendor that knows deletion requests admits them."""
    assert _reason(Gates(GateSettings(), types=CALLS | {"delete"}), {"type": "delete"}) is None


@pytest.mark.parametrize(
    ("integrations", "enabled"),
    [
        (None, True),
        ([], True),
        ("none", True),
        ({}, True),
        ({"All": True}, True),
        ({"All": False}, False),
        ({"All": None}, True),
        ({"All": 0}, True),
        ({"All": False, "Moesif API Analytics": True}, True),
        ({"All": False, "moesif-api-analytics": {"option": 1}}, True),
        ({"All": False, "moesif-api-analytics": {}}, True),
        ({"All": False, "Moesif API Analytics": None}, False),
        ({"Moesif API Analytics": False, "moesif-api-analytics": True}, False),
        ({"Moesif API Analytics": True, "moesif-api-analytics": False}, False),
        ({"moesif api analytics": False}, True),
        ({"All": False, "moesif api analytics": True}, False),
        ({"All": False, "Moesif API Analytics": "yes"}, True),
        ({"All": False, "Moesif API Analytics": []}, True),
        ({"Moesif API Analytics": ""}, False),
        ({"Moesif API Analytics": 0}, False),
        ({"Moesif API Analytics": 0, "moesif-api-analytics": True}, True),
        ({"Other": False}, True),
    ],
)
def test_integrations_object(integrations: Any, enabled: bool) -> None:  # noqa: ANN401, FBT001 - any JSON value; a table
    """The rule of the Segment contract, section 1.6, row by row."""
    assert is_enabled(integrations, NAMES) is enabled


@pytest.mark.parametrize(
    ("context", "consent"),
    [
        (None, True),
        ({}, True),
        ({"consent": {}}, True),
        ({"consent": {"categoryPreferences": None}}, True),
        ({"consent": {"categoryPreferences": {}}}, False),
        ({"consent": {"categoryPreferences": {"ads": True}}}, False),
        ({"consent": {"categoryPreferences": {"ads": True, "analytics": True, "other": False}}}, True),
        ({"consent": {"categoryPreferences": {"ads": "true", "analytics": True}}}, False),
        ({"consent": {"categoryPreferences": ["ads", "analytics"]}}, False),
        ({"consent": "all"}, True),
    ],
)
def test_consent(context: Any, consent: bool) -> None:  # noqa: ANN401, FBT001 - any JSON value; a table
    """All categories of the destination must be true; no consent object restricts nothing."""
    assert has_consent({"context": context}, ("ads", "analytics")) is consent


@pytest.mark.parametrize(
    ("metadata", "sent"),
    [
        (None, False),
        ({}, False),
        ({"bundled": ["Segment.io"]}, False),
        ({"bundled": ["Segment.io", "moesif-api-analytics"]}, True),
        ({"bundled": "moesif-api-analytics"}, False),
        ({"unbundled": ["moesif-api-analytics"]}, False),
    ],
)
def test_sent_by_device(metadata: Any, sent: bool) -> None:  # noqa: ANN401, FBT001 - any JSON value; a table
    """Only a list of bundled destinations that names this one says that its SDK sent the event."""
    assert was_sent_by_device({"_metadata": metadata}, NAMES) is sent


FILTER = {"category": ["purchase", "subscription"], "currency": ["USD", "EUR"]}


@pytest.mark.parametrize(
    ("allowed", "bag", "passes"),
    [
        (FILTER, {"category": "purchase", "currency": "EUR"}, True),
        (FILTER, {"category": "purchase", "currency": "GBP"}, False),
        (FILTER, {"category": "purchase"}, False),
        ({"category": ["purchase"]}, {"category": " purchase"}, False),
        ({"category": ["purchase"]}, {"category": "Purchase"}, False),
        ({"category": ["purchase"]}, {"Category": "purchase"}, False),
        ({"amount": ["10"]}, {"amount": 10.0}, True),
        ({"amount": [10.0]}, {"amount": "10"}, True),
        ({"vip": [True]}, {"vip": "true"}, True),
        ({"vip": ["True"]}, {"vip": True}, False),
        ({"vip": ["1"]}, {"vip": True}, False),
        ({"a": ["null", None]}, {"a": None}, False),
        ({"a": [None]}, {"a": "null"}, False),
        ({"a": ["x"]}, {"a": ["x"]}, False),
        ({"a": ["[object Object]"]}, {"a": {}}, False),
        ({"a.b": ["x"]}, {"a": {"b": "x"}}, False),
        ({"a.b": ["x"]}, {"a.b": "x"}, True),
        ({"a": []}, {"a": "x"}, False),
        ({}, {}, True),
        ({"a": ["x"]}, None, False),
        ({"a": ["x"]}, ["a"], False),
    ],
)
def test_filter(allowed: dict[str, Any], bag: Any, passes: bool) -> None:  # noqa: ANN401, FBT001 - any JSON value; a table
    """Every key must match one of its values, compared as JavaScript's text."""
    assert Filter(allowed).passes({"type": "track", "properties": bag}) is passes


@pytest.mark.parametrize(
    ("event", "passes"),
    [
        ({"type": "page", "properties": {"plan": "team"}}, True),
        ({"type": "screen", "properties": {"plan": "team"}}, True),
        ({"type": "identify", "properties": {"plan": "team"}, "traits": {}}, False),
        ({"type": "group", "traits": {"plan": "team"}}, True),
        ({"type": "track", "traits": {"plan": "team"}}, False),
        ({"type": "alias"}, True),
        ({"type": "delete"}, True),
    ],
)
def test_filter_looks_into_the_bag_of_the_call(event: dict[str, Any], passes: bool) -> None:  # noqa: FBT001 - a table
    """Properties of track, page and screen, traits of identify and group, nothing of alias and of deletion requests."""
    assert Filter({"plan": ["team"]}).passes(event) is passes


def test_gates_stand_in_their_order() -> None:
    """An event that every gate would stop is stopped by the first one; repaired step by step, by the next."""
    settings = GateSettings(
        integration_names=NAMES, consent_categories=("ads",), skip_sent_by_device=True, filter={"plan": ("team",)}
    )
    gates = Gates(settings)
    event: dict[str, Any] = {
        "type": "delete",
        "context": {"consent": {"categoryPreferences": {}}},
        "_metadata": {"bundled": [NAMES[0]]},
        "integrations": {"All": False},
        "properties": {},
    }
    repairs: list[dict[str, Any]] = [
        {},
        {"type": "track"},
        {"context": {}},
        {"_metadata": {}},
        {"integrations": {}},
        {"properties": {"plan": "team"}},
    ]
    reasons = []
    for repair in repairs:
        event |= repair
        reasons.append(_reason(gates, event))
        steps = gates.trace(event)
        told = next((step.outcome.reason for step in steps if step.outcome is not None), None)
        assert (told, len(steps)) == (reasons[-1], min(len(reasons), 5) if told is not None else 5)

    assert reasons == ["unknown_type", "consent_denied", "sent_by_device", "integration_disabled", "filtered", None]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"userId": "u-1"}, "suppressed_user"),
        ({"anonymousId": "u-1"}, "suppressed_user"),
        ({"userId": "u-2", "anonymousId": "501"}, "suppressed_user"),
        ({"userId": 501}, "suppressed_user"),
        ({"userId": 501.0}, "suppressed_user"),
        ({"userId": "U-1"}, None),
        ({"userId": " u-1"}, None),
        ({"userId": ["u-1"]}, None),
        ({"userId": None, "anonymousId": True}, None),
        ({"previousId": "u-1", "traits": {"id": "u-1"}}, None),
        ({}, None),
    ],
)
def test_suppressed_users(event: dict[str, Any], reason: str | None) -> None:
    """Either id stops an event, exactly as listed, numbers as text; no other member of the event counts."""
    gates = Gates(GateSettings()).suppressing({"u-1", "501", "true", "None"})
    assert _reason(gates, {"type": "track"} | event) == reason


def test_suppressed_users_are_asked_first_and_anew() -> None:
    """Nothing else of the event is looked at, and a user who is listed later is stopped from then on."""
    users: set[str] = set()
    gates = Gates(GateSettings(consent_categories=("ads",))).suppressing(users)
    event = {"type": "track", "userId": "u", "context": {"consent": {"categoryPreferences": {}}}}
    assert _reason(gates, event) == "consent_denied"
    users.add("u")
    assert _reason(gates, event) == "suppressed_user"
    assert [(step.name, step.outcome) for step in gates.trace(event)] == [
        ("type", None),
        ("suppressed_users", Skipped("suppressed_user")),
    ]
    assert _reason(gates, {"type": "nothing", "userId": "u"}) == "unknown_type"


@pytest.mark.parametrize(
    ("settings", "read"),
    [
        ({}, "integrations"),
        ({"respect_integrations": False}, ""),
        ({"respect_integrations": False, "consent_categories": ("ads",)}, "context"),
        ({"respect_integrations": False, "skip_sent_by_device": True}, "_metadata"),
        ({"respect_integrations": False, "filter": {"plan": ("team",)}}, "properties traits"),
    ],
)
def test_what_gates_look_into(settings: dict[str, Any], read: str) -> None:
    """Type and ids in any case, for a list of suppressed users may come later; behind privacy it may be anything."""
    gates = Gates(GateSettings(**settings))
    assert gates.reads == frozenset({"type", "userId", "anonymousId", *read.split()})
    assert gates.suppressing({"u"}).reads == gates.reads
    assert gates.hiding(lambda event: event).reads is None


def test_gates_that_settings_leave_open() -> None:
    """By default only the integrations object is honoured, and that can be switched off."""
    event = {
        "type": "track",
        "context": {"consent": {"categoryPreferences": {}}},
        "_metadata": {"bundled": list(NAMES)},
        "integrations": {"All": False},
    }

    assert _reason(Gates(GateSettings(integration_names=NAMES)), event) == "integration_disabled"
    assert _reason(Gates(GateSettings(integration_names=NAMES, respect_integrations=False)), event) is None
