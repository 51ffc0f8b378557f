"""What an event would become, without delivering it. The work is the pipeline's own: same decoder, same plan."""

from __future__ import annotations

from typing import TypedDict

import msgspec

from processor.destinations.base import Destination
from processor.destinations.plan import Plan
from processor.model import Mapped, Record, Rejected, Skipped
from processor.source.decode import Decoder


class PreviewPayload(TypedDict):
    """One payload; `body` are the very bytes that would stand in a request."""

    action: str
    endpoint: str
    body: msgspec.Raw


class PreviewLine(TypedDict):
    """What one line of input comes to; the public format of `schemas/preview-line.schema.json`."""

    payloads: list[PreviewPayload]
    skipped: str | None
    rejected: str | None
    warnings: list[str]


def preview_line(destination: Destination, plan: Plan, decoder: Decoder, record: Record, now_ms: int) -> PreviewLine:
    """Return what a record comes to.

    `skipped` and `rejected` are the first reason of each kind; `skipped` only where nothing is sent or rejected.
    """
    decoded = decoder.decode(record)
    if isinstance(decoded, Rejected):
        return PreviewLine(payloads=[], skipped=None, rejected=decoded.reason, warnings=[])
    if isinstance(decoded, Skipped):
        return PreviewLine(payloads=[], skipped=decoded.reason, rejected=None, warnings=[])
    return _line(destination, [plan.map(event, known_by, now_ms) for known_by, event in decoded], now_ms)


def _line(destination: Destination, mapped: list[Mapped], now_ms: int) -> PreviewLine:
    """Return the line of all events of one record."""
    payloads = [payload for each in mapped for payload in each.payloads]
    rejected = [one.reason for each in mapped for one in each.rejected]
    skipped = [one.reason for each in mapped for one in each.skipped]
    return PreviewLine(
        payloads=[
            PreviewPayload(
                action=payload.action,
                endpoint=payload.endpoint,
                body=msgspec.Raw(destination.item(payload, now_ms)),
            )
            for payload in payloads
        ],
        skipped=skipped[0] if skipped and not payloads and not rejected else None,
        rejected=rejected[0] if rejected else None,
        warnings=[code for each in mapped for code in destination.warnings_of(each)],
    )
