"""Topics read without a consumer group: from offsets that are given, with nothing committed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaException

from processor.source.intake import Taken, only, sort
from processor.source.partitions import Offsets, Partition, at, to_client_partitions
from processor.source.polling import polled
from processor.source.trouble import broker_error

READ_COUNT: Final = 1_000
"""Most records of one reading."""


class TopicReader:
    """Reads the partitions that it was told of, by a consumer that joins no group. One thread calls."""

    def __init__(self, consumer: Consumer) -> None:
        """Read nothing yet; the consumer belongs to the reader from now on."""
        self._consumer = consumer
        self._open: set[Partition] = set()
        self.positions: Offsets = {}
        """The next offset of each partition of which something was read, its end at least; gaps count as read."""

    def open(self, offsets: Mapping[Partition, int]) -> None:
        """Read these partitions as well, each from its offset; `OFFSET_BEGINNING` is one, too.

        Raises:
            BrokerError: The client refuses.
        """
        self._open |= offsets.keys()
        try:
            self._consumer.incremental_assign(at(offsets))
        except KafkaException as error:
            raise broker_error(error, "cannot read a topic") from error

    def shut(self, partitions: Collection[Partition]) -> None:
        """Read these partitions no further, and forget where they were read to."""
        self._open -= set(partitions)
        for partition in partitions:
            self.positions.pop(partition, None)
        self._consumer.incremental_unassign(to_client_partitions(partitions))

    def read(self, timeout_s: float, max_count: int = READ_COUNT) -> Taken:
        """Return what comes next, nothing where nothing comes in time; what is there is not waited for more of.

        Raises:
            BrokerError: The client cannot go on, and nothing came before that. What it recovers from is among the
                troubles.
        """
        messages, error = polled(self._consumer, timeout_s, max_count)
        if error is not None and not messages:  # with messages it is left for the next reading: they would be lost
            raise broker_error(error, "cannot read a topic") from error
        taken = only(sort(messages), self._open)
        self.positions.update(taken.positions)
        return taken

    def is_at(self, ends: Mapping[Partition, int]) -> bool:
        """Return whether each of these partitions was read to this offset."""
        return all(self.positions.get(partition, 0) >= end for partition, end in ends.items())

    def close(self) -> None:
        """Disconnect; nothing is committed."""
        self._consumer.close()
