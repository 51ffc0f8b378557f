"""A Kafka in memory for the consumer thread: one cluster, its admin client, producers, readers and a group's consumer.

`FakeKafka` holds what a cluster knows and what went wrong on purpose; the clients below act on it the way the real ones
do, and keep plain lists of what they were asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from processor.source.clients import OnCommit
from processor.source.founding import Founding
from processor.source.partitions import Offsets, Partition

CONTROL = "segment-bridge.control"


@dataclass
class FakeTopic:
    """A topic: its id and, for each partition, where its log starts and ends."""

    topic_id: str
    starts: list[int]
    ends: list[int]


@dataclass
class FakeKafka:
    """What the cluster knows. `errors` are raised once by the call of that name, in order."""

    topics: dict[str, FakeTopic] = field(default_factory=dict)
    committed: dict[Partition, tuple[int, str]] = field(default_factory=dict)
    control: list[tuple[bytes | None, bytes | None]] = field(default_factory=list)
    errors: dict[str, list[int]] = field(default_factory=dict)
    answers: dict[str, list[Callable[[], None]]] = field(default_factory=dict)
    refused: dict[str, dict[Partition, int]] = field(default_factory=dict)
    """By call, `committed` or `commit`: partitions that are refused while the request as a whole succeeds."""
    cleanup_policy: str = "compact"
    calls: list[str] = field(default_factory=list)
    members: dict[str, str] = field(default_factory=dict)
    """Who is in the group: hosts by member id."""

    def add(self, name: str, *ends: int, topic_id: str = "id-1", start: int = 0) -> None:
        """Make a topic whose partitions end there."""
        self.topics[name] = FakeTopic(topic_id, [start] * len(ends), list(ends))

    def add_founding(
        self,
        topic: str,
        topic_id: str = "id-1",
        partition_count: int = 1,
        group: str = "g",
        start: str = "latest",
        at_ms: int = 0,
    ) -> None:
        """Write a founding record."""
        record = Founding(topic_id, partition_count, start, at_ms, partition_count)
        self.topics.setdefault(CONTROL, FakeTopic("control", [0], [0]))
        self.control.append((msgspec.json.encode([group, topic]), msgspec.json.encode(record)))

    def foundings(self) -> list[Founding]:
        """Return all founding records, oldest first."""
        return [msgspec.json.decode(value, type=Founding) for _, value in self.control if value is not None]

    def called(self, name: str) -> None:
        """Count a call, do what the test wants to happen at that moment, and fail if it is to fail."""
        self.calls.append(name)
        if self.answers.get(name):
            self.answers[name].pop(0)()
        if self.errors.get(name):
            raise KafkaException(KafkaError(self.errors[name].pop(0)))


def record_message(
    topic: str, partition: int, offset: int, key: bytes | None = b"k", *, timestamp_ms: int = 1_000
) -> Message[Any, Any]:
    """Return a record as the client returns it."""
    return Message(topic=topic, partition=partition, offset=offset, key=key, value=b"{}", timestamp=(1, timestamp_ms))


def error_message(code: int, topic: str, partition: int = 0, offset: int = 0) -> Message[Any, Any]:
    """Return an error as the client returns it among the records."""
    return Message(topic=topic, partition=partition, offset=offset, error=KafkaError(code))


class UnreadableHeaders(Message):
    """A record with a header whose name is not UTF-8, as the client returns it.

    The client fails when it is asked for the headers, and must not be asked again: what it then returned would end the
    process.
    """

    was_asked = False

    def headers(self) -> Any:  # noqa: ANN401 - as the client has it
        """Fail as the client does."""
        assert not self.was_asked
        self.was_asked = True
        raise SystemError("returned a result with an exception set")


class FakeConsumer:
    """The consumer of a group: hands out what was scripted, and keeps a log of everything it was told."""

    def __init__(self, kafka: FakeKafka) -> None:
        """Start in no group."""
        self.kafka = kafka
        self.script: deque[Message[Any, Any] | Callable[[FakeConsumer], None]] = deque()
        self.assigned: Offsets = {}
        self.paused: set[Partition] = set()
        self.stored: dict[Partition, tuple[int, str]] = {}
        self.commits: list[Offsets] = []
        self.subscribed: list[str] = []
        self.group: list[Partition] = []
        self.is_closed = False
        self.member_id: str | None = "member-1"
        self.generation = -1
        self.on_error: Callable[[KafkaError], None] = lambda _error: None
        self.on_commit: OnCommit = lambda _error, _partitions: None
        self._callbacks: dict[str, Callable[..., None]] = {}

    def subscribe(self, topics: list[str], **callbacks: Callable[..., None]) -> None:
        """Join the group."""
        self.kafka.called("subscribe")
        self.subscribed = topics
        self._callbacks = callbacks

    def give(self, *partitions: Partition) -> None:
        """Have the group assign partitions, as from within a poll."""
        self.group.extend(partitions)
        self._callbacks["on_assign"](self, [TopicPartition(*each) for each in partitions])

    def take(self, *partitions: Partition, is_lost: bool = False) -> None:
        """Have the group take partitions, as from within a poll."""
        self.group = [each for each in self.group if each not in partitions]
        self._callbacks["on_lost" if is_lost else "on_revoke"](self, [TopicPartition(*each) for each in partitions])

    def poll(self, timeout: float) -> Message[Any, Any] | None:
        """Return the next scripted message; scripted callables run in between, like callbacks."""
        self.kafka.called("poll")
        assert timeout >= 0
        while self.script:
            step = self.script.popleft()
            if isinstance(step, Message):
                return step
            step(self)
        return None

    def consume(self, num_messages: int, timeout: float) -> list[Message[Any, Any]]:
        """Return what is scripted next, up to that many."""
        assert timeout == 0
        found: list[Message[Any, Any]] = []
        while len(found) < num_messages and self.script:
            step = self.script.popleft()
            if isinstance(step, Message):
                found.append(step)
            else:
                step(self)
        return found

    def consumer_group_metadata(self) -> bytes:
        """Return what the client would keep for transactions."""
        return b"CGMDv2:" + self.generation.to_bytes(4, "little", signed=True) + b"group\0member-1\0\1"

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        """Count partitions as read from there."""
        self.kafka.called("incremental_assign")
        for each in partitions:
            assert (each.topic, each.partition) not in self.assigned
            self.assigned[each.topic, each.partition] = each.offset

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        """Give partitions away and commit what is stored for them, as the real one does."""
        for each in partitions:
            partition = (each.topic, each.partition)
            del self.assigned[partition]
            if partition in self.stored:
                self.kafka.committed[partition] = self.stored.pop(partition)

    def pause(self, partitions: list[TopicPartition]) -> None:
        """Stand still."""
        self.paused |= {(each.topic, each.partition) for each in partitions}

    def resume(self, partitions: list[TopicPartition]) -> None:
        """Go on."""
        self.paused -= {(each.topic, each.partition) for each in partitions}

    def store_offsets(self, offsets: list[TopicPartition]) -> None:
        """Keep offsets for the next commit; refuse partitions that are not assigned."""
        self.kafka.called("store_offsets")
        for each in offsets:
            if (each.topic, each.partition) not in self.assigned:
                raise KafkaException(KafkaError(KafkaError._STATE))
            self.stored[each.topic, each.partition] = (each.offset, each.metadata or "")

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        """Return the group's offsets."""
        self.kafka.called("committed")
        assert timeout > 0
        return [self._committed(each) for each in partitions]

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition]:
        """Commit at once."""
        assert not asynchronous
        self.kafka.called("commit")
        self.commits.append({(each.topic, each.partition): each.offset for each in offsets})
        self.kafka.committed.update(
            {(each.topic, each.partition): (each.offset, each.metadata or "") for each in offsets}
        )
        return [self._answer("commit", each, each.offset, each.metadata) for each in offsets]

    def memberid(self) -> str | None:
        """Return what the group calls it."""
        return self.member_id

    def close(self) -> None:
        """Give everything back, then leave."""
        self.kafka.called("close")
        if self.group:
            self.take(*self.group)
        self.is_closed = True

    def _committed(self, wanted: TopicPartition) -> TopicPartition:
        offset, metadata = self.kafka.committed.get((wanted.topic, wanted.partition), (-1001, None))
        return self._answer("committed", wanted, offset, metadata)

    def _answer(self, call: str, asked: TopicPartition, offset: int, metadata: str | None) -> TopicPartition:
        """Return what the client answers for one partition; only the client itself can make one with an error."""
        code = self.kafka.refused.get(call, {}).get((asked.topic, asked.partition))
        error = None if code is None else KafkaError(code)
        found = SimpleNamespace(
            topic=asked.topic, partition=asked.partition, offset=offset, metadata=metadata, error=error
        )
        return cast("TopicPartition", found)


class FakeReader:
    """Reads the control topic to its end."""

    def __init__(self, kafka: FakeKafka) -> None:
        """Begin at the beginning."""
        self._kafka = kafka
        self._next = 0

    def assign(self, partitions: list[TopicPartition]) -> None:
        """Begin at the beginning."""
        assert [each.partition for each in partitions] == [0]
        self._next = 0

    def get_watermark_offsets(self, _partition: TopicPartition, _timeout: float, *, cached: bool) -> tuple[int, int]:
        """Return where the control topic ends right now."""
        assert not cached
        self._kafka.called("watermarks")
        return 0, len(self._kafka.control)

    def poll(self, timeout: float) -> Message[Any, Any] | None:
        """Return the next record, the end, or a scripted error."""
        assert timeout >= 0
        try:
            self._kafka.called("read")
        except KafkaException as error:
            return Message(topic=CONTROL, partition=0, error=error.args[0])
        if self._next >= len(self._kafka.control):
            return error_message(KafkaError._PARTITION_EOF, CONTROL, 0, self._next)
        key, value = self._kafka.control[self._next]
        self._next += 1
        return Message(topic=CONTROL, partition=0, offset=self._next - 1, key=key, value=value)

    def close(self) -> None:
        """Count it."""
        self._kafka.calls.append("reader closed")


class FakeProducer:
    """Writes the control topic."""

    def __init__(self, kafka: FakeKafka) -> None:
        """Hold nothing."""
        self._kafka = kafka
        self._pending: list[tuple[bytes | None, bytes | None, Callable[..., None]]] = []

    def produce(self, topic: str, value: bytes, key: bytes, partition: int, on_delivery: Callable[..., None]) -> None:
        """Take a record."""
        assert (topic, partition) == (CONTROL, 0)
        self._pending.append((key, value, on_delivery))

    def flush(self, _timeout: float) -> int:
        """Deliver everything, or say how much is left; `_TIMED_OUT` leaves it all."""
        try:
            self._kafka.called("flush")
        except KafkaException as error:
            if error.args[0].code() == KafkaError._TIMED_OUT:
                return len(self._pending)
            for _, _, on_delivery in self._pending:
                on_delivery(error.args[0], None)
            return 0
        for key, value, on_delivery in self._pending:
            self._kafka.control.append((key, value))
            on_delivery(None, None)
        return 0

    def purge(self) -> None:
        """Drop what is left."""
        self._pending.clear()
