"""Committed offsets of a group, asked through a consumer: the reading one, or one that never joins.

Never through the admin client. Its answer "not the coordinator", which every restart of a broker brings about, is a
null pointer in librdkafka 2.16 (#5040 there) and ends the process. A consumer asks the new coordinator instead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from confluent_kafka import Consumer, KafkaException, TopicPartition

from processor.source.coordinator import coordinated
from processor.source.deadline import Deadline
from processor.source.partitions import Committed, Partition, committed_of, to_client_partitions
from processor.source.trouble import broker_error


class OffsetReader(Protocol):
    """The one call on a consumer that committed offsets are read with."""

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        """Return the group's offsets."""


def committed_offsets(
    reader: OffsetReader, group_id: str, partitions: Iterable[Partition], deadline: Deadline
) -> dict[Partition, Committed]:
    """Return the offsets of those of the partitions that have one.

    Raises:
        BrokerError: No answer within the deadline, or a right is missing.
    """
    doing = f"cannot read the offsets of group {group_id}"
    try:
        answer = reader.committed(to_client_partitions(partitions), deadline.request_s)
    except KafkaException as error:
        raise broker_error(error, doing) from error
    for each in answer:
        if each.error is not None:
            raise broker_error(each.error, doing)
    return committed_of(answer)


class GroupOffsets:
    """A group's committed offsets, seen from outside: no call here makes a member of the group.

    Any thread may call; a second call waits for the first.
    """

    def __init__(self, group_id: str, make_reader: Callable[[], Consumer]) -> None:
        """Connect nothing yet; `make_reader` gives a consumer of the group that has not joined it."""
        self._group_id = group_id
        self._make_reader = make_reader
        self._reader: Consumer | None = None
        self._lock = threading.Lock()

    def committed(self, partitions: Iterable[Partition], deadline: Deadline) -> dict[Partition, Committed]:
        """Return the offsets of those of the partitions that have one; a group without a coordinator is asked again.

        Raises:
            BrokerError: No answer within the deadline, or a right is missing.
        """
        wanted = list(partitions)
        with self._lock:
            if self._reader is None:
                self._reader = self._make_reader()
            reader = self._reader
            return coordinated(lambda: self._asked(reader, wanted, deadline), deadline)

    def _asked(self, reader: Consumer, wanted: list[Partition], deadline: Deadline) -> dict[Partition, Committed]:
        reader.poll(0)  # serves the client's log lines, which would pile up
        return committed_offsets(reader, self._group_id, wanted, deadline)

    def close(self) -> None:
        """Disconnect; another question connects anew."""
        with self._lock:
            reader, self._reader = self._reader, None
            if reader is not None:
                reader.close()
