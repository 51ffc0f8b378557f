"""What a process says to orders in the control topic: once, as long as it holds, and taken back at the end."""

from __future__ import annotations

import msgspec
import pytest
from confluent_kafka import KafkaError

from processor.source.order_topic import REWRITE_S, Own
from processor.source.orders import OBEYED, TRIPPED, Accepted, Tripped
from tests.order_topic_stage import OBEYED_PAUSE, SAID, Stage

HOLDS = Tripped("member-1", "host", 7, "100 refused", 1_500)


def test_a_process_says_what_holds_once_and_takes_back_what_does_not() -> None:
    """However often it is asked to, and a hold that an operator has accepted meanwhile is left as it is."""
    stage = Stage()
    stage.topic.say(SAID)
    assert stage.kafka.control == []
    stage.turns()
    own: Own = {**SAID, (TRIPPED, "h1"): HOLDS}
    for _ in range(3):
        stage.topic.say(own)
    assert len(stage.kafka.control) == 2
    stage.turns()
    stage.write(Tripped("member-1", "host", 7, "100 refused", 1_500, "ann"), "h1", TRIPPED)
    assert stage.turns() == [Accepted("h1", "ann")]
    stage.now_s += REWRITE_S
    stage.topic.say(own)
    assert len(stage.kafka.control) == 3
    stage.topic.say({})
    assert set(stage.records().values()) == {None}


def test_what_somebody_swept_away_is_said_again() -> None:
    """A process that was taken for gone is heard again."""
    stage = Stage()
    stage.turns()
    stage.topic.say(SAID)
    stage.write(None, "p1", OBEYED)
    stage.turns()
    stage.topic.say(SAID)
    assert set(stage.records().values()) == {None}, "it was written just now"
    stage.later(REWRITE_S)
    stage.topic.say(SAID)
    assert set(stage.records().values()) == {msgspec.json.encode(OBEYED_PAUSE)}


def test_what_cannot_be_written_is_tried_again_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """A process that cannot write obeys all the same."""
    stage = Stage()
    stage.turns()
    stage.kafka.errors["flush"] = [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError._TIMED_OUT]
    for _ in range(3):
        stage.topic.say(SAID)
        stage.later(REWRITE_S)
    assert set(stage.records().values()) == {msgspec.json.encode(OBEYED_PAUSE)}
    assert caplog.text.count("cannot be written") == 1


def test_the_end_takes_everything_back() -> None:
    """A process that is stopped in order leaves no word behind; one that never said anything writes nothing."""
    stage = Stage()
    stage.turns()
    stage.topic.say({**SAID, (TRIPPED, "h1"): HOLDS})
    stage.turns()
    stage.topic.close(1.0)
    assert set(stage.records().values()) == {None}
    silent = Stage()
    silent.turns()
    silent.topic.close(1.0)
    assert silent.kafka.control == []
    assert "reader closed" in silent.kafka.calls
