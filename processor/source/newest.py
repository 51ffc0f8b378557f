"""The newest records of topics, read by a consumer that joins no group and commits nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Final

from processor.errors import BrokerError
from processor.model import Record
from processor.source.clients import Clients
from processor.source.cluster import Cluster
from processor.source.deadline import Deadline
from processor.source.partitions import Partition
from processor.source.topic_reader import TopicReader
from processor.source.trouble import LOST_CODES, broker_error

_READ_S: Final = 0.2
_READ_COUNT: Final = 100


def newest_records(
    clients: Clients, cluster: Cluster, partitions: Iterable[Partition], count: int, deadline: Deadline
) -> Iterator[Record]:
    """Yield the newest records of each partition, at most `count` of one. Only one reading is in memory.

    Raises:
        BrokerError: A right is missing, or not all of them came within the deadline.
    """
    ends = {one: end for one, end in cluster.log_ends(partitions, deadline).items() if end > 0}
    starts = cluster.log_starts(ends, deadline)
    ends = {one: end for one, end in ends.items() if end > starts[one]}
    if not ends:
        return
    with closing(TopicReader(clients.topic_reader("check"))) as reader:
        reader.open({one: max(starts[one], end - count) for one, end in ends.items()})
        while not reader.is_at(ends):
            if deadline.is_over:
                raise BrokerError("cannot read the newest records: no answer in time", code="_TIMED_OUT", fatal=False)
            taken = reader.read(min(_READ_S, deadline.left_s), _READ_COUNT)
            for trouble in taken.troubles:
                error = broker_error(trouble.error, f"cannot read topic {trouble.topic}")
                if error.fatal and error.code not in LOST_CODES:
                    raise error
            for record in taken.records:
                if record.offset < ends[record.topic, record.partition]:
                    yield record
