"""Where a group begins, on a real broker: start rules, founding, lost offsets, topics made again, expired records."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import NewPartitions

from processor.errors import BrokerError
from processor.source.clients import KafkaClients
from processor.source.cluster import Cluster
from processor.source.control_topic import ControlTopic
from processor.source.deadline import Deadline
from processor.source.notices import NoticeCode
from processor.source.partitions import Partition
from processor.source.reset import set_positions
from tests.kafka_harness import Kafka, random_name, until
from tests.source_recorder import Source, group_settings, kafka_settings, until_balanced, until_both_read

pytestmark = pytest.mark.kafka
BOTH = pytest.mark.parametrize("protocol", ["classic", "consumer"])


def offsets_of(kafka: Kafka, group_id: str) -> dict[Partition, int]:
    """Return the group's offsets as an outside reader sees them."""
    return {partition: found.offset for partition, found in kafka.committed(group_id).items()}


def forget(kafka: Kafka, group_id: str) -> None:
    """Return when the group and its offsets are gone."""
    until(lambda: _deleted(kafka, group_id), "the group is deleted")


def _deleted(kafka: Kafka, group_id: str) -> bool:
    return kafka.admin.delete_consumer_groups([group_id])[group_id].exception(10) is None


def delete_records(kafka: Kafka, partition: Partition, before: int) -> None:
    """Return when the log of the partition starts at `before`."""
    for future in kafka.admin.delete_records([TopicPartition(*partition, before)]).values():
        future.result(10)


@BOTH
def test_earliest_reads_everything_and_commits_its_start(kafka: Kafka, protocol: str) -> None:
    """A new group with start: earliest reads from the beginning, and its start is committed before any delivery."""
    topic = kafka.create_topic(partitions=3)
    kafka.produce(topic, [b"{}"] * 60, key=lambda index: b"%d" % index)
    group = group_settings("earliest")
    with Source(kafka_settings(kafka, [topic], protocol), group) as source:
        source.until_read(60)
        assert offsets_of(kafka, group.group_id) == {(topic, number): 0 for number in range(3)}
        assert source.recorder.codes() == [NoticeCode.STARTED]


@BOTH
def test_latest_skips_what_was_there_and_nothing_that_comes(kafka: Kafka, protocol: str) -> None:
    """With start: latest a process that dies before its first delivery skips nothing that came after its start."""
    topic = kafka.create_topic()
    kafka.produce(topic, [b"old"] * 10)
    settings, group = kafka_settings(kafka, [topic], protocol), group_settings("latest")
    with Source(settings, group) as source:
        source.until_assigned(1)
        source.stop(drain=False)
    kafka.produce(topic, [b"new"] * 5)
    with Source(settings, group) as source:
        source.until_read(5)
    assert source.recorder.offsets((topic, 0)) == [10, 11, 12, 13, 14]


def test_time_reads_from_the_first_record_at_or_after_it(kafka: Kafka) -> None:
    """A start given as a time begins at the first record that is not older."""
    topic = kafka.create_topic()
    base_ms = 1_700_000_000_000
    for index in range(4):
        kafka.producer.produce(topic, b"{}", b"k", timestamp=base_ms + index * 1_000)
        kafka.producer.flush(10)
    start = datetime.fromtimestamp(base_ms / 1000 + 1.5, UTC).isoformat()
    with Source(kafka_settings(kafka, [topic]), group_settings(start)) as source:
        source.until_read(2)
    assert source.recorder.offsets((topic, 0)) == [2, 3]


def test_time_after_the_last_record_waits_for_new_ones(kafka: Kafka) -> None:
    """A start in the future begins at the end of the log."""
    topic = kafka.create_topic()
    kafka.produce(topic, [b"{}"] * 3)
    with Source(kafka_settings(kafka, [topic]), group_settings("2999-01-01T00:00:00Z")) as source:
        source.until_assigned(1)
        assert source.recorder.events[0] == ("assigned", {(topic, 0): 3})


@BOTH
def test_processes_that_join_together_agree_on_one_start(kafka: Kafka, protocol: str) -> None:
    """Two processes of a new group with start: latest read every record that was produced after the start, once."""
    topic = kafka.create_topic(partitions=6)
    kafka.produce(topic, [b"old"] * 60, key=lambda index: b"%d" % index)
    settings, group = kafka_settings(kafka, [topic], protocol), group_settings("latest")
    with Source(settings, group) as one, Source(settings, group) as two:
        until(lambda: len(offsets_of(kafka, group.group_id)) == 6, "the start of all partitions is committed")
        started = offsets_of(kafka, group.group_id)
        kafka.produce(topic, [b"new"] * 60, key=lambda index: b"%d" % index)
        until_both_read(one, two, 60)
        until_balanced(one, two, 3)
    seen = [(record.partition, record.offset) for source in (one, two) for record in source.recorder.records]
    ends = Cluster(kafka.admin).log_ends([(topic, number) for number in range(6)], Deadline.after(10))
    wanted = {(number, offset) for (_, number), end in ends.items() for offset in range(started[topic, number], end)}
    assert sum(started.values()) == 60
    assert set(seen) == wanted
    assert [notice for source in (one, two) for notice in source.recorder.codes()].count(NoticeCode.STARTED) == 1


def test_record_is_repaired_by_the_owner_of_partition_zero(kafka: Kafka) -> None:
    """A group with offsets and without founding record, as after a crash in between, gets its record."""
    topic = kafka.create_topic(partitions=2)
    settings, group = kafka_settings(kafka, [topic]), group_settings("earliest")
    request = [TopicPartition(topic, number, 0) for number in range(2)]
    altered = kafka.admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group.group_id, request)])
    altered[group.group_id].result(10)
    with Source(settings, group) as source:
        source.until_assigned(2)
        until(lambda: founded(kafka, group.group_id, topic), "the record is there")
    forget(kafka, group.group_id)
    with Source(settings, group) as source:
        assert isinstance(source.failure(), BrokerError)


def founded(kafka: Kafka, group_id: str, topic: str) -> bool:
    """Say whether the control topic holds a founding record of the group for the topic."""
    settings = kafka_settings(kafka, [topic])
    clients = KafkaClients(settings, group_id)
    control = ControlTopic(settings.control_topic, group_id, Cluster(kafka.admin), clients.reader, clients.producer)
    with closing(control):
        return topic in control.read(Deadline.after(10))


@BOTH
def test_vanished_offsets_stop_the_process_and_name_the_command(kafka: Kafka, protocol: str) -> None:
    """A group that had offsets and lost them reads nothing, says which command settles it, and goes on after that."""
    topic = kafka.create_topic(partitions=2)
    kafka.produce(topic, [b"{}"] * 10)
    settings, group = kafka_settings(kafka, [topic], protocol), group_settings("latest")
    with Source(settings, group) as source:
        source.until_assigned(2)
        until(lambda: founded(kafka, group.group_id, topic), "the founding record is written")
    forget(kafka, group.group_id)
    with Source(settings, group) as source:
        failure = source.failure()
    assert (isinstance(failure, BrokerError) and failure.code) == "offsets_vanished"
    assert group.offsets_command in str(failure)
    assert source.recorder.records == []
    assert offsets_of(kafka, group.group_id) == {}
    set_positions(settings, group.group_id, [topic], "earliest")
    with Source(settings, group) as source:
        source.until_read(10)


@BOTH
def test_partition_added_later_is_read_from_its_beginning(kafka: Kafka, protocol: str) -> None:
    """A new partition of a topic that started at latest loses nothing, not even records from before it is seen."""
    topic = kafka.create_topic()
    settings, group = kafka_settings(kafka, [topic], protocol), group_settings("latest")
    with Source(settings, group) as source:
        source.until_assigned(1)
        until(lambda: founded(kafka, group.group_id, topic), "the founding record is written")
        kafka.admin.create_partitions([NewPartitions(topic, 2)])[topic].result(10)
        until(lambda: kafka.partition_count(topic) == 2, "the partition is there")
        kafka.produce(topic, [b"{}"] * 7, partition=1)
        source.until_read(7)
        assert source.recorder.offsets((topic, 1)) == list(range(7))
        source.until_said(NoticeCode.PARTITION_ADDED)
        assert offsets_of(kafka, group.group_id)[topic, 1] in (0, 7)


@BOTH
def test_topic_made_again_while_stopped_is_read_from_its_beginning(kafka: Kafka, protocol: str) -> None:
    """Offsets of a deleted topic do not count for its successor, even when the successor is longer."""
    topic = kafka.create_topic()
    kafka.produce(topic, [b"old"] * 5)
    settings, group = kafka_settings(kafka, [topic], protocol), group_settings("latest")
    with Source(settings, group) as source:
        source.until_assigned(1)
        until(lambda: founded(kafka, group.group_id, topic), "the founding record is written")
    stale = kafka.committed(group.group_id)[topic, 0]
    kafka.delete_topic(topic)
    kafka.create_topic(topic)
    kafka.produce(topic, [b"new"] * 9)
    restore = TopicPartition(topic, 0, stale.offset, metadata=stale.topic_id)
    request = [ConsumerGroupTopicPartitions(group.group_id, [restore])]
    kafka.admin.alter_consumer_group_offsets(request)[group.group_id].result(10)
    with Source(settings, group) as source:
        source.until_read(9)
        assert source.recorder.offsets((topic, 0)) == list(range(9))
        assert source.until_said(NoticeCode.TOPIC_RECREATED).level == "error"


def latest(source: Source, count: int) -> list[tuple[int, bytes | None]]:
    """Return offset and value of the records that were read last: a new topic may first be read at the old position."""
    return [(record.offset, record.value) for record in source.recorder.records[-count:]]


@BOTH
def test_topic_made_again_while_running_is_read_from_its_beginning(kafka: Kafka, protocol: str) -> None:
    """A topic deleted and made again under a running process is noticed, given up and read from its beginning."""
    topic = kafka.create_topic()
    kafka.produce(topic, [b"old"] * 5)
    settings, group = kafka_settings(kafka, [topic], protocol), group_settings("earliest")
    with Source(settings, group) as source:
        source.until_read(5)
        until(lambda: founded(kafka, group.group_id, topic), "the founding record is written")
        kafka.delete_topic(topic)
        kafka.create_topic(topic)
        kafka.produce(topic, [b"new"] * 9)
        source.until_said(NoticeCode.TOPIC_RECREATED)
        until(lambda: latest(source, 9) == [(offset, b"new") for offset in range(9)], "the new topic is read whole")
        source.thread.store({(topic, 0): 9})
        until(lambda: offsets_of(kafka, group.group_id) == {(topic, 0): 9}, "the new offset is committed")


@BOTH
def test_expired_records_stop_the_process(kafka: Kafka, protocol: str) -> None:
    """A position below the start of the log is counted per partition and stops the process."""
    topic = kafka.create_topic()
    kafka.produce(topic, [b"{}"] * 10)
    settings, group = kafka_settings(kafka, [topic], protocol), group_settings("earliest")
    with Source(settings, group) as source:
        source.until_assigned(1)
        source.stop(drain=False)
    delete_records(kafka, (topic, 0), 6)
    with Source(settings, group) as source:
        failure = source.failure()
    notice = source.until_said(NoticeCode.RECORDS_EXPIRED)
    assert (notice.topic, notice.partition, notice.count) == (topic, 0, 6)
    assert (isinstance(failure, BrokerError) and failure.code) == "records_expired"
    assert offsets_of(kafka, group.group_id) == {(topic, 0): 0}


@BOTH
def test_expired_records_are_stepped_over_where_allowed(kafka: Kafka, protocol: str) -> None:
    """With on_expired: continue the process goes on at the start of the log, and has counted what is missing."""
    topic = kafka.create_topic()
    kafka.produce(topic, [b"{}"] * 10)
    settings = kafka_settings(kafka, [topic], protocol)
    group = group_settings("earliest", on_expired="continue")
    with Source(settings, group) as source:
        source.until_assigned(1)
        source.stop(drain=False)
    delete_records(kafka, (topic, 0), 6)
    with Source(settings, group) as source:
        source.until_read(4)
        assert source.recorder.offsets((topic, 0)) == [6, 7, 8, 9]
        assert source.until_said(NoticeCode.RECORDS_EXPIRED).count == 6


@BOTH
def test_records_that_expire_while_paused_are_counted_and_stepped_over(kafka: Kafka, protocol: str) -> None:
    """Retention that overtakes a paused process is noticed when it reads on; work that it holds is not given up."""
    topic = kafka.create_topic()
    kafka.produce(topic, [b"{}"] * 5)
    settings = kafka_settings(kafka, [topic], protocol)
    group = group_settings("earliest", on_expired="continue")
    with Source(settings, group) as source:
        source.until_read(5)
        source.thread.hold(is_held=True)
        until(lambda: source.paused_count() == 1, "the partition is paused")
        kafka.produce(topic, [b"{}"] * 20)
        delete_records(kafka, (topic, 0), 15)
        source.thread.hold(is_held=False)
        source.until_said(NoticeCode.RECORDS_EXPIRED)
        source.until_read(15)
        assert source.recorder.offsets((topic, 0))[-1] == 24
        assert "lost" not in source.recorder.names()


def test_missing_topic_is_reported_and_read_once_it_is_there(kafka: Kafka) -> None:
    """A configured topic that does not exist is no crash and no silence."""
    topic = random_name("later")
    with Source(kafka_settings(kafka, [topic]), group_settings("earliest")) as source:
        assert source.until_said(NoticeCode.TOPIC_MISSING).topic == topic
        kafka.create_topic(topic)
        kafka.produce(topic, [b"{}"] * 3)
        source.until_read(3)


def test_control_topic_that_is_not_compacted_is_refused(kafka: Kafka) -> None:
    """A control topic whose records would expire is refused with a text that says what to do."""
    topic, control = kafka.create_topic(), kafka.create_topic(config={"cleanup.policy": "delete"})
    settings = kafka_settings(kafka, [topic]).model_copy(update={"control_topic": control})
    with Source(settings, group_settings("earliest")) as source:
        failure = source.failure()
    assert "must be compact" in str(failure)


def test_positions_of_a_running_group_cannot_be_set(kafka: Kafka) -> None:
    """The command that sets positions refuses while a process of the group runs, and changes nothing."""
    topic = kafka.create_topic()
    kafka.produce(topic, [b"{}"] * 5)
    settings, group = kafka_settings(kafka, [topic]), group_settings("earliest")
    with Source(settings, group) as source:
        source.until_assigned(1)
        with pytest.raises(BrokerError, match="is a process of it still running"):
            set_positions(settings, group.group_id, [topic], "latest")
        assert offsets_of(kafka, group.group_id) == {(topic, 0): 0}


def test_positions_of_a_topic_that_does_not_exist_cannot_be_set(kafka: Kafka) -> None:
    """The command names the topic that it did not find."""
    missing = random_name("missing")
    with pytest.raises(BrokerError, match=missing):
        set_positions(kafka_settings(kafka, [missing]), random_name("group"), [missing], "latest")


def test_set_positions_takes_a_time(kafka: Kafka) -> None:
    """Every partition is set, with the id of its topic, also to a time."""
    topic = kafka.create_topic(partitions=2)
    kafka.produce(topic, [b"{}"] * 5, partition=0)
    group_id = random_name("group")
    future = datetime.fromtimestamp(time.time() + 86_400, UTC).isoformat()
    found = set_positions(kafka_settings(kafka, [topic]), group_id, [topic], future)
    assert found == offsets_of(kafka, group_id) == {(topic, 0): 5, (topic, 1): 0}
