"""What happens when the group gives partitions and takes them: the callbacks of a rebalance, and what leads up to them.

Everything here runs on the consumer thread, most of it inside a call on the consumer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, KafkaException, TopicPartition

from processor.errors import BrokerError, InvariantError
from processor.source.commands import Commands
from processor.source.deadline import Deadline
from processor.source.listener import Listener
from processor.source.membership import Membership, has_generation
from processor.source.ownership import Change, Ownership
from processor.source.partitions import Offsets, Partition, at, from_client, text, to_client, to_client_partitions
from processor.source.positions import Positions
from processor.source.settings import ConsumerSettings
from processor.source.trouble import broker_error, kafka_error


class Assignment:
    """Opens, closes and pauses partitions in the client, and tells the listener. Consumer thread only."""

    def __init__(
        self,
        consumer: Consumer,
        positions: Positions,
        listener: Listener,
        commands: Commands,
        settings: ConsumerSettings,
        clock: Callable[[], float],
    ) -> None:
        """Start with no partitions."""
        self.ownership = Ownership()
        self._consumer = consumer
        self._positions = positions
        self._listener = listener
        self._commands = commands
        self._settings = settings
        self._clock = clock
        self._is_all_paused = False
        self._blocked: frozenset[Partition] = frozenset()
        self._is_abandoned = False
        self._unrepaired: dict[Partition, bool] = {}
        """Partitions whose position the broker refused, and whether their log was truncated."""
        self._look_at_s = 0.0
        self.rebalances = {"assigned": 0, "revoked": 0, "lost": 0}
        """How often the group changed what is owned; no key is ever added, so that another thread may look."""
        self._is_member = self._has_joined = self._has_opened = False

    @property
    def membership(self) -> Membership:
        """Return where the process stands in its group. May be asked from any thread."""
        return Membership(self._is_member, self._has_joined, len(self.ownership.owned), self._has_opened)

    def abandon(self) -> None:
        """From now on nothing is stored: what is taken from us counts as lost."""
        self._is_abandoned = True

    def on_assign(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """The group gave us partitions: open those whose position is known."""
        given = from_client(partitions)
        self.rebalances["assigned"] += bool(given)
        self._is_member = self._has_joined = True
        self.ownership.owned |= given
        self._place(given)

    def on_revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """The group takes partitions: have the work on the wire finished, store what is done, give them away.

        The client commits what is stored before the partitions go to somebody else.
        """
        taken = from_client(partitions)
        self.rebalances["revoked"] += bool(taken)
        self.ownership.owned -= taken
        closing = taken & self.ownership.open
        if self._is_abandoned:
            self._lose(closing)
            return
        offsets = self._listener.revoked(set(closing)) if closing else {}
        self._require_read(offsets, closing)
        with _named("store offsets and give partitions away"):
            if offsets:
                self._consumer.store_offsets(offsets=to_client(offsets, self.ownership.topic_ids))
            self._close(closing)

    def on_lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Partitions are somebody else's already: store nothing."""
        taken = from_client(partitions)
        self.rebalances["lost"] += bool(taken)
        self._is_member = False
        self.ownership.owned -= taken
        self._lose(taken & self.ownership.open)

    def store(self, offsets: Offsets) -> Offsets:
        """Store offsets for the client's next commit; return those that were not stored."""
        storable = self.ownership.storable(offsets)
        refused = {partition: offset for partition, offset in offsets.items() if partition not in storable}
        if storable and not self._is_abandoned:
            try:
                self._consumer.store_offsets(offsets=to_client(storable, self.ownership.topic_ids))
            except KafkaException:
                return offsets
        return refused

    def pause(self, blocked: frozenset[Partition], *, is_all_paused: bool) -> None:
        """Make the client pause exactly what is wanted now."""
        self._blocked, self._is_all_paused = blocked, is_all_paused
        self._apply(self.ownership.change(self._wanted()))

    def look(self) -> None:
        """Open partitions that wait, found topics and repair what the broker refused, once in a while.

        Looks also whether a process without partitions is in its group.

        Raises:
            BrokerError: The destination must stop.
        """
        now_s = self._clock()
        if now_s < self._look_at_s:
            return
        if self.ownership.waiting:
            self._place(self.ownership.waiting)
        for partition, is_truncated in sorted(self._unrepaired.items()):
            self.repair(partition, is_truncated=is_truncated)
        self._settle()
        self._look_at_group()
        self._look_at_s = self._clock() + self._settings.start_retry_ms / 1000

    def _look_at_group(self) -> None:
        if not self.ownership.owned:
            self._is_member = has_generation(self._consumer.consumer_group_metadata())
            self._has_joined = self._has_joined or self._is_member

    def reopen(self, partitions: Iterable[Partition]) -> None:
        """Take partitions for new ones: what is known of them belongs to a topic that is gone."""
        self._lose(set(partitions) & self.ownership.open)
        self._place(self.ownership.waiting)

    def repair(self, partition: Partition, *, is_truncated: bool = False) -> None:
        """Go on with a partition whose position the broker refused; what cannot be decided now is tried again.

        Raises:
            BrokerError: Records have expired or are gone, and the destination must stop.
        """
        self._unrepaired.pop(partition, None)
        if partition not in self.ownership.open:
            return
        position = self.ownership.positions[partition]
        try:
            offset = self._positions.out_of_range(
                partition, position, self.ownership.topic_ids[partition], self._deadline(), is_truncated=is_truncated
            )
        except BrokerError as error:
            if error.fatal:
                raise
            self._unrepaired[partition] = is_truncated
            return
        if offset is None:
            self.reopen(other for other in set(self.ownership.open) if other[0] == partition[0])
        else:
            self._move(partition, offset)

    def _place(self, waiting: Iterable[Partition]) -> None:
        if self._is_abandoned:
            self._open({}, {})
            return
        placed = self._positions.place(set(waiting), self.ownership.owned, self._deadline())
        self._open(placed.offsets, placed.topic_ids)

    def _open(self, offsets: Offsets, topic_ids: dict[str, str]) -> None:
        """Have the client read these partitions, and tell the listener before it hears of any record."""
        with _named("take partitions"):
            self._consumer.incremental_assign(at(offsets))
        self.ownership.begin(offsets, topic_ids)
        self._apply(self.ownership.restate(set(offsets), self._wanted()))
        if offsets:
            self._has_opened = True
            self._listener.assigned(dict(offsets))

    def _move(self, partition: Partition, offset: int) -> None:
        """Read on at another offset; for the listener it is a gap."""
        with _named(f"go on with {text([partition])}"):
            self._consumer.incremental_unassign(to_client_partitions([partition]))
            self._consumer.incremental_assign(at({partition: offset}))
        self.ownership.advance({partition: offset})
        self._apply(self.ownership.restate({partition}, self._wanted()))

    def _lose(self, partitions: set[Partition]) -> None:
        if partitions:
            self._listener.lost(set(partitions))
        with _named("let partitions go"):
            self._close(partitions)

    def _close(self, partitions: set[Partition]) -> None:
        self._commands.forget(partitions)
        for partition in partitions:
            self._unrepaired.pop(partition, None)
        self.ownership.end(partitions)
        self._consumer.incremental_unassign(to_client_partitions(partitions))

    def _settle(self) -> None:
        """Write and repair founding records; they are no reason to stop a destination that reads."""
        topics = self._positions.unsettled(self.ownership.owned)
        for topic in sorted(topics):
            try:
                self._positions.settle(topic, self._deadline())
            except BrokerError as error:
                self._positions.say_unsettled(topic, error)
        if not topics and not self.ownership.waiting:
            self._positions.rest()

    def _wanted(self) -> frozenset[Partition] | set[Partition]:
        return set(self.ownership.owned) if self._is_all_paused else self._blocked

    def _apply(self, change: Change) -> None:
        with _named("pause and resume"):
            if change.pause:
                self._consumer.pause(to_client_partitions(change.pause))
            if change.resume:
                self._consumer.resume(to_client_partitions(change.resume))

    def _require_read(self, offsets: Offsets, partitions: set[Partition]) -> None:
        """Stop for good if the pipeline would commit what it never got: somewhere a count is wrong."""
        wrong = offsets.keys() - self.ownership.storable(offsets).keys() | offsets.keys() - partitions
        if wrong:
            message = f"offsets to commit for {text(wrong)} lie beyond what was read, or are not ours to give away"
            raise InvariantError(message, safe=message)

    def _deadline(self) -> Deadline:
        return Deadline.after(self._settings.start_timeout_ms / 1000, self._clock)


@contextmanager
def _named(doing: str) -> Iterator[None]:
    """Translate the client's refusal of a call that it has no reason to refuse: the consumer is of no use any more."""
    try:
        yield
    except KafkaException as error:
        found = broker_error(error, f"cannot {doing}")
        raise BrokerError(str(found), code=kafka_error(error).name(), fatal=True) from error
