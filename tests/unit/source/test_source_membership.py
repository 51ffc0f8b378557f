"""Where a process stands in its group: what the client's metadata says, and what the consumer thread makes of it."""

from __future__ import annotations

import threading

import pytest

from processor.source.commands import Commands
from processor.source.consumer import ConsumerThread
from processor.source.membership import Membership, has_generation
from processor.source.partitions import Partition
from processor.source.session import Session
from processor.source.settings import KafkaSettings
from processor.source.window import Window
from tests.fake_clients import FakeClients
from tests.fake_kafka import FakeConsumer, FakeKafka
from tests.source_recorder import Recorder, group_settings

P0: Partition = ("t", 0)
SETTINGS = KafkaSettings.model_validate({"bootstrap_servers": "nowhere:1", "topics": ["t"]})
OUTSIDE = Membership()


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (b"CGMDv2:\xff\xff\xff\xffg\x00member\x00\x01", False),
        (b"CGMDv2:\x00\x00\x00\x00g\x00member\x00\x01", True),
        (b"CGMDv2:\x02\x00\x00\x00g\x00member\x00\x01", True),
        (b"CGMDv2:\xff\xff\xff\x7fg\x00member\x00\x01", True),
        (b"CGMDv2:\xfe\xff\xff\xff", False),
        (b"CGMDv2:\x02\x00", False),
        (b"CGMDv3:\x02\x00\x00\x00g\x00", False),
        (b"", False),
        (None, False),
        ("CGMDv2:\x02\x00\x00\x00", False),
    ],
)
def test_a_member_has_a_generation(metadata: object, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """A negative generation is that of no member, and bytes of another form say nothing."""
    assert expected is has_generation(metadata)


class Stage:
    """A session whose consumer is scripted, and a clock that a turn moves on beyond every pause between looks."""

    def __init__(self, *, has_offsets: bool = True) -> None:
        """Begin with a topic of one partition, whose start is committed or nowhere to be found."""
        self.kafka = FakeKafka()
        self.kafka.add("t", 9)
        if has_offsets:
            self.kafka.committed = {P0: (0, "id-1")}
            self.kafka.add_founding("t", partition_count=1)
        clients = FakeClients(self.kafka)
        self.consumer: FakeConsumer = clients.group_consumer
        self.now_s = 1_000.0
        self.session = Session(
            SETTINGS,
            group_settings("earliest", "g"),
            Window(9, 99),
            Recorder(),
            Commands(),
            clients,
            clock=lambda: self.now_s,
            now_ms=lambda: 0,
        )

    def turned(self, *script: object) -> Membership:
        """Return the membership after one turn in which the consumer comes upon these."""
        self.consumer.script.extend(script)  # type: ignore[arg-type]  # callables, as a test writes them
        self.now_s += 10
        self.session.turn()
        return self.session.assignment.membership


def test_a_process_too_many_is_a_member_although_nothing_is_given_to_it() -> None:
    """The client's generation tells it, and that it is over."""
    stage = Stage()
    assert stage.turned() == OUTSIDE
    stage.consumer.generation = 3
    assert stage.turned() == Membership(is_member=True, has_joined=True)
    stage.consumer.generation = -1
    assert stage.turned() == Membership(has_joined=True)


def test_partitions_make_a_member_until_they_are_lost() -> None:
    """What the group takes in order leaves a member, what it takes away without asking does not."""
    stage = Stage()
    reading = Membership(is_member=True, has_joined=True, owned_count=1, has_opened=True)
    assert stage.turned(lambda consumer: consumer.give(P0)) == reading
    stage.consumer.generation = 4
    assert stage.turned(lambda consumer: consumer.take(P0)) == reading._replace(owned_count=0)
    assert stage.turned(lambda consumer: consumer.give(P0)) == reading
    stage.consumer.generation = -1
    assert stage.turned(lambda consumer: consumer.take(P0, is_lost=True)) == reading._replace(
        is_member=False, owned_count=0
    )
    assert stage.turned() == reading._replace(is_member=False, owned_count=0)


def test_partitions_without_a_start_are_owned_and_not_opened() -> None:
    """A start that is not committed yet keeps them waiting."""
    stage = Stage(has_offsets=False)
    stage.kafka.topics.clear()
    assert stage.turned(lambda consumer: consumer.give(P0)) == Membership(
        is_member=True, has_joined=True, owned_count=1
    )


def test_the_thread_tells_when_it_last_turned() -> None:
    """Nothing before it is started; a thread that stands in a turn grows old."""
    kafka = FakeKafka()
    kafka.add("t", 9)
    kafka.committed = {P0: (0, "id-1")}
    clients, now_s = FakeClients(kafka), [50.0]
    thread = ConsumerThread(
        SETTINGS, group_settings("earliest", "g"), Window(9, 99), Recorder(), clients=clients, clock=lambda: now_s[0]
    )

    def age_s() -> float | None:
        return thread.turn_age_s

    assert age_s() is None
    assert thread.membership == OUTSIDE
    is_in, may_go = threading.Event(), threading.Event()

    def stand(_: FakeConsumer) -> None:
        is_in.set()
        assert may_go.wait(10)

    clients.group_consumer.script.append(stand)
    thread.start()
    assert is_in.wait(10)
    now_s[0] += 400.0
    assert age_s() == 400.0
    has_turned = threading.Event()
    clients.group_consumer.script.append(lambda _: has_turned.set())
    may_go.set()
    assert has_turned.wait(10)
    assert age_s() == 0.0
    thread.stop()
    assert thread.join(10)
