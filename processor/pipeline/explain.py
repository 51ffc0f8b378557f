"""Why a record becomes what it becomes, as plain values for people and for programs; nothing is delivered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from processor.destinations.base import Destination
from processor.destinations.explanation import ExplainedSubscription, Explanation, explain_event
from processor.destinations.filters import FilterStep
from processor.destinations.gates import GateStep
from processor.destinations.plan import Plan
from processor.destinations.text import decode
from processor.mapping.explanation import as_json as fields_as_json
from processor.mapping.triggers.explanation import as_json as term_as_json
from processor.model import Mapped, Record, Rejected, Skipped
from processor.source.decode import Decoder

Plain = dict[str, Any]


def explain_record(destination: Destination, plan: Plan, decoder: Decoder, record: Record, now_ms: int) -> list[Plain]:
    """Return, for each event of a record, its gates, its subscriptions and what it came to.

    A record that cannot be decoded, or holds no event, is explained as one event without gates.
    """
    decoded = decoder.decode(record)
    if isinstance(decoded, (Rejected, Skipped)):
        asked: Plain = {key: [] for key in ("gates", "privacy", "subscriptions", "filters", "payloads", "warnings")}
        return [asked | _ended(decoded)]
    return [_event(destination, explain_event(plan, event, known_by, now_ms), now_ms) for known_by, event in decoded]


def _event(destination: Destination, explanation: Explanation, now_ms: int) -> Plain:
    """Return one event's explanation."""
    mapped = explanation.mapped
    return {
        "gates": [_gate(step) for step in explanation.gates],
        "privacy": [
            {"change": step.change, "path": step.path, "changed": step.is_changed} for step in explanation.privacy
        ],
        "subscriptions": [_subscription(one) for one in explanation.subscriptions],
        "filters": [_filter(step) for step in explanation.filters],
        "payloads": [
            {
                "subscription": payload.subscription,
                "action": payload.action,
                "endpoint": payload.endpoint,
                "body": decode(destination.item(payload, now_ms)),
            }
            for payload in mapped.payloads
        ],
        "skipped": [{"reason": one.reason, "subscription": one.subscription} for one in mapped.skipped],
        "rejected": [
            {"reason": one.reason, "message": one.message, "subscription": one.subscription} for one in mapped.rejected
        ],
        "warnings": _warnings(mapped),
    }


def _warnings(mapped: Mapped) -> list[str]:
    """Return every code that payloads carry, counters of what was left out included."""
    return sorted({code for payload in mapped.payloads for code in payload.warnings})


def _gate(step: GateStep) -> Mapping[str, Any]:
    """Return what one gate said."""
    if step.outcome is None:
        return {"gate": step.name, "passed": True}
    return {"gate": step.name, "passed": False, "reason": step.outcome.reason}


def _filter(step: FilterStep) -> Plain:
    """Return what one filter did."""
    if isinstance(step.fate, (Skipped, Rejected)):
        return {"filter": step.title, "passed": False, "reason": step.fate.reason}
    return {"filter": step.title, "passed": True, "changed": step.is_changed}


def _subscription(one: ExplainedSubscription) -> Plain:
    """Return what one subscription said and, if it took the event, its fields."""
    plain: Plain = {
        "name": one.name,
        "action": one.action,
        "trigger": one.trigger,
        "takes": one.terms.holds,
        "terms": term_as_json(one.terms),
    }
    if one.fields is not None:
        plain["fields"] = fields_as_json(one.fields).get("parts", [])
    return plain


def _ended(decoded: Rejected | Skipped) -> Plain:
    """Return the end of a record that gives no event."""
    if isinstance(decoded, Rejected):
        rejected = {"reason": decoded.reason, "message": decoded.message, "subscription": ""}
        return {"skipped": [], "rejected": [rejected]}
    return {"skipped": [{"reason": decoded.reason, "subscription": ""}], "rejected": []}
