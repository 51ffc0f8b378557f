"""A consumer that reads topics as a member of no group, by script."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaException, Message, TopicPartition

from processor.source.partitions import Offsets
from tests.fake_kafka import FakeKafka


class FakeTopicReader:
    """Reads topics by script, as a member of no group: messages, errors to raise, and callables to run in between."""

    def __init__(self, kafka: FakeKafka, *script: Message[Any, Any] | KafkaException | Callable[[], None]) -> None:
        """Hand out what is scripted once something is assigned."""
        self._kafka = kafka
        self.script = deque(script)
        self.assigned: Offsets = {}
        self.is_closed = False

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        """Count partitions as read from there."""
        self._kafka.called("incremental_assign")
        self.assigned |= {(each.topic, each.partition): each.offset for each in partitions}

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        """Read no further."""
        for each in partitions:
            del self.assigned[each.topic, each.partition]

    def poll(self, timeout: float) -> Message[Any, Any] | None:
        """Return the next scripted message, None when the script is over."""
        assert timeout > 0
        return next(iter(self._next()), None)

    def consume(self, num_messages: int, timeout: float) -> list[Message[Any, Any]]:
        """Return what is scripted up to the next step that is no message."""
        assert timeout == 0
        found: list[Message[Any, Any]] = []
        while len(found) < num_messages and self.script and isinstance(self.script[0], Message):
            found.extend(self._next())
        return found

    def close(self) -> None:
        """Count it."""
        self._kafka.called("close")
        self.is_closed = True

    def _next(self) -> list[Message[Any, Any]]:
        while self.assigned and self.script:
            step = self.script.popleft()
            if isinstance(step, KafkaException):
                raise step
            if isinstance(step, Message):
                return [step]
            step()
        return []
