"""Suppressed users from a real compacted topic: read before any event, followed, and never with a group."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import NewPartitions

from processor.source.clients import KafkaClients
from processor.source.cluster import Cluster
from processor.source.settings import KafkaSettings
from processor.source.suppressed_topic import SuppressedTopic
from tests.bridge_process import BridgeProcess, Deployment
from tests.kafka_harness import Kafka, random_name, until

pytestmark = pytest.mark.kafka

COMPACT = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "100"}


def suppress(kafka: Kafka, topic: str, *users: str, is_listed: bool = True) -> None:
    """Write records that list users, or lift that."""
    kafka.produce(topic, [b"" if is_listed else None for _ in users], key=lambda number: users[number].encode())


def groups(kafka: Kafka) -> set[str]:
    """Return the groups that the cluster knows."""
    found = kafka.admin.list_consumer_groups(request_timeout=20).result(20)
    assert found.errors == []
    return {group.group_id for group in found.valid}


def event(number: int, user: str) -> bytes:
    """Return an event of a user."""
    return json.dumps({"type": "track", "event": "Seen", "userId": user, "messageId": f"m{number}"}).encode()


def sent(bridge: Deployment) -> list[str | None]:
    """Return the ids that the vendor has."""
    return sorted(bridge.deliveries(), key=str)


def gauge(process: BridgeProcess, name: str) -> float | None:
    """Return a gauge of the page."""
    found: float | None = process.report().get("gauges", {}).get(name)
    return found


def test_a_topic_is_read_before_events_and_followed(kafka: Kafka, tmp_path: Path) -> None:
    """Listed users are skipped from the first event on, later records act within moments; the one group is the own."""
    topic = kafka.create_topic(partitions=2, config=COMPACT)
    suppress(kafka, topic, *(f"x{number}" for number in range(2_000)), "u1", "u2")
    suppress(kafka, topic, "u2", is_listed=False)
    with Deployment(kafka, tmp_path, own={"suppressed_users": {"topic": topic}}) as bridge:
        bridge.create_letter_topic()
        bridge.produce_values([event(0, "u1"), event(1, "u2"), event(2, "u3")])
        process = bridge.run()
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert sent(bridge) == ["m1", "m2"]
        assert gauge(process, "suppressed_ids") == 2_001
        suppress(kafka, topic, "u1", is_listed=False)
        bridge.until(lambda: gauge(process, "suppressed_ids") == 2_000, "one id is lifted")
        suppress(kafka, topic, "u3")
        bridge.until(lambda: gauge(process, "suppressed_ids") == 2_001, "one more id is in force")
        bridge.produce_values([event(3, "u1"), event(4, "u2"), event(5, "u3")])
        bridge.until(bridge.is_all_committed, "everything is committed")
        assert sent(bridge) == ["m1", "m2", "m3", "m4"]
        bridge.until(lambda: gauge(process, "suppressed_ids_up_to_date") == 1, "the list is up to date")
        assert {group for group in groups(kafka) if group.startswith(bridge.prefix)} == {bridge.group_id()}
        assert all(partition[0] != topic for partition in kafka.committed(bridge.group_id()))
        assert process.stop() == 0


@pytest.fixture
def lists() -> Iterator[list[SuppressedTopic]]:
    """Lists to close at the end."""
    made: list[SuppressedTopic] = []
    yield made
    for each in made:
        each.close()


def listing(kafka: Kafka, topic: str, lists: list[SuppressedTopic], group_id: str = "") -> SuppressedTopic:
    """Return the list of a topic, not read yet."""
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, topics=("events",))
    clients = KafkaClients(settings, group_id or random_name("group"))
    cluster = Cluster(clients.admin())
    lists.append(SuppressedTopic(topic, 10**8, cluster, lambda: clients.topic_reader("suppressed-users")))
    return lists[-1]


def turned(users: SuppressedTopic) -> bool:
    """Turn once; return whether everything is in force."""
    users.turn()
    return users.is_up_to_date


def turned_with(users: SuppressedTopic, user: str) -> bool:
    """Turn once; return whether a user is suppressed."""
    users.turn()
    return user in users


def test_a_new_record_is_in_force_within_a_second(kafka: Kafka, lists: list[SuppressedTopic]) -> None:
    """From the acknowledged record to the list, many times; and no group comes of it."""
    topic, group_id = kafka.create_topic(config=COMPACT), random_name("group")
    users = listing(kafka, topic, lists, group_id)
    until(lambda: turned(users), "the list is read")
    for number in range(10):
        suppress(kafka, topic, f"u{number}")
        started_s = time.monotonic()
        until(partial(turned_with, users, f"u{number}"), "the record is in force")
        assert time.monotonic() - started_s < 1.0
    assert group_id not in groups(kafka)


def test_new_partitions_and_topics_made_again(kafka: Kafka, lists: list[SuppressedTopic]) -> None:
    """What a real cluster says of both is understood."""
    topic = kafka.create_topic(config=COMPACT)
    suppress(kafka, topic, "u1")
    users = listing(kafka, topic, lists)
    until(lambda: turned(users), "the list is read")
    kafka.admin.create_partitions([NewPartitions(topic, 2)], request_timeout=20)[topic].result(20)
    until(lambda: kafka.partition_count(topic) == 2, "the topic has grown")
    Kafka(kafka.bootstrap_servers).produce(topic, [b""], key=b"u2", partition=1)  # an older producer does not know it
    until(lambda: users.turn() and "u2" in users, "the new partition is read")
    kafka.delete_topic(topic)
    kafka.create_topic(topic, config=COMPACT)
    suppress(kafka, topic, "u3")
    until(lambda: users.turn() and "u3" in users, "the new topic is read")
    assert ("u1" in users, len(users)) == (False, 1)


def test_an_open_transaction_is_not_waited_for(kafka: Kafka, lists: list[SuppressedTopic]) -> None:
    """The end is that of committed records; what is aborted suppresses nobody."""
    topic = kafka.create_topic(config=COMPACT)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": random_name()})
    producer.init_transactions(20)
    for user, ends in ((b"u1", producer.commit_transaction), (b"u2", producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce(topic, b"", user)
        producer.flush(20)
        ends(20)
    producer.begin_transaction()
    producer.produce(topic, b"", b"u3")
    producer.flush(20)
    users = listing(kafka, topic, lists)
    until(lambda: turned(users), "the list is read")
    assert [user for user in ("u1", "u2", "u3") if user in users] == ["u1"]
    producer.commit_transaction(20)
    until(lambda: users.turn() and "u3" in users, "the open transaction is read")


def test_what_is_known_survives_the_broker(kafka_cluster: object, lists: list[SuppressedTopic]) -> None:
    """While no broker answers the list stays, and what was written after it came back is in force."""
    assert callable(kafka_cluster)
    cluster = kafka_cluster(1)
    topic = cluster.create_topic(config=COMPACT)
    suppress(cluster, topic, "u1")
    users = listing(cluster, topic, lists)
    until(lambda: turned(users), "the list is read")
    cluster.kill(1)
    until(lambda: users.turn() and not users.is_up_to_date, "the outage is noticed", 60)
    assert "u1" in users
    cluster.restart(1)
    suppress(cluster, topic, "u2")
    until(lambda: turned(users) and "u2" in users, "the list is followed again", 60)


def test_check_refuses_topics_that_can_list_nobody(kafka: Kafka, tmp_path: Path) -> None:
    """One that is missing and one that is not compacted, with what to do; a compacted one is fine."""
    missing, kept, compact = random_name("missing"), kafka.create_topic(), kafka.create_topic(config=COMPACT)
    for topic, expected in (
        (missing, "does not exist: create it with cleanup.policy=compact"),
        (kept, "has cleanup.policy=delete: it must be compact"),
        (compact, ""),
    ):
        with Deployment(kafka, tmp_path, own={"suppressed_users": {"topic": topic}}) as bridge:
            bridge.create_letter_topic()
            process = bridge.command("check", "--online")
            assert process.ended() == (2 if expected else 0), process.log()
            assert expected in process.log()
            if expected:
                assert f"destinations.moveo.suppressed_users.topic: topic {topic} of" in process.log()
                started = bridge.run()
                assert started.ended() == 1
                assert expected in started.log()


def test_check_refuses_a_control_topic_that_forgets(kafka: Kafka, tmp_path: Path) -> None:
    """One that is not compacted keeps `run` from starting; one that is missing is made, and so is no fault."""
    kept = kafka.create_topic()
    for control, expected in ((kept, "has cleanup.policy=delete: it must be compact"), (random_name("control"), "")):
        with Deployment(kafka, tmp_path, root={"kafka": {"control_topic": control}}) as bridge:
            bridge.create_letter_topic()
            process = bridge.command("check", "--online")
            assert process.ended() == (2 if expected else 0), process.log()
            assert expected in process.log()
            assert ("kafka.control_topic: control topic" in process.log()) == bool(expected)
