"""Following what operators order: from the beginning, in time, through outages and over a topic that is made again."""

from __future__ import annotations

import logging

import msgspec
import pytest
from confluent_kafka import KafkaError

from processor.errors import BrokerError
from processor.source.order_topic import LOOK_S, MISSING_LOOK_S
from processor.source.orders import GIVEN, KEPT, OBEYED, ORDER, TRIPPED, Accepted, Tripped, encode_key
from tests.fake_kafka import CONTROL
from tests.order_topic_stage import OBEYED_PAUSE, PAUSE, RESUME, SAID, Stage


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Keep what is logged."""
    caplog.set_level(logging.INFO)
    return caplog


def test_without_a_topic_nobody_has_ordered_anything() -> None:
    """That is known after one look, nothing is made, and the first order is heard soon after."""
    stage = Stage(exists=False)
    assert (stage.turns(1), stage.topic.is_loaded, stage.topic.order) == ([], True, None)
    assert "create_topics" not in stage.kafka.calls
    assert not stage.topic.is_reading
    stage.make("first")
    stage.write(PAUSE)
    assert stage.later(MISSING_LOOK_S) == [PAUSE]
    assert (stage.topic.order, stage.topic.trouble) == (PAUSE, "")


def test_a_process_that_starts_hears_what_is_in_force_and_none_of_what_was() -> None:
    """Orders of long ago are no news; until the end is reached nothing is known at all."""
    stage = Stage()
    for order in (RESUME, PAUSE, RESUME, PAUSE):
        stage.write(order)
    assert (stage.topic.is_loaded, stage.topic.order) == (False, None)
    assert stage.turns() == [PAUSE]
    assert (stage.topic.is_loaded, stage.topic.is_reading) == (True, True)


def test_every_order_is_heard_in_its_order_once_the_topic_is_followed() -> None:
    """Two operators at once are both heard, and the last one wins."""
    stage = Stage()
    assert stage.turns() == []
    stage.write(PAUSE)
    stage.write(PAUSE, group="another")
    stage.write(RESUME)
    assert (stage.turns(), stage.topic.order) == ([PAUSE, RESUME], RESUME)


def test_every_order_in_a_topic_that_was_made_meanwhile_is_heard() -> None:
    """Also where several were given before this process looked; one that it knew already is none."""
    stage = Stage(exists=False)
    stage.turns(1)
    stage.make("first")
    stage.write(PAUSE)
    stage.write(RESUME)
    stage.write(PAUSE)
    assert stage.later(MISSING_LOOK_S) == [PAUSE, RESUME, PAUSE]
    stage.make("second")
    stage.write(PAUSE, KEPT)
    stage.write(RESUME)
    assert stage.later() == [RESUME]


def test_an_outage_keeps_what_is_known_and_is_told_once(logged: pytest.LogCaptureFixture) -> None:
    """The page knows why, and the end of it is told as well."""
    stage = Stage()
    stage.write(PAUSE)
    stage.turns()
    stage.kafka.errors["describe_topics"] = [KafkaError._TRANSPORT] * 3
    for _ in range(3):
        stage.later()
    assert stage.topic.order == PAUSE
    assert "cannot describe topic" in stage.topic.trouble
    assert not stage.topic.is_reading
    assert logged.text.count("what was ordered last stays in force") == 1
    stage.write(RESUME)
    assert stage.later() == [RESUME]
    assert stage.topic.trouble == ""
    assert logged.text.count("are heard again") == 1


def test_an_outage_before_anything_was_ordered_is_no_order(logged: pytest.LogCaptureFixture) -> None:
    """A running destination runs on."""
    stage = Stage()
    stage.turns()
    stage.kafka.errors["watermarks"] = [KafkaError._TIMED_OUT]
    assert (stage.later(), stage.topic.order, stage.topic.is_loaded) == ([], None, True)
    assert "none is heard until that is mended" in logged.text
    assert {record.levelno for record in logged.records} == {logging.WARNING}


def test_no_event_is_read_while_it_is_not_known_what_was_ordered(logged: pytest.LogCaptureFixture) -> None:
    """An outage at the start is waited out: what cannot be read may be a pause."""
    stage = Stage()
    stage.write(PAUSE)
    stage.kafka.errors["describe_topics"] = [KafkaError._TRANSPORT]
    stage.kafka.errors["watermarks"] = [KafkaError._TIMED_OUT]
    stage.kafka.errors["read"] = [KafkaError._TRANSPORT]
    for _ in range(2):
        assert (stage.turns(1), stage.topic.is_loaded) == ([], False)
        stage.now_s += MISSING_LOOK_S
    assert "no event is read before they are known" in logged.text
    assert (stage.turns(), stage.topic.is_loaded) == ([PAUSE], True)


def test_why_no_broker_can_be_asked_is_told_once(logged: pytest.LogCaptureFixture) -> None:
    """While nothing is read nobody else says so; once orders are known the source does."""
    stage = Stage()

    def contact() -> None:
        raise BrokerError("a:1 cannot be used: nobody listens", code="_TRANSPORT", fatal=False)

    stage.listen(contact)
    stage.kafka.errors["describe_topics"] = [KafkaError._TIMED_OUT] * 2
    for _ in range(2):
        assert stage.turns(1) == []
        stage.now_s += MISSING_LOOK_S
    said = "orders of operators: a:1 cannot be used: nobody listens; no event is read before they are known"
    assert logged.messages == [said]


@pytest.mark.parametrize("call", ["describe_topics", "watermarks", "read"])
def test_a_right_that_is_missing_at_the_start_is_waited_for(call: str, logged: pytest.LogCaptureFixture) -> None:
    """As an outage is, but told as an error: somebody must grant it. What cannot be read may be a pause."""
    stage = Stage()
    stage.write(PAUSE)
    stage.kafka.errors[call] = [KafkaError.TOPIC_AUTHORIZATION_FAILED] * 2
    for _ in range(2):
        assert (stage.turns(1), stage.topic.is_loaded, stage.topic.order) == ([], False, None)
        stage.now_s += MISSING_LOOK_S
    assert [record.levelno for record in logged.records] == [logging.ERROR]
    assert "no event is read before they are known" in logged.text
    assert (stage.turns(), stage.topic.is_loaded) == ([PAUSE], True)


@pytest.mark.parametrize("call", ["describe_topics", "read"])
def test_a_right_that_is_taken_away_leaves_in_force_what_was_heard(call: str, logged: pytest.LogCaptureFixture) -> None:
    """Nobody but an operator takes back an operator's word."""
    stage = Stage()
    stage.write(PAUSE)
    stage.turns()
    stage.kafka.errors[call] = [KafkaError.TOPIC_AUTHORIZATION_FAILED]
    assert (stage.later(), stage.topic.is_loaded, stage.topic.order) == ([], True, PAUSE)
    assert [record.levelno for record in logged.records] == [logging.ERROR]
    assert "what was ordered last stays in force" in logged.text


def test_a_topic_that_is_gone_takes_no_order_back(logged: pytest.LogCaptureFixture) -> None:
    """A destination stays paused, and says so; who was never ordered anything says nothing."""
    stage = Stage()
    stage.write(PAUSE)
    stage.turns()
    del stage.kafka.topics[CONTROL]
    for _ in range(3):
        stage.later()
    assert (stage.topic.order, stage.topic.is_loaded) == (PAUSE, True)
    assert stage.topic.trouble == f"control topic {CONTROL} does not exist any more"
    assert logged.text.count("does not exist any more") == 1


def test_a_topic_that_is_gone_is_made_for_a_pause() -> None:
    """At once and once: who starts now would find no topic, and deliver; what an operator says wins as ever."""
    stage = Stage()
    stage.write(PAUSE)
    stage.turns()
    del stage.kafka.topics[CONTROL]
    stage.kafka.control.clear()
    stage.later()
    for _ in range(3):
        stage.topic.say(SAID)
    assert stage.kafka.calls.count("create_topics") == 1
    assert stage.records() == {encode_key("g", ORDER, KEPT): msgspec.json.encode(PAUSE)}
    assert (stage.later(MISSING_LOOK_S), stage.topic.order, stage.topic.trouble) == ([], PAUSE, "")
    stage.write(RESUME)
    assert (stage.turns(), stage.topic.order) == ([RESUME], RESUME)


def test_a_topic_that_is_gone_is_not_made_while_nothing_is_stopped() -> None:
    """There is nothing that anybody could forget."""
    stage = Stage()
    stage.write(RESUME)
    stage.turns()
    del stage.kafka.topics[CONTROL]
    stage.later()
    stage.topic.say(SAID)
    assert "create_topics" not in stage.kafka.calls


def test_a_topic_that_is_made_again_gets_the_order_back(logged: pytest.LogCaptureFixture) -> None:
    """Under a name of its own, so that a word of an operator wins over it, also one that came in between."""
    stage = Stage()
    stage.write(PAUSE)
    stage.turns()
    stage.topic.say(SAID)
    stage.make("second")
    assert (stage.later(), stage.topic.order) == ([], PAUSE)
    stage.topic.say(SAID)
    assert stage.records() == {
        encode_key("g", ORDER, KEPT): msgspec.json.encode(PAUSE),
        encode_key("g", OBEYED, "p1"): msgspec.json.encode(OBEYED_PAUSE),
    }
    assert "was deleted and made again" in logged.text
    assert "is written anew" in logged.text
    stage.write(RESUME)
    assert (stage.turns(), stage.topic.order) == ([RESUME], RESUME)


def test_an_order_in_a_topic_that_was_made_again_counts_at_once() -> None:
    """Nothing is written over it."""
    stage = Stage()
    stage.write(PAUSE)
    stage.turns()
    stage.make("second")
    stage.write(RESUME)
    assert (stage.later(), stage.topic.order) == ([RESUME], RESUME)
    stage.topic.say({})
    assert list(stage.records()) == [encode_key("g", ORDER, GIVEN)]


def test_a_topic_made_again_of_a_running_destination_gets_nothing() -> None:
    """There is nothing to keep."""
    stage = Stage()
    stage.write(RESUME)
    stage.turns()
    stage.make("second")
    stage.later()
    stage.topic.say({})
    assert stage.kafka.control == []


def test_a_lost_position_is_read_anew() -> None:
    """As after the broker has lost the end of the log."""
    stage = Stage()
    stage.write(PAUSE)
    stage.turns()
    stage.kafka.errors["read"] = [KafkaError._AUTO_OFFSET_RESET]
    stage.turns(1)
    stage.write(RESUME)
    assert (stage.later(MISSING_LOOK_S), stage.topic.trouble) == ([RESUME], "")


def test_an_acceptance_that_came_while_the_topic_could_not_be_read_is_heard() -> None:
    """Otherwise nobody could lift the hold any more; the order that was known already is no news."""
    stage = Stage()
    stage.write(PAUSE)
    stage.turns()
    stage.kafka.errors["read"] = [KafkaError._AUTO_OFFSET_RESET]
    stage.turns(1)
    stage.write(Tripped("member-1", "host", 7, "100 refused", 1_500, "ann"), "h1", TRIPPED)
    assert stage.later(MISSING_LOOK_S) == [Accepted("h1", "ann")]


def test_what_was_heard_before_an_error_counts() -> None:
    """The turn ends, and nothing of it is lost."""
    stage = Stage()
    stage.turns()
    stage.write(PAUSE)
    stage.kafka.answers["read"] = [
        lambda: None,
        lambda: stage.kafka.errors.update(read=[KafkaError._AUTO_OFFSET_RESET]),
    ]
    assert stage.turns(1) == [PAUSE]
    assert "cannot read control topic" in stage.topic.trouble


def test_a_topic_with_many_records_of_others_is_read_in_few_turns() -> None:
    """It is shared by all groups, and compacted only now and then."""
    stage = Stage()
    for _ in range(2_500):
        stage.write(RESUME, group="another")
    stage.write(PAUSE)
    assert (stage.turns(2), stage.topic.is_loaded) == ([], False)
    assert (stage.turns(1), stage.topic.is_loaded) == ([PAUSE], True)


def test_a_reader_that_falls_behind_is_in_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there at one look must be read by the next."""
    stage = Stage()
    stage.turns()
    stage.write(PAUSE)
    monkeypatch.setattr(stage.topic, "_read", list)  # it reads nothing more
    stage.later()
    assert stage.topic.trouble == ""
    stage.now_s += LOOK_S
    stage.topic.turn()
    assert "in time" in stage.topic.trouble


def test_an_order_that_cannot_be_read_is_told(logged: pytest.LogCaptureFixture) -> None:
    """It may be one of a newer version; the last one stays."""
    stage = Stage()
    stage.write(PAUSE)
    stage.kafka.control.append((encode_key("g", ORDER, GIVEN), b"{}"))
    stage.turns()
    assert stage.topic.order == PAUSE
    assert logged.text.count("an order that this version cannot read") == 1
