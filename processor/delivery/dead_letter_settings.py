"""Settings of the dead-letter topic."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

_QUEUE_FACTOR = 2


class DeadLetterSettings(BaseModel):
    """Where events that cannot be delivered are kept, and how they get there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str = Field(
        "segment-bridge.dead-letters",
        pattern=r"^[A-Za-z0-9._-]{1,249}$",
        description="Topic for dead letters. It must exist, must not be compacted, and should take values as large as "
        "the source topics do. Default `segment-bridge.dead-letters`.",
    )
    delivery_timeout_s: float = Field(
        30.0,
        ge=1,
        le=900,
        description="How long the client tries to write one letter before the destination holds, in seconds. The "
        "letter is kept and tried again. Default 30: longer than it takes to elect a leader.",
    )
    linger_ms: int = Field(
        20,
        ge=0,
        le=1000,
        description="Wait for more letters to write in one request, in milliseconds. Default 20: letters are rare, and "
        "a record counts as done only when its letter is written.",
    )
    max_message_bytes: int = Field(
        8_388_608,
        ge=16_384,
        le=1_000_000_000,
        description="Largest letter in bytes that is offered to the broker; a larger one is written without its value. "
        "The topic's own `max.message.bytes` may be lower: then the broker's refusal has the same effect. "
        "Default 8388608.",
    )
    retry_base_s: float = Field(
        1.0,
        gt=0,
        description="First pause before a letter that could not be written is tried again, in seconds; it doubles each "
        "time. Default 1.",
    )
    retry_cap_s: float = Field(
        30.0,
        gt=0,
        description="Longest pause before a letter that could not be written is tried again, in seconds. Default 30: a "
        "topic that was created or repaired is noticed within half a minute.",
    )

    @property
    def queue_bytes(self) -> int:
        """Return the memory that the client's own queue may take: never too little for one letter."""
        return _QUEUE_FACTOR * self.max_message_bytes
