"""Moveo One as a destination: one endpoint, its envelope, headers and presets.

Source: contract of Moveo One, sections 2, 3 and 6.
"""

from __future__ import annotations

import builtins
from typing import Any, ClassVar

from pydantic import BaseModel

from processor import __version__
from processor.destinations.base import Backoff, Destination, Endpoint, Envelope
from processor.destinations.gates import Gates
from processor.destinations.moveo.actions import ENDPOINT, make_actions
from processor.destinations.moveo.answers import classify
from processor.destinations.moveo.settings import MoveoSettings
from processor.destinations.presets import load_presets
from processor.destinations.times import SOURCES, iso_ms
from processor.model import Answer, Event, Mapped, Rejected, Skipped, Verdict


def stamp(now_ms: int) -> bytes:
    """Return the end of an event: the time of the attempt, which also lets the vendor's skew formula come out right."""
    return b',"sentAt":"%b"}' % iso_ms(now_ms).encode()


ENVELOPE = Envelope(open=b'{"events":[', close=b"]}", stamp=stamp, stamp_bytes=len(stamp(0)))


class MoveoDestination(Destination):
    """Moveo One's Segment ingestion endpoint."""

    type: ClassVar[str] = "moveo"
    summary = "Moveo One: all six calls, each a reduced copy of the Segment event"
    settings_model: ClassVar[builtins.type[BaseModel]] = MoveoSettings
    reads = frozenset({"messageId", *SOURCES})
    limit_settings: ClassVar[dict[str, str]] = {
        "batch_size": "max_batch_count",
        "flush_interval_ms": "max_wait_ms",
        "max_request_bytes": "max_body_bytes",
    }
    delivery_settings: ClassVar[dict[str, str]] = {
        "max_retries": "max_attempts",
        "max_buffer_bytes": "max_window_bytes",
    }

    def __init__(self, name: str, settings: MoveoSettings) -> None:
        """Make everything that the settings decide, once."""
        self.name = name
        self.settings: MoveoSettings = settings
        self.gates = Gates(settings)
        self.backoff = Backoff(jitter="up_to_20_percent", max_retry_after_s=settings.max_retry_after_s)
        self.delivery_limits = {
            "max_attempts": None if settings.max_retries is None else settings.max_retries + 1,
            "max_window_bytes": settings.max_buffer_bytes,
        }
        self.is_debugging = settings.debug
        self.actions = make_actions(settings)
        self.endpoints = {ENDPOINT: _endpoint(settings)}

    @classmethod
    def create(cls, name: str, settings: BaseModel) -> MoveoDestination:
        """Return the destination for validated settings."""
        assert isinstance(settings, MoveoSettings)
        return cls(name, settings)

    def presets(self) -> list[dict[str, Any]]:
        """Return the six subscriptions; no setting changes them."""
        return load_presets("processor.destinations.moveo")

    def admit(self, event: Any, *, presets: bool) -> Event | Skipped | Rejected:  # noqa: ANN401, ARG002 - any JSON value; presets take all types
        """Return the event with its type normalised, or why it goes no further."""
        return self.gates.admit(event)

    def headers(self, endpoint: Endpoint, body: bytes, now_ms: int) -> dict[str, str]:  # noqa: ARG002 - always the same
        """Return the headers of a request; the token travels bare, without a scheme."""
        return {
            "Authorization": self.settings.api_key.reveal(),
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": f"segment-bridge/{__version__}",
        }

    def classify(self, endpoint: Endpoint, answer: Answer, count: int, now_ms: int, *, compressed: bool) -> Verdict:  # noqa: ARG002 - there is but one
        """Return what an answer to a request of `count` events means."""
        return classify(answer, count, now_ms, self.backoff, compressed=compressed)

    def vector_form(self, mapped: Mapped, now_ms: int) -> dict[str, Any]:
        """Return the event as it stands in a request sent now, or why there is none."""
        if mapped.rejected:
            return {"dead_letter": mapped.rejected[0].reason}
        if not mapped.payloads:
            return {"dropped": mapped.skipped[0].reason}
        event: dict[str, Any] = self.decoded(mapped.payloads[0], now_ms)
        return event

    def reload_secrets(self) -> None:
        """Read the token again if it lies in a file."""
        self.settings.api_key.reload()


def _endpoint(settings: MoveoSettings) -> Endpoint:
    """Return the one endpoint with the limits of the settings."""
    return Endpoint(
        name=ENDPOINT,
        url=settings.endpoint,
        max_batch_count=settings.batch_size,
        max_body_bytes=settings.max_request_bytes,
        max_wait_ms=settings.flush_interval_ms,
        envelope=ENVELOPE,
        gzip=settings.gzip,
    )
