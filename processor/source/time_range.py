"""The records of topics from one moment to another, read by a consumer that joins no group and commits nothing.

Partitions are read one after another, so the order is the same each time and memory holds one reading at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Final, NamedTuple

from processor.errors import BrokerError
from processor.model import Record
from processor.source.clients import Clients
from processor.source.cluster import Cluster, existing
from processor.source.deadline import Deadline
from processor.source.intake import Taken
from processor.source.partitions import Partition
from processor.source.partitions import text as texts
from processor.source.start import start_offsets
from processor.source.topic_reader import TopicReader
from processor.source.trouble import LOST_CODES, broker_error

ASK_S: Final = 60.0
"""Longest time that the cluster may take to say where the range begins and ends."""
READ_S: Final = 0.2
SILENCE_S: Final = 60.0
"""Longest time without a record before a range is given up: a broker may come back."""
_ENDING: Final = LOST_CODES | {"UNKNOWN_TOPIC_OR_PART"}
"""What leaves out records, although the client itself would go on."""


class Span(NamedTuple):
    """Offsets of one partition, the end not included."""

    partition: Partition
    start: int
    end: int


class TimeRange:
    """The records of a time range, whose ends are those of the moment when it was made. One thread uses it."""

    def __init__(
        self, clients: Clients, spans: Iterable[Span], *, limit: int | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Read these spans, at most `limit` records of them, spread over the partitions."""
        self._clients = clients
        self._spans = [span for span in spans if span.start < span.end]
        self._limit = limit
        self._clock = clock

    @property
    def most(self) -> int:
        """Return how many records there are at most: gaps in offsets make it fewer."""
        count = sum(span.end - span.start for span in self._spans)
        return count if self._limit is None else min(count, self._limit)

    def records(self) -> Iterator[Record]:
        """Yield the records, those of a partition in the order of their offsets.

        Raises:
            BrokerError: Nothing came for a minute, records were deleted meanwhile, or a right is missing.
        """
        with closing(TopicReader(self._clients.topic_reader("range"))) as reader:
            for span, share in zip(self._spans, _shares(self._spans, self._limit), strict=True):
                if share:
                    records = self._of(reader, span)
                    yield from islice(records, share)
                    records.close()
                    reader.shut([span.partition])

    def _of(self, reader: TopicReader, span: Span) -> Generator[Record, None, None]:
        """Yield the records of one partition."""
        reader.open({span.partition: span.start})
        heard_s = self._clock()
        while not reader.is_at({span.partition: span.end}):
            taken = reader.read(READ_S)
            _raise_troubles(taken)
            yield from (record for record in taken.records if record.offset < span.end)
            if taken.positions:
                heard_s = self._clock()
            elif self._clock() - heard_s > SILENCE_S:
                text = f"cannot read {texts([span.partition])}: nothing came for {SILENCE_S:.0f} s"
                raise BrokerError(text, code="_TIMED_OUT", fatal=False)


def time_range(clients: Clients, topics: Iterable[str], start: str, end: str, *, limit: int | None = None) -> TimeRange:
    """Return the records of these topics from one moment to another.

    Both are `earliest`, `latest` or a time with its zone. In each partition the range begins with the first record that
    is as late as `start` and ends before the first that is as late as `end`: records between them that are earlier or
    later by their own time belong to it.

    Raises:
        BrokerError: A topic does not exist, a right is missing, or no answer came.
    """
    cluster, deadline = Cluster(clients.admin()), Deadline.after(ASK_S)
    partitions = [
        one for topic, state in existing(cluster, topics, deadline).items() for one in state.partitions(topic)
    ]
    ends = start_offsets(cluster, partitions, end, deadline)
    starts = start_offsets(cluster, partitions, start, deadline)
    return TimeRange(clients, [Span(one, starts[one], ends[one]) for one in partitions], limit=limit)


def _shares(spans: Sequence[Span], limit: int | None) -> list[int]:
    """Return how many records each partition may give: all of them, or as evenly as their sizes let it be."""
    sizes = [span.end - span.start for span in spans]
    if limit is None:
        return sizes
    shares = [0] * len(spans)
    for turn, index in enumerate(sorted(range(len(spans)), key=sizes.__getitem__)):
        shares[index] = min(sizes[index], -(-limit // (len(spans) - turn)))
        limit -= shares[index]
    return shares


def _raise_troubles(taken: Taken) -> None:
    """Raise what the client does not recover from, and what it goes on after without some records."""
    for trouble in taken.troubles:
        error = broker_error(trouble.error, f"cannot read topic {trouble.topic}")
        if error.fatal or error.code in _ENDING:
            raise error
