"""Settings of the source: the cluster, the topics, and how the consumer behaves."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from processor.config import Properties, naming_files, refusing
from processor.config.client_files import file_findings
from processor.config.librdkafka import REFUSED_EVERYWHERE, TOPIC_PATTERN, taking_all_but
from processor.source.start import Start

_FROZEN = ConfigDict(frozen=True, extra="forbid")

OnExpired: TypeAlias = Literal["stop", "continue"]

REFUSED_PROPERTIES = {
    "bootstrap.servers": "write kafka.bootstrap_servers",
    "metadata.broker.list": "write kafka.bootstrap_servers",
    "group.id": "write group_id of the destination, or kafka.group_prefix",
    "group.protocol": "write kafka.group_protocol",
    "enable.auto.commit": "the promise of at-least-once delivery rests on it",
    "enable.auto.offset.store": "the promise of at-least-once delivery rests on it",
    "auto.offset.reset": "write start and on_expired of the destination",
    "auto.commit.enable": "the promise of at-least-once delivery rests on it",
    "auto.commit.interval.ms": "write kafka.consumer.commit_interval_ms",
    "enable.partition.eof": "the offsets of compacted topics rest on it",
    "isolation.level": "records of transactions that were aborted must not be delivered",
    "partition.assignment.strategy": "rebalances without a pause of everything rest on it",
    "session.timeout.ms": "write kafka.consumer.session_timeout_ms",
    "heartbeat.interval.ms": "write kafka.consumer.heartbeat_interval_ms",
    "max.poll.interval.ms": "write kafka.consumer.max_poll_interval_ms",
    "topic.metadata.refresh.interval.ms": "write kafka.consumer.metadata_refresh_ms",
    "queued.max.messages.kbytes": "write kafka.consumer.queued_max_kbytes",
    "fetch.max.bytes": "write kafka.consumer.fetch_max_bytes",
    "fetch.message.max.bytes": "write kafka.consumer.partition_fetch_max_bytes",
    "max.partition.fetch.bytes": "write kafka.consumer.partition_fetch_max_bytes",
    "enable.idempotence": "the order and the safety of dead letters rest on it",
    "acks": "the safety of dead letters rests on it",
    "request.required.acks": "the safety of dead letters rests on it",
    "delivery.report.only.error": "a record is done when its dead letter is reported as written",
    "max.in.flight": "the order and the safety of dead letters rest on it",
    "max.in.flight.requests.per.connection": "the order and the safety of dead letters rest on it",
    "queuing.strategy": "the order of dead letters rests on it",
    "retries": "the safety of dead letters rests on it",
    "message.send.max.retries": "the safety of dead letters rests on it",
    "message.timeout.ms": "write dead_letters.delivery_timeout_s",
    "delivery.timeout.ms": "write dead_letters.delivery_timeout_s",
    "linger.ms": "write dead_letters.linger_ms",
    "queue.buffering.max.ms": "write dead_letters.linger_ms",
    "message.max.bytes": "write dead_letters.max_message_bytes",
    "queue.buffering.max.kbytes": "it follows from dead_letters.max_message_bytes",
    "partitioner": "the dead letters of one key share a partition",
    "offset.store.method": "offsets are kept by the broker",
    **REFUSED_EVERYWHERE,
}
"""Properties of the client that the program sets itself, each with what to write instead or why."""


class ConsumerSettings(BaseModel):
    """How the consumer of a destination behaves. The defaults suit; each says why."""

    model_config = _FROZEN

    session_timeout_ms: int = Field(
        10_000,
        ge=1_000,
        le=3_600_000,
        description="Silence, in milliseconds, after which the group takes a process for dead. Default 10000: a killed "
        "process costs ten seconds, not the usual 45. Not used with group_protocol consumer: the broker decides there.",
    )
    heartbeat_interval_ms: int = Field(
        2_000,
        ge=100,
        le=3_600_000,
        description="Pause between heartbeats in milliseconds; also how soon a rebalance is noticed. Default 2000: a "
        "fifth of the session. Not used with group_protocol consumer.",
    )
    max_poll_interval_ms: int = Field(
        300_000,
        ge=10_000,
        le=86_400_000,
        description="Longest time, in milliseconds, that the consumer thread may be away from the client before it "
        "loses its partitions. Default 300000: three drains of a rebalance fit in.",
    )
    commit_interval_ms: int = Field(
        250,
        ge=10,
        le=86_400_000,
        description="Pause between commits in milliseconds. Default 250: repeats after a crash are at most the window "
        "plus what this interval brings.",
    )
    metadata_refresh_ms: int = Field(
        30_000,
        ge=1_000,
        le=3_600_000,
        description="Pause, in milliseconds, between looks for new partitions, missing topics and topics that were "
        "deleted and made again. Default 30000.",
    )
    start_timeout_ms: int = Field(
        20_000,
        ge=1_000,
        description="Longest time, in milliseconds, that one look for the positions of partitions may take; what is "
        "still unknown then is looked for again. Default 20000: far below max_poll_interval_ms.",
    )
    start_retry_ms: int = Field(
        500,
        ge=50,
        description="Pause, in milliseconds, between looks for positions that another process commits. Default 500.",
    )
    pause_grace_ms: int = Field(
        250,
        ge=0,
        description="How long a full window only stops reading before partitions are paused, in milliseconds. A pause "
        "throws away what was fetched ahead. Default 250: several answers of a slow vendor.",
    )
    poll_timeout_ms: int = Field(
        100,
        ge=1,
        le=1_000,
        description="Longest wait for a record in milliseconds; wishes of the pipeline wait as long. Default 100.",
    )
    poll_count: int = Field(
        1_000, ge=1, le=100_000, description="Most records taken from the client at once. Default 1000."
    )
    queued_max_kbytes: int = Field(
        16_384,
        ge=64,
        le=2_097_151,
        description="Most kilobytes that the client fetches ahead. Default 16384: it bounds memory.",
    )
    fetch_max_bytes: int = Field(
        8_388_608,
        ge=1_024,
        le=2_147_483_135,
        description="Most bytes of one fetch from a broker. Default 8 MB: it bounds memory.",
    )
    partition_fetch_max_bytes: int = Field(
        262_144,
        ge=1_024,
        le=1_000_000_000,
        description="Most bytes of one partition in a fetch; a larger record comes alone. Records are unpacked several "
        "times larger than they were fetched. Default 262144: with dozens of partitions the memory of a process stays "
        "under its bound.",
    )
    notice_interval_s: float = Field(
        60.0, ge=0, description="Pause, in seconds, before the same trouble is reported again. Default 60."
    )

    @model_validator(mode="after")
    def _fits(self) -> ConsumerSettings:
        if self.heartbeat_interval_ms * 3 > self.session_timeout_ms:
            raise ValueError("heartbeat_interval_ms must be at most a third of session_timeout_ms")
        if self.max_poll_interval_ms < self.session_timeout_ms:
            raise ValueError("max_poll_interval_ms must be at least session_timeout_ms")
        if self.start_timeout_ms * 3 > self.max_poll_interval_ms:
            raise ValueError("start_timeout_ms must be at most a third of max_poll_interval_ms")
        return self


class KafkaSettings(BaseModel):
    """The Kafka that events come from."""

    model_config = _FROZEN

    bootstrap_servers: str = Field(
        pattern=r"^[^\s,]+(,\s*[^\s,]+)*$",
        description="Brokers to begin with, as host:port, separated by commas. Required.",
    )
    topics: tuple[Annotated[str, Field(pattern=TOPIC_PATTERN)], ...] = Field(
        min_length=1, description="Topics that hold Segment events, by their names: no patterns. Required."
    )
    group_prefix: str = Field(
        "segment-bridge",
        min_length=1,
        description="Consumer groups are named <group_prefix>.<destination>. Default segment-bridge.",
    )
    group_protocol: Literal["classic", "consumer"] = Field(
        "classic",
        description="How the group shares partitions: classic (any broker) or consumer (Kafka 4, KIP-848; the broker "
        "decides on timeouts). Default classic.",
    )
    control_topic: str = Field(
        "segment-bridge.control",
        pattern=TOPIC_PATTERN,
        description="A small compacted topic that remembers which groups have started on which topics, so that lost "
        "offsets and topics made again are recognised, and what operators have paused. Made when missing. Default "
        "segment-bridge.control.",
    )
    properties: Annotated[Properties, refusing(taking_all_but(REFUSED_PROPERTIES)), naming_files(file_findings)] = (
        Field(
            default_factory=dict,
            description="Any other property of librdkafka, such as security.protocol; secrets as {env: NAME} or "
            "{file: PATH}. Keys that the promise rests on are refused.",
        )
    )
    consumer: ConsumerSettings = Field(
        default_factory=ConsumerSettings, description="How the consumer behaves: times, amounts."
    )


class GroupSettings(BaseModel):
    """What the source has to know about one destination."""

    model_config = _FROZEN

    destination: str = Field(min_length=1, description="Name of the destination.")
    group_id: str = Field(min_length=1, description="Its consumer group.")
    start: Start = Field(
        description="Where a group without offsets begins: earliest, latest, or a time such as 2026-01-31T08:00:00Z. "
        "Required: nobody's whole history goes to a vendor by accident."
    )
    on_expired: OnExpired = Field(
        "stop",
        description="What to do when the broker has deleted records before they were read: stop, or continue at the "
        "start of the log. Default stop: it is loss, and somebody should know.",
    )

    @property
    def offsets_command(self) -> str:
        """Return the command that sets the group's position, with placeholders in capitals.

        Pasted into a shell as it stands it must do nothing: alternatives between bars were a pipe behind `--to
        earliest`, and sent a whole history.
        """
        return f"segment-bridge offsets {self.destination} --to POSITION --config FILE"
