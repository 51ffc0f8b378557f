"""One life of the Kafka consumer: what the consumer thread does in each of its turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from confluent_kafka import KafkaError, TopicPartition

from processor.errors import BrokerError
from processor.source.assignment import Assignment
from processor.source.clients import Clients
from processor.source.cluster import Cluster, TopicState
from processor.source.commands import Commands
from processor.source.control_topic import ControlTopic
from processor.source.intake import Taken, Trouble, only, sort
from processor.source.listener import Listener
from processor.source.notices import Notice, NoticeCode, Repeats
from processor.source.partitions import Offsets, text
from processor.source.polling import polled
from processor.source.positions import Positions
from processor.source.reach import Reach
from processor.source.settings import GroupSettings, KafkaSettings
from processor.source.trouble import broker_error
from processor.source.watch import TopicWatch
from processor.source.window import Flow, Valve, Window

BRIM_WAIT_S = 0.01
PAUSED_WAIT_S = 0.05
PAUSED_READ_COUNT = 100
MEMBER_LOOK_S = 1.0
OUT_OF_RANGE = "_AUTO_OFFSET_RESET"
TRUNCATED = "_LOG_TRUNCATION"
NOTHING_STORED = KafkaError._NO_OFFSET  # noqa: SLF001 - the client's own spelling of a constant
REPEATED_CODES = frozenset({NoticeCode.WAITING, NoticeCode.TOPIC_MISSING})
UNKEYED_TEXT = (
    "without a key: events of one user are spread over partitions, and only the order within a partition is kept. Key "
    "the topic by user to keep each user's order"
)
HEADERS_LOST_TEXT = (
    "with header names that are not UTF-8, which the Kafka client cannot read: they are delivered all the same, and "
    "their dead letters have no headers of the record"
)


class Figures(NamedTuple):
    """What a session counts for metrics: paused partitions now; rebalances by kind and failed commits by code."""

    paused_count: int = 0
    rebalances: Mapping[str, int] = MappingProxyType({})
    commit_failures: Mapping[str, int] = MappingProxyType({})


class Session:
    """Reads, pauses, stores and watches. Consumer thread only."""

    def __init__(  # noqa: PLR0913 - it brings the parts together, each its own object
        self,
        kafka: KafkaSettings,
        group: GroupSettings,
        window: Window,
        listener: Listener,
        commands: Commands,
        clients: Clients,
        *,
        clock: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        """Join the group.

        Raises:
            KafkaException: The client refuses its properties.
        """
        settings = kafka.consumer
        self._settings = settings
        self._window = window
        self._listener = listener
        self._commands = commands
        self._clock = clock
        self._valve = Valve(settings.pause_grace_ms / 1000)
        self._repeats = Repeats(settings.notice_interval_s)
        self._said_of_topics: set[tuple[NoticeCode, str]] = set()
        self._fatal: BrokerError | None = None
        self._commit_failures: dict[str, int] = {}
        self._reach = Reach()
        self._member_look_at_s = 0.0
        self.member_id = ""
        """By which name the brokers know this process in its group, empty while it is in none."""
        self._consumer = clients.consumer(self._on_error, self._on_commit)
        cluster = Cluster(clients.admin())
        control = ControlTopic(kafka.control_topic, group.group_id, cluster, clients.reader, clients.producer)
        self._positions = Positions(group, self._consumer, cluster, control, self._say, now_ms)
        self.assignment = Assignment(self._consumer, self._positions, listener, commands, settings, clock)
        self._watch = TopicWatch(cluster, kafka.topics, settings.metadata_refresh_ms / 1000)
        self._consumer.subscribe(
            list(kafka.topics),
            on_assign=self.assignment.on_assign,
            on_revoke=self.assignment.on_revoke,
            on_lost=self.assignment.on_lost,
        )

    def turn(self) -> None:
        """Do what is due and read once; takes about the poll timeout at most, unless the group takes partitions.

        Raises:
            ProcessorError: The destination must stop.
        """
        now_s = self._clock()
        wishes = self._commands.take()
        self._store(wishes.store)
        flow = self._valve.turn(self._window, held=wishes.is_held, now_s=now_s)
        self.assignment.pause(wishes.blocked, is_all_paused=flow is Flow.PAUSE)
        self.assignment.look()
        self._look_at_topics(now_s)
        self._look_at_member(now_s)
        match flow:
            case Flow.READ:
                self._read(self._room_count(), self._settings.poll_timeout_ms / 1000)
            case Flow.BRIM:
                self._commands.wait(BRIM_WAIT_S)
            case Flow.PAUSE:
                self._read(PAUSED_READ_COUNT, 0)
                if wishes.is_held:
                    self._commands.rest()
                self._commands.wait(PAUSED_WAIT_S)
        alone = self._reach.due(self._clock())
        if alone is not None:
            self._say_error(alone)
        if self._fatal is not None:
            raise self._fatal

    def figures(self) -> Figures:
        """Return what is counted here. Any thread may call: each of the three is copied in one step."""
        assignment = self.assignment
        return Figures(len(assignment.ownership.paused), dict(assignment.rebalances), dict(self._commit_failures))

    def close(self, *, drain: bool) -> None:
        """Leave the group. With `drain` work on the wire is finished and what is done is committed.

        Raises:
            ProcessorError: The listener's answer contradicts what was read.
        """
        if drain:
            self._store(self._commands.take().store)
        else:
            self.assignment.abandon()
        self._positions.rest()
        self._consumer.close()
        forgotten = set(self.assignment.ownership.open)
        if forgotten:  # the client was in no group any more, so nobody took them from us
            self._listener.lost(forgotten)

    def _room_count(self) -> int:
        return max(1, min(self._settings.poll_count, self._window.room_count))

    def _read(self, count: int, timeout_s: float) -> None:
        """Take what comes next; wait for no full batch."""
        messages, error = polled(self._consumer, timeout_s, count)
        if error is not None:
            self._tell(broker_error(error, "cannot read"))
        if messages:
            self._take(only(sort(messages), self.assignment.ownership.open))

    def _take(self, taken: Taken) -> None:
        """Count, then hand over: the window never lacks what the pipeline has."""
        self.assignment.ownership.advance(taken.positions)
        if taken.positions:
            self._note_reach()
        if taken.records or taken.ends:
            self._window.add(len(taken.records), taken.size_bytes)
            self._listener.hand_over(taken.records, taken.ends)
        self._say_of_topics(NoticeCode.UNKEYED_RECORDS, taken.unkeyed, UNKEYED_TEXT)
        self._say_of_topics(NoticeCode.HEADERS_LOST, taken.headers_lost, HEADERS_LOST_TEXT)
        for trouble in taken.troubles:
            self._trouble(trouble)

    def _store(self, offsets: Offsets) -> None:
        refused = self.assignment.store(offsets) if offsets else {}
        if refused:
            message = f"offsets of {text(refused)} are not stored: owned no longer, or from an earlier assignment"
            self._listener.said(Notice(NoticeCode.STORE_REFUSED, "info", message, count=len(refused)))

    def _look_at_member(self, now_s: float) -> None:
        """Ask once in a while what this process is called in its group: that changes when it comes back to it."""
        if now_s >= self._member_look_at_s:
            self._member_look_at_s = now_s + MEMBER_LOOK_S
            self.member_id = self._consumer.memberid() or ""

    def _look_at_topics(self, now_s: float) -> None:
        try:
            states = self._watch.turn(now_s)
        except BrokerError as error:
            self._tell(BrokerError(str(error), code=error.code, fatal=False))
            return
        if states:
            self._note_reach()
        for topic, state in states.items():
            self._look_at_topic(topic, state)

    def _look_at_topic(self, topic: str, state: TopicState | None) -> None:
        if state is None:
            self._positions.say_missing(topic)
            return
        self._positions.noticed(topic, state)
        ids = self.assignment.ownership.topic_ids
        others = {partition for partition, known in ids.items() if partition[0] == topic and known != state.topic_id}
        if others:
            self.assignment.reopen(others)

    def _trouble(self, trouble: Trouble) -> None:
        """Repair what is ours to repair; everything else the client retries by itself."""
        name = trouble.error.name()
        if name == "UNKNOWN_TOPIC_OR_PART":
            self._positions.say_missing(trouble.topic)
        elif name in (OUT_OF_RANGE, TRUNCATED) and trouble.partition is not None:
            self.assignment.repair((trouble.topic, trouble.partition), is_truncated=name == TRUNCATED)
        else:
            self._on_error(trouble.error)

    def _on_error(self, error: KafkaError) -> None:
        """Keep a fatal error for the end of the turn: this is called from within the client."""
        found = broker_error(error, "Kafka client")
        if error.fatal():
            self._fatal = found
        else:
            self._tell(BrokerError(str(found), code=found.code, fatal=False))

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """Count a commit that failed, once for each code; the client says what it was, and the next one makes up."""
        errors = [each.error for each in partitions] if error is None else [error]
        codes = {one.name() for one in errors if one is not None and one.code() != NOTHING_STORED}
        for code in codes:
            self._commit_failures[code.lower()] = self._commit_failures.get(code.lower(), 0) + 1

    def _tell(self, error: BrokerError) -> None:
        """Say a trouble once in a while; a fatal one stops the destination."""
        if error.fatal:
            self._fatal = error
            return
        notice = self._reach.heard(error, self._clock())
        if notice is not None:
            self._listener.said(notice)
        elif not self._reach.is_told(error):
            self._say_error(error)

    def _say_error(self, error: BrokerError) -> None:
        if self._repeats.is_news(error.code, self._clock()):
            self._listener.said(Notice(NoticeCode.BROKER_ERROR, "warning", str(error)))

    def _note_reach(self) -> None:
        """Say that a broker has answered, if none could be reached before."""
        notice = self._reach.reached()
        if notice is not None:
            self._listener.said(notice)

    def _say_of_topics(self, code: NoticeCode, counts: Mapping[str, int], what: str) -> None:
        """Say once what records of a topic are like, and count them all."""
        for topic, count in counts.items():
            is_repeat = (code, topic) in self._said_of_topics
            self._said_of_topics.add((code, topic))
            message = f"topic {topic} has records {what}"
            self._listener.said(Notice(code, "warning", message, topic, count=count, is_repeat=is_repeat))

    def _say(self, notice: Notice) -> None:
        kind = (notice.code, notice.topic, notice.partition)
        if notice.code not in REPEATED_CODES or self._repeats.is_news(kind, self._clock()):
            self._listener.said(notice)
