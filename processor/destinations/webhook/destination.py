"""A webhook as a destination: one endpoint, its envelope, headers and presets."""

from __future__ import annotations

import builtins
from typing import Any, ClassVar

from pydantic import BaseModel

from processor import __version__
from processor.config import Secret
from processor.destinations.base import Destination, Endpoint, Envelope
from processor.destinations.gates import CALLS, Gates
from processor.destinations.presets import load_presets
from processor.destinations.text import encode
from processor.destinations.webhook.actions import ENDPOINT, make_actions
from processor.destinations.webhook.answers import SuccessRule, classify
from processor.destinations.webhook.settings import WebhookSettings, revealed
from processor.destinations.webhook.signing import signed_headers
from processor.model import Answer, Event, Mapped, Rejected, Skipped, Verdict


class WebhookDestination(Destination):
    """Any HTTP address that takes JSON."""

    type: ClassVar[str] = "webhook"
    summary = "Webhook: events, as they are or mapped, as JSON to any HTTP address, signed if wanted"
    settings_model: ClassVar[builtins.type[BaseModel]] = WebhookSettings
    limit_settings: ClassVar[dict[str, str]] = {
        "batch_size": "max_batch_count",
        "flush_interval_ms": "max_wait_ms",
        "max_request_bytes": "max_body_bytes",
    }

    def __init__(self, name: str, settings: WebhookSettings) -> None:
        """Make everything that the settings decide, once."""
        self.name = name
        self.settings: WebhookSettings = settings
        self.gates = Gates(settings, types=CALLS | {"delete"})
        endpoint = _endpoint(settings)
        self.endpoints = {ENDPOINT: endpoint}
        self.actions = make_actions(settings, endpoint.max_body_bytes - endpoint.envelope.body_bytes(1, 0))
        self._success = SuccessRule.of(settings)

    @classmethod
    def create(cls, name: str, settings: BaseModel) -> WebhookDestination:
        """Return the destination for validated settings."""
        assert isinstance(settings, WebhookSettings)
        return cls(name, settings)

    def presets(self) -> list[dict[str, Any]]:
        """Return the one subscription, which takes everything; no setting changes it."""
        return load_presets("processor.destinations.webhook")

    def admit(self, event: Any, *, presets: bool) -> Event | Skipped | Rejected:  # noqa: ANN401, ARG002 - any JSON value; presets take all types
        """Return the event with its type normalised, or why it goes no further."""
        return self.gates.admit(event)

    def headers(self, endpoint: Endpoint, body: bytes, now_ms: int) -> dict[str, str]:  # noqa: ARG002 - there is but one
        """Return the headers of the settings, and the signature of this body at this time."""
        own = {name: revealed(value) for name, value in self.settings.headers.items()}
        given = {name.lower() for name in own}
        ours = {"Content-Type": "application/json", "User-Agent": f"segment-bridge/{__version__}"}
        headers = {name: value for name, value in ours.items() if name.lower() not in given} | own
        signature = self.settings.signature
        return headers if signature is None else headers | signed_headers(signature, body, now_ms)

    def classify(self, endpoint: Endpoint, answer: Answer, count: int, now_ms: int, *, compressed: bool) -> Verdict:  # noqa: ARG002 - there is but one
        """Return what an answer to a request of `count` events means."""
        return classify(self._success, answer, count, now_ms, self.backoff, compressed=compressed)

    def vector_form(self, mapped: Mapped, now_ms: int) -> dict[str, Any]:
        """Return what is sent of an event, or why nothing is."""
        if mapped.rejected:
            return {"dead_letter": mapped.rejected[0].reason}
        if not mapped.payloads:
            return {"dropped": mapped.skipped[0].reason}
        return {"sent": [self.decoded(payload, now_ms) for payload in mapped.payloads]}

    def reload_secrets(self) -> None:
        """Read the secrets of headers and signature again if they lie in files; the address is that of the start."""
        for value in self.settings.headers.values():
            if isinstance(value, Secret):
                value.reload()
        if self.settings.signature is not None:
            self.settings.signature.secret.reload()


def _endpoint(settings: WebhookSettings) -> Endpoint:
    """Return the one endpoint with the limits of the settings."""
    is_array = settings.body == "array"
    return Endpoint(
        name=ENDPOINT,
        url=settings.address,
        method=settings.method,
        max_batch_count=settings.batch_size if is_array else 1,
        max_body_bytes=settings.max_request_bytes,
        max_wait_ms=settings.flush_interval_ms if is_array else 0,
        envelope=_envelope(settings.wrapper, is_array=is_array),
        gzip=settings.gzip,
    )


def _envelope(wrapper: str | None, *, is_array: bool) -> Envelope:
    """Return what stands around the events of a request."""
    opening, closing = (b"[", b"]") if is_array else (b"", b"")
    if wrapper is not None:
        opening, closing = b"{%b:%b" % (encode(wrapper), opening), closing + b"}"
    return Envelope(open=opening, close=closing)
