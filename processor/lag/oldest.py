"""When the oldest unfinished records were written: each partition's record at the position of its group is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from typing import Final, NamedTuple

from confluent_kafka import Consumer

from processor.lag.places import Place
from processor.source.deadline import Deadline
from processor.source.first_records import first_times_ms
from processor.source.partitions import Partition
from processor.source.topic_reader import TopicReader

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
        spots: dict[_Spot, int] = {}
        for place in places:
            if place.position is not None and place.position < place.end:
                spots[_Spot(place.partition, place.topic_id, place.position)] = place.end
        self._known = {spot: oldest for spot, oldest in self._known.items() if spot in spots and _is_lasting(oldest)}
        unknown = [spot for spot in spots if spot not in self._known]
        if unknown:
            with closing(TopicReader(self._make_consumer())) as reader:
                for turn in _turns(unknown):
                    offsets = {one: spot.position for one, spot in turn.items()}
                    ends = {one: spots[spot] for one, spot in turn.items()}
                    times_ms = first_times_ms(reader, offsets, deadline, ends)
                    self._known.update({turn[one]: Oldest(time_ms) for one, time_ms in times_ms.items()})
        return {(spot.partition, spot.position): oldest for spot, oldest in self._known.items()}


def _is_lasting(oldest: Oldest) -> bool:
    """Return whether what was found stays true while the position does: where nothing was seen, something may come."""
    return oldest.timestamp_ms is not None


def _turns(spots: Iterable[_Spot]) -> Iterator[Mapping[Partition, _Spot]]:
    """Yield the spots in turns: a consumer reads a partition at one place at a time."""
    left = list(spots)
    while left:
        turn: dict[Partition, _Spot] = {}
        for spot in left:
            turn.setdefault(spot.partition, spot)
        yield turn
        left = [spot for spot in left if turn[spot.partition] is not spot]
