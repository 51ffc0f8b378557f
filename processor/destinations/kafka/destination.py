"""A Kafka topic as a destination: one endpoint, whose requests are batches of messages."""

from __future__ import annotations

import base64
import builtins
from typing import Any, ClassVar, Final

from pydantic import BaseModel

from processor.config import Secret
from processor.destinations.base import Backoff, Destination, Endpoint, Envelope
from processor.destinations.gates import CALLS, Gates
from processor.destinations.kafka.actions import ENDPOINT, key_paths, make_actions
from processor.destinations.kafka.answers import classify
from processor.destinations.kafka.settings import KafkaTopicSettings
from processor.destinations.presets import load_presets
from processor.destinations.target import Target, messages
from processor.destinations.text import decode, encode
from processor.errors import MappingError
from processor.model import Answer, Event, Mapped, Payload, Rejected, Skipped, Verdict

TYPES: Final = CALLS | {"delete"}
_JOINED: Final = Envelope(open=b"", close=b"", separator=b"")
_BATCH_COUNT: Final = 200
"""A request ends with its slowest message, and is sent again as a whole: more would not be faster."""
_BATCH_BYTES: Final = 1_000_000
_WAIT_MS: Final = 10
_BACKOFF: Final = Backoff(base_s=0.5, cap_s=30.0)
"""A cluster that is back is used within half a minute."""


class KafkaTopicDestination(Destination):
    """A topic of the same or another cluster."""

    type: ClassVar[str] = "kafka"
    summary = "Kafka: another topic, with a key of your choice; re-keys a topic so that order can hold"
    settings_model: ClassVar[builtins.type[BaseModel]] = KafkaTopicSettings

    def __init__(self, name: str, settings: KafkaTopicSettings) -> None:
        """Make everything that the settings decide, once."""
        self.name = name
        self.settings: KafkaTopicSettings = settings
        self.gates = Gates(settings, types=TYPES)
        self.backoff = _BACKOFF
        self.target = Target(settings)
        self.reads = frozenset(path[0] for path in key_paths(settings))
        self.actions = make_actions(settings)
        self.endpoints = {
            ENDPOINT: Endpoint(
                name=ENDPOINT,
                url=f"kafka://cluster/{settings.topic}",
                max_batch_count=_BATCH_COUNT,
                max_body_bytes=_BATCH_BYTES,
                max_wait_ms=_WAIT_MS,
                method="PRODUCE",
                envelope=_JOINED,
            )
        }

    @classmethod
    def create(cls, name: str, settings: BaseModel) -> KafkaTopicDestination:
        """Return the destination for validated settings."""
        assert isinstance(settings, KafkaTopicSettings)
        return cls(name, settings)

    def presets(self) -> list[dict[str, Any]]:
        """Return the one subscription; no setting changes it."""
        return load_presets("processor.destinations.kafka")

    def admit(self, event: Any, *, presets: bool) -> Event | Skipped | Rejected:  # noqa: ANN401, ARG002 - any JSON value; presets take all types
        """Return the event with its type normalised, or why it goes no further."""
        return self.gates.admit(event)

    def headers(self, endpoint: Endpoint, body: bytes, now_ms: int) -> dict[str, str]:  # noqa: ARG002 - messages carry their own
        """Return none: what a request has beside its messages is in the client's properties."""
        return {}

    def classify(self, endpoint: Endpoint, answer: Answer, count: int, now_ms: int, *, compressed: bool) -> Verdict:  # noqa: ARG002 - there is but one
        """Return what an answer to a request of `count` messages means."""
        return classify(answer, count)

    def item(self, payload: Payload, now_ms: int) -> bytes:  # noqa: ARG002 - nothing is stamped
        """Return a message as JSON, for people: `value` where it is JSON itself, else `value_base64`."""
        (message,) = messages(payload.body)
        shown: dict[str, Any] = {"key": None if message.key is None else message.key.decode()}
        try:
            shown["value"] = decode(message.value)
            encode(shown)
        except (ValueError, RecursionError, MappingError):
            shown.pop("value", None)
            shown["value_base64"] = _text(message.value)
        if message.headers:
            shown["headers"] = [
                {"name": name, "value_base64": None if value is None else _text(value)}
                for name, value in message.headers
            ]
        if message.timestamp_ms:
            shown["timestamp_ms"] = message.timestamp_ms
        return encode(shown)

    def vector_form(self, mapped: Mapped, now_ms: int) -> dict[str, Any]:
        """Return the message, or why there is none."""
        if mapped.rejected:
            return {"dead_letter": mapped.rejected[0].reason}
        if not mapped.payloads:
            return {"dropped": mapped.skipped[0].reason}
        message: dict[str, Any] = self.decoded(mapped.payloads[0], now_ms)
        return message

    def reload_secrets(self) -> None:
        """Read credentials that lie in files again; the client that is made for the next attempt has them."""
        for value in self.settings.properties.values():
            if isinstance(value, Secret):
                value.reload()


def _text(value: bytes) -> str:
    """Return bytes as text that JSON takes."""
    return base64.b64encode(value).decode()
