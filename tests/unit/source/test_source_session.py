"""Turns of the consumer thread with a scripted consumer: reading, pausing, storing, rebalances, troubles."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError

from processor.errors import BrokerError, InvariantError
from processor.source.commands import Commands
from processor.source.notices import NoticeCode
from processor.source.partitions import Partition
from processor.source.session import Session
from processor.source.settings import KafkaSettings
from processor.source.window import Window
from tests.fake_kafka import (
    FakeClients,
    FakeConsumer,
    FakeKafka,
    UnreadableHeaders,
    error_message,
    record_message,
)
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


def test_records_are_counted_before_they_are_handed_over() -> None:
    """What is handed over is in the window, in order, with ends beside it."""
    stage = Stage(3, 0)
    stage.recorder.is_finishing = False
    stage.given(P0, P1)
    stage.turn(*records(0, 0, 1, 2), error_message(KafkaError._PARTITION_EOF, "t", 0, 3))
    assert stage.recorder.offsets(P0) == [0, 1, 2]
    assert (stage.recorder.ends, stage.window.count, stage.window.size_bytes) == ({P0: 3}, 3, 9)


def test_records_of_a_partition_that_was_taken_meanwhile_are_dropped() -> None:
    """A partition given away in the middle of a read is the next owner's; others are kept."""
    stage = Stage(3, 3)
    stage.given(P0, P1)
    stage.turn(*records(0, 0), *records(1, 0), lambda consumer: consumer.take(P0))
    assert (stage.recorder.offsets(P0), stage.recorder.offsets(P1)) == ([], [0])
    assert stage.window.count == 0


def test_revoked_partitions_are_stored_before_they_are_given_away() -> None:
    """The listener's offsets are committed with the topic's id when the partition goes."""
    stage = Stage(9)
    stage.given(P0)
    stage.turn(*records(0, 0, 1, 2))
    stage.commands.store({P0: 2})
    stage.turn(lambda consumer: consumer.take(P0))
    assert stage.kafka.committed[P0] == (3, "id-1")
    assert (stage.consumer.assigned, stage.recorder.names()) == ({}, ["assigned", "revoked"])


def test_lost_partitions_store_nothing_and_drop_waiting_wishes() -> None:
    """What was asked before the loss is forgotten, also when the partition comes back."""
    stage = Stage(9)
    stage.given(P0)
    stage.turn(*records(0, 0, 1))

    def lost(consumer: FakeConsumer) -> None:
        stage.commands.store({P0: 2})
        consumer.take(P0, is_lost=True)
        consumer.give(P0)

    stage.turn(lost)
    stage.turn()
    assert (stage.consumer.stored, stage.kafka.committed[P0]) == ({}, (0, "id-1"))
    assert stage.recorder.names() == ["assigned", "lost", "assigned"]


def test_waiting_partition_that_is_taken_was_never_ours_to_tell() -> None:
    """The listener hears nothing of a partition whose position never became known."""
    stage = Stage(9)
    stage.kafka.errors = {"committed": [KafkaError._TIMED_OUT] * 2}
    stage.given(P0)
    stage.turn(lambda consumer: consumer.take(P0))
    assert stage.recorder.names() == []


def test_waiting_partition_is_opened_at_a_later_look() -> None:
    """Trouble during an assignment leaves the partition unread until a later turn."""
    stage = Stage(9)
    stage.kafka.errors = {"committed": [KafkaError._TIMED_OUT]}
    stage.given(P0)
    assert stage.consumer.assigned == {}
    stage.turn()
    assert stage.consumer.assigned == {P0: 0}
    assert stage.recorder.events == [("assigned", {P0: 0})]


def test_full_window_stops_reading_then_pauses_then_goes_on() -> None:
    """Nothing is read at the brim; after the grace everything is paused; at half it goes on."""
    stage = Stage(99, max_count=4)
    stage.recorder.is_finishing = False
    stage.given(P0)
    stage.turn(*records(0, 0, 1, 2, 3, 4, 5))
    assert stage.recorder.offsets(P0) == [0, 1, 2, 3]
    stage.turn()
    assert (stage.recorder.offsets(P0), stage.consumer.paused) == ([0, 1, 2, 3], set())
    stage.consumer.script.clear()
    stage.turn()
    assert stage.consumer.paused == {P0}
    stage.recorder.settle(stage.recorder.records[:2])
    stage.turn(*records(0, 4))
    assert (stage.recorder.offsets(P0), stage.consumer.paused) == ([0, 1, 2, 3, 4], set())


def test_hold_pauses_partitions_that_are_given_while_held() -> None:
    """A pause is stated for new partitions in the assignment itself."""
    stage = Stage(9, 9)
    stage.given(P0)
    stage.commands.hold(is_held=True)
    stage.given(P1)
    assert stage.consumer.paused == {P0, P1}
    stage.commands.hold(is_held=False)
    stage.turn()
    assert stage.consumer.paused == set()


def test_it_is_at_rest_when_a_turn_has_paused_everything() -> None:
    """Not when that was only asked for, not when the window alone pauses, and no longer when it is to go on."""
    stage = Stage(100, max_count=5)
    stage.recorder.is_finishing = False
    stage.given(P0)
    stage.turn(*records(0, *range(5)))
    stage.turn()
    stage.turn()
    assert stage.consumer.paused == {P0}
    seen = [stage.commands.is_at_rest]
    stage.commands.hold(is_held=True)
    seen.append(stage.commands.is_at_rest)
    stage.turn()
    seen.append(stage.commands.is_at_rest)
    stage.commands.hold(is_held=True)
    seen.append(stage.commands.is_at_rest)
    stage.commands.hold(is_held=False)
    stage.commands.hold(is_held=True)
    seen.append(stage.commands.is_at_rest)
    stage.turn()
    stage.commands.hold(is_held=False)
    stage.turn()
    seen.append(stage.commands.is_at_rest)
    assert seen == [False, False, True, True, False, False]


def test_its_name_in_the_group_is_asked_for_once_in_a_while() -> None:
    """It changes when a process comes back to its group; outside it there is none."""
    stage = Stage(100)
    assert stage.session.member_id == ""
    stage.turn()
    assert stage.session.member_id == "member-1"
    stage.consumer.member_id = None
    stage.session.turn()
    assert stage.session.member_id == "member-1"
    stage.turn()
    assert stage.session.member_id == ""


def test_partition_that_was_paused_in_an_earlier_life_is_resumed() -> None:
    """The client keeps a pause over a rebalance; the wanted state is stated anew."""
    stage = Stage(9)
    stage.consumer.paused = {P0}
    stage.given(P0)
    assert stage.consumer.paused == set()


def test_blocked_partition_is_paused_alone() -> None:
    """Others are read meanwhile."""
    stage = Stage(9, 9)
    stage.given(P0, P1)
    stage.commands.block({P1})
    stage.turn()
    assert stage.consumer.paused == {P1}


def test_offset_beyond_what_was_read_is_refused_and_said() -> None:
    """A stale wish commits nothing."""
    stage = Stage(9)
    stage.given(P0)
    stage.commands.store({P0: 5, P1: 1})
    stage.turn()
    assert (stage.consumer.stored, stage.recorder.codes()) == ({}, [NoticeCode.STORE_REFUSED])


def test_offset_that_the_client_refuses_is_said() -> None:
    """A partition that the client no longer owns costs a notice, no crash."""
    stage = Stage(9)
    stage.given(P0)
    stage.turn(*records(0, 0))
    stage.kafka.errors = {"store_offsets": [KafkaError._STATE]}
    stage.commands.store({P0: 1})
    stage.turn()
    assert stage.recorder.codes() == [NoticeCode.STORE_REFUSED]


def test_answer_to_a_revoke_that_cannot_be_true_stops() -> None:
    """Offsets beyond what was read are a bug, and nothing of them is stored."""
    stage = Stage(9)
    stage.given(P0)
    stage.recorder.positions[P0] = 5
    with pytest.raises(InvariantError, match="beyond what was read"):
        stage.turn(lambda consumer: consumer.take(P0))
    assert stage.consumer.stored == {}


def test_refused_call_on_the_consumer_stops() -> None:
    """A consumer that cannot take partitions is of no use any more."""
    stage = Stage(9)
    stage.kafka.errors = {"incremental_assign": [KafkaError._STATE]}
    with pytest.raises(BrokerError, match="cannot take partitions") as caught:
        stage.given(P0)
    assert caught.value.fatal


def test_topic_made_again_is_given_up_and_read_anew() -> None:
    """A new id under the same name ends what is known of its partitions, for the listener too."""
    stage = Stage(9)
    stage.given(P0)
    stage.turn(*records(0, 0, 1))
    stage.kafka.add("t", 4, topic_id="id-2")
    stage.kafka.committed.clear()
    stage.now_s += 60
    stage.turn()
    stage.turn()
    assert stage.recorder.names() == ["assigned", "lost", "assigned"]
    assert (stage.consumer.assigned, stage.kafka.committed) == ({P0: 0}, {P0: (0, "id-2")})
    assert stage.recorder.codes() == [NoticeCode.TOPIC_RECREATED]
    stage.turn()
    assert stage.kafka.foundings()[-1].topic_id == "id-2"


def test_refused_position_of_a_topic_made_again_is_noticed_at_once() -> None:
    """The broker's refusal is reason enough to look, before the next regular look."""
    stage = Stage(9)
    stage.given(P0)
    stage.kafka.add("t", 4, topic_id="id-2")
    stage.kafka.committed.clear()
    stage.turn(error_message(KafkaError._AUTO_OFFSET_RESET, "t", 0, 9))
    assert stage.recorder.names() == ["assigned", "lost", "assigned"]


def test_expired_position_moves_without_giving_up_work() -> None:
    """Work that is held stays; reading goes on at the start of the log."""
    stage = Stage(30, on_expired="continue")
    stage.given(P0)
    stage.turn(*records(0, 0, 1))
    stage.kafka.topics["t"].starts[0] = 20
    stage.turn(error_message(KafkaError._AUTO_OFFSET_RESET, "t", 0, 2))
    assert (stage.consumer.assigned, stage.recorder.names()) == ({P0: 20}, ["assigned"])
    assert stage.recorder.notices[-1].count == 18


def test_refused_position_is_looked_at_again_until_the_cluster_answers() -> None:
    """Trouble during the repair is no reason to stop, and none to forget."""
    stage = Stage(30, on_expired="continue")
    stage.given(P0)
    stage.kafka.topics["t"].starts[0] = 20
    stage.turn()
    stage.kafka.errors = {"list_offsets": [KafkaError._TIMED_OUT]}
    stage.turn(error_message(KafkaError._AUTO_OFFSET_RESET, "t", 0, 0))
    assert stage.consumer.assigned == {P0: 0}
    stage.turn()
    assert stage.consumer.assigned == {P0: 20}


def test_truncated_log_stops_however_long_the_cluster_takes_to_answer() -> None:
    """What was found wrong is not forgotten while the cluster gives no answer."""
    stage = Stage(30)
    stage.given(P0)
    stage.turn(*records(0, 0, 1))
    stage.kafka.errors = {"describe_topics": [KafkaError._TIMED_OUT]}
    stage.turn(error_message(KafkaError._LOG_TRUNCATION, "t", 0, 1))
    with pytest.raises(BrokerError, match=r"position 2 of .* or beyond the place where it was truncated"):
        stage.turn()


def test_refused_position_of_a_partition_that_is_gone_is_no_trouble() -> None:
    """An error that comes after a rebalance is passed over."""
    stage = Stage(9)
    stage.turn(error_message(KafkaError._AUTO_OFFSET_RESET, "t", 0, 2))
    assert stage.recorder.notices == []


def test_missing_topic_is_said_once_in_a_while() -> None:
    """Many looks within the interval give one notice; a later one gives another."""
    stage = Stage(9)
    del stage.kafka.topics["t"]
    stage.turn()
    stage.turn(error_message(KafkaError.UNKNOWN_TOPIC_OR_PART, "t"))
    stage.turn(error_message(KafkaError.UNKNOWN_TOPIC_OR_PART, "t"))
    assert stage.recorder.codes() == [NoticeCode.TOPIC_MISSING]
    stage.now_s += 120
    stage.turn(error_message(KafkaError.UNKNOWN_TOPIC_OR_PART, "t"))
    assert stage.recorder.codes() == [NoticeCode.TOPIC_MISSING] * 2


def test_errors_that_the_client_recovers_from_are_said_once_in_a_while() -> None:
    """Two kinds of error are two notices, whatever their number, and nothing stops."""
    stage = Stage(9)
    for _ in range(3):
        stage.consumer.on_error(KafkaError(KafkaError._TRANSPORT))
        stage.turn(error_message(KafkaError._MAX_POLL_EXCEEDED, "t"))
    stage.kafka.errors = {"poll": [KafkaError._TIMED_OUT]}
    stage.turn()
    assert stage.recorder.codes() == [NoticeCode.BROKER_ERROR] * 3


def test_an_outage_of_all_brokers_is_two_lines() -> None:
    """One names its cause when it begins, one says that it is over; what the client repeats meanwhile is no news."""
    stage = Stage(9)
    stage.kafka.errors = {"describe_topics": [KafkaError._TRANSPORT] * 99}
    stage.turn()
    for _ in range(3):
        stage.consumer.on_error(KafkaError(KafkaError._TRANSPORT, "Connection refused"))
        stage.consumer.on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
        stage.kafka.errors["poll"] = [KafkaError._TIMED_OUT]
        stage.turn()
        stage.now_s += 100
    assert stage.recorder.codes() == [NoticeCode.BROKERS_DOWN]
    assert "Connection refused" in stage.recorder.notices[0].message
    stage.consumer.on_error(KafkaError(KafkaError._RESOLVE, "no such name"))
    assert stage.recorder.codes() == [NoticeCode.BROKERS_DOWN] * 2, "another cause is news"
    stage.kafka.errors = {}
    stage.given(P0)
    stage.turn(record_message("t", 0, 0))
    assert stage.recorder.codes()[2:] == [NoticeCode.BROKERS_BACK]
    stage.turn(record_message("t", 0, 1))
    assert stage.recorder.codes()[3:] == []


def test_brokers_that_are_gone_without_a_cause_are_said() -> None:
    """The client need not name one."""
    stage = Stage(9)
    stage.consumer.on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "2/2 brokers are down"))
    assert stage.recorder.codes() == [NoticeCode.BROKERS_DOWN]


def test_look_at_topics_that_fails_is_said() -> None:
    """An admin client that gets no answer does not stop the reading."""
    stage = Stage(9)
    stage.kafka.errors = {"describe_topics": [KafkaError.TOPIC_AUTHORIZATION_FAILED]}
    stage.turn()
    stage.turn()
    assert stage.recorder.codes() == [NoticeCode.BROKER_ERROR]


def test_fatal_error_of_the_client_stops() -> None:
    """What the client calls fatal ends the session at the end of the turn."""
    stage = Stage(9)
    stage.consumer.on_error(KafkaError(KafkaError._FATAL, "fenced", fatal=True))
    with pytest.raises(BrokerError, match="fenced"):
        stage.turn()


def test_founding_record_that_cannot_be_written_stops_nobody() -> None:
    """A group that reads goes on reading; the trouble is said."""
    stage = Stage(9)
    stage.kafka.control.clear()
    stage.kafka.errors = {"flush": [KafkaError.TOPIC_AUTHORIZATION_FAILED]}
    stage.given(P0)
    stage.turn()
    assert stage.consumer.assigned == {P0: 0}
    assert [notice.level for notice in stage.recorder.notices] == ["error"]
    stage.turn()
    assert len(stage.kafka.foundings()) == 1


def test_close_with_drain_asks_the_listener_and_commits() -> None:
    """The last wishes and the listener's answer are committed when the group is left."""
    stage = Stage(9)
    stage.given(P0)
    stage.turn(*records(0, 0, 1))
    stage.session.close(drain=True)
    assert (stage.kafka.committed[P0], stage.recorder.names()) == ((2, "id-1"), ["assigned", "revoked"])


def test_close_without_drain_loses() -> None:
    """Nothing is asked and nothing committed; partitions that come in the last moment are not opened."""
    stage = Stage(9, 9)
    stage.given(P0)
    stage.turn(*records(0, 0, 1))
    stage.session.assignment.abandon()
    stage.given(P1)
    stage.commands.store({P0: 2})
    stage.turn()
    stage.session.close(drain=False)
    assert stage.kafka.committed == {P0: (0, "id-1"), P1: (0, "id-1")}
    assert stage.recorder.names() == ["assigned", "lost"]


def test_close_of_a_consumer_without_group_tells_the_listener() -> None:
    """Partitions that nobody took, since the client had left its group before, are lost to the listener."""
    stage = Stage(9)
    stage.given(P0)
    stage.consumer.group.clear()
    stage.session.close(drain=True)
    assert stage.recorder.names() == ["assigned", "lost"]


def test_unkeyed_records_are_said_once_and_all_are_counted() -> None:
    """One notice a topic is worth a line of the log, whatever the number of records."""
    stage = Stage(9)
    stage.given(P0)
    for offset in range(3):
        stage.turn(record_message("t", 0, offset, key=None))
    assert stage.recorder.codes() == [NoticeCode.UNKEYED_RECORDS]
    assert stage.recorder.count(NoticeCode.UNKEYED_RECORDS) == 3


def test_records_with_unreadable_headers_are_handed_over_and_said_once() -> None:
    """A header that the client cannot read holds up nobody."""
    stage = Stage(9)
    stage.given(P0)
    stage.turn(*(UnreadableHeaders(topic="t", partition=0, offset=offset, key=b"k") for offset in range(2)))
    assert [record.offset for record in stage.recorder.records] == [0, 1]
    assert stage.recorder.codes() == [NoticeCode.HEADERS_LOST]


def test_figures_count_what_the_group_does_and_what_is_paused() -> None:
    """Rebalances count by kind where partitions change hands; one that changes nothing here counts nothing."""
    stage = Stage(9, 9, max_count=1)
    stage.given(P0, P1)
    stage.turn(lambda consumer: consumer.give())
    assert stage.session.figures().paused_count == 0
    stage.commands.block({P1})
    stage.turn()
    figures = stage.session.figures()
    assert (figures.paused_count, figures.rebalances) == (1, {"assigned": 1, "revoked": 0, "lost": 0})
    stage.turn(lambda consumer: consumer.take(P1, is_lost=True))
    stage.turn(lambda consumer: consumer.take(P0))
    figures = stage.session.figures()
    assert (figures.paused_count, figures.rebalances) == (0, {"assigned": 1, "revoked": 1, "lost": 1})


def test_commits_that_failed_are_counted_by_their_code() -> None:
    """A commit fails as a whole or for partitions of it; that nothing was there to commit is no failure."""
    stage = Stage(9)
    stage.given(P0)

    def partition(code: int | None) -> Any:  # noqa: ANN401 - only the client itself can make one with an error
        return SimpleNamespace(topic="t", partition=0, error=None if code is None else KafkaError(code))

    stage.consumer.on_commit(None, [partition(None)])
    stage.consumer.on_commit(KafkaError(KafkaError._NO_OFFSET), [])
    assert stage.session.figures().commit_failures == {}
    stage.consumer.on_commit(
        KafkaError(KafkaError.REBALANCE_IN_PROGRESS), [partition(KafkaError.REBALANCE_IN_PROGRESS)]
    )
    stage.consumer.on_commit(None, [partition(KafkaError.TOPIC_AUTHORIZATION_FAILED)] * 2 + [partition(None)])
    assert stage.session.figures().commit_failures == {"rebalance_in_progress": 1, "topic_authorization_failed": 1}
