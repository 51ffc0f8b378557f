"""Turns of the consumer thread with a scripted consumer: reading, pausing, storing, rebalances, its end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from confluent_kafka import KafkaError

from processor.source.notices import NoticeCode
from tests.fake_kafka import FakeConsumer, UnreadableHeaders, error_message, record_message
from tests.source_stage import P0, P1, Stage, records


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
