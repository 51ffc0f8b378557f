"""A consumer that reads topics as a member of no group, by script."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

from confluent_kafka import KafkaException, Message, TopicPartition

from processor.source.partitions import Offsets
from tests.fake_kafka import FakeKafka

Step: TypeAlias = "Message[Any, Any] | KafkaException | Callable[[], None]"
"""A message to hand out, an error to raise, or what is to happen in between."""


class FakeTopicReader:
    """Reads topics by script, as a member of no group: messages, errors to raise, and callables to run in between."""

    def __init__(self, kafka: FakeKafka, *script: Step) -> None:
        """Hand out what is scripted once something is assigned."""
        self._kafka = kafka
        self.script = deque(script)
        self.assigned: Offsets = {}
        self.history: list[tuple[str, int, int]] = []
        self.is_closed = False

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        """Count partitions as read from there."""
        self._kafka.called("incremental_assign")
        self.history += [(each.topic, each.partition, each.offset) for each in partitions]
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
        """Return what is scripted up to the next step that is no message, or one of a partition that is not read."""
        assert timeout == 0
        self._kafka.called("consume")
        found: list[Message[Any, Any]] = []
        while len(found) < num_messages and self.script and self._is_read(self.script[0]):
            found.extend(self._next())
        return found

    def close(self) -> None:
        """Count it."""
        self._kafka.called("close")
        self.is_closed = True

    def _next(self) -> list[Message[Any, Any]]:
        while self.assigned and self.script:
            if isinstance(self.script[0], Message) and not self._is_read(self.script[0]):
                return []
            step = self.script.popleft()
            if isinstance(step, KafkaException):
                raise step
            if isinstance(step, Message):
                return [step]
            step()
        return []

    def _is_read(self, step: Step) -> bool:
        return isinstance(step, Message) and (step.topic(), step.partition()) in self.assigned
