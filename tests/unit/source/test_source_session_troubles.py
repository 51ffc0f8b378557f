"""Troubles of the consumer thread with a scripted consumer: refusals, topics made again, brokers that are gone."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from processor.errors import BrokerError, InvariantError
from processor.source.notices import NoticeCode
from tests.fake_kafka import error_message, record_message
from tests.source_stage import P0, Stage, records


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
