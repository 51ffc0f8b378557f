"""The times of the first records at given offsets, read by a client that joins no group.

What is at an offset may be gone (compaction) or not to be seen (an aborted transaction, a marker of one): then the next
record that a reader of committed records sees is the first, and there may be none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from types import MappingProxyType
from typing import Final

from confluent_kafka import Consumer

from processor.source.deadline import Deadline
from processor.source.intake import Taken
from processor.source.partitions import Offsets, Partition
from processor.source.topic_reader import TopicReader
from processor.source.trouble import LOST_CODES, broker_error

_READ_S: Final = 0.2


class FirstRecords:
    """Reads one record of a partition for its time. Any thread may call; every question has a client of its own."""

    def __init__(self, make_reader: Callable[[], Consumer]) -> None:
        """Connect nothing yet; `make_reader` gives a consumer that joins no group."""
        self._make_reader = make_reader

    def times_ms(self, offsets: Mapping[Partition, int], deadline: Deadline) -> dict[Partition, int | None]:
        """Return what `first_times_ms` finds.

        Raises:
            BrokerError: The client cannot go on, or a topic may not be read.
        """
        with closing(TopicReader(self._make_reader())) as reader:
            return first_times_ms(reader, offsets, deadline)


def first_times_ms(
    reader: TopicReader,
    offsets: Mapping[Partition, int],
    deadline: Deadline,
    ends: Mapping[Partition, int] = MappingProxyType({}),
) -> dict[Partition, int | None]:
    """Return the time of the first record at each offset or behind it, None where there is none yet.

    Left out is a partition that does not answer by the deadline, or whose record was deleted in this moment. Nothing
    of the partitions is read further. An end before that in `ends` is none: a replica that lags says so.

    Raises:
        BrokerError: The client cannot go on, or a topic may not be read.
    """
    found: dict[Partition, int | None] = {}
    waiting: Offsets = dict(offsets)
    reader.open(offsets)
    while waiting and not deadline.is_over:
        taken = reader.read(min(_READ_S, deadline.request_s))
        told = _told(taken, waiting, ends)
        found |= told
        done = told.keys() | (_gone(taken) & waiting.keys())
        waiting = {partition: offset for partition, offset in waiting.items() if partition not in done}
        reader.shut(done)
    reader.shut(waiting.keys())
    return found


def _told(taken: Taken, waiting: Mapping[Partition, int], ends: Mapping[Partition, int]) -> dict[Partition, int | None]:
    """Return what one reading says of the partitions that are waited for: times of first records, and ends."""
    told: dict[Partition, int | None] = {}
    for record in taken.records:
        partition = (record.topic, record.partition)
        if partition in waiting and record.offset >= waiting[partition]:
            told.setdefault(partition, record.timestamp_ms)
    for partition, end in taken.ends.items():
        if partition in waiting and end >= ends.get(partition, 0):
            told.setdefault(partition, None)
    return told


def _gone(taken: Taken) -> set[Partition]:
    """Return the partitions whose record at the offset was deleted in this moment.

    Raises:
        BrokerError: A topic may not be read.
    """
    gone: set[Partition] = set()
    for trouble in taken.troubles:
        error = broker_error(trouble.error, f"cannot read topic {trouble.topic}")
        if error.code in LOST_CODES and trouble.partition is not None:
            gone.add((trouble.topic, trouble.partition))
        elif error.fatal:
            raise error
    return gone
