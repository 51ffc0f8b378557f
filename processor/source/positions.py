"""Finds where partitions are read from, and founds topics for the group.

Runs on the consumer thread: inside an assignment callback, and again every moment while partitions wait. Whatever
cannot be answered right now leaves a partition waiting, unread; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from collections.abc import Set as AbstractSet
from typing import Literal, NamedTuple, Protocol

from confluent_kafka import KafkaException, TopicPartition

from processor.errors import BrokerError
from processor.source.cluster import Cluster, TopicState
from processor.source.control_topic import ControlTopic
from processor.source.deadline import Deadline
from processor.source.founding import FOUNDER_PARTITION, Founding, Step, decide, is_complete, is_current
from processor.source.group_offsets import OffsetReader, committed_offsets
from processor.source.notices import Notice, NoticeCode
from processor.source.partitions import (
    Committed,
    Offsets,
    Partition,
    text,
    to_client,
)
from processor.source.settings import GroupSettings
from processor.source.start import start_offsets
from processor.source.trouble import broker_error

Say = Callable[[Notice], None]


class GroupMember(OffsetReader, Protocol):
    """The two calls on the consumer that committed offsets are read and written with."""

    def commit(self, *, offsets: list[TopicPartition], asynchronous: Literal[False]) -> list[TopicPartition]:
        """Commit as a member of the group: refused for one that is a member no longer."""


class Placed(NamedTuple):
    """Partitions whose position is known and committed, and the ids of their topics."""

    offsets: Offsets
    topic_ids: dict[str, str]


class Positions:
    """Where this group reads each partition from. Consumer thread only."""

    def __init__(
        self,
        settings: GroupSettings,
        member: GroupMember,
        cluster: Cluster,
        control: ControlTopic,
        say: Say,
        now_ms: Callable[[], int],
    ) -> None:
        """Ask nothing yet; `now_ms` is only written down beside a founding."""
        self._settings = settings
        self._member = member
        self._cluster = cluster
        self._control = control
        self._say = say
        self._now_ms = now_ms
        self._settled: dict[str, TopicState] = {}

    def place(self, waiting: AbstractSet[Partition], owned: AbstractSet[Partition], deadline: Deadline) -> Placed:
        """Return those of the `waiting` partitions whose position is known now; chosen ones are committed.

        Raises:
            BrokerError: A group's offsets have vanished, records have expired, or a right is missing: the destination
                must stop. What may pass by itself is said and leaves partitions waiting.
        """
        placed = Placed({}, {})
        for topic in sorted({topic for topic, _ in waiting}):
            numbers = {number for name, number in waiting if name == topic}
            try:
                is_founder = (topic, FOUNDER_PARTITION) in owned
                self._place_topic(topic, numbers, placed, deadline, is_founder=is_founder)
            except BrokerError as error:
                if error.fatal:
                    raise
                self._say_waiting([(topic, number) for number in numbers], str(error))
        return placed

    def unsettled(self, owned: AbstractSet[Partition]) -> set[str]:
        """Return the topics whose founding record this process still has to see or to write."""
        return {topic for topic, number in owned if number == FOUNDER_PARTITION and topic not in self._settled}

    def settle(self, topic: str, deadline: Deadline) -> None:
        """Found the topic for the group, or make its founding record say what the topic is now.

        Only the owner of partition 0 calls this. A record is written when all partitions have offsets, and after them;
        so this also repairs a record that a process did not come to write after it had committed.

        Raises:
            BrokerError: The cluster or the control topic did not answer, or refused.
        """
        state = self._cluster.topics([topic], deadline)[topic]
        if state is None:
            return
        founding = self._control.read(deadline).get(topic)
        if not is_current(founding, *state):
            committed = self._committed(topic, range(state.partition_count), deadline)
            begun_count = 0 if committed else state.partition_count
            if founding is None:
                committed |= self._found(topic, state, committed.keys(), deadline)
            if not is_complete(committed, *state):
                return
            self._control.write(topic, self._founding(state, founding, begun_count), deadline)
        self._settled[topic] = state

    def _found(
        self, topic: str, state: TopicState, known: AbstractSet[int], deadline: Deadline
    ) -> dict[int, Committed]:
        """Return the start of all partitions that have no offset, committed; nothing if the topic changed meanwhile."""
        missing = [partition for partition in state.partitions(topic) if partition[1] not in known]
        chosen = start_offsets(self._cluster, missing, self._settings.start, deadline)
        if not chosen or self._cluster.topics([topic], deadline)[topic] != state:
            return {}
        self._commit(chosen, state.topic_id)
        message = f"the group had no offsets: {text(chosen)} start at {self._settings.start}"
        self._say(Notice(NoticeCode.STARTED, "info", message, topic, count=len(chosen)))
        return {number: Committed(offset, state.topic_id) for (_, number), offset in chosen.items()}

    def noticed(self, topic: str, state: TopicState) -> None:
        """Look at the founding record again if the topic is no longer what the record was compared with."""
        if self._settled.get(topic, state) != state:
            del self._settled[topic]

    def rest(self) -> None:
        """Disconnect from the control topic until it is needed again."""
        self._control.close()

    def out_of_range(
        self, partition: Partition, offset: int, topic_id: str, deadline: Deadline, *, is_truncated: bool
    ) -> int | None:
        """Return where to go on after the broker refused `offset`; None when the topic is another one by now.

        `is_truncated` says that a new leader's log parts from the one that was read before `offset`. It may have grown
        beyond the offset meanwhile, with records that would be stepped over.

        Raises:
            BrokerError: The records have expired and the settings say stop, or the log was truncated or ends before the
                offset (`fatal`); or the cluster did not answer.
        """
        state = self._cluster.topics([partition[0]], deadline)[partition[0]]
        if state is None or state.topic_id != topic_id:
            return None
        if is_truncated or offset > self._cluster.log_ends([partition], deadline)[partition]:
            raise BrokerError(self._beyond_text(partition, offset), code="position_beyond_end", fatal=True)
        return self._unexpired({partition: offset}, topic_id, deadline)[partition]

    def say_missing(self, topic: str) -> None:
        """Report a topic that does not exist."""
        self._say(Notice(NoticeCode.TOPIC_MISSING, "error", f"topic {topic} does not exist; looking again", topic))

    def say_unsettled(self, topic: str, error: BrokerError) -> None:
        """Report a founding record that could not be read or written; the topic is read all the same."""
        message = f"the founding record of topic {topic} is not up to date: {error}"
        self._say(Notice(NoticeCode.WAITING, "error" if error.fatal else "warning", message, topic))

    def _place_topic(
        self, topic: str, numbers: set[int], placed: Placed, deadline: Deadline, *, is_founder: bool
    ) -> None:
        state = self._cluster.topics([topic], deadline)[topic]
        if state is None:
            self.say_missing(topic)
            return
        founding, committed = self._look(topic, numbers, deadline)
        steps = {
            (topic, number): decide(number, committed.get(number), founding, state.topic_id, is_founder=is_founder)
            for number in numbers
        }
        if self._cluster.topics([topic], deadline)[topic] != state:
            return  # it changed while we looked: the answers do not fit together
        if Step.FOUND in steps.values():
            self.settle(topic, deadline)
            self._place_topic(topic, numbers, placed, deadline, is_founder=False)
            return
        self._apply(topic, state.topic_id, steps, committed, placed, deadline)

    def _look(self, topic: str, numbers: set[int], deadline: Deadline) -> tuple[Founding | None, dict[int, Committed]]:
        """Return the founding record and the offsets, read in this order; no record while it decides nothing."""
        committed = self._committed(topic, numbers, deadline)
        if numbers <= committed.keys():
            return None, committed
        founding = self._control.read(deadline).get(topic)
        return founding, self._committed(topic, numbers, deadline)

    def _apply(
        self,
        topic: str,
        topic_id: str,
        steps: dict[Partition, Step],
        committed: dict[int, Committed],
        placed: Placed,
        deadline: Deadline,
    ) -> None:
        def those(step: Step) -> list[Partition]:
            return sorted(partition for partition, found in steps.items() if found is step)

        if those(Step.VANISHED):
            raise BrokerError(self._vanished_text(those(Step.VANISHED)), code="offsets_vanished", fatal=True)
        if those(Step.WAIT):
            self._say_waiting(those(Step.WAIT), "the process that owns partition 0 commits the start")
        begun = self._cluster.log_starts(those(Step.ADDED) + those(Step.RECREATED), deadline)
        self._commit(begun, topic_id)
        self._say_added(those(Step.ADDED))
        self._say_recreated(those(Step.RECREATED), topic_id)
        resumed = {partition: committed[partition[1]].offset for partition in those(Step.RESUME)}
        placed.offsets.update(begun | self._unexpired(resumed, topic_id, deadline))
        placed.topic_ids[topic] = topic_id

    def _unexpired(self, offsets: Offsets, topic_id: str, deadline: Deadline) -> Offsets:
        """Return the offsets, moved up to the start of the log where that is allowed.

        Raises:
            BrokerError: Records have expired and the settings say stop.
        """
        starts = self._cluster.log_starts(offsets, deadline)
        moved = {partition: start for partition, start in starts.items() if offsets[partition] < start}
        for partition, start in moved.items():
            self._say_expired(partition, start - offsets[partition])
        if moved and self._settings.on_expired == "stop":
            raise BrokerError(self._expired_text(moved), code="records_expired", fatal=True)
        self._commit(moved, topic_id)
        return offsets | moved

    def _committed(self, topic: str, numbers: Iterable[int], deadline: Deadline) -> dict[int, Committed]:
        wanted = [(topic, number) for number in numbers]
        found = committed_offsets(self._member, self._settings.group_id, wanted, deadline)
        return {number: one for (_, number), one in found.items()}

    def _commit(self, offsets: Offsets, topic_id: str) -> None:
        """Return when the broker has the offsets.

        This is the one synchronous commit: nothing else has been committed for these partitions by this process, and
        the client bounds it by the session timeout.
        """
        if not offsets:
            return
        doing = f"cannot commit the start of {text(offsets)}"
        try:
            answer = self._member.commit(
                offsets=to_client(offsets, dict.fromkeys(offsets, topic_id)), asynchronous=False
            )
        except KafkaException as error:
            raise broker_error(error, doing) from error
        for each in answer:
            if each.error is not None:
                raise broker_error(each.error, doing)

    def _founding(self, state: TopicState, before: Founding | None, begun_count: int) -> Founding:
        """Return the record of the topic as it is now; one that has grown keeps when and where the group began."""
        if before is not None and before.topic_id == state.topic_id:
            return Founding(*state, before.start, before.at_ms, before.begun_count)
        return Founding(*state, self._settings.start, self._now_ms(), begun_count)

    def _say_added(self, partitions: Iterable[Partition]) -> None:
        for topic, number in partitions:
            message = f"{topic}[{number}] is new: it is read from its beginning"
            self._say(Notice(NoticeCode.PARTITION_ADDED, "info", message, topic, number))

    def _say_recreated(self, partitions: Iterable[Partition], topic_id: str) -> None:
        for topic, number in partitions:
            message = (
                f"topic {topic} was deleted and made again (its id is now {topic_id}): the old offsets do not count, "
                f"{topic}[{number}] is read from its beginning"
            )
            self._say(Notice(NoticeCode.TOPIC_RECREATED, "error", message, topic, number))

    def _say_waiting(self, partitions: Collection[Partition], why: str) -> None:
        message = f"{text(partitions)}: not read yet, {why}"
        self._say(Notice(NoticeCode.WAITING, "warning", message, min(partitions)[0], count=len(partitions)))

    def _say_expired(self, partition: Partition, count: int) -> None:
        message = f"{text([partition])}: {count} records were deleted by the broker before they were read"
        self._say(Notice(NoticeCode.RECORDS_EXPIRED, "error", message, *partition, count))

    def _vanished_text(self, partitions: list[Partition]) -> str:
        return (
            f"group {self._settings.group_id} has lost its offsets of {text(partitions)} (expired while it was "
            f"stopped, or deleted). Nothing is read until you say where to go on (earliest, latest or a time): "
            f"{self._settings.offsets_command}"
        )

    def _expired_text(self, partitions: Iterable[Partition]) -> str:
        return (
            f"group {self._settings.group_id}: records of {text(partitions)} were deleted by the broker before they "
            "were read. To go on behind the gap set `on_expired: continue`, or choose a position "
            f"(earliest, latest or a time): {self._settings.offsets_command}"
        )

    def _beyond_text(self, partition: Partition, offset: int) -> str:
        return (
            f"group {self._settings.group_id}: position {offset} of {text([partition])} lies beyond the end of the "
            "log, or beyond the place where it was truncated; the broker has lost records. Choose a position "
            f"(earliest, latest or a time): {self._settings.offsets_command}"
        )
