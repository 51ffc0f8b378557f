"""A broker dies under a running bridge and comes back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka import ElectionType, KafkaException, TopicPartition

from processor.sandbox.faults import Latency
from tests.bridge_process import Deployment
from tests.kafka_harness import KafkaCluster
from tests.numbered_events import out_of_order

pytestmark = pytest.mark.kafka

OFFSETS_TOPIC = "__consumer_offsets"


def coordinator(bridge: Deployment) -> int:
    """Return the broker that keeps the group's offsets; 0 while nobody can say."""
    group_id, admin = bridge.group_id(), bridge.kafka.admin
    try:
        found = admin.describe_consumer_groups([group_id], request_timeout=5)[group_id].result(10).coordinator
    except KafkaException:
        return 0
    return int(found.id)


def replicas_in_sync(bridge: Deployment) -> int:
    """Return how many replicas of the group's offsets are up to date, where they are fewest."""
    partitions = bridge.kafka.admin.list_topics(OFFSETS_TOPIC, timeout=20).topics[OFFSETS_TOPIC].partitions
    return min(len(partition.isrs) for partition in partitions.values())


def preferred_coordinator(bridge: Deployment) -> int:
    """Ask for the election of preferred leaders; return the group's coordinator once they lead, 0 before.

    Asked again each time: a controller that has not yet heard that a broker has caught up elects nobody. Only such a
    coordinator gets its part back after its death: another has it because a busy machine kept the preferred one silent.
    """
    partitions = bridge.kafka.admin.list_topics(OFFSETS_TOPIC, timeout=20).topics[OFFSETS_TOPIC].partitions
    strayed = [number for number, partition in partitions.items() if partition.leader != partition.replicas[0]]
    if not strayed:
        return coordinator(bridge)
    with suppress(KafkaException):
        asked = [TopicPartition(OFFSETS_TOPIC, number) for number in strayed]
        bridge.kafka.admin.elect_leaders(ElectionType.PREFERRED, asked).result(30)
    return 0


@pytest.mark.timeout(240)
def test_broker_that_dies_and_returns_loses_nothing(kafka_cluster: Callable[..., KafkaCluster], tmp_path: Path) -> None:
    """The group's coordinator, which leads partitions too, is killed and later takes its part back: all events come.

    On its return the other coordinator is alive and says that it is none any more, which is what no client of the
    bridge may die of.
    """
    cluster = kafka_cluster()
    with Deployment(cluster, tmp_path, partitions=6, own={"delivery": {"max_window_count": 200}}) as bridge:
        bridge.create_letter_topic()
        bridge.vendors.set_faults(Latency(ms=200))
        process = bridge.run()
        bridge.until(lambda: process.state()[0] == "running", "it runs")
        dead = bridge.until(lambda: preferred_coordinator(bridge), "the coordinator is the preferred one")
        bridge.produce(1_500, user_count=200)
        bridge.until(lambda: bridge.vendors.item_count("moveo") >= 200 and process.lag(), "it is under load")
        partitions = cluster.admin.list_topics(bridge.topic, timeout=20).topics[bridge.topic].partitions.values()
        assert dead in {partition.leader for partition in partitions}
        cluster.kill(dead)
        assert len(bridge.accepted()) < 1_500, "the broker died in the middle"
        bridge.produce(500, user_count=200)
        bridge.produce_values([b"{no JSON"])
        bridge.vendors.set_faults()
        bridge.until(bridge.is_all_committed, "everything is committed without it")
        bridge.until(lambda: process.lag() == 0, "the page asks the new coordinator")
        cluster.restart(dead)
        bridge.until(lambda: replicas_in_sync(bridge) == 3, "it has caught up")
        bridge.until(lambda: preferred_coordinator(bridge) == dead, "it is the coordinator again", 90)
        bridge.produce(100, user_count=200)
        bridge.until(bridge.is_all_committed, "what came later is committed")
        bridge.until(lambda: process.lag() == 0, "the page asks the old coordinator again")
        assert bridge.deliveries().keys() == set(bridge.event_ids)
        assert out_of_order(bridge.accepted()) == []
        # What was done but not committed when its coordinator died is done once more, dead letters like deliveries.
        assert {letter.value for letter in bridge.letters()} == {b"{no JSON"}
        assert process.stop() == 0
