"""Messages of the client become records, ends and troubles; and small values of the source."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, Message

from processor.model import Record
from processor.source.deadline import Deadline
from processor.source.intake import only, size_bytes, sort
from processor.source.notices import Repeats
from tests.fake_kafka import UnreadableHeaders, error_message, record_message


def test_messages_are_sorted_by_what_they_are() -> None:
    """Records keep their order, ends and positions are by partition, everything else is a trouble."""
    taken = sort(
        [
            record_message("t", 0, 5, key=None),
            record_message("t", 1, 7),
            record_message("t", 0, 9),
            error_message(KafkaError._PARTITION_EOF, "t", 0, 12),
            error_message(KafkaError._AUTO_OFFSET_RESET, "t", 1, 8),
        ]
    )
    assert [(record.partition, record.offset) for record in taken.records] == [(0, 5), (1, 7), (0, 9)]
    assert taken.ends == {("t", 0): 12}
    assert taken.positions == {("t", 0): 12, ("t", 1): 8}
    assert [(each.error.name(), each.partition, each.offset) for each in taken.troubles] == [
        ("_AUTO_OFFSET_RESET", 1, 8)
    ]
    assert taken.unkeyed == {"t": 1}
    assert taken.size_bytes == sum(size_bytes(record) for record in taken.records)


def test_an_end_that_records_came_behind_is_none() -> None:
    """A log that grows while it is read tells of an end in between; the last one of several counts."""
    end = KafkaError._PARTITION_EOF
    read = [error_message(end, "t", 0, 0), record_message("t", 0, 0), error_message(end, "t", 1, 7)]
    assert (sort(read).ends, sort(read).positions) == ({("t", 1): 7}, {("t", 0): 1, ("t", 1): 7})
    assert sort([*read, error_message(end, "t", 0, 1)]).ends == {("t", 0): 1, ("t", 1): 7}


def test_size_counts_key_value_and_headers() -> None:
    """Nulls cost nothing."""
    headers = (("name", b"value"), ("empty", None))
    assert size_bytes(Record("t", 0, 0, 0, b"key", b"value", headers)) == 3 + 5 + 4 + 5 + 5
    assert size_bytes(Record("t", 0, 0, 0)) == 0


def test_headers_keep_order_and_repeats() -> None:
    """A header may come twice, and may be null."""
    message = Message(topic="t", partition=0, offset=0, headers=[("a", b"1"), ("a", None)])
    assert sort([message]).records[0].headers == (("a", b"1"), ("a", None))


def test_headers_that_the_client_cannot_give_cost_no_record() -> None:
    """The record is kept without them, and counted by topic; nothing in it could make the reader stop."""
    message = UnreadableHeaders(topic="t", partition=0, offset=3, key=b"k", value=b"{}", timestamp=(1, 5))
    taken = sort([message, record_message("t", 0, 4)])
    assert taken.records == [Record("t", 0, 3, 5, b"k", b"{}"), Record("t", 0, 4, 1_000, b"k", b"{}")]
    assert taken.headers_lost == {"t": 1}


def test_partitions_that_are_not_ours_are_left_out() -> None:
    """Records, ends, positions and bytes of others go together."""
    taken = sort([record_message("t", 0, 5, key=None), record_message("t", 1, 7), error_message(-191, "t", 0, 6)])
    kept = only(taken, {("t", 1)})
    assert kept.unkeyed == {}
    assert [record.partition for record in kept.records] == [1]
    assert (kept.ends, kept.positions, kept.size_bytes) == ({}, {("t", 1): 8}, 3)
    assert only(taken, {("t", 0), ("t", 1)}) is taken


def test_record_without_coordinates_is_a_contradiction() -> None:
    """The client always gives topic, partition and offset."""
    with pytest.raises(TypeError):
        sort([Message(topic="t", partition=0)])


def test_deadline_counts_down_to_zero() -> None:
    """What is left is never negative."""
    now = [10.0]
    deadline = Deadline.after(5, lambda: now[0])
    assert (deadline.left_s, deadline.request_s, deadline.is_over) == (5.0, 5.0, False)
    now[0] = 20.0
    assert (deadline.left_s, deadline.request_s, deadline.is_over) == (0.0, 0.001, True)


def test_repeats_let_one_of_a_kind_pass_in_each_interval() -> None:
    """Kinds do not hide each other."""
    repeats = Repeats(60)
    assert [repeats.is_news(kind, at_s) for kind, at_s in (("a", 0), ("a", 59), ("b", 59), ("a", 60), ("a", 61))] == [
        True,
        False,
        True,
        True,
        False,
    ]
