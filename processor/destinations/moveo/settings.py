"""Settings of Moveo One, under our names and under those of the vendor's integration page.

Source: https://docs.moveo.one/integrations/segment/ (option table), read 2026-06.
"""

from __future__ import annotations

from typing import Final

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from processor.config import HeaderSecret
from processor.destinations.addresses import checked_address
from processor.destinations.gates import GateSettings
from processor.destinations.spellings import add_spellings, spelled

STAMP_GROWTH_BYTES: Final = 36
"""By so much `,"sentAt":"…"` makes an event longer."""
WRAPPER_BYTES: Final = 13
"""The length of `{"events":[]}`."""


class MoveoSettings(GateSettings):
    """How to reach Moveo One and what to send."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=add_spellings)

    api_key: HeaderSecret = Field(
        validation_alias=spelled("api_key", "apiKey"),
        description="The API token from the top of the Integrations page of the Moveo One app, from the environment or "
        "a file. Sent bare in `Authorization`.",
    )
    allow_http: bool = Field(
        default=False,
        description="Let `endpoint` be plain http on another machine. Default false: the token would travel in "
        "the clear.",
    )
    endpoint: str = Field(
        default="https://api.moveo.one/api/analytic/external/segment-destination",
        description="Address that takes the events. Default: the vendor's production address.",
    )
    debug: bool = Field(
        default=False,
        description="Log each request and its answer at debug level: address, sizes, headers without the token, and "
        "the beginning of the answer's body; never an event. Default false, as the vendor's.",
    )
    gzip: bool = Field(
        default=True,
        description="Compress request bodies. Default true, as the vendor's web client does.",
    )
    batch_size: int = Field(
        default=20,
        ge=1,
        validation_alias=spelled("batch_size", "batchSize"),
        description="Most events in one request. Default 20, the vendor's.",
    )
    flush_interval_ms: int = Field(
        default=30_000,
        ge=0,
        validation_alias=spelled("flush_interval_ms", "flushIntervalMs"),
        description="Longest wait of an event for its batch to fill, in milliseconds. Default 30000, the vendor's.",
    )
    max_event_bytes: int = Field(
        default=32_000,
        ge=1,
        description="Largest event in bytes of JSON, before `sentAt` is added; a larger one is a dead letter. Default "
        "32000, the vendor's guard below Segment's own 32 KB.",
    )
    max_request_bytes: int = Field(
        default=475_000,
        ge=1,
        description="Largest request body in bytes before compression, wrapper and `sentAt` included. Default 475000, "
        "the vendor's guard below Segment's own 500 KB.",
    )
    max_event_age_ms: int | None = Field(
        default=None,
        ge=1,
        validation_alias=spelled("max_event_age_ms", "maxQueueAgeMs"),
        description="Age in milliseconds from which an event is skipped as `event_expired`. Default none: Kafka is the "
        "queue and its retention decides.",
    )
    max_buffer_bytes: int = Field(
        default=5_000_000,
        ge=1_000_000,
        validation_alias=spelled("max_buffer_bytes", "maxQueueBytes"),
        description="Most bytes of records between the committable offset and the highest read one, as "
        "`delivery.max_window_bytes`, which comes first where it is set. Default 5000000, the vendor's bound of its "
        "queue on the device. Kafka is the queue here: beyond it reading waits and nothing is evicted.",
    )
    max_retries: int | None = Field(
        default=None,
        ge=0,
        validation_alias=spelled("max_retries", "maxRetries"),
        description="Failed retries after which an event is a dead letter (`vendor_error`): one less than "
        "`delivery.max_attempts`. Answers of 429, or that name a pause, do not count. Default unlimited, where the "
        "vendor's clients drop events after 10: an outage is not a bad event.",
    )
    max_retry_after_s: float = Field(
        default=900.0,
        gt=0,
        description="Longest pause that a `Retry-After` may ask for, in seconds. Default 900; the vendor has no "
        "ceiling, and a wrong answer must not stop delivery for a day.",
    )
    respect_integrations: bool = Field(
        default=False,
        description="Honour the event's `integrations` object. Default false, because the vendor's plugin mirrors "
        "every call; switch it on where replays or Engage output share the topic.",
    )
    integration_names: tuple[str, ...] = Field(
        default=("Moveo One",),
        description="Names under which this destination stands in `integrations` and `_metadata.bundled`. Case counts. "
        "Default: the registered name of the vendor's plugin.",
    )
    alias_include_previous_id: bool = Field(
        default=False,
        description="Send `previousId` with alias calls. Default false, as no client of the vendor's is known to "
        "send it.",
    )

    @field_validator("endpoint")
    @classmethod
    def _address_is_safe(cls, value: str, info: ValidationInfo) -> str:
        """Refuse an address to which the token must not go."""
        return checked_address(value, allow_http=info.data.get("allow_http", False))

    @model_validator(mode="after")
    def _event_fits_request(self) -> MoveoSettings:
        """Refuse an event limit that a request of one event could not keep."""
        if self.max_event_bytes + STAMP_GROWTH_BYTES + WRAPPER_BYTES > self.max_request_bytes:
            raise ValueError("max_request_bytes must leave room for one event of max_event_bytes and its wrapper")
        return self
