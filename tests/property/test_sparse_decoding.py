"""Decoding only what is needed changes nothing of what an event comes to."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from processor.config.secret import PLAIN_SECRETS
from processor.destinations.moveo.destination import MoveoDestination
from processor.destinations.moveo.settings import MoveoSettings
from processor.destinations.plan import Plan
from processor.mapping import SubscriptionSettings
from processor.model import Mapped, Needs, Record
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings
from processor.source.json_value import json_text, json_value
from processor.source.sparse import sparse_decoder
from tests.property.test_destinations_total import events, json_values

NOW_MS = 1_773_576_000_000
SUBSCRIPTIONS: list[dict[str, Any]] = [
    {"name": "A", "trigger": 'type = "track" and properties.id != "x"', "action": "track", "mapping": {}},
    {
        "name": "B",
        "trigger": 'type != "alias"',
        "action": "page",
        "use_defaults": False,
        "mapping": {
            "userId": [{"@path": "$.userId"}],
            "anonymousId": {"@path": "$.traits.id"},
            "context": {"page": {"@path": "$.context.page"}, "via": "bridge"},
            "properties": {"@path": "$.traits"},
            "integrations": {"@path": "$._metadata"},
        },
    },
]


def _plan(subscriptions: list[dict[str, Any]] | None = None, **settings: Any) -> Plan:  # noqa: ANN401 - any setting
    validated = MoveoSettings.model_validate({"api_key": "k"} | settings, context={PLAIN_SECRETS: True})
    own = None if subscriptions is None else [SubscriptionSettings.model_validate(one) for one in subscriptions]
    return Plan.compile(MoveoDestination("moveo", validated), own or "default")


PLANS = [
    _plan(),
    _plan(max_event_bytes=200),
    _plan(alias_include_previous_id=True, max_event_age_ms=86_400_000, respect_integrations=True),
    _plan(filter={"id": ["team", 3]}, consent_categories=["ads"], skip_sent_by_device=True),
    _plan(SUBSCRIPTIONS),
]


def _written(value: object) -> bytes:
    """Return JSON as most producers write it, with escapes only where nothing else will do."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(", ", ":")).encode()
    except UnicodeEncodeError:
        return json_text(value).encode()


def _mapped(plan: Plan, record: Record, needs: Needs | None) -> tuple[Mapped, list[Any]]:
    """Return what a record comes to, and its payloads as JSON values."""
    decoded, _, has_plain_keys = Decoder(DecodeSettings()).decode_run([record], needs)
    (values,) = decoded
    assert isinstance(values, list)
    (mapped,) = plan.map_all(values, NOW_MS, has_plain_keys=has_plain_keys)
    bodies = [plan.destination.decoded(payload, NOW_MS) for payload in mapped.payloads]
    mapped.payloads = [msgspec.structs.replace(payload, body=b"") for payload in mapped.payloads]
    return mapped, bodies


def test_plans_are_sparse() -> None:
    """Or nothing here would show anything."""
    assert all(plan.needs is not None and plan.needs.handed_on for plan in PLANS)


@pytest.mark.parametrize("index", range(len(PLANS)))
@given(value=events | json_values.filter(lambda value: not isinstance(value, list)))
def test_sparse_decoding_changes_nothing(index: int, value: object) -> None:
    """The same payloads, lanes, warnings, skips and refusals come of a record, however much of it was decoded."""
    record = Record("segment.events", 3, 1042, NOW_MS - 1877, value=_written(value))

    assert _mapped(PLANS[index], record, PLANS[index].needs) == _mapped(PLANS[index], record, None)


@given(json_values, st.data())
def test_what_is_taken_sparsely_is_json(value: object, data: st.DataObject) -> None:
    """A record with any damage is taken only if it is JSON all the same, and then the members are what it holds."""
    text = _written({"type": value, "context": {"a": value}, "x": [value]})
    start = data.draw(st.integers(0, len(text)))
    text = text[:start] + data.draw(st.binary(max_size=3)) + text[data.draw(st.integers(start, len(text))) :]

    found = sparse_decoder(Needs(frozenset({"type", "userId"}), frozenset({"context"})), 1_000_000)(text)
    assume(found is not None)
    assert found is not None
    whole = json_value(text)

    assert isinstance(whole, dict)
    assert "batch" not in whole
    for name in ("type", "userId", "context"):
        member = found.get(name)
        assert (json_value(bytes(member)) if isinstance(member, msgspec.Raw) else member) == whole.get(name)
