"""The topic of suppressed users: what is an id, when a list is in force, what happens when it is not followed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, cast

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message
from confluent_kafka.admin import AdminClient

from processor.errors import BrokerError, ConfigError
from processor.source.cluster import Cluster
from processor.source.deadline import Deadline
from processor.source.suppressed_topic import ID_BYTES, LOOK_ASK_S, LOOK_S, ListedIds, SuppressedTopic, read_once
from tests.fake_admin import FakeAdmin
from tests.fake_kafka import FakeKafka, error_message
from tests.fake_topics import FakeTopicReader

TOPIC = "users"
EOF = KafkaError._PARTITION_EOF
LOGGER = "processor.source.suppressed_topic"


@pytest.fixture(autouse=True)
def _from_warnings_on(caplog: pytest.LogCaptureFixture) -> None:
    """Hear what a test does not ask for from warnings on, whatever level another test has left behind."""
    caplog.set_level(logging.WARNING, LOGGER)


def listed(offset: int, key: bytes | None, value: bytes | None = b"", partition: int = 0) -> Message[Any, Any]:
    """Return a record that lists a user, or lifts that where it has no value."""
    return Message(topic=TOPIC, partition=partition, offset=offset, key=key, value=value, timestamp=(1, 1_000))


def end(offset: int, partition: int = 0) -> Message[Any, Any]:
    """Return that a partition is read to its end."""
    return error_message(EOF, TOPIC, partition, offset)


class World:
    """A topic, the readers that are made one after another, a clock, and the list under test."""

    def __init__(self, *ends: int, max_bytes: int = 1_000_000) -> None:
        """Make the topic with these ends."""
        self.kafka = FakeKafka()
        self.kafka.add(TOPIC, *ends)
        self.readers: list[FakeTopicReader] = []
        self.made: list[FakeTopicReader] = []
        self.now_s = 0.0
        cluster = Cluster(cast(AdminClient, FakeAdmin(self.kafka)))
        self.users = SuppressedTopic(TOPIC, max_bytes, cluster, self._made, lambda: self.now_s)

    def script(self, *steps: Message[Any, Any] | KafkaException | Callable[[], None]) -> FakeTopicReader:
        """Return the reader that is made next, with its script."""
        self.readers.append(FakeTopicReader(self.kafka, *steps))
        return self.readers[-1]

    def turn(self, after_s: float = 0.0) -> bool:
        """Turn once, some time later."""
        self.now_s += after_s
        return self.users.turn()

    def look(self) -> bool:
        """Turn when a look is due."""
        return self.turn(LOOK_S)

    def _made(self) -> Consumer:
        self.made.append(self.readers.pop(0))
        return cast(Consumer, self.made[-1])


def test_a_list_is_in_force_when_it_is_read_to_its_end() -> None:
    """Not before; later records are in force at once, a null value lifts, an empty one lists."""
    world = World(4)
    reader = world.script(listed(0, b"u-1", b"{}"), listed(1, b"u-2"))
    assert world.turn()
    assert (world.users.is_loaded, world.users.is_up_to_date) == (False, False)
    assert ("u-1" in world.users, len(world.users)) == (False, 0)
    assert reader.assigned == {(TOPIC, 0): OFFSET_BEGINNING}
    reader.script.extend([listed(2, b"u-1", None), listed(3, "ü".encode())])
    assert world.turn()
    assert (world.users.is_loaded, world.users.is_up_to_date, len(world.users)) == (True, True, 2)
    assert [name for name in ("u-1", "u-2", "ü", "U-2", " u-2") if name in world.users] == ["u-2", "ü"]
    reader.script.extend([listed(4, b"u-3"), listed(5, b"u-2", None)])
    assert world.turn()
    assert [name for name in ("u-1", "u-2", "u-3") if name in world.users] == ["u-3"]


def test_ends_that_no_record_reaches() -> None:
    """Compaction and transactions leave offsets without records at the end, and an empty partition has none at all."""
    world = World(7, 0)
    reader = world.script(listed(2, b"u-1"))
    world.turn()
    assert (world.users.is_loaded, "u-1" in world.users) == (False, False)
    reader.script.append(end(7))
    world.turn()
    assert (world.users.is_loaded, "u-1" in world.users) == (True, True)


def test_an_empty_topic_lists_nobody() -> None:
    """There is nothing to wait for."""
    world = World(0)
    world.script()
    world.turn()
    assert (world.users.is_loaded, len(world.users)) == (True, 0)


def test_who_is_listed_in_any_partition_is_listed() -> None:
    """Nothing orders partitions, so one cannot lift what another says."""
    world = World(1, 2)
    world.script(listed(0, b"u"), listed(0, b"u", partition=1), listed(1, b"u", None, partition=1))
    world.turn()
    assert "u" in world.users


def test_keys_that_are_no_ids_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """They suppress nobody, and their text stays out of the log."""
    world = World(4)
    world.script(listed(0, None), listed(1, b""), listed(2, b"\xff-secret"), listed(3, b"u"))
    with caplog.at_level(logging.INFO, LOGGER):
        world.turn()
    assert len(world.users) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "suppressed users: 1 ids from topic users",
        "topic users has 3 records whose key is no id (missing, empty or no UTF-8); they suppress nobody",
    ]


def test_memory_is_bounded() -> None:
    """Room counts bytes of ids and what holds them; a lifted id gives its room back."""
    ids = ListedIds(2 * (ID_BYTES + 3))
    for name in (b"u-1", b"u-1", b"u-2"):
        ids.take(0, name, is_listed=True)
    ids.take(0, b"u-9", is_listed=False)
    assert ids.size_bytes == 2 * (ID_BYTES + 3)
    ids.take(0, b"u-1", is_listed=False)
    ids.take(0, b"u-3", is_listed=True)
    with pytest.raises(ConfigError, match=r"more than 2 ids, which suppressed_users.max_bytes \(226\) has no room"):
        ids.take(1, b"u-4", is_listed=True)


@pytest.mark.parametrize(
    ("break_it", "expected"),
    [
        (lambda kafka: kafka.topics.clear(), "topic users of suppressed users does not exist: create it with "),
        (
            lambda kafka: setattr(kafka, "cleanup_policy", "delete"),
            "has cleanup.policy=delete: it must",
        ),
        (
            lambda kafka: setattr(kafka, "cleanup_policy", "compact,delete"),
            "has cleanup.policy=compact,delete: it",
        ),
    ],
)
def test_a_topic_that_can_list_nobody_is_refused(break_it: Callable[[FakeKafka], None], expected: str) -> None:
    """One that does not exist, or whose records would expire."""
    world = World(1)
    break_it(world.kafka)
    with pytest.raises(BrokerError, match=expected) as raised:
        world.turn()
    assert raised.value.fatal
    assert world.made == []


def test_without_the_right_to_look_the_operators_word_counts() -> None:
    """A missing right to describe configurations keeps no destination from starting; another answer does."""
    world = World(0)
    world.kafka.errors["describe_configs"] = [KafkaError.TOPIC_AUTHORIZATION_FAILED]
    world.script()
    assert world.turn()
    assert world.users.is_loaded


def test_a_cluster_that_does_not_tell_the_policy_is_asked_again() -> None:
    """Time that ran out is no operator's word."""
    world = World(0)
    world.kafka.errors["describe_configs"] = [KafkaError._TIMED_OUT]
    assert not world.turn()
    world.script()
    assert world.turn()


def test_a_missing_right_to_read_is_refused() -> None:
    """Nothing will be known without somebody who acts."""
    world = World(1)
    world.script(error_message(KafkaError.TOPIC_AUTHORIZATION_FAILED, TOPIC))
    with pytest.raises(BrokerError, match="cannot read topic users of suppressed users") as raised:
        world.turn()
    assert raised.value.fatal


def test_a_cluster_that_does_not_answer_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    """At start nothing is known, and it is said once that this is waited for."""
    world = World(1)
    world.kafka.errors["describe_topics"] = [KafkaError._TIMED_OUT, KafkaError._TIMED_OUT]
    world.script(listed(0, b"u"))
    assert [world.turn() for _ in range(3)] == [False, False, True]
    assert (world.users.is_loaded, world.users.is_up_to_date) == (True, True)
    assert [record.getMessage().rpartition("; ")[2] for record in caplog.records] == [
        "no event is read before they are known"
    ]


def test_an_outage_keeps_what_is_known_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """Its end is told as well, and what was missed is in force before that."""
    world = World(1)
    reader = world.script(listed(0, b"u-1"))
    world.turn()
    world.kafka.errors["describe_topics"] = [KafkaError._TRANSPORT] * 3
    reader.script.append(KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN)))
    with caplog.at_level(logging.INFO, LOGGER):
        assert [world.look() for _ in range(3)] == [True, True, True]
        assert world.turn()
        assert ("u-1" in world.users, world.users.is_loaded, world.users.is_up_to_date) == (True, True, False)
        world.kafka.topics[TOPIC].ends = [2]
        reader.script.append(listed(1, b"u-2"))
        world.look()
    assert ("u-2" in world.users, world.users.is_up_to_date) == (True, True)
    told = [record.getMessage() for record in caplog.records]
    assert told[0].endswith("; the 1 ids that are known stay in force")
    assert told[1:] == ["suppressed users: topic users is followed again, 1 ids are in force"]


def test_a_look_does_not_keep_records_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster that does not answer is given up soon: another broker may have a new suppression."""
    world = World(0)
    world.script()
    world.turn()
    waits_s: list[float] = []
    ask = FakeAdmin.describe_topics

    def noted(self: FakeAdmin, topics: object, request_timeout: float) -> dict[str, Any]:
        waits_s.append(request_timeout)
        return ask(self, topics, request_timeout)

    monkeypatch.setattr(FakeAdmin, "describe_topics", noted)
    world.look()
    assert [0 < wait_s <= LOOK_ASK_S for wait_s in waits_s] == [True]


def test_records_that_do_not_come_are_noticed(caplog: pytest.LogCaptureFixture) -> None:
    """A right that was taken away shows by nothing but that the list falls behind."""
    world = World(0)
    world.script()
    world.turn()
    world.kafka.topics[TOPIC].ends = [3]
    world.look()
    assert not world.users.is_up_to_date
    assert caplog.records == []
    world.look()
    assert ["topic users was not read to where it ended" in record.getMessage() for record in caplog.records] == [True]


def test_new_partitions_are_read_from_their_beginning() -> None:
    """A user who is listed in one of them is suppressed."""
    world = World(0)
    reader = world.script()
    world.turn()
    world.kafka.add(TOPIC, 0, 1)
    reader.script.append(listed(0, b"u", partition=1))
    world.look()
    assert reader.assigned == {(TOPIC, 0): OFFSET_BEGINNING, (TOPIC, 1): OFFSET_BEGINNING}
    assert ("u" in world.users, world.users.is_up_to_date) == (True, True)


def test_a_topic_made_again_replaces_the_list_when_it_is_read() -> None:
    """Until then the last list stays in force."""
    world = World(1)
    old = world.script(listed(0, b"u-1"))
    world.turn()
    world.kafka.add(TOPIC, 2, topic_id="id-2")
    world.look()
    assert old.is_closed
    new = world.script(listed(0, b"u-2"))
    world.turn()
    assert ("u-1" in world.users, "u-2" in world.users, world.users.is_up_to_date) == (True, False, False)
    world.look()
    assert not world.users.is_up_to_date
    new.script.append(listed(1, b"u-3"))
    world.turn()
    assert [name for name in ("u-1", "u-2", "u-3") if name in world.users] == ["u-2", "u-3"]


def test_a_topic_that_goes_while_it_is_followed_keeps_the_list(caplog: pytest.LogCaptureFixture) -> None:
    """So does one that is made again without compaction: neither says that anybody is to be sent again."""
    world = World(1)
    world.script(listed(0, b"u"))
    world.turn()
    del world.kafka.topics[TOPIC]
    assert world.look()
    world.kafka.add(TOPIC, 0, topic_id="id-2")
    world.kafka.cleanup_policy = "delete"
    assert world.look()
    assert not world.turn()
    assert ("u" in world.users, world.users.is_up_to_date) == (True, False)
    assert ["does not exist" in record.getMessage() for record in caplog.records] == [True, False]


def test_a_lost_position_is_read_anew() -> None:
    """A log that was truncated is read from its beginning, the known list in force meanwhile."""
    world = World(1)
    first = world.script(listed(0, b"u"))
    world.turn()
    first.script.append(error_message(KafkaError._AUTO_OFFSET_RESET, TOPIC))
    world.turn()
    assert (first.is_closed, "u" in world.users, world.users.is_up_to_date) == (True, True, False)
    world.script(listed(0, b"v"))
    world.turn()
    assert ("u" in world.users, "v" in world.users, world.users.is_up_to_date) == (False, True, True)


def test_what_the_client_recovers_from_is_no_trouble() -> None:
    """Whether the list is behind is what counts."""
    world = World(1)
    world.script(error_message(KafkaError._TRANSPORT, TOPIC), listed(0, b"u"))
    assert world.turn()
    assert world.users.is_up_to_date


def test_a_record_before_an_error_is_in_force() -> None:
    """The client has moved on behind it and would not give it again: its user's events would be sent."""
    world = World(1)
    reader = world.script(listed(0, b"u-1"))
    world.turn()
    reader.script.append(listed(1, b"u-2"))
    world.kafka.errors["consume"] = [KafkaError._FAIL]
    assert world.turn()
    assert [name for name in ("u-1", "u-2") if name in world.users] == ["u-1", "u-2"]


def test_a_client_that_refuses_is_closed() -> None:
    """The next turn makes another one."""
    world = World(0)
    refused = world.script()
    world.kafka.errors["incremental_assign"] = [KafkaError._STATE]
    assert not world.turn()
    assert refused.is_closed
    world.script()
    assert world.turn()
    assert world.users.is_loaded
    world.users.close()
    assert world.made[-1].is_closed


def test_a_list_that_is_read_once_is_not_followed() -> None:
    """It is whole when it is returned, and the client is closed."""
    world = World(1)
    world.script(listed(0, b"u"))
    users = read_once(world.users, Deadline.after(60))
    assert ("u" in users, world.made[-1].is_closed) == (True, True)


def test_a_list_that_is_not_read_in_time_is_none() -> None:
    """Half a list would let events through."""
    world = World(2)
    reader = world.script(listed(0, b"u"))
    with pytest.raises(BrokerError, match="suppressed users were not read in time"):
        read_once(world.users, Deadline.after(0))
    assert reader.is_closed
