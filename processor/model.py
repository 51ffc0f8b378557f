"""The values that travel between stages.

Stages do not know each other; they share these. All of them are plain values without behaviour that waits, logs or
reads a clock. Structs are `gc=False` because none of them can be part of a reference cycle; that keeps the garbage
collector from walking tens of thousands of waiting payloads.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeAlias

from msgspec import Struct

Event: TypeAlias = dict[str, Any]
"""A decoded Segment event: any JSON object."""

Headers: TypeAlias = tuple[tuple[str, bytes | None], ...]


class Record(Struct, gc=False, frozen=True):
    """One Kafka message, its bytes untouched.

    `event_index` and `payload_index` are zero except where one record holds several events (a batch body) or gives
    several payloads at one endpoint; ids derived from the record carry them as a suffix, so that no two are alike.
    `is_part` says that the event is one of a batch body, so that the value is more than it.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None = None
    value: bytes | None = None
    headers: Headers = ()
    event_index: int = 0
    payload_index: int = 0
    is_part: bool = False


class Needs(Struct, gc=False, frozen=True):
    """The members of an event that somebody looks into, and those that are only handed on: all that need be decoded.

    A member that is handed on may stand in the event as `msgspec.Raw`, the bytes of its JSON.
    """

    read: frozenset[str]
    handed_on: frozenset[str]


class Payload(Struct, gc=False, frozen=True):
    """One mapped item, serialised once.

    `body` is JSON in UTF-8 as the endpoint joins it (see `destinations.base.Envelope`). `lanes` are the keys that must
    stay in order, at least one. `dedupe_id` is set only where the vendor removes no duplicates itself. `user` is the
    identity that guards count by. Warnings are codes of the vendor's contract. `rate` names the vendor's own rate limit
    that the payload counts towards (see `destinations.base.Destination.rate_limits`), none when empty.
    """

    action: str
    endpoint: str
    body: bytes
    lanes: tuple[str, ...]
    subscription: str = ""
    dedupe_id: str | None = None
    warnings: tuple[str, ...] = ()
    rate: str = ""

    @property
    def user(self) -> str:
        """Return the identity this payload is about: its first lane."""
        return self.lanes[0]


class Skipped(Struct, gc=False, frozen=True):
    """An event, or one mapping of it, is left out on purpose."""

    reason: str
    subscription: str = ""


class Rejected(Struct, gc=False, frozen=True):
    """An event, or one mapping of it, cannot be delivered. `message` is safe to log: it holds no value of the event."""

    reason: str
    message: str = ""
    subscription: str = ""


Built: TypeAlias = "Payload | Skipped | Rejected | tuple[Payload, ...]"
"""What an action makes of the mapped fields of one event."""


class Mapped(Struct, gc=False):
    """Everything one event comes to: each matching subscription adds to exactly one of the three lists."""

    payloads: list[Payload]
    skipped: list[Skipped]
    rejected: list[Rejected]


class Decision(Enum):
    """What an answer means for the batch it answers."""

    DELIVERED = "delivered"
    """All payloads are done, except those that `Verdict.failed` names: these are rejected."""
    BISECT = "bisect"
    """Somewhere in the batch is a payload that the vendor refuses: halve until it stands alone."""
    SPLIT = "split"
    """The request is too large: halve it, the larger half first."""
    REJECTED = "rejected"
    """The one payload of this request is refused for good."""
    HOLD = "hold"
    """The whole destination stops, keeps its offsets and probes."""
    RETRY = "retry"
    """Send the same payloads again after a backoff, or after `Verdict.wait_s` when the vendor named a time."""
    RESEND_PLAIN = "resend_plain"
    """Send once more without compression; hold when that is refused as well."""


class Verdict(Struct, gc=False, frozen=True):
    """A decision and what goes with it.

    `is_throttled` says that the vendor wants less at a time: the whole destination pauses, for `wait_s` seconds where
    the vendor asked for that many, and no attempt is counted. `probe_s` is the pause between probes while held.
    `failed` are positions in the batch whose payloads were refused although the rest was accepted. `hold_after` turns
    retries into a hold after so many of them in a row (0: never). `message` is safe to log.
    """

    decision: Decision
    reason: str = ""
    is_throttled: bool = False
    wait_s: float | None = None
    probe_s: float | None = None
    failed: frozenset[int] = frozenset()
    hold_after: int = 0
    message: str = ""


class Answer(Struct, gc=False, frozen=True):
    """What came back for one attempt.

    `status` is None when no answer came; `error` then says why: `connect` (no connection), `timeout`, `reset`, `tls`,
    `invalid` (no request that HTTP can carry), `unexpected` or `cancelled`; what Kafka says has no status either, and
    is `kafka_` with the name of its code (see `destinations.target`). `sent` is true when bytes of the request's body
    may have reached the vendor, so the outcome is unknown. Header names are lower case. Beside a status, `error`
    only says why `body` is not whole: `too_large` (cut at the answer limit), or what broke it off.
    """

    status: int | None
    headers: Mapping[str, str] = {}
    body: bytes = b""
    error: str = ""
    sent: bool = True


class Outcome(Enum):
    """How a record ends."""

    DELIVERED = "delivered"
    SKIPPED = "skipped"
    DEAD_LETTERED = "dead_lettered"
    RELEASED = "released"
