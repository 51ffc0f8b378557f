"""What a destination that is a Kafka topic hands to delivery: where to write, and messages as bytes.

A payload's body is one message, packed, so that a request's body is what its payloads' bodies are when they are joined
without anything between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field

from processor.config import Properties, naming_files, refusing
from processor.config.client_files import file_findings
from processor.config.librdkafka import REFUSED_EVERYWHERE, TOPIC_PATTERN, taking_all_but
from processor.model import Headers

ANSWER_PREFIX: Final = "kafka_"
"""Before the names of Kafka's codes, in lower case, in `Answer.error` and in reasons."""
WRITTEN: Final = f"{ANSWER_PREFIX}written"
"""`Answer.error` when the broker has acknowledged every message of a request but those that were refused for good.

The answer's body is then a JSON object, the positions of the refused ones to Kafka's codes; empty where there is none.
"""
FRAMING_BYTES: Final = 1024
"""Room that a message needs beside key, value and headers: Kafka's own framing of a batch of one message."""

Compression: TypeAlias = Literal["none", "gzip", "snappy", "lz4", "zstd"]

_SERVERS: Final = r"^[^\s,]+(,\s*[^\s,]+)*$"
_SIZE_BYTES: Final = 4

_ORDER: Final = "the order of a user's events rests on it"
_SAFETY: Final = "that no event is lost rests on it"
_REFUSED: Final = {
    "bootstrap.servers": "write settings.bootstrap_servers",
    "metadata.broker.list": "write settings.bootstrap_servers",
    "enable.idempotence": _ORDER,
    "enable.gapless.guarantee": _ORDER,
    "max.in.flight": _ORDER,
    "max.in.flight.requests.per.connection": _ORDER,
    "queuing.strategy": _ORDER,
    "partitioner": "events of one key share a partition, the one that any Java producer takes",
    "acks": _SAFETY,
    "request.required.acks": _SAFETY,
    "retries": _SAFETY,
    "message.send.max.retries": _SAFETY,
    "delivery.report.only.error": _SAFETY,
    "message.timeout.ms": "write delivery.attempt_timeout_s",
    "delivery.timeout.ms": "write delivery.attempt_timeout_s",
    "linger.ms": "write settings.linger_ms",
    "queue.buffering.max.ms": "write settings.linger_ms",
    "message.max.bytes": "write settings.max_message_bytes",
    "compression.type": "write settings.compression",
    "compression.codec": "write settings.compression",
    "batch.num.messages": "a message that the topic refuses is found by it",
    "queue.buffering.max.messages": "write delivery.max_window_count",
    "queue.buffering.max.kbytes": "write delivery.max_window_bytes",
    **REFUSED_EVERYWHERE,
}
"""Properties that the program sets itself, each with what to write instead or why."""


class TargetSettings(BaseModel):
    """Which topic is written to, and how to reach it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str = Field(
        pattern=TOPIC_PATTERN,
        description="Topic to write to. It must exist, must not be compacted, and is none that the bridge reads or "
        "keeps its own records in. Required.",
    )
    bootstrap_servers: str | None = Field(
        default=None,
        pattern=_SERVERS,
        description="Brokers of the topic's cluster to begin with, as host:port, separated by commas. Default none: "
        "the cluster that events are read from, with `kafka.properties`.",
    )
    properties: Annotated[Properties, refusing(taking_all_but(_REFUSED)), naming_files(file_findings)] = Field(
        default_factory=dict,
        description="Properties of librdkafka for the producer, such as security.protocol; secrets as {env: NAME} or "
        "{file: PATH}. Without `bootstrap_servers` they are laid over `kafka.properties`. Default none.",
    )
    max_message_bytes: int = Field(
        default=1_000_000,
        ge=1024,
        le=999_000_000,
        description="Largest message in bytes: key, value and headers together. An event that gives a larger one is "
        "a dead letter. Default 1000000: what a topic takes by default, with room for Kafka's framing.",
    )
    compression: Compression = Field(
        default="lz4",
        description="How batches of messages are compressed on their way and in the topic. Default lz4: it costs "
        "little and halves JSON at least.",
    )
    linger_ms: int = Field(
        default=5,
        ge=0,
        le=1000,
        description="Wait of the client for more messages to write together, in milliseconds. Default 5.",
    )

    def shares_cluster(self, bootstrap_servers: str) -> bool:
        """Return whether the topic is on the cluster of these brokers, as far as their names tell."""
        return self.bootstrap_servers is None or not _hosts(self.bootstrap_servers).isdisjoint(
            _hosts(bootstrap_servers)
        )


def _hosts(bootstrap_servers: str) -> set[str]:
    """Return addresses as they compare."""
    return {host.lower() for host in re.split(r",\s*", bootstrap_servers)}


class Target(Struct, frozen=True):
    """The topic of one destination; `settings` say how to write to it."""

    settings: TargetSettings

    @property
    def topic(self) -> str:
        """Return its name."""
        return self.settings.topic


class Message(Struct, frozen=True, gc=False, array_like=True):
    """One message for a topic. `name` is unlike that of any other; `timestamp_ms` is zero where the client sets it."""

    name: str
    key: bytes | None
    value: bytes
    headers: Headers = ()
    timestamp_ms: int = 0

    @property
    def size_bytes(self) -> int:
        """Return the bytes of key, value and headers."""
        headers = sum(len(name.encode()) + len(value or b"") for name, value in self.headers)
        return len(self.key or b"") + len(self.value) + headers


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Message)


def packed(message: Message) -> bytes:
    """Return a message as the body of a payload: its length, then itself."""
    body = _encoder.encode(message)
    return len(body).to_bytes(_SIZE_BYTES) + body


def messages(content: bytes) -> Iterator[Message]:
    """Yield the messages of a request's body, in order."""
    view, start = memoryview(content), 0
    while start < len(content):
        end = start + _SIZE_BYTES
        start = end + int.from_bytes(view[start:end])
        yield _decoder.decode(view[end:start])


def code_of(name: str) -> str:
    """Return what an answer calls one of Kafka's codes."""
    return ANSWER_PREFIX + name.strip("_").lower()


def written(refused: Mapping[int, str]) -> bytes:
    """Return the body of an answer: positions of refused messages to their codes."""
    return msgspec.json.encode({str(position): code for position, code in refused.items()}) if refused else b""
