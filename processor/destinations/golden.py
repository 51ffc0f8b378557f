"""Golden cases: one event or one answer through a vendor's public rules, with plain values in and out.

Used by the project's contract tests and by whoever wants to know what an event becomes without a configuration file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from processor.config.secret import PLAIN_SECRETS
from processor.destinations import destination_class
from processor.destinations.base import Destination, Endpoint
from processor.destinations.plan import DEFAULT, Plan
from processor.destinations.text import decode, encode
from processor.destinations.times import read_time_ms
from processor.errors import MappingError
from processor.mapping import SubscriptionSettings, Trigger, TriggerError
from processor.mapping.pasted import TRIGGER_NAMES
from processor.mapping.root import ROOT_DIRECTIVE
from processor.mapping.subscriptions import RESERVED_KEYS
from processor.model import Answer, Decision, Payload, Record, Verdict

_DECISIONS: Final = {
    Decision.DELIVERED: "success",
    Decision.BISECT: "bisect",
    Decision.SPLIT: "split",
    Decision.REJECTED: "dead_letter",
    Decision.HOLD: "stop",
    Decision.RESEND_PLAIN: "resend_plain",
}
_NEVER_SENT: Final = frozenset({"connect", "tls", "invalid"})
"""Words for failures before any byte of the body left."""


def event_result(
    type_name: str,
    event: Any,  # noqa: ANN401 - any JSON value
    settings: Mapping[str, Any],
    record: Mapping[str, Any],
    now: str,
) -> dict[str, Any]:
    """Return what the vendor's presets make of one event, in the vendor's golden form, plus `warnings`.

    `settings` are plain values, keys included. `record` holds topic, partition, offset and time, `now` is ISO 8601.
    """
    return event_results(type_name, settings)(event, record, now)


def event_results(
    type_name: str, settings: Mapping[str, Any]
) -> Callable[[Any, Mapping[str, Any], str], dict[str, Any]]:
    """Return a function from event, record and now to what `event_result` says, with the presets compiled once."""
    destination = _destination(type_name, settings)
    plan = Plan.compile(destination, DEFAULT)

    def result(event: Any, record: Mapping[str, Any], now: str) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
        now_ms = _ms(now)
        mapped = plan.map(event, _record(record), now_ms)
        return destination.vector_form(mapped, now_ms) | {"warnings": destination.warnings_of(mapped)}

    return result


def answer_result(type_name: str, settings: Mapping[str, Any], line: Mapping[str, Any], now: str) -> dict[str, Any]:
    """Return what an answer means, in the words of the vendors' `responses.jsonl`.

    `line` holds `response` (`status`, `headers`, `body`, or `error`), `events` or `elements` (how many were sent), and
    where it matters `endpoint` and `request` (`gzip`: whether the body was compressed).
    """
    destination = _destination(type_name, settings)
    count = line.get("events", line.get("elements", 1))
    compressed = bool(line.get("request", {}).get("gzip", False))
    endpoint = _endpoint(destination, line.get("endpoint"))
    answer = _answer(line["response"])
    verdict = destination.classify(endpoint, answer, count, _ms(now), compressed=compressed)
    return _in_words(verdict, count) | _beside(verdict, answer)


def request_for(
    type_name: str,
    settings: Mapping[str, Any],
    subscription: Mapping[str, Any],
    event: Any,  # noqa: ANN401 - any JSON value
    now: str | None = None,
) -> dict[str, Any] | None:
    """Return the request that one subscription makes of one event: `method`, `url`, `headers` and `body`, decoded.

    `settings` and `subscription` may be Segment's own; what Segment's runtime does not look at, such as `enabled` or a
    mapping for a field that the action has not, counts for nothing here either. Otherwise event and subscription go
    through the same plan as in the pipeline. `now` is ISO 8601, the clock unless given. None when nothing is sent: the
    trigger does not take the event or is none, nobody knows the action, or a rule of the vendor skips the event.

    Raises:
        pydantic.ValidationError: settings or subscription cannot be used.
        ConfigError: the mapping does not fit the action.
        MappingError: the trigger or the mapping fails, or the event is refused; `reason` is its code.
    """
    destination = _destination(type_name, destination_class(type_name).segment_settings(settings))
    now_ms = time.time_ns() // 1_000_000 if now is None else _ms(now)
    if not _takes(subscription, event):
        return None
    read = SubscriptionSettings.model_validate({"name": "one", **subscription, "enabled": True})
    action = destination.actions.get(read.action)
    if action is None:
        return None
    known = {field.name for field in action.fields}
    fitting = {name: value for name, value in read.mapping.items() if name in known or _is_no_field(name)}
    plan = Plan.compile(destination, [read.model_copy(update={"mapping": fitting})])
    mapped = plan.map(event, Record("", 0, 0, now_ms), now_ms)
    if mapped.rejected:
        refusal = mapped.rejected[0]
        raise MappingError(refusal.message, reason=refusal.reason, safe=refusal.message)
    return _request(destination, mapped.payloads, now_ms) if mapped.payloads else None


def _takes(subscription: Mapping[str, Any], event: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether a subscription's trigger takes an event; what is no trigger takes none.

    Raises:
        TriggerError: the trigger cannot be evaluated for this event.
    """
    text = next((subscription[name] for name in TRIGGER_NAMES if name in subscription), None)
    if not isinstance(text, str):
        return False
    try:
        trigger = Trigger.parse(text)
    except TriggerError:
        return False
    return trigger.matches(event)


def _is_no_field(name: str) -> bool:
    """Return whether a key of a mapping is none of a field: a directive, or what Segment keeps beside the fields."""
    return name.startswith("@") or name == ROOT_DIRECTIVE or name in RESERVED_KEYS


def _request(destination: Destination, payloads: Sequence[Payload], now_ms: int) -> dict[str, Any]:
    """Return the request that carries the first payload, and those behind it that may go with it."""
    endpoint = destination.endpoints[payloads[0].endpoint]
    bodies = [payload.body for payload in payloads if payload.endpoint == endpoint.name][: endpoint.max_batch_count]
    body = endpoint.envelope.join(bodies, now_ms)
    return {
        "method": endpoint.method,
        "url": endpoint.url,
        "headers": destination.headers(endpoint, body, now_ms),
        "body": decode(body),
    }


def _destination(type_name: str, settings: Mapping[str, Any]) -> Destination:
    """Return a destination for plain settings."""
    vendor = destination_class(type_name)
    validated = vendor.settings_model.model_validate(dict(settings), context={PLAIN_SECRETS: True})
    return vendor.create(type_name, validated)


def _record(record: Mapping[str, Any]) -> Record:
    """Return the record that a golden case names by its coordinates and time."""
    return Record(record["topic"], record["partition"], record["offset"], _ms(record["time"]))


def _ms(text: str) -> int:
    """Return a time of a golden case in milliseconds.

    Raises:
        ValueError: it is no ISO 8601 time.
    """
    epoch_ms = read_time_ms(text)
    if epoch_ms is None:
        raise ValueError(f"not an ISO 8601 time: {text!r}")
    return epoch_ms


def _endpoint(destination: Destination, name: str | None) -> Endpoint:
    """Return the endpoint of a name or of the end of an address, the first one for any other word."""
    endpoints = destination.endpoints
    if name is None:
        return next(iter(endpoints.values()))
    fitting = [
        endpoint for endpoint in endpoints.values() if endpoint.name == name or endpoint.url.endswith(f"/{name}")
    ]
    return next(iter(fitting or endpoints.values()))


def _answer(response: Mapping[str, Any]) -> Answer:
    """Return the answer that a golden case describes."""
    if "error" in response:
        return Answer(None, error=response["error"], sent=response["error"] not in _NEVER_SENT)
    headers = {name.lower(): value for name, value in response.get("headers", {}).items()}
    body = response.get("body", "")
    return Answer(response["status"], headers, body.encode() if isinstance(body, str) else encode(body))


def _in_words(verdict: Verdict, count: int) -> dict[str, Any]:
    """Return a verdict in the words of the golden cases."""
    words: dict[str, Any] = {}
    if verdict.decision is Decision.RETRY:
        words["decision"] = "backoff" if verdict.wait_s is None else "wait"
    else:
        words["decision"] = _DECISIONS[verdict.decision]
    if verdict.wait_s is not None:
        words["seconds"] = verdict.wait_s
    if verdict.probe_s is not None:
        words["probe_seconds"] = verdict.probe_s
    if verdict.decision is Decision.SPLIT:
        words["sizes"] = [(count + 1) // 2, count // 2]
    if verdict.decision is Decision.REJECTED:
        words["reason"] = verdict.reason
    return words


def _beside(verdict: Verdict, answer: Answer) -> dict[str, Any]:
    """Return what else is seen: a warning beside a success, the stop after retries, a repeat under the same ids."""
    words: dict[str, Any] = {}
    if verdict.decision is Decision.DELIVERED and verdict.reason:
        words["warning"] = True
    if verdict.hold_after:
        words["then"] = "stop"
    if verdict.decision is Decision.RETRY and answer.status is None and answer.sent:
        words["same_ids"] = True
    return words
