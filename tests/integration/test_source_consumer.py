"""The consumer thread on a real broker: rebalances, pauses, commits, ends of partitions, stops and failures."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from processor.errors import InvariantError
from processor.source.cluster import Cluster
from processor.source.deadline import Deadline
from processor.source.notices import NoticeCode
from processor.source.partitions import Offsets, Partition
from processor.source.window import Window
from tests.kafka_harness import Kafka, KafkaCluster, until
from tests.source_recorder import Source, group_settings, kafka_settings, until_balanced, until_both_read

pytestmark = pytest.mark.kafka
SESSION_MS = 45_000
"""Longer than brokers need to agree on another coordinator, even on a machine that is busy with other tests."""
BOTH = pytest.mark.parametrize("protocol", ["classic", "consumer"])


def offsets_of(kafka: Kafka, group_id: str) -> Offsets:
    """Return the group's offsets as an outside reader sees them."""
    return {partition: each.offset for partition, each in kafka.committed(group_id).items()}


def ends_of(kafka: Kafka, topic: str, count: int) -> Offsets:
    """Return the ends of all partitions."""
    return Cluster(kafka.admin).log_ends([(topic, number) for number in range(count)], Deadline.after(10))


@BOTH
def test_stop_commits_what_is_done_exactly_once_asked(kafka: Kafka, protocol: str) -> None:
    """A stop asks the listener once for each partition, commits its answer, and leaves nothing running."""
    topic = kafka.create_topic(partitions=3)
    kafka.produce(topic, [b"{}"] * 90, key=lambda index: b"%d" % index)
    group = group_settings()
    with Source(kafka_settings(kafka, [topic], protocol), group) as source:
        source.until_read(90)
    assert source.recorder.names() == ["assigned", "revoked"]
    assert offsets_of(kafka, group.group_id) == ends_of(kafka, topic, 3)


@BOTH
def test_stop_without_drain_commits_nothing_more(kafka: Kafka, protocol: str) -> None:
    """A stop without drain counts as loss: the offsets stay where they are."""
    topic = kafka.create_topic()
    kafka.produce(topic, [b"{}"] * 9)
    group = group_settings()
    with Source(kafka_settings(kafka, [topic], protocol), group) as source:
        source.until_read(9)
        source.stop(drain=False)
    assert source.recorder.names() == ["assigned", "lost"]
    assert offsets_of(kafka, group.group_id) == {(topic, 0): 0}


@BOTH
def test_stored_offsets_are_committed_while_reading(kafka: Kafka, protocol: str) -> None:
    """An offset that is stored is the group's within about the commit interval, without any stop."""
    topic = kafka.create_topic()
    kafka.produce(topic, [b"{}"] * 9)
    group = group_settings()
    with Source(kafka_settings(kafka, [topic], protocol), group) as source:
        source.until_read(9)
        source.thread.store({(topic, 0): 4})
        until(lambda: offsets_of(kafka, group.group_id) == {(topic, 0): 4}, "the offset is committed", 5)


@BOTH
def test_revoked_partitions_go_on_exactly_where_their_offsets_were(kafka: Kafka, protocol: str) -> None:
    """When a second process joins, it begins at the very offsets that the first one gave back; nothing is lost."""
    topic = kafka.create_topic(partitions=4)
    kafka.produce(topic, [b"{}"] * 200, key=lambda index: b"%d" % index)
    settings, group = kafka_settings(kafka, [topic], protocol), group_settings()
    with Source(settings, group) as one:
        one.until_read(200)
        with Source(settings, group) as two:
            until_balanced(one, two, 2)
            taken = dict(two.recorder.positions)
            kafka.produce(topic, [b"{}"] * 200, key=lambda index: b"%d" % index)
            until_both_read(one, two, 400)
    seen = [(each.partition, each.offset) for source in (one, two) for each in source.recorder.records]
    assert len(seen) == len(set(seen)) == 400
    assert {partition: min(two.recorder.offsets(partition)) for partition in taken} == taken


@BOTH
def test_survivor_takes_over_from_a_member_that_left(kafka: Kafka, protocol: str) -> None:
    """When one process stops, the other goes on with its partitions at its committed offsets."""
    topic = kafka.create_topic(partitions=4)
    settings, group = kafka_settings(kafka, [topic], protocol), group_settings()
    with Source(settings, group) as one, Source(settings, group) as two:
        until_balanced(one, two, 2)
        kafka.produce(topic, [b"{}"] * 100, key=lambda index: b"%d" % index)
        until_both_read(one, two, 100)
        two.stop()
        one.until_assigned(4)
        kafka.produce(topic, [b"{}"] * 100, key=lambda index: b"%d" % index)
        until_both_read(one, two, 200)
    seen = [(each.partition, each.offset) for source in (one, two) for each in source.recorder.records]
    assert len(seen) == len(set(seen)) == 200


@BOTH
def test_full_window_pauses_and_goes_on_without_gap_or_repeat(kafka: Kafka, protocol: str) -> None:
    """At most a window is read while nothing is finished; then reading goes on where it stopped."""
    topic = kafka.create_topic(partitions=2)
    kafka.produce(topic, [b"{}"] * 500, key=lambda index: b"%d" % index)
    window = Window(max_count=50, max_bytes=1_000_000)
    source = Source(kafka_settings(kafka, [topic], protocol), group_settings(), window)
    source.recorder.is_finishing = False
    with source:
        source.until_read(50)
        until(lambda: source.paused_count() == 2, "both partitions are paused")
        assert len(source.recorder.records) == 50
        settled = 0
        while settled < 500:
            part = source.recorder.records[settled:]
            source.recorder.settle(part)
            settled += len(part)
            source.until_read(min(500, settled + 1))
        source.stop(drain=False)
    seen = [(each.partition, each.offset) for each in source.recorder.records]
    assert len(seen) == len(set(seen)) == 500


@BOTH
def test_hold_pauses_everything_and_survives_a_rebalance(kafka: Kafka, protocol: str) -> None:
    """A held destination reads nothing, not even of partitions that it is given while held; it stays in the group."""
    topic = kafka.create_topic(partitions=4)
    settings, group = kafka_settings(kafka, [topic], protocol), group_settings()
    with Source(settings, group) as one, Source(settings, group) as two:
        until_balanced(one, two, 2)
        one.thread.hold(is_held=True)
        until(lambda: one.paused_count() == 2, "both partitions are paused")
        two.stop()
        one.until_assigned(4)
        until(lambda: one.paused_count() == 4, "all partitions are paused")
        kafka.produce(topic, [b"{}"] * 40, key=lambda index: b"%d" % index)
        assert one.recorder.records == []
        one.thread.hold(is_held=False)
        one.until_read(40)


def test_blocked_partition_waits_while_others_are_read(kafka: Kafka) -> None:
    """One partition whose lane is too long is paused alone, and goes on without loss."""
    topic = kafka.create_topic(partitions=2)
    with Source(kafka_settings(kafka, [topic]), group_settings()) as source:
        source.until_assigned(2)
        source.thread.block({(topic, 0)})
        until(lambda: source.paused_count() == 1, "the partition is paused")
        kafka.produce(topic, [b"{}"] * 5, partition=0)
        kafka.produce(topic, [b"{}"] * 5, partition=1)
        source.until_read(5)
        assert source.recorder.offsets((topic, 0)) == []
        source.thread.block(())
        source.until_read(10)


def test_end_of_a_compacted_topic_is_reported(kafka: Kafka) -> None:
    """The end of a partition comes with or after its last record, also behind offsets that no record has."""
    topic = kafka.create_topic()
    writer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": topic})
    writer.init_transactions(30)
    writer.begin_transaction()
    writer.produce(topic, b"{}", b"k")
    writer.commit_transaction(30)
    writer.begin_transaction()
    writer.produce(topic, b"aborted", b"k")
    writer.flush(10)
    writer.abort_transaction(30)
    group = group_settings()
    with Source(kafka_settings(kafka, [topic]), group) as source:
        source.until_read(1)
        end = ends_of(kafka, topic, 1)[topic, 0]
        until(lambda: source.recorder.ends == {(topic, 0): end}, "the end behind the markers is reported")
        assert [record.value for record in source.recorder.records] == [b"{}"]
        source.thread.store({(topic, 0): end})
        until(lambda: offsets_of(kafka, group.group_id) == {(topic, 0): end}, "no lag is left")


def test_offsets_never_go_backwards(kafka: Kafka) -> None:
    """A lower offset that is stored after a higher one changes nothing."""
    topic = kafka.create_topic()
    kafka.produce(topic, [b"{}"] * 9)
    group = group_settings()
    with Source(kafka_settings(kafka, [topic]), group) as source:
        source.until_read(9)
        source.thread.store({(topic, 0): 8})
        until(lambda: offsets_of(kafka, group.group_id) == {(topic, 0): 8}, "the offset is committed")
        source.thread.store({(topic, 0): 3})
        source.thread.store({(topic, 0): 9})
        until(lambda: offsets_of(kafka, group.group_id) == {(topic, 0): 9}, "the next offset is committed")
        source.thread.store({(topic, 0): 3})
        source.stop(drain=False)
    assert offsets_of(kafka, group.group_id) == {(topic, 0): 9}


def test_offset_beyond_what_was_read_is_not_stored(kafka: Kafka) -> None:
    """A wish that cannot be true, such as one from an earlier assignment, is refused and said."""
    topic = kafka.create_topic()
    kafka.produce(topic, [b"{}"] * 3)
    group = group_settings()
    with Source(kafka_settings(kafka, [topic]), group) as source:
        source.until_read(3)
        source.thread.store({(topic, 0): 700})
        source.until_said(NoticeCode.STORE_REFUSED)
        source.stop(drain=False)
    assert offsets_of(kafka, group.group_id) == {(topic, 0): 0}


def test_listener_that_gives_back_too_much_stops_the_process(kafka: Kafka) -> None:
    """Offsets beyond what was read are a bug: the process stops and nothing is committed."""
    topic = kafka.create_topic()
    kafka.produce(topic, [b"{}"] * 3)
    group = group_settings()
    source = Source(kafka_settings(kafka, [topic]), group)
    with source:
        source.until_read(3)
        source.recorder.positions[topic, 0] = 700
        source.stop()
    assert [type(error) for error in source.recorder.failures] == [InvariantError]
    assert offsets_of(kafka, group.group_id) == {(topic, 0): 0}


def test_everything_is_said_on_one_thread(kafka: Kafka) -> None:
    """The listener is called on the consumer thread alone."""
    topic = kafka.create_topic()
    kafka.produce(topic, [b"{}"] * 3)
    with Source(kafka_settings(kafka, [topic]), group_settings()) as source:
        source.until_read(3)
    assert len(source.recorder.threads) == 1


def test_unkeyed_records_are_said_once(kafka: Kafka) -> None:
    """Records without a key are one notice a topic that is worth saying, and are all counted."""
    topic = kafka.create_topic()
    kafka.produce(topic, [b"{}"] * 5, key=None)
    with Source(kafka_settings(kafka, [topic]), group_settings()) as source:
        source.until_read(5)
        kafka.produce(topic, [b"{}"] * 5, key=None)
        source.until_read(10)
    assert source.recorder.codes().count(NoticeCode.UNKEYED_RECORDS) == 1
    assert source.recorder.count(NoticeCode.UNKEYED_RECORDS) == 10


def test_record_keeps_its_bytes_headers_and_time(kafka: Kafka) -> None:
    """A record arrives as it was written, null values and repeated headers included."""
    topic = kafka.create_topic()
    headers = [("trace", b"\x00\xff"), ("trace", b"2")]
    kafka.produce(topic, [b"\x00{", None], key=b"\xff", headers=headers)
    with Source(kafka_settings(kafka, [topic]), group_settings()) as source:
        source.until_read(2)
    first, second = source.recorder.records
    assert (first.key, first.value, first.headers) == (b"\xff", b"\x00{", tuple(headers))
    assert second.value is None
    assert first.timestamp_ms > 1_600_000_000_000


def test_unreachable_brokers_are_said_and_waited_for(kafka: Kafka) -> None:
    """Without a broker the source neither ends nor floods; it says so once."""
    settings = kafka_settings(kafka, ["nowhere"]).model_copy(update={"bootstrap_servers": "127.0.0.1:1"})
    with Source(settings, group_settings()) as source:
        source.until_said(NoticeCode.BROKERS_DOWN)
        assert source.thread.is_alive
    assert source.recorder.failures == []


def test_property_that_the_client_does_not_know_fails_at_once(kafka: Kafka) -> None:
    """A misspelled property stops the process and is named."""
    settings = kafka_settings(kafka, ["topic"]).model_copy(update={"properties": {"sasl.pasword": "x"}})
    with Source(settings, group_settings()) as source:
        assert "sasl.pasword" in str(source.failure())


def test_source_survives_the_death_of_its_coordinator(kafka_cluster: Callable[..., KafkaCluster]) -> None:
    """With three brokers the death of the one that keeps the group's offsets loses and repeats nothing.

    As long as the session outlasts what the others need to take over: a member whose session ends in between goes
    back to what was committed, here to nothing.
    """
    cluster = kafka_cluster(3)
    topic = cluster.create_topic(partitions=3)
    group = group_settings()
    with Source(kafka_settings(cluster, [topic], session_timeout_ms=SESSION_MS), group) as source:
        cluster.produce(topic, [b"{}"] * 30, key=lambda index: b"%d" % index)
        source.until_read(30)
        cluster.kill(coordinator(cluster, group.group_id))
        cluster.produce(topic, [b"{}"] * 30, key=lambda index: b"%d" % index)
        source.until_read(60)
        ends = source.recorder.positions
        source.thread.store(ends)
        until(lambda: offsets_of(cluster, group.group_id) == ends, "everything is committed", 60)
    seen = [(each.partition, each.offset) for each in source.recorder.records]
    assert len(seen) == len(set(seen)) == 60


def coordinator(cluster: KafkaCluster, group_id: str) -> int:
    """Return the broker that keeps the group's offsets."""
    described = cluster.admin.describe_consumer_groups([group_id], request_timeout=10)
    return int(described[group_id].result(10).coordinator.id)


class TestFactsAboutTheClient:
    """What the consumer thread rests on; a new version of the client may change it."""

    @staticmethod
    def consumer(kafka: Kafka, group_id: str) -> Consumer:
        """Return a plain consumer that chooses nothing by itself."""
        return Consumer(
            {
                "bootstrap.servers": kafka.bootstrap_servers,
                "group.id": group_id,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",
            }
        )

    def test_seek_is_refused_after_an_offset_out_of_range(self, kafka: Kafka) -> None:
        """After the error a partition can only be taken anew, which is why the thread does not seek."""
        topic = kafka.create_topic()
        kafka.produce(topic, [b"{}"])
        consumer = self.consumer(kafka, topic)
        try:
            consumer.assign([TopicPartition(topic, 0, 50)])
            message = until(lambda: consumer.poll(0.1), "the error comes")
            assert message.error().name() == "_AUTO_OFFSET_RESET"
            with pytest.raises(KafkaException):
                consumer.seek(TopicPartition(topic, 0, 0))
        finally:
            consumer.close()

    def test_metadata_of_stored_offsets_is_committed(self, kafka: Kafka) -> None:
        """The id of the topic travels with every offset that is stored."""
        topic = kafka.create_topic()
        kafka.produce(topic, [b"{}"])
        group = group_settings()
        partition: Partition = (topic, 0)
        with Source(kafka_settings(kafka, [topic]), group) as source:
            source.until_read(1)
        state = Cluster(kafka.admin).topics([topic], Deadline.after(10))[topic]
        assert state is not None
        assert kafka.committed(group.group_id)[partition] == (1, state.topic_id)
