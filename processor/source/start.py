"""The `start` of a destination: what may be written, and which offsets it means."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from processor.source.cluster import Cluster
from processor.source.deadline import Deadline
from processor.source.partitions import Offsets, Partition

EARLIEST = "earliest"
LATEST = "latest"


def start_time_ms(start: str) -> int | None:
    """Return the time that `start` names, in milliseconds since 1970; None for `earliest` and `latest`.

    Raises:
        ValueError: It is neither of them nor an ISO 8601 time since 1970 with a time zone.
    """
    if start in (EARLIEST, LATEST):
        return None
    try:
        moment = datetime.fromisoformat(start)
    except ValueError:
        raise ValueError(f"{start!r} is none of: earliest, latest, a time such as 2026-01-31T08:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError(f"{start!r} has no time zone: write 2026-01-31T08:00:00Z or +02:00 at its end")
    time_ms = round(moment.timestamp() * 1000)
    if time_ms < 0:
        # Kafka gives negative times meanings of its own: -1 is the end of the log.
        raise ValueError(f"{start!r} lies before 1970, and so before every record: write earliest")
    return time_ms


def _checked(start: str) -> str:
    start_time_ms(start)
    return start


Start: TypeAlias = Annotated[str, AfterValidator(_checked)]
"""`earliest`, `latest` or an ISO 8601 time with a time zone."""


def start_offsets(cluster: Cluster, partitions: Iterable[Partition], start: str, deadline: Deadline) -> Offsets:
    """Return the offsets that `start` means for these partitions right now.

    Raises:
        BrokerError: The cluster did not say so within the deadline.
    """
    wanted = list(partitions)
    time_ms = start_time_ms(start)
    if time_ms is not None:
        return cluster.offsets_at(wanted, time_ms, deadline)
    return cluster.log_starts(wanted, deadline) if start == EARLIEST else cluster.log_ends(wanted, deadline)
