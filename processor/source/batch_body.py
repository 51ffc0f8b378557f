"""Segment's batch body as a record value, taken apart into its events.

Somebody who pipes the bodies of `/v1/batch` into a topic has one record with many events. Each becomes an event of
its own with what the wrapper says for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_MERGED: Final = ("context", "integrations")


def is_batch_body(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Return whether this value holds events instead of being one.

    A batch body is an object without `type` whose `batch` is a list, or a list of objects, at least one. An event may
    well have a member named `batch`, but it has a type; `[]` and `[1, 2]` are no events of anybody.
    """
    if isinstance(value, dict):
        return isinstance(value.get("batch"), list) and "type" not in value
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def batch_events(body: dict[str, Any] | list[Any]) -> list[Any]:
    """Return the events of a batch body in order; items that are no objects stay as they are.

    The wrapper's `context` and `integrations` are merged into every event, object by object; what the event itself
    says wins, and lists are not mixed. `sentAt` is the wrapper's where the event has none. Anything else of the
    wrapper (`writeKey`, `messageId`, `sequence`) is about the request, or a secret, and goes nowhere.

    Source: Segment's HTTP API manual; Go and Java name their library in the wrapper only (`tracking-api` contract,
    batch wrapper).
    """
    if isinstance(body, list):
        return body
    shared = {name: body[name] for name in _MERGED if isinstance(body.get(name), dict) and body[name]}
    sent_at = body.get("sentAt")
    return [_event(item, shared, sent_at) if isinstance(item, dict) else item for item in body["batch"]]


def _event(item: dict[str, Any], shared: Mapping[str, dict[str, Any]], sent_at: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    event = dict(item)
    for name, common in shared.items():
        own = event.get(name)
        if isinstance(own, dict):
            event[name] = _merged(common, own)
        elif own is None or own == []:  # Segment's own samples write an empty object as a list
            event[name] = _merged(common, {})
    if sent_at is not None and event.get("sentAt") is None:
        event["sentAt"] = sent_at
    return event


def _merged(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a new object with the members of both; of two objects under one name the same, else the own one wins."""
    merged = {**common, **own}
    for name in common.keys() & own.keys():
        if isinstance(common[name], dict) and isinstance(own[name], dict):
            merged[name] = _merged(common[name], own[name])
    return merged
