"""Why an event becomes what it becomes at one destination: gates, triggers, fields, payloads.

The outcome is the plan's own; beside it stands what led there, found by asking gates, triggers and mappings again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from processor.destinations.filters import FilterStep
from processor.destinations.gates import GateStep
from processor.destinations.plan import Plan
from processor.destinations.privacy import PrivacyStep
from processor.mapping import Subscription
from processor.mapping.explanation import Explained, explain
from processor.mapping.triggers.explanation import ExplainedTerm, explain_trigger
from processor.model import Event, Mapped, Record, Rejected, Skipped

TYPE_GATE: Final = "type switched on"
"""What the vendor's own switch of a type is called among the gates."""


@dataclass(frozen=True, slots=True)
class ExplainedSubscription:
    """One subscription: what each term of its trigger says of the event, and its fields if it took the event."""

    name: str
    action: str
    trigger: str
    terms: ExplainedTerm
    fields: Explained | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one event came to, and why.

    Attributes:
        gates: Each gate up to the first that stopped the event.
        privacy: Each path that is to be hidden, and whether the event has anything there; none when a gate stopped it.
        subscriptions: All that are in force, in order; none when a gate stopped the event.
        filters: Each filter up to the first that stopped the event; none when no subscription took it.
        mapped: What the plan made of the event: payloads, skips and rejections by subscription.
    """

    gates: list[GateStep]
    privacy: list[PrivacyStep]
    subscriptions: list[ExplainedSubscription]
    filters: list[FilterStep]
    mapped: Mapped


def explain_event(
    plan: Plan,
    value: Any,  # noqa: ANN401 - any JSON value
    record: Record,
    now_ms: int,
    mapped: Mapped | None = None,
) -> Explanation:
    """Return what a plan makes of one decoded value, and why; `mapped` is what it has made of it already."""
    gates = plan.destination.gates.trace(value)
    admitted = plan.admit(value)
    if isinstance(admitted, (Skipped, Rejected)) and gates[-1].outcome is None:
        gates.append(GateStep(TYPE_GATE, admitted))
    mapped = plan.map(value, record, now_ms) if mapped is None else mapped
    if isinstance(admitted, (Skipped, Rejected)):
        return Explanation(gates, [], [], [], mapped)
    privacy = [] if plan.privacy is None else plan.privacy.steps(value)
    subscriptions = _subscriptions(plan, admitted, record)
    is_taken = any(one.terms.holds for one in subscriptions)
    filters = plan.filter_steps(admitted, record) if is_taken else []
    return Explanation(gates, privacy, subscriptions, filters, mapped)


def _subscriptions(plan: Plan, event: Event, record: Record) -> list[ExplainedSubscription]:
    """Return every subscription with its verdict on an admitted event."""
    left = plan.filtered(event, record)
    return [_subscription(one, event, left) for one in plan.subscriptions.all]


def _subscription(one: Subscription, event: Event, left: Event | Skipped | Rejected) -> ExplainedSubscription:
    """Return one subscription with its verdict; `left` is what the filters leave of the event for its mapping."""
    terms = explain_trigger(one.trigger, event)
    fields = explain(one.mapping, left) if terms.holds and isinstance(left, dict) else None
    return ExplainedSubscription(one.name, one.action, one.trigger.text, terms, fields)
