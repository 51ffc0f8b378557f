"""Lag of destinations, look after look: each look with its figures, the rates by what the look before it saw."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from confluent_kafka import Consumer

from processor.building import build_destination
from processor.delivery.schedule import effective_endpoints
from processor.errors import BrokerError
from processor.lag.figures import Rest, Row, row, total
from processor.lag.groups import Group
from processor.lag.oldest import SMALL_FETCHES, Oldest, OldestRecords
from processor.lag.page import UNTOLD, page_reports
from processor.lag.places import Look, Onlooker, Place
from processor.settings import DestinationSettings, Settings
from processor.source.clients import KafkaClients, MakeClients
from processor.source.deadline import Deadline
from processor.source.partitions import Partition
from processor.source.properties import topic_properties


class DestinationLag(NamedTuple):
    """One destination at one moment. `last_delivery_ms` is None where no running bridge said it.

    `paused_by` tells the operator who has paused or drained it, and why; None where nobody has.
    """

    group: Group
    whole: Row
    rows: Sequence[Row]
    last_delivery_ms: int | None
    paused_by: str | None = None


class Lag(NamedTuple):
    """All destinations at one moment; `elapsed_s` is the time that the rates are taken over, 0 at the first look."""

    at_ms: int
    elapsed_s: float
    destinations: Mapping[str, DestinationLag]
    missing: Sequence[str]
    untold: Sequence[str]


class LagReading:
    """Looks again and again at the lag of some destinations. One thread calls."""

    def __init__(
        self,
        settings: Settings,
        names: Iterable[str],
        *,
        page: str | None = None,
        make_clients: MakeClients = KafkaClients,
        make_consumer: Callable[[], Consumer] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect what every look needs.

        Args:
            settings: Those of the file; no secret but Kafka's is needed.
            names: The destinations.
            page: Address of the page of a running bridge, None where nobody knows one.
            make_clients: Gives the Kafka clients of a group; the real ones unless given.
            make_consumer: Gives the consumer that reads the oldest records; the real one unless given.
            clock: Monotonic time in seconds, which rates are taken over.
        """
        self._names = list(names)
        self._topics = dict.fromkeys(settings.kafka.topics)
        self._groups = {name: settings.group_id(name) for name in self._names}
        self._waits_s = {name: _wait_s(name, settings.destinations[name]) for name in self._names}
        self._page = page
        self._clock = clock
        self._onlooker = Onlooker(settings, self._names, make_clients)
        self._oldest = OldestRecords(make_consumer or (lambda: _consumer(settings, self._names[0])))
        self._before: tuple[Look, float] | None = None

    def close(self) -> None:
        """Disconnect."""
        self._onlooker.close()

    def glance(self, deadline: Deadline) -> None:
        """Take the look that the rates of the next one are measured from, and nothing else.

        Raises:
            BrokerError: No answer within the deadline, or a right is missing.
        """
        self._before = self._onlooker.look(deadline), self._clock()

    def look(self, deadline: Deadline) -> Lag:
        """Return the lag of all destinations at this moment.

        Raises:
            BrokerError: No answer within the deadline, or a right is missing.
        """
        look, at_s = self._onlooker.look(deadline), self._clock()
        untold = list(look.untold)
        oldest = self._times(look, untold, deadline)
        now_ms = time.time_ns() // 1_000_000
        reports = {} if self._page is None else page_reports(self._page, self._topics, self._groups)
        before, self._before = self._before, (look, at_s)
        elapsed_s = 0.0 if before is None else at_s - before[1]
        destinations = {}
        for name in self._names:
            report = reports.get(name, UNTOLD)
            rest = Rest(name in look.stops, self._waits_s[name], report.halted)
            rows = _rows(name, look, before, elapsed_s, oldest, now_ms, rest)
            paused_by = look.paused_by(name)
            destinations[name] = DestinationLag(
                look.groups[name], total(rows), rows, report.last_delivery_ms, paused_by
            )
        return Lag(now_ms, elapsed_s, destinations, look.missing, untold)

    def _times(self, look: Look, untold: list[str], deadline: Deadline) -> Mapping[tuple[Partition, int], Oldest]:
        """Return when the oldest records were written; who may not read them still sees how many there are."""
        try:
            return self._oldest.of((one for places in look.places.values() for one in places), deadline)
        except BrokerError as error:
            untold.append(f"how old unfinished records are: {error}")
            return {}


def _rows(
    name: str,
    look: Look,
    before: tuple[Look, float] | None,
    elapsed_s: float,
    oldest: Mapping[tuple[Partition, int], Oldest],
    now_ms: int,
    rest: Rest,
) -> list[Row]:
    """Return the figures of a destination's partitions."""
    was: dict[Partition, Place] = {} if before is None else {place.partition: place for place in before[0].places[name]}
    group = look.groups[name]
    return [
        row(place, was.get(place.partition), elapsed_s, _oldest_of(place, oldest), group, now_ms, rest)
        for place in look.places[name]
    ]


def _wait_s(name: str, own: DestinationSettings) -> float:
    """Return how long a record of a destination may wait for its batch to fill, in seconds."""
    endpoints = effective_endpoints(build_destination(name, own), own.delivery)
    return max((endpoint.max_wait_ms for endpoint in endpoints.values()), default=0) / 1000


def _oldest_of(place: Place, oldest: Mapping[tuple[Partition, int], Oldest]) -> Oldest | None:
    """Return what was found at a place."""
    return None if place.position is None else oldest.get((place.partition, place.position))


def _consumer(settings: Settings, name: str) -> Consumer:
    """Return a consumer that joins no group and fetches little; the group is one that rights exist for."""
    properties = topic_properties(settings.kafka, settings.group_id(name), "lag")
    return Consumer({**properties, **SMALL_FETCHES})
