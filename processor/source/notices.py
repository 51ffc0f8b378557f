"""What the source has to say beside records: plain values for logs, metrics and the status page."""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum
from typing import Literal

from msgspec import Struct


class NoticeCode(Enum):
    """The kinds of notice; metrics count by them."""

    STARTED = "source_started"
    """A topic had no offsets for this group: its start was chosen and committed."""
    PARTITION_ADDED = "partition_added"
    """The topic has grown: the new partition is read from its beginning."""
    WAITING = "start_waiting"
    """Partitions wait for another process of the group to commit the start, or for the broker."""
    TOPIC_MISSING = "topic_missing"
    """A configured topic does not exist; it is looked for again and again."""
    TOPIC_RECREATED = "topic_recreated"
    """A topic was deleted and made again: its old offsets do not count, it is read from its beginning."""
    RECORDS_EXPIRED = "records_expired"
    """`count` records were deleted by the broker before they were read."""
    UNKEYED_RECORDS = "unkeyed_records"
    """`count` records of a topic have no key: one user's events are spread over partitions."""
    HEADERS_LOST = "headers_lost"
    """`count` records of a topic have header names that are not UTF-8, which the client cannot read."""
    STORE_REFUSED = "store_refused"
    """Offsets were not stored, because the partition is owned no longer or was never read so far."""
    BROKERS_DOWN = "brokers_down"
    """No broker can be reached; nothing is read or committed, and it is tried again and again."""
    BROKERS_BACK = "brokers_back"
    """A broker is reached again."""
    BROKER_ERROR = "broker_error"
    """The client reported an error that it recovers from by itself."""


class Notice(Struct, frozen=True):
    """One thing worth saying once, or worth counting again. `message` holds no event data and no secret."""

    code: NoticeCode
    level: Literal["info", "warning", "error"]
    message: str
    topic: str = ""
    partition: int | None = None
    count: int = 1
    is_repeat: bool = False
    """Whether it was said before, and only `count` is news."""


class Repeats:
    """Says which of many equal things is worth saying again."""

    def __init__(self, interval_s: float) -> None:
        """Let the first of a kind pass, and one more in each interval."""
        self._interval_s = interval_s
        self._said_at_s: dict[Hashable, float] = {}

    def is_news(self, kind: Hashable, now_s: float) -> bool:
        """Say whether this kind was not let pass within the interval; if so, it counts as passed now."""
        last = self._said_at_s.get(kind)
        if last is not None and now_s - last < self._interval_s:
            return False
        self._said_at_s[kind] = now_s
        return True
