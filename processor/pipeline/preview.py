"""What an event would become, without delivering it. The work is the pipeline's own: same decoder, same plan."""

from __future__ import annotations

from typing import TypedDict

import msgspec

from processor.destinations.base import Destination
from processor.destinations.plan import Plan
from processor.model import Mapped, Record, Rejected, Skipped
from processor.source.decode import Decoder, SchemaNeeded


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
    return _line(destination, mapped_record(plan, decoder, record, now_ms), now_ms)


def mapped_record(plan: Plan, decoder: Decoder, record: Record, now_ms: int) -> Mapped:
    """Return what all events of a record come to, together; one that cannot be decoded is a skip or a rejection.

    Raises:
        SchemaNeeded: as `Decoder.decode`.
    """
    run = decoder.decode_run([record], plan.needs)
    if run.needed_schema is not None:
        raise SchemaNeeded(run.needed_schema)
    (decoded,) = run.decoded
    if isinstance(decoded, Rejected):
        return Mapped([], [], [decoded])
    if isinstance(decoded, Skipped):
        return Mapped([], [decoded], [])
    together = Mapped([], [], [])
    for mapped in plan.map_all(decoded, now_ms, has_plain_keys=run.has_plain_keys):
        together.payloads.extend(mapped.payloads)
        together.skipped.extend(mapped.skipped)
        together.rejected.extend(mapped.rejected)
    return together


def _line(destination: Destination, mapped: Mapped, now_ms: int) -> PreviewLine:
    """Return the line of what a record comes to."""
    skipped = mapped.skipped and not mapped.payloads and not mapped.rejected
    return PreviewLine(
        payloads=[
            PreviewPayload(
                action=payload.action,
                endpoint=payload.endpoint,
                body=msgspec.Raw(destination.item(payload, now_ms)),
            )
            for payload in mapped.payloads
        ],
        skipped=mapped.skipped[0].reason if skipped else None,
        rejected=mapped.rejected[0].reason if mapped.rejected else None,
        warnings=destination.warnings_of(mapped),
    )
