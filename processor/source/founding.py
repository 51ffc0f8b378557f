"""Decides where a partition is read from when a process gets it.

The group's founding record of a topic says that the start was applied to it, with its id and how many partitions it
had. With that record a missing offset has one meaning: it has vanished, or the partition or the whole topic is newer
than the record. Without it the group is new to the topic, and the owner of partition 0 alone applies the start, for
all partitions at once, so that processes that join together neither skip nor repeat anything.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from processor.source.partitions import Committed
from processor.source.start import EARLIEST, start_time_ms

FOUNDER_PARTITION = 0
"""Who owns this partition of a topic founds it for the whole group."""


class Founding(Struct, frozen=True):
    """The founding record of one group and one topic, as it stands in the control topic.

    `start` was applied at `at_ms` to the first `begun_count` partitions. Those that were added later, or that had an
    offset already, began elsewhere; and of a record from before there was this figure nobody knows.
    """

    topic_id: str
    partition_count: int
    start: str
    at_ms: int
    begun_count: int = 0


class Step(Enum):
    """What to do with a partition that this process just got."""

    RESUME = "resume"
    """Go on at the committed offset."""
    FOUND = "found"
    """This process applies the start to all partitions of the topic that have no offset."""
    WAIT = "wait"
    """Another process does that: look again."""
    ADDED = "added"
    """The topic has grown: begin at the start of the log."""
    RECREATED = "recreated"
    """The topic was deleted and made again: begin at the start of the log."""
    VANISHED = "vanished"
    """The group had an offset and has it no longer: stop."""


def decide(
    number: int, committed: Committed | None, founding: Founding | None, topic_id: str, *, is_founder: bool
) -> Step:
    """Return what to do with partition `number` of the topic that now has `topic_id`.

    `founding` must have been read before `committed`: offsets are committed before the record is written, so that
    whoever sees the record sees the offsets as well.
    """
    if committed is not None:
        return Step.RECREATED if committed.topic_id not in ("", topic_id) else Step.RESUME
    if founding is None:
        return Step.FOUND if is_founder else Step.WAIT
    if founding.topic_id != topic_id:
        return Step.RECREATED
    return Step.ADDED if number >= founding.partition_count else Step.VANISHED


def is_current(founding: Founding | None, topic_id: str, partition_count: int) -> bool:
    """Say whether the record describes the topic as it is now."""
    return founding is not None and founding.topic_id == topic_id and founding.partition_count == partition_count


def is_complete(committed: dict[int, Committed], topic_id: str, partition_count: int) -> bool:
    """Say whether every partition has an offset of this very topic, so that the record may be written."""
    return all(
        number in committed and committed[number].topic_id in ("", topic_id) for number in range(partition_count)
    )


def passed_over_ms(number: int, founding: Founding | None, topic_id: str) -> int | None:
    """Return the time before which records of a partition were left out when its group began, or was last set there.

    None where nothing was left out, or that is not known. Where reading went on at the end of the log, records of that
    very moment may be on either side; and what was left out by a later setting may have been read before it.
    """
    if founding is None or founding.topic_id != topic_id or number >= founding.begun_count:
        return None
    if founding.start == EARLIEST:
        return None
    time_ms = start_time_ms(founding.start)
    return founding.at_ms if time_ms is None else time_ms
