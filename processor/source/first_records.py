"""The times of records that stand at given offsets, looked at from outside the group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from confluent_kafka import Consumer

from processor.source.deadline import Deadline
from processor.source.partitions import Partition
from processor.source.topic_reader import TopicReader

_READ_S: Final = 0.2
_READ_COUNT: Final = 100


class FirstRecords:
    """Reads one record of a partition for its time. Any thread may call; every question has a client of its own."""

    def __init__(self, make_reader: Callable[[], Consumer]) -> None:
        """Connect nothing yet; `make_reader` gives a consumer that joins no group."""
        self._make_reader = make_reader

    def times_ms(self, offsets: Mapping[Partition, int], deadline: Deadline) -> dict[Partition, int | None]:
        """Return the time of the first record at each offset or behind it, None where there is none yet.

        A partition that does not answer by the deadline is left out.

        Raises:
            BrokerError: The client cannot go on.
        """
        found: dict[Partition, int | None] = {}
        reader = TopicReader(self._make_reader())
        try:
            reader.open(offsets)
            while len(found) < len(offsets) and deadline.left_s > 0:
                taken = reader.read(min(_READ_S, deadline.left_s), _READ_COUNT)
                for record in taken.records:
                    found.setdefault((record.topic, record.partition), record.timestamp_ms)
                for partition in taken.ends:
                    found.setdefault(partition, None)
        finally:
            reader.close()
        return found
