"""The consumer thread's own life: how it ends when something fails."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from processor.errors import BrokerError, InvariantError
from processor.model import Record
from processor.source.consumer import ConsumerThread
from processor.source.partitions import Offsets, Partition
from processor.source.settings import KafkaSettings
from processor.source.window import Window
from tests.fake_clients import FakeClients
from tests.fake_kafka import FakeKafka, record_message
from tests.source_recorder import Recorder, group_settings

P0: Partition = ("t", 0)
SETTINGS = KafkaSettings.model_validate({"bootstrap_servers": "nowhere:1", "topics": ["t"]})


class BrokenRecorder(Recorder):
    """A pipeline with a bug."""

    def hand_over(self, records: list[Record], ends: Offsets) -> None:
        """Fail as nobody foresaw."""
        raise ZeroDivisionError(len(records) + len(ends))


def test_unforeseen_error_stops_the_thread_as_a_contradiction() -> None:
    """A bug of the listener ends the thread, is told once, and stores nothing."""
    kafka = FakeKafka()
    kafka.add("t", 9)
    kafka.committed = {P0: (0, "id-1")}
    clients, recorder = FakeClients(kafka), BrokenRecorder()
    thread = ConsumerThread(SETTINGS, group_settings("earliest", "g"), Window(9, 99), recorder, clients=clients)
    clients.group_consumer.script.extend([lambda consumer: consumer.give(P0), record_message("t", 0, 0)])
    thread.start()
    assert thread.join(10)
    assert [type(error) for error in recorder.failures] == [InvariantError]
    assert recorder.names() == ["assigned", "failed", "lost"]
    assert clients.group_consumer.is_closed


@pytest.mark.parametrize("call", ["subscribe", "close"])
def test_client_that_fails_at_either_end_is_told_once(call: str) -> None:
    """A consumer that cannot be made or closed is a failure of the broker's, told once."""
    kafka = FakeKafka(errors={call: [KafkaError._FAIL, KafkaError._FAIL]})
    kafka.add("t", 9)
    recorder = Recorder()
    thread = ConsumerThread(
        SETTINGS, group_settings("earliest", "g"), Window(9, 99), recorder, clients=FakeClients(kafka)
    )
    thread.stop()
    thread.start()
    assert thread.join(10)
    assert not thread.is_alive
    assert [type(error) for error in recorder.failures] == [BrokerError]
