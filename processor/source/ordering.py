"""Gives orders to the processes of a destination, and tells what is in force: what operators' commands do.

Orders go through the control topic, so that they reach every process, also one that starts later. No process need run.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from processor.errors import BrokerError
from processor.source.clients import Clients, KafkaClients
from processor.source.cluster import Cluster
from processor.source.control_topic import ControlTopic
from processor.source.deadline import Deadline
from processor.source.group_members import group_members
from processor.source.orders import (
    GIVEN,
    OBEYED,
    ORDER,
    TRIPPED,
    Book,
    Member,
    Order,
    Progress,
    Tripped,
    Wanted,
    encode_key,
    progress,
)
from processor.source.settings import KafkaSettings

TIMEOUT_S: Final = 30.0
"""The whole budget of one order, in seconds, waiting for what becomes of it aside."""
_NO_SUCH_REQUEST: Final = frozenset({"UNSUPPORTED_VERSION", "_UNSUPPORTED_FEATURE"})
"""Answers of brokers that do not describe groups of this protocol."""
LOOK_S: Final = 0.5
"""Pause between looks at what has become of an order."""


class Standing(Struct, frozen=True):
    """What is in force for a group: the latest order, how far its processes are with it, and guards that hold it.

    `members` is None where the brokers do not tell who is in the group.
    """

    order: Order | None
    progress: Progress
    members: tuple[Member, ...] | None
    tripped: tuple[Tripped, ...]


class Desk:
    """Where orders for one group are given. One thread calls; every call is bounded."""

    def __init__(self, kafka: KafkaSettings, group_id: str, clients: Clients | None = None) -> None:
        """Connect; nothing is asked yet. `clients` makes the Kafka clients; the real ones unless given.

        Raises:
            ConfigError: The client refuses its properties.
        """
        makers: Clients = KafkaClients(kafka, group_id) if clients is None else clients
        self._kafka = kafka
        self._group_id = group_id
        self._cluster = Cluster(makers.admin())
        self._control = ControlTopic(kafka.control_topic, group_id, self._cluster, makers.reader, makers.producer)

    def close(self) -> None:
        """Disconnect."""
        self._control.close()

    def give(self, wanted: Wanted, by: str, reason: str, now_ms: int, deadline: Deadline) -> tuple[Order, Order | None]:
        """Return the order that is given now, and the one that was in force before.

        What processes that are gone have said to earlier orders is taken back with it.

        Raises:
            BrokerError: It could not be written in time, or a right is missing.
        """
        book = self._read(deadline)
        order = Order(uuid.uuid4().hex, wanted, by, now_ms, reason)
        records: dict[bytes, bytes | None] = {self._key(ORDER, GIVEN): msgspec.json.encode(order)}
        self._control.put(records | dict.fromkeys(self._stale(book, self._members(deadline))), deadline)
        return order, book.order

    def accept(self, by: str, deadline: Deadline) -> tuple[Tripped, ...]:
        """Lift the guards that hold the destination at this moment; return them, none where no guard does.

        Raises:
            BrokerError: It could not be written in time, or a right is missing.
        """
        tripped = self._tripped(self._known(deadline), self._members(deadline))
        accepted = {name: replace(one, accepted_by=by) for name, one in tripped.items() if not one.accepted_by}
        self._control.put(
            {self._key(TRIPPED, name): msgspec.json.encode(one) for name, one in accepted.items()}, deadline
        )
        return tuple(accepted.values())

    def standing(self, deadline: Deadline) -> Standing:
        """Return what is in force.

        Raises:
            BrokerError: The control topic or the group cannot be read in time, or a right is missing.
        """
        book, members = self._known(deadline), self._members(deadline)
        order = book.order
        return Standing(
            order,
            progress("" if order is None else order.id, book, members, self._partitions(members, deadline)),
            members,
            tuple(self._tripped(book, members).values()),
        )

    def _read(self, deadline: Deadline) -> Book:
        self._control.read(deadline)
        return self._control.book

    def _known(self, deadline: Deadline) -> Book:
        """Return what is in the control topic; where there is none, it is not made for that."""
        exists = self._cluster.topics([self._control.name], deadline)[self._control.name] is not None
        return self._read(deadline) if exists else Book(self._group_id)

    def _members(self, deadline: Deadline) -> tuple[Member, ...] | None:
        """Return who is in the group, None where the brokers have no answer to that.

        Raises:
            BrokerError: No answer within the deadline, or the right to describe the group is missing.
        """
        try:
            return group_members(self._cluster.admin, self._group_id, deadline)
        except BrokerError as error:
            if error.code in _NO_SUCH_REQUEST:
                return None
            raise

    def _partitions(self, members: tuple[Member, ...] | None, deadline: Deadline) -> frozenset[str]:
        """Return all partitions of the topics where they are needed: where the members are not known."""
        if members is not None:
            return frozenset()
        states = self._cluster.topics(self._kafka.topics, deadline)
        found = (each for topic, state in states.items() if state is not None for each in state.partitions(topic))
        return frozenset(f"{topic}:{number}" for topic, number in found)

    def _tripped(self, book: Book, members: tuple[Member, ...] | None) -> dict[str, Tripped]:
        """Return the guards that hold, without those of processes that are gone."""
        here = None if members is None else {one.member_id for one in members}
        return {name: one for name, one in book.tripped.items() if here is None or one.member_id in here}

    def _stale(self, book: Book, members: tuple[Member, ...] | None) -> Iterator[bytes]:
        """Yield the keys of what was said by processes that are gone; one that is not writes it again."""
        if members is None:
            return
        here = {one.member_id for one in members}
        yield from (self._key(OBEYED, name) for name, one in book.obeyed.items() if one.member_id not in here)
        yield from (self._key(TRIPPED, name) for name, one in book.tripped.items() if one.member_id not in here)

    def _key(self, kind: str, name: str) -> bytes:
        return encode_key(self._group_id, kind, name)


@contextmanager
def desk(kafka: KafkaSettings, group_id: str, clients: Clients | None = None) -> Iterator[Desk]:
    """Open a desk inside the block."""
    opened = Desk(kafka, group_id, clients)
    try:
        yield opened
    finally:
        opened.close()


def await_obeyed(at: Desk, order: Order, deadline: Deadline, pause: Callable[[float], object] = time.sleep) -> Standing:
    """Return what is in force once all processes have obeyed the order, another one was given, or time is up.

    An outage of the brokers is waited out.

    Raises:
        BrokerError: A right is missing, or nobody has answered until time was up.
    """
    while True:
        standing: Standing | None = None
        try:
            standing = at.standing(Deadline.after(min(max(deadline.left_s, 1.0), TIMEOUT_S)))
        except BrokerError as error:
            if error.fatal or deadline.is_over:
                raise
        if standing is not None and (_is_over(standing, order) or deadline.is_over):
            return standing
        pause(min(LOOK_S, deadline.request_s))


def _is_over(standing: Standing, order: Order) -> bool:
    return standing.progress.is_done or standing.order is None or standing.order.id != order.id
