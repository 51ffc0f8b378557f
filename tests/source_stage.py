"""A session of the consumer thread on a stage: a scripted consumer, a recorder, and a clock that stands still."""

from __future__ import annotations

from processor.source.commands import Commands
from processor.source.partitions import Partition
from processor.source.session import Session
from processor.source.settings import KafkaSettings
from processor.source.window import Window
from tests.fake_clients import FakeClients
from tests.fake_kafka import FakeKafka, record_message
from tests.source_recorder import Recorder, group_settings

P0: Partition = ("t", 0)
P1: Partition = ("t", 1)
SETTINGS = KafkaSettings.model_validate(
    {"bootstrap_servers": "nowhere:1", "topics": ["t"], "consumer": {"poll_count": 10, "pause_grace_ms": 100}}
)


class Stage:
    """A session with a scripted consumer, a recorder and a clock that stands still."""

    def __init__(self, *ends: int, max_count: int = 100, on_expired: str = "stop") -> None:
        """Begin with one topic and with committed offsets of zero."""
        self.kafka = FakeKafka()
        self.kafka.add("t", *ends)
        self.kafka.committed = {("t", number): (0, "id-1") for number in range(len(ends))}
        self.kafka.add_founding("t", partition_count=len(ends))
        self.clients = FakeClients(self.kafka)
        self.consumer = self.clients.group_consumer
        self.window = Window(max_count, 1_000_000)
        self.recorder = Recorder(self.window)
        self.commands = Commands()
        self.now_s = 1_000.0
        group = group_settings("earliest", "g", on_expired)
        self.session = Session(
            SETTINGS,
            group,
            self.window,
            self.recorder,
            self.commands,
            self.clients,
            clock=lambda: self.now_s,
            now_ms=lambda: 0,
        )

    def turn(self, *script: object) -> None:
        """Do one turn in which the consumer comes upon these."""
        self.consumer.script.extend(script)  # type: ignore[arg-type]  # messages and callables, as a test writes them
        self.now_s += 1
        self.session.turn()

    def given(self, *partitions: Partition) -> None:
        """Do one turn in which the group gives these partitions."""
        self.turn(lambda consumer: consumer.give(*partitions))


def records(partition: int, *offsets: int) -> list[object]:
    """Return scripted records."""
    return [record_message("t", partition, offset) for offset in offsets]
