"""Where groups stand in their partitions: offsets, ends of logs, owners, asked of the cluster in few requests.

Offsets are asked before the ends of logs, so that nobody is said to have caught up who has not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Final, NamedTuple

from processor.errors import BrokerError
from processor.lag.groups import Group, GroupQuestion, question_about
from processor.settings import Settings
from processor.source.clients import KafkaClients, MakeClients
from processor.source.cluster import Cluster, TopicState
from processor.source.control_topic import ControlTopic
from processor.source.deadline import Deadline
from processor.source.founding import Founding, Step, decide, passed_over_ms
from processor.source.group_offsets import GroupOffsets
from processor.source.orders import Order, Wanted
from processor.source.partitions import Committed, Offsets, Partition
from processor.source.start import start_offsets

_ASKING_COUNT: Final = 8
"""Groups whose offsets are asked at the same time."""
_CONTROL_SHARE: Final = 4
"""The control topic may take such a part of the time that is left: offsets say more than it does."""


class Place(NamedTuple):
    """Where a group stands in one partition.

    `committed` is the offset that counts: None where there is none, or where it belongs to a topic that was deleted
    and made again. `position` is where reading would go on now, by the rules of the destination itself; None where the
    destination would stop instead. `log_start` and `end` bound what a reader of committed records can see.
    `begun_ms` is the time before which records were written that the group passed over when it began here; None where
    it has not begun, or has begun with all that there was.
    """

    partition: Partition
    step: Step
    committed: int | None
    position: int | None
    log_start: int
    end: int
    topic_id: str = ""
    begun_ms: int | None = None


class Look(NamedTuple):
    """What one look found: places and groups by destination; topics that do not exist; what could not be told.

    `stops` holds the orders of operators that stop a destination, by its name.
    """

    places: Mapping[str, Sequence[Place]]
    groups: Mapping[str, Group]
    missing: Sequence[str] = ()
    untold: Sequence[str] = ()
    stops: Mapping[str, Order] = MappingProxyType({})

    def paused_by(self, name: str) -> str | None:
        """Return who has paused or drained a destination, and why; None where nobody has."""
        order = self.stops.get(name)
        return None if order is None else order.text


class _Told(NamedTuple):
    """What is known of one group before the ends of logs are."""

    committed: Mapping[Partition, Committed]
    foundings: Mapping[str, Founding]
    order: Order | None


class _Bounds(NamedTuple):
    """Topics that exist, and where their partitions start and end."""

    topics: Mapping[str, TopicState]
    starts: Offsets
    ends: Offsets


class Onlooker:
    """Looks at the groups of some destinations, again and again. One thread calls; every look is bounded."""

    def __init__(
        self,
        settings: Settings,
        names: Iterable[str],
        make_clients: MakeClients = KafkaClients,
    ) -> None:
        """Connect the admin client, and nothing else yet.

        Args:
            settings: Those of the file; no secret but Kafka's is needed.
            names: The destinations.
            make_clients: Gives the Kafka clients of a group; the real ones unless given.
        """
        self._settings = settings
        self._groups = {name: settings.group_id(name) for name in names}
        self._clients = {name: make_clients(settings.kafka, group_id) for name, group_id in self._groups.items()}
        self._cluster = Cluster(next(iter(self._clients.values())).admin())
        self._offsets = {
            name: GroupOffsets(group_id, self._clients[name].reader) for name, group_id in self._groups.items()
        }
        self._controls: dict[str, ControlTopic] = {}

    def close(self) -> None:
        """Disconnect."""
        for offsets in self._offsets.values():
            offsets.close()
        for control in self._controls.values():
            control.close()

    def look(self, deadline: Deadline) -> Look:
        """Return where every group stands at this moment.

        Raises:
            BrokerError: No answer within the deadline, or a right is missing.
        """
        topics = self._settings.kafka.topics
        states = self._cluster.topics(topics, deadline)
        known = {topic: state for topic, state in states.items() if state is not None}
        partitions = [one for topic, state in known.items() for one in state.partitions(topic)]
        question = question_about(self._cluster.admin, self._groups.values(), deadline)
        untold: list[str] = []
        told = self._told(partitions, untold, deadline)
        starts = self._cluster.log_starts(partitions, deadline)
        ends = self._cluster.log_ends(partitions, deadline)
        bounds = _Bounds(known, starts, ends)
        places = {name: self._places(name, told[name], bounds, deadline) for name in self._groups}
        missing = [topic for topic, state in states.items() if state is None]
        orders = {name: one.order for name, one in told.items()}
        stops = {name: one for name, one in orders.items() if one is not None and one.wanted is not Wanted.RUNNING}
        return Look(places, self._told_groups(question, untold, deadline), missing, untold, stops)

    def _told(self, partitions: Sequence[Partition], untold: list[str], deadline: Deadline) -> dict[str, _Told]:
        """Return what is known of all groups; several are asked at once."""
        with ThreadPoolExecutor(_ASKING_COUNT) as pool:
            answers = pool.map(lambda name: self._told_of(name, partitions, untold, deadline), self._groups)
            return dict(zip(self._groups, answers, strict=True))

    def _told_of(self, name: str, partitions: Sequence[Partition], untold: list[str], deadline: Deadline) -> _Told:
        """Return a group's offsets, its founding records, and what operators have ordered.

        The records are read before the offsets that they are held against: whoever sees a record sees the offsets that
        were committed before it.
        """
        foundings: Mapping[str, Founding] = {}
        order: Order | None = None
        try:
            control = self._control(name, deadline)
            if control is not None:
                foundings = control.read(Deadline.after(deadline.left_s / _CONTROL_SHARE))
                order = control.book.order
        except BrokerError as error:
            if deadline.is_over:
                raise
            untold.append(f"{name}: whether it has begun, or is paused: {error}")
        return _Told(self._offsets[name].committed(partitions, deadline), foundings, order)

    def _control(self, name: str, deadline: Deadline) -> ControlTopic | None:
        """Return what reads the control topic for a group; None where there is no such topic, which is not made."""
        topic, clients = self._settings.kafka.control_topic, self._clients[name]
        if self._cluster.topics([topic], deadline)[topic] is None:
            return None
        if name not in self._controls:
            group_id = self._groups[name]
            self._controls[name] = ControlTopic(topic, group_id, self._cluster, clients.reader, clients.producer)
        return self._controls[name]

    def _places(self, name: str, told: _Told, bounds: _Bounds, deadline: Deadline) -> list[Place]:
        """Return where one group stands, partition by partition."""
        steps = {one: _step(one, told, bounds.topics[one[0]].topic_id) for one in bounds.ends}
        begun = [one for one, step in steps.items() if step is Step.FOUND]
        own = self._settings.destinations[name]
        starting = start_offsets(self._cluster, begun, own.start, deadline) if begun else {}
        return [_place(one, step, told, starting, bounds) for one, step in steps.items()]

    def _told_groups(self, question: GroupQuestion, untold: list[str], deadline: Deadline) -> dict[str, Group]:
        """Return what is known of members, by destination; who does not tell of them costs nothing else."""
        groups = question.groups(deadline)
        for name, group_id in self._groups.items():
            if groups[group_id].trouble:
                untold.append(f"{name}: who owns its partitions: {groups[group_id].trouble}")
        return {name: groups[group_id] for name, group_id in self._groups.items()}


def _step(partition: Partition, told: _Told, topic_id: str) -> Step:
    """Return what the owner of a partition would do with it; whoever founds a topic founds it for all."""
    topic, number = partition
    return decide(number, told.committed.get(partition), told.foundings.get(topic), topic_id, is_founder=True)


def _place(partition: Partition, step: Step, told: _Told, starting: Offsets, bounds: _Bounds) -> Place:
    """Return where a group stands in one partition, by what its owner would do there."""
    log_start, end = bounds.starts[partition], bounds.ends[partition]
    topic_id = bounds.topics[partition[0]].topic_id
    committed: int | None = None
    position: int | None = log_start
    begun_ms: int | None = None
    match step:
        case Step.RESUME:
            committed = told.committed[partition].offset
            position = max(committed, log_start)
            begun_ms = passed_over_ms(partition[1], told.foundings.get(partition[0]), topic_id)
        case Step.FOUND:
            position = starting[partition]
        case Step.VANISHED:
            position = None
    return Place(partition, step, committed, position, log_start, end, topic_id, begun_ms)
