"""`check --online` against a real Kafka: rights, limits, keys, and silence."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from tests.bridge_process import Deployment
from tests.kafka_harness import Kafka, KafkaCluster, until
from tests.kafka_users import BRIDGE, PASSWORDS, sasl_properties

pytestmark = pytest.mark.kafka

HOUR_MS = 3_600_000


def told(bridge: Deployment, *arguments: str) -> tuple[int, str]:
    """Return exit code and output of a check."""
    process = bridge.command("check", "--online", *arguments)
    return process.ended(), process.log()


def event(user: str) -> bytes:
    """Return a record's value."""
    return json.dumps({"type": "track", "event": "a-private-name", "userId": user, "messageId": user}).encode()


def test_records_without_keys_and_spread_users_are_warned_of(kafka: Kafka, tmp_path: Path) -> None:
    """Shares are told, and neither users nor events; a topic that is keyed by user is fine."""
    with Deployment(kafka, tmp_path) as bridge:
        bridge.create_letter_topic()
        bridge.produce(20)
        code, said = told(bridge)
        assert (code, "kafka.topics" in said) == (0, False), said
        for number in range(3):
            kafka.produce(bridge.topic, [event("a-private-user")], key=None, partition=number)
        code, said = told(bridge)
        assert code == 0, said
        assert "kafka.topics: topic " in said
        assert "of its newest 23 records 3 (13%) have no key" in said
        assert "those of 1 users of " in said
        assert "a-private" not in said
        assert not kafka.committed(bridge.group_id())


def test_limits_of_topics_are_compared(kafka: Kafka, tmp_path: Path) -> None:
    """Short retention, compaction and large messages are warned of at the key that says otherwise."""
    with Deployment(kafka, tmp_path, partitions=1, own={"decode": {"max_record_bytes": 500_000}}) as bridge:
        content = json.loads(bridge.config.read_text())
        short = kafka.create_topic(
            partitions=2,
            config={
                "retention.ms": str(2 * HOUR_MS),
                "retention.bytes": "1000000",
                "cleanup.policy": "compact,delete",
                "max.message.bytes": "9000000",
            },
        )
        content["kafka"]["topics"] = [bridge.topic, short]
        bridge.config.write_text(json.dumps(content))
        bridge.create_letter_topic()
        code, said = told(bridge)
        assert code == 0, said
        assert f"topic {short} keeps records for 2 h: what an outage of 24 h leaves undone" in said
        assert f"topic {short} has cleanup.policy=compact,delete: of the records of one key" in said
        assert f"topic {short} keeps at most 1000000 bytes of a partition" in said
        assert f"found 8388608; topic {short} takes messages of 9000000 bytes: letters that do not fit" in said
        assert "decode.max_record_bytes: found 500000" in said
        assert "different numbers of partitions" in said
        _, said = told(bridge, "--outage", "1")
        assert "keeps records for" not in said


@pytest.fixture
def guarded(kafka_cluster: Callable[..., KafkaCluster]) -> KafkaCluster:
    """Return a broker that grants nobody anything by itself."""
    return kafka_cluster(1, has_authorizer=True)


def grant(cluster: KafkaCluster, kind: ResourceType, name: str, *operations: AclOperation) -> None:
    """Grant the bridge some operations on one resource; return when that holds."""
    bindings = [
        AclBinding(
            kind,
            name,
            ResourcePatternType.LITERAL,
            f"User:{BRIDGE}",
            "*",
            operation,
            AclPermissionType.ALLOW,
        )
        for operation in operations
    ]
    for future in cluster.admin.create_acls(bindings, request_timeout=20).values():
        future.result(20)


def login(password: str) -> Mapping[str, Any]:
    """Return settings with which the bridge says who it is."""
    return {"kafka": {"properties": {**sasl_properties(BRIDGE), "sasl.password": {"file": password}}}}


def test_rights_that_are_not_granted_are_named(guarded: KafkaCluster, tmp_path: Path) -> None:
    """Each at its key, until all are there; what cannot be told without a right is said, and no secret is."""
    password = tmp_path / "password"
    password.write_text(PASSWORDS[BRIDGE])
    with Deployment(guarded, tmp_path, root=login(str(password))) as bridge:
        bridge.create_letter_topic()
        code, said = told(bridge)
        assert code == 2, said
        assert f"kafka.topics: topic {bridge.topic} may not be seen, be there one or not: grant Read on it" in said
        assert f"dead-letter topic {bridge.letter_topic} may not be seen, be there one or not: grant Write" in said
        assert f"consumer group {bridge.group_id()}: not granted: Read" in said

        topic, group = ResourceType.TOPIC, ResourceType.GROUP
        grant(guarded, topic, bridge.topic, AclOperation.DESCRIBE)
        grant(guarded, topic, bridge.letter_topic, AclOperation.READ)
        grant(guarded, topic, f"{bridge.prefix}.control", AclOperation.DESCRIBE)
        grant(guarded, group, bridge.group_id(), AclOperation.DESCRIBE)
        until(lambda: "may not be seen" not in told(bridge)[1], "the rights hold", 60)
        code, said = told(bridge)
        assert code == 2, said
        assert f"kafka.topics: topic {bridge.topic}: not granted: Read" in said
        assert f"dead_letters.topic: dead-letter topic {bridge.letter_topic}: not granted: Write" in said
        assert f"consumer group {bridge.group_id()}: not granted: Read" in said
        assert "make it with cleanup.policy=compact, or grant Create on it, beside Read and Write" in said

        grant(guarded, topic, bridge.topic, AclOperation.READ)
        grant(guarded, topic, bridge.letter_topic, AclOperation.WRITE)
        grant(guarded, group, bridge.group_id(), AclOperation.READ)
        control = guarded.create_topic(f"{bridge.prefix}.control", config={"cleanup.policy": "compact"})
        grant(guarded, topic, control, AclOperation.READ, AclOperation.WRITE)
        until(lambda: told(bridge)[0] == 0, "all rights hold", 60)
        _, said = told(bridge)
        for name in (bridge.topic, bridge.letter_topic, control):
            assert f"topic {name} does not show its configuration, so what it keeps cannot be told: grant" in said
        assert "cannot be told without more rights" not in said
        assert PASSWORDS[BRIDGE] not in said

        password.write_text("another")
        code, said = told(bridge)
        assert code == 1, said
        assert "uthentication" in said
        assert "another" not in said


def test_a_silent_broker_costs_the_timeout_and_no_warning(
    kafka_cluster: Callable[..., KafkaCluster], tmp_path: Path
) -> None:
    """What stands still is named when time is up, and what was found without it is told beside that."""
    cluster = kafka_cluster(1)
    with Deployment(cluster, tmp_path) as bridge:
        cluster.freeze(1)
        began_s = time.monotonic()
        code, said = told(bridge, "--timeout", "3")
        assert time.monotonic() - began_s < 15
        cluster.thaw(1)
        assert code == 1, said
        assert "Kafka: " in said
        assert "nothing was sent" in said
