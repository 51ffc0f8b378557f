"""The users of whom nothing is sent, from a compacted topic: the key is a user's id, and a record without value lifts.

The topic is read from its beginning, without a group, so every process has the whole list; then it is followed. Like a
file that cannot be read again, a topic that cannot be followed leaves what is known in force.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer

from processor.errors import BrokerError, ConfigError
from processor.source.cluster import Cluster, TopicState
from processor.source.deadline import Deadline
from processor.source.intake import Taken
from processor.source.partitions import Offsets
from processor.source.topic_reader import TopicReader
from processor.source.trouble import LOST_CODES, broker_error

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0
"""Pause between looks at the topic: whether it is still the same one, has grown, and is read to its end."""
READ_S: Final = 0.5
"""Longest wait for a record; a record that comes ends it."""
ASK_S: Final = 10.0
"""Longest time that the cluster may take to answer before a topic is read."""
LOOK_ASK_S: Final = 2.0
"""The same for a look: while its answer is waited for, no record is read."""
ID_BYTES: Final = 110
"""Memory of an id beside its own bytes: the text's head and its place in the set, which is at least a third full."""


class ListedIds:
    """The ids that a topic lists. One thread writes; any may ask, and sees each change whole.

    What the asking thread sees are sets of texts: to look one up and to change one are each a single step of the
    interpreter. Partitions are kept apart, since nothing orders them: who is listed in any of them is listed.
    """

    def __init__(self, max_bytes: int) -> None:
        """List nobody; take at most this much memory."""
        self._max_bytes = max_bytes
        self._by_partition: dict[int, set[str]] = {}
        self._sets: tuple[set[str], ...] = ()
        self.size_bytes = 0
        self.unusable_count = 0
        """Records whose key can be nobody's id: none, empty or no UTF-8."""

    def __contains__(self, user_id: object) -> bool:
        """Return whether this user is listed; ids match exactly."""
        for ids in self._sets:  # noqa: SIM110 - asked for every event, and a generator costs several times as much
            if user_id in ids:
                return True
        return False

    def __len__(self) -> int:
        """Return how many ids are listed; one that two partitions list counts twice."""
        return sum(map(len, self._sets))

    def take(self, partition: int, key: bytes | None, *, is_listed: bool) -> None:
        """List the user with this key, or lift that.

        Raises:
            ConfigError: There is no room; an id that is not kept would let its user's events through.
        """
        user_id = _id(key)
        if user_id is None:
            self.unusable_count += 1
            return
        ids = self._of(partition)
        if is_listed == (user_id in ids):
            return
        size_bytes = ID_BYTES + len(key or b"")
        if is_listed:
            ids.add(user_id)
            self.size_bytes += size_bytes
        else:
            ids.discard(user_id)
            self.size_bytes -= size_bytes
        if self.size_bytes > self._max_bytes:
            raise ConfigError(
                f"the topic of suppressed users lists more than {len(self) - 1} ids, which suppressed_users.max_bytes "
                f"({self._max_bytes}) has no room for: raise it, with the memory of the process"
            )

    def _of(self, partition: int) -> set[str]:
        if partition not in self._by_partition:
            self._by_partition[partition] = set()
            self._sets = tuple(self._by_partition.values())
        return self._by_partition[partition]


class SuppressedTopic:
    """The ids of a topic, read to its end and followed. `in`, `len` and properties are for any thread, `turn` for one.

    A list is in force when it was read to the end that the topic had when the reading began, and never before; when the
    topic was made again, the last one stays in force until the new one is there.
    """

    def __init__(
        self,
        topic: str,
        max_bytes: int,
        cluster: Cluster,
        make_consumer: Callable[[], Consumer],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect nothing yet; `make_consumer` gives one that can be assigned without joining a group."""
        self._topic = topic
        self._max_bytes = max_bytes
        self._cluster = cluster
        self._make_consumer = make_consumer
        self._clock = clock
        self._ids = self._coming = ListedIds(max_bytes)
        self._reader: TopicReader | None = None
        self._state = TopicState("", 0)
        self._ends: Offsets = {}
        self._look_at_s = 0.0
        self._trouble = ""
        self.is_loaded = False
        """Whether a list is in force."""

    def __contains__(self, user_id: object) -> bool:
        """Return whether nothing of this user may be sent; ids match exactly."""
        return user_id in self._ids

    def __len__(self) -> int:
        """Return how many ids are in force."""
        return len(self._ids)

    @property
    def is_up_to_date(self) -> bool:
        """Return whether everything is in force that was in the topic at the last look, which went well."""
        reader = self._reader
        is_whole = self._coming is self._ids and reader is not None and reader.is_at(self._ends)
        return self.is_loaded and is_whole and not self._trouble

    def turn(self) -> bool:
        """Read what has come, after a look where one is due. Waits a moment; return false when the next should wait.

        Raises:
            BrokerError: There is no list yet, and the topic is none to read one from: it does not exist, its records
                would expire, or a right is missing.
            ConfigError: There are more ids than there is room for.
        """
        try:
            if self._reader is None:
                self._begin()
            elif self._clock() >= self._look_at_s:
                self._look()
            self._read()
        except BrokerError as error:
            if error.fatal and not self.is_loaded:
                raise
            self._warn(str(error))
            return self._reader is not None
        return True

    def close(self) -> None:
        """Disconnect; what is known stays in force."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _begin(self) -> None:
        """Read the topic from its beginning, towards the end that it has now."""
        deadline = Deadline.after(ASK_S)
        state = require_compacted(self._cluster, self._topic, deadline)
        self._ends = self._cluster.log_ends(state.partitions(self._topic), deadline)
        self._state, self._coming = state, ListedIds(self._max_bytes)
        self._reader = TopicReader(self._make_consumer())
        try:
            self._reader.open(dict.fromkeys(state.partitions(self._topic), OFFSET_BEGINNING))
        except BrokerError:
            self.close()
            raise
        self._look_at_s = self._clock() + LOOK_S

    def _look(self) -> None:
        """See whether the topic is still the same, has grown, and was read as far as it went at the last look."""
        self._look_at_s = self._clock() + LOOK_S
        deadline = Deadline.after(LOOK_ASK_S)
        state = self._cluster.topics([self._topic], deadline)[self._topic]
        if state is None:
            raise _missing(self._topic)
        if state.topic_id != self._state.topic_id:
            log.warning("the topic of suppressed users %s was deleted and made again: it is read anew", self._topic)
            self.close()
            return
        if not self.is_loaded or self._coming is not self._ids:
            return
        is_behind = self._reader is not None and not self._reader.is_at(self._ends)
        self._grow(state)
        self._ends = self._cluster.log_ends(state.partitions(self._topic), deadline)
        if is_behind:
            self._warn(f"topic {self._topic} was not read to where it ended some seconds ago")
        elif self._trouble:
            self._trouble = ""
            log.info("suppressed users: topic %s is followed again, %d ids are in force", self._topic, len(self))

    def _grow(self, state: TopicState) -> None:
        """Read new partitions as well, from their beginning."""
        known = self._state.partitions(self._topic)
        added = [partition for partition in state.partitions(self._topic) if partition not in known]
        if added and self._reader is not None:
            self._reader.open(dict.fromkeys(added, OFFSET_BEGINNING))
        self._state = state

    def _read(self) -> None:
        """Take in what has come; what was read to its end comes into force."""
        if self._reader is None:
            return
        taken = self._reader.read(READ_S)
        for record in taken.records:
            self._coming.take(record.partition, record.key, is_listed=record.value is not None)
        if (self._coming is not self._ids or not self.is_loaded) and self._reader.is_at(self._ends):
            self._put_in_force()
        self._look_into(taken)

    def _put_in_force(self) -> None:
        self._ids, self.is_loaded, self._trouble = self._coming, True, ""
        log.info("suppressed users: %d ids from topic %s", len(self), self._topic)
        if self._ids.unusable_count:
            text = "topic %s has %d records whose key is no id (missing, empty or no UTF-8); they suppress nobody"
            log.warning(text, self._topic, self._ids.unusable_count)

    def _look_into(self, taken: Taken) -> None:
        """Begin anew where the position is lost, and tell what the client does not recover from."""
        for trouble in taken.troubles:
            if trouble.error.name() in LOST_CODES:
                log.warning("the position in topic %s is lost: it is read anew", self._topic)
                self.close()
                return
            error = broker_error(trouble.error, f"cannot read topic {self._topic} of suppressed users")
            if error.fatal:
                raise error

    def _warn(self, trouble: str) -> None:
        """Say once what is wrong."""
        if not self._trouble and self.is_loaded:
            log.warning("suppressed users: %s; the %d ids that are known stay in force", trouble, len(self))
        elif not self._trouble:
            log.warning("suppressed users: %s; no event is read before they are known", trouble)
        self._trouble = trouble


def read_once(users: SuppressedTopic, deadline: Deadline) -> SuppressedTopic:
    """Return the list once it is read to its end; it is not followed.

    Raises:
        BrokerError: The topic is none to read a list from, or was not read in time.
        ConfigError: There are more ids than there is room for.
    """
    try:
        while not users.is_loaded:
            users.turn()
            if deadline.is_over and not users.is_loaded:
                raise BrokerError("suppressed users were not read in time", code="_TIMED_OUT", fatal=False)
    finally:
        users.close()
    return users


def require_compacted(cluster: Cluster, topic: str, deadline: Deadline) -> TopicState:
    """Return the state of a topic that may list suppressed users.

    Raises:
        BrokerError: It does not exist, or its records would expire and with them suppressions (`fatal`); or the cluster
            did not answer. Without the right to look at its configuration the operator's word counts.
    """
    state = cluster.topics([topic], deadline)[topic]
    if state is None:
        raise _missing(topic)
    called = f"topic {topic} of suppressed users"
    cluster.require_compacted(topic, deadline, called=called, otherwise="suppressions expire with their records")
    return state


def _missing(topic: str) -> BrokerError:
    text = f"topic {topic} of suppressed users does not exist: create it with cleanup.policy=compact"
    return BrokerError(text, code="UNKNOWN_TOPIC_OR_PART", fatal=True)


def _id(key: bytes | None) -> str | None:
    """Return the id that a key is, None where it can be nobody's."""
    if not key:
        return None
    try:
        return key.decode()
    except UnicodeDecodeError:
        return None
