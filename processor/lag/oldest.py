"""When the oldest unfinished records were written: each partition's record at the position of its group is read.

What is at the position may be gone (compaction) or not to be seen (an aborted transaction, a marker of one): then the
next record that a reader of committed records sees is the oldest, and there may be none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from typing import Final, NamedTuple

from confluent_kafka import Consumer

from processor.lag.places import Place
from processor.model import Record
from processor.source.deadline import Deadline
from processor.source.intake import Taken
from processor.source.partitions import Offsets, Partition
from processor.source.topic_reader import TopicReader
from processor.source.trouble import LOST_CODES, broker_error

_READ_S: Final = 0.2
SMALL_FETCHES: Final = {"fetch.message.max.bytes": 65_536, "queued.min.messages": 1}
"""Of each partition one record is wanted: a larger batch comes alone."""


class Oldest(NamedTuple):
    """The oldest unfinished record: when it was written, None where nothing that is there can be seen."""

    timestamp_ms: int | None


class _Spot(NamedTuple):
    """Where a record is looked for."""

    partition: Partition
    topic_id: str
    position: int


class OldestRecords:
    """Times of the oldest unfinished records, known again as long as a group does not move. One thread calls."""

    def __init__(self, make_consumer: Callable[[], Consumer]) -> None:
        """Connect nothing yet; `make_consumer` gives a consumer that joins no group and sees committed records."""
        self._make_consumer = make_consumer
        self._known: dict[_Spot, Oldest] = {}

    def of(self, places: Iterable[Place], deadline: Deadline) -> dict[tuple[Partition, int], Oldest]:
        """Return, by partition and position, the oldest record of each place that has not reached its end.

        One that does not come within the deadline is left out: nobody knows it.

        Raises:
            BrokerError: A topic may not be read.
        """
        ends: dict[_Spot, int] = {}
        for place in places:
            if place.position is not None and place.position < place.end:
                ends[_Spot(place.partition, place.topic_id, place.position)] = place.end
        self._known = {spot: oldest for spot, oldest in self._known.items() if spot in ends and _is_lasting(oldest)}
        unknown = {spot: end for spot, end in ends.items() if spot not in self._known}
        if unknown:
            with closing(TopicReader(self._make_consumer())) as reader:
                for turn in _turns(unknown):
                    self._known.update(_read(reader, turn, deadline))
        return {(spot.partition, spot.position): oldest for spot, oldest in self._known.items()}


def _is_lasting(oldest: Oldest) -> bool:
    """Return whether what was found stays true while the position does: where nothing was seen, something may come."""
    return oldest.timestamp_ms is not None


def _turns(ends: Mapping[_Spot, int]) -> Iterable[Mapping[_Spot, int]]:
    """Yield the spots in turns: a consumer reads a partition at one place at a time."""
    left = dict(ends)
    while left:
        turn: dict[Partition, _Spot] = {}
        for spot in left:
            turn.setdefault(spot.partition, spot)
        yield {spot: left.pop(spot) for spot in turn.values()}


def _read(reader: TopicReader, ends: Mapping[_Spot, int], deadline: Deadline) -> dict[_Spot, Oldest]:
    """Return the first record of each spot as far as they came in time; nothing of the partitions is read further."""
    waiting = {spot.partition: spot for spot in ends}
    found: dict[_Spot, Oldest] = {}
    reader.open({spot.partition: spot.position for spot in ends})
    while waiting and not deadline.is_over:
        taken = reader.read(min(_READ_S, deadline.request_s))
        done = {partition: Oldest(time_ms) for partition, time_ms in _firsts(taken.records, waiting).items()}
        for partition in _ended(reader.positions, waiting, ends) - done.keys():
            done[partition] = Oldest(None)
        for partition, oldest in done.items():
            found[waiting.pop(partition)] = oldest
        gone = _gone(taken) & waiting.keys()
        for partition in gone:
            del waiting[partition]
        reader.shut([*done, *gone])
    reader.shut(list(waiting))
    return found


def _firsts(records: Iterable[Record], waiting: Mapping[Partition, _Spot]) -> dict[Partition, int]:
    """Return the time of the first record of each partition that is waited for."""
    firsts: dict[Partition, int] = {}
    for record in records:
        partition = (record.topic, record.partition)
        if partition in waiting and record.offset >= waiting[partition].position:
            firsts.setdefault(partition, record.timestamp_ms)
    return firsts


def _ended(positions: Offsets, waiting: Mapping[Partition, _Spot], ends: Mapping[_Spot, int]) -> set[Partition]:
    """Return the partitions that were read to their end without a record."""
    return {one for one, spot in waiting.items() if positions.get(one, 0) >= ends[spot]}


def _gone(taken: Taken) -> set[Partition]:
    """Return the partitions whose record at the position was deleted in this moment.

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
