"""What is told of one event on its way to payloads: ids, places, names of settings and codes; nothing else of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from processor.destinations.explanation import Explanation, explain_event
from processor.destinations.plan import Plan
from processor.destinations.text import id_text
from processor.model import Mapped, Record, Rejected, Skipped
from processor.operations.trace_board import Question, Step

MAX_ID_CHARS: Final = 200
"""A longer `messageId` is cut where it is shown."""


def is_about(question: Question, event: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether an event, as it was decoded, is one that is asked about; numbers are compared as text."""
    if not isinstance(event, dict):
        return False
    if question.message_id is not None:
        return _text(event.get("messageId")) == question.message_id
    return question.user in (_text(event.get("userId")), _text(event.get("anonymousId")))


def _text(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    return value if type(value) is str else id_text(value)


def can_hold(question: Question, record: Record) -> bool:
    """Return whether the id that is asked about stands somewhere in a value that could not be decoded."""
    wanted = question.user if question.message_id is None else question.message_id
    return wanted is not None and wanted.encode("utf-8", "replace") in (record.value or b"")


def place_of(record: Record) -> Step:
    """Return where a record stands; an event of a batch body has an index as well."""
    place: Step = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    return place | ({"event_index": record.event_index} if record.is_part else {})


def undecoded_step(decoded: Skipped | Rejected) -> Step:
    """Return that a record holds no event that could be read."""
    return {"step": "decoded", "outcome": _outcome(decoded), "reason": decoded.reason}


def _outcome(one: Skipped | Rejected) -> str:
    return "rejected" if isinstance(one, Rejected) else "skipped"


def event_steps(plan: Plan, value: Any, record: Record, mapped: Mapped, now_ms: int) -> Iterator[Step]:  # noqa: ANN401 - any JSON value
    """Yield what decoding, gates, filters and subscriptions made of an event that came to `mapped`."""
    try:
        explanation = explain_event(plan, value, record, now_ms, mapped)
    except RecursionError:  # what came of it is told all the same
        explanation = Explanation([], [], [], [], mapped)
    yield {"step": "decoded", **_shown_id(plan, value)}
    yield from _gate_steps(explanation)
    yield from _filter_steps(explanation)
    yield from _subscription_steps(explanation)


def _shown_id(plan: Plan, event: dict[str, Any]) -> Step:
    """Return the event's `messageId` as far as privacy lets it be seen, and its type."""
    shown: Any = {}
    with suppress(RecursionError):
        shown = event if plan.privacy is None else plan.privacy.applied(event)
    found = {"message_id": _text(shown.get("messageId")), "type": _text(shown.get("type"))}
    return {name: text[:MAX_ID_CHARS] for name, text in found.items() if text is not None}


def _gate_steps(explanation: Explanation) -> Iterator[Step]:
    """Yield one step: the gates that let the event pass and, if one did not, that one with its reason."""
    if not explanation.gates:
        return
    last = explanation.gates[-1]
    passed = [gate.name for gate in explanation.gates if gate.outcome is None]
    if last.outcome is None:
        yield {"step": "gates", "outcome": "passed", "passed": passed}
        return
    stopped = {"gate": last.name, "reason": last.outcome.reason}
    yield {"step": "gates", "outcome": _outcome(last.outcome), "passed": passed, **stopped}


def _filter_steps(explanation: Explanation) -> Iterator[Step]:
    for one in explanation.filters:
        if isinstance(one.fate, (Skipped, Rejected)):
            yield {"step": "filter", "filter": one.title, "outcome": _outcome(one.fate), "reason": one.fate.reason}
        else:
            yield {"step": "filter", "filter": one.title, "outcome": "passed"}


def _subscription_steps(explanation: Explanation) -> Iterator[Step]:
    """Yield what each subscription made of the event, and which ones did not take it."""
    mapped = explanation.mapped
    for payload in mapped.payloads:
        yield {
            "step": "subscription",
            "subscription": payload.subscription,
            "outcome": "mapped",
            "action": payload.action,
            "endpoint": payload.endpoint,
        }
    left_out: list[Skipped | Rejected] = [*mapped.skipped, *mapped.rejected]
    for one in left_out:
        if one.subscription:
            step = {"step": "subscription", "subscription": one.subscription, "outcome": _outcome(one)}
            yield step | {"reason": one.reason}
    left = [one.name for one in explanation.subscriptions if not one.terms.holds]
    if left:
        yield {"step": "not_taken", "subscriptions": left, "reason": "trigger"}
