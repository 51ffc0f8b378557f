"""Settings of delivery: how much at once, how long to wait, when to stop.

Limits of single endpoints default to the vendor's contract (`destinations.base.Endpoint`); what stands here overrides.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from processor.delivery.http_settings import HttpSettings

_FROZEN = ConfigDict(frozen=True, extra="forbid")


class EndpointLimits(BaseModel):
    """Limits of one endpoint's requests; what is left out keeps the vendor's contract."""

    model_config = _FROZEN

    max_batch_count: int | None = Field(
        None, ge=1, description="Most payloads in one request. Default: the vendor's contract."
    )
    max_body_bytes: int | None = Field(
        None,
        ge=1,
        description=(
            "Largest request body in bytes before compression, counted exactly. Default: the vendor's contract."
        ),
    )
    max_wait_ms: int | None = Field(
        None,
        ge=0,
        description="Longest wait of a payload for its batch to fill, in milliseconds. Default: the vendor's contract.",
    )


class RateLimit(BaseModel):
    """A ceiling for the whole consumer group; each process takes the share of its partitions."""

    model_config = _FROZEN

    requests_per_second: float | None = Field(
        None, gt=0, description="Most requests a second of all processes together. Default: no limit."
    )
    payloads_per_second: float | None = Field(
        None, gt=0, description="Most payloads a second of all processes together. Default: no limit."
    )


class CircuitSettings(BaseModel):
    """When repeated failures stop all requests for a while."""

    model_config = _FROZEN

    failure_count: int = Field(
        5,
        ge=1,
        description=(
            "Failures in a row, of any request, that open the circuit. Default 5: one bad connection is no outage."
        ),
    )
    cap_s: float = Field(
        60.0,
        gt=0,
        description=(
            "Longest pause of an open circuit, in seconds. Default 60: an outage that ends is noticed in a minute."
        ),
    )


class GuardSettings(BaseModel):
    """When many refusals are taken for a systemic fault instead of many bad events."""

    model_config = _FROZEN

    window_count: int = Field(
        200, ge=2, description="Latest delivered or refused payloads that are looked at. Default 200."
    )
    refused_count: int = Field(
        100, ge=1, description="Refused ones among them that hold the destination. Default 100: half of the window."
    )
    min_users: int = Field(
        20, ge=1, description="Users that the refusals must span, so that one runaway user holds nobody. Default 20."
    )


class IsolationSettings(BaseModel):
    """When a batch that keeps failing while others succeed is taken apart."""

    model_config = _FROZEN

    failure_count: int = Field(
        5,
        ge=1,
        description="Failures of one batch, with successes of others in between, before it is halved. Default 5.",
    )
    give_up_s: float = Field(
        900.0,
        gt=0,
        description=(
            "Seconds that a payload must fail alone, while others succeed, before it is dead-lettered as "
            "vendor_error. Default 900."
        ),
    )


class DeliverySettings(BaseModel):
    """How payloads become requests."""

    model_config = _FROZEN

    max_in_flight: int = Field(
        16, ge=1, le=1024, description="Most requests at once. Default 16: full use of a 50 ms vendor from one core."
    )
    endpoints: dict[str, EndpointLimits] = Field(
        default_factory=dict, description="Limits by endpoint name, overriding the vendor's contract."
    )
    max_window_count: int | None = Field(
        None,
        ge=1,
        description=(
            "Most records between the committable offset and the highest read one, per process; behind a payload that "
            "breaks the vendor a quarter more, or 200. It bounds repeats after a crash. Default: 4 x max_in_flight x "
            "the largest batch count."
        ),
    )
    max_window_bytes: int = Field(
        48_000_000,
        ge=1_000_000,
        description="Most bytes of records in that window. Default 48 MB: it bounds memory. Of Moveo One the default "
        "is its `max_buffer_bytes`.",
    )
    drain_ms: int = Field(
        20_000,
        ge=0,
        le=99_000,
        description=(
            "Longest wait for requests on the wire at a rebalance or stop, in milliseconds. Default 20000: below "
            "a third of max.poll.interval.ms and below Kubernetes' grace period."
        ),
    )
    attempt_timeout_s: float = Field(
        30.0, gt=0, description="Whole time of one attempt, from connecting to the last byte of the answer. Default 30."
    )
    max_attempts: int | None = Field(
        None,
        ge=1,
        description=(
            "Attempts after which a payload that only met retryable answers is dead-lettered as vendor_error; those "
            "answered with 429, or with a pause that the vendor names, do not count. Default: unlimited, since an "
            "outage is not a bad event."
        ),
    )
    probe_interval_s: float = Field(
        60.0,
        gt=0,
        description=(
            "Pause between probes while the destination is held, in seconds, unless the vendor's contract names one "
            "for the answer. Default 60."
        ),
    )
    max_extra_requests_per_minute: int = Field(
        600,
        ge=1,
        description=(
            "Most requests a minute spent on taking refused batches apart. Beyond it such batches wait. Default 600."
        ),
    )
    dedupe_window_s: float = Field(
        3600.0,
        ge=0,
        description=(
            "How long an id that was delivered is remembered, in seconds, where the vendor removes no duplicates."
            " 0: no window. Default 3600."
        ),
    )
    dedupe_window_count: int = Field(
        100_000,
        ge=0,
        description=(
            "Most ids remembered for a partition; they go with it when it moves. Default 100000, about 4 MB for a "
            "partition that delivers so many within the time."
        ),
    )
    rate_limit: RateLimit = Field(default_factory=RateLimit, description="Ceilings for the whole consumer group.")
    circuit: CircuitSettings = Field(default_factory=CircuitSettings, description="Pauses after repeated failures.")
    guard: GuardSettings = Field(
        default_factory=GuardSettings, description="Hold instead of draining into dead letters."
    )
    isolation: IsolationSettings = Field(
        default_factory=IsolationSettings, description="Taking apart a batch that alone keeps failing."
    )
    http: HttpSettings = Field(default_factory=HttpSettings, description="Connections, TLS and proxy.")
