"""Golden cases: one event or one answer through a vendor's public rules, with plain values in and out.

Used by the project's contract tests and by whoever wants to know what an event becomes without a configuration file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from processor.config.secret import PLAIN_SECRETS
from processor.destinations import destination_class
from processor.destinations.base import Destination, Endpoint
from processor.destinations.plan import DEFAULT, Plan
from processor.destinations.text import encode
from processor.destinations.times import read_time_ms
from processor.model import Answer, Decision, Record, Verdict

_DECISIONS: Final = {
    Decision.DELIVERED: "success",
    Decision.BISECT: "bisect",
    Decision.SPLIT: "split",
    Decision.REJECTED: "dead_letter",
    Decision.HOLD: "stop",
    Decision.RESEND_PLAIN: "resend_plain",
}


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
    now_ms = _ms(now)
    destination = _destination(type_name, settings)
    mapped = Plan.compile(destination, DEFAULT).map(event, _record(record), now_ms)
    return destination.vector_form(mapped, now_ms) | {"warnings": destination.warnings_of(mapped)}


def answer_result(type_name: str, settings: Mapping[str, Any], line: Mapping[str, Any], now: str) -> dict[str, Any]:
    """Return what an answer means, in the words of the vendors' `responses.jsonl`.

    `line` holds `response` (`status`, `headers`, `body`, or `error`), `events` or `elements` (how many were sent), and
    where it matters `endpoint` and `request` (`gzip`: whether the body was compressed).
    """
    destination = _destination(type_name, settings)
    count = line.get("events", line.get("elements", 1))
    compressed = bool(line.get("request", {}).get("gzip", False))
    endpoint = _endpoint(destination, line.get("endpoint"))
    verdict = destination.classify(endpoint, _answer(line["response"]), count, _ms(now), compressed=compressed)
    return _in_words(verdict, count)


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
        return Answer(None, error=response["error"])
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
