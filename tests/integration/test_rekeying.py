"""Re-keying a topic end to end: from records without keys to one partition for each user, whatever dies meanwhile."""

from __future__ import annotations

import json
import os
import signal
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message

from processor.checking import check
from processor.errors import ConfigError
from processor.settings import load_settings
from tests.bridge_process import FAST_CONSUMER, FAST_DELIVERY, ROOT, WAIT_S, BridgeProcess
from tests.kafka_harness import Kafka, KafkaCluster, random_name, until
from tests.topic_reading import headers_of, read_topic, record_count

pytestmark = pytest.mark.kafka

USER_COUNT = 200
RATE_LIMIT = {"payloads_per_second": 1_500}
"""Slow enough for something to happen in the middle."""


class Job:
    """A topic without keys, one to be keyed by user, and the processes that lead from one to the other."""

    def __init__(self, kafka: Kafka, folder: Path, **settings: Any) -> None:  # noqa: ANN401 - any setting
        """Make the topics and the file."""
        self.kafka, self.folder = kafka, folder
        self.source, self.target = kafka.create_topic(partitions=4), kafka.create_topic(partitions=6)
        self.letters, self.prefix = kafka.create_topic(), random_name("group")
        self.processes: list[BridgeProcess] = []
        self.content: dict[str, Any] = {
            "kafka": {
                "bootstrap_servers": kafka.bootstrap_servers,
                "topics": [self.source],
                "group_prefix": self.prefix,
                "control_topic": f"{self.prefix}.control",
                "consumer": FAST_CONSUMER,
            },
            "destinations": {
                "by-user": {
                    "type": "kafka",
                    "start": "earliest",
                    "settings": {"topic": self.target, **settings},
                    "delivery": {**FAST_DELIVERY, "attempt_timeout_s": 3, "rate_limit": RATE_LIMIT},
                }
            },
            "dead_letters": {"topic": self.letters},
            "operations": {"page": {"port": 0}},
        }

    def written(self) -> Path:
        """Return the file as it is to be by now."""
        config = self.folder / "bridge.yaml"
        config.write_text(json.dumps(self.content), encoding="utf-8")
        return config

    def run(self) -> BridgeProcess:
        """Start a process."""
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "SEGMENT_BRIDGE_CONFIG": str(self.written())}
        log = self.folder / f"process-{len(self.processes)}.log"
        self.processes.append(BridgeProcess(("run",), environ, log))
        return self.processes[-1]

    def produce(self, first: int, count: int) -> None:
        """Write events as Segment's own destination does: round robin, without a key."""
        for partition in range(4):
            numbers = [n for n in range(first, first + count) if n % 4 == partition]
            self.kafka.produce(self.source, map(event, numbers), key=None, partition=partition)

    def committed_count(self) -> int:
        """Return how many records the group has committed."""
        found = self.kafka.committed(f"{self.prefix}.by-user")
        return sum(one.offset for (topic, _), one in found.items() if topic == self.source)

    def until_committed(self, count: int) -> None:
        """Return when so many records are committed."""
        until(lambda: self.committed_count() >= count, f"{count} records are committed", 2 * WAIT_S, 0.2)

    def end(self) -> None:
        """End every process."""
        for process in self.processes:
            process.kill()


def event(number: int) -> bytes:
    """Return an event in a spelling that no encoder of ours has."""
    body = {"type": "track", "event": "Seen", "messageId": f"m{number}", "userId": f"u{number // 3 % USER_COUNT}"}
    return json.dumps({**body, "properties": {"seq": number, "price": 1e2}}, indent=1).encode()


def misplaced(found: list[Message]) -> list[str]:
    """Return users in several partitions, and those with an event whose first copy came after that of a later one.

    Order is that of each source partition: round robin has no other.
    """
    places: dict[bytes | None, set[int | None]] = defaultdict(set)
    seen: set[int] = set()
    latest: dict[tuple[bytes | None, int], int] = {}
    late: list[str] = []
    for message in found:
        number = int(json.loads(message.value() or b"")["properties"]["seq"])
        places[message.key()].add(message.partition())
        lane = (message.key(), number % 4)
        if number not in seen and latest.get(lane, -1) > number:
            late.append(f"m{number}")
        seen.add(number)
        latest[lane] = max(number, latest.get(lane, -1))
    return late + [repr(key) for key, partitions in places.items() if len(partitions) > 1]


@pytest.mark.timeout(240)
def test_events_of_a_user_come_together_although_a_process_is_killed(kafka: Kafka, tmp_path: Path) -> None:
    """5,000 events of 200 users, a SIGKILL in the middle: every byte is there, in order, a partition for each user."""
    job = Job(kafka, tmp_path)
    try:
        job.produce(0, 2_500)
        first = job.run()
        until(lambda: record_count(kafka, job.target) > 200, "it is under way", WAIT_S)
        job.produce(2_500, 2_500)
        until(lambda: record_count(kafka, job.target) > 2_600, "it is in the middle", WAIT_S)
        first.send(signal.SIGKILL)
        first.ended()
        assert record_count(kafka, job.target) < 5_000
        second = job.run()
        job.until_committed(5_000)
        found = read_topic(kafka, job.target)
        assert {message.value() for message in found} == {event(number) for number in range(5_000)}
        assert all(json.loads(message.value() or b"")["userId"].encode() == message.key() for message in found)
        assert misplaced(found) == []
        assert read_topic(kafka, job.letters) == []
        assert second.stop() == 0
    finally:
        job.end()


@pytest.mark.timeout(300)
def test_a_broker_that_stops_and_starts_loses_nothing(
    kafka_cluster: Callable[..., KafkaCluster], kafka: Kafka, tmp_path: Path
) -> None:
    """The target's cluster dies under way: nothing is dead-lettered, nothing lost, nothing swapped."""
    other = kafka_cluster(1)
    target = other.create_topic(partitions=6)
    job = Job(kafka, tmp_path, bootstrap_servers=other.bootstrap_servers, properties={"reconnect.backoff.max.ms": 500})
    job.content["destinations"]["by-user"]["settings"]["topic"] = target
    try:
        job.produce(0, 1_500)
        process = job.run()
        until(lambda: record_count(other, target) > 100, "it is under way", WAIT_S)
        other.kill(1)
        assert job.committed_count() < 1_500
        job.produce(1_500, 3_500)
        until(lambda: "requests fail" in process.log(), "the outage is told", WAIT_S)
        other.restart(1)
        job.until_committed(5_000)
        found = read_topic(other, target)
        assert {message.value() for message in found} == {event(number) for number in range(5_000)}
        assert misplaced(found) == []
        assert read_topic(kafka, job.letters) == []
        assert process.stop() == 0
    finally:
        job.end()


@pytest.mark.timeout(120)
def test_the_check_asks_for_the_topic(kafka: Kafka, tmp_path: Path) -> None:
    """A fit one passes; a compacted one, a missing one and a loop under another name are refused."""
    job = Job(kafka, tmp_path)
    job.content["dead_letters"]["topic"] = kafka.create_topic(config={"max.message.bytes": "2000000"})

    def problems(**settings: str) -> list[str]:
        job.content["destinations"]["by-user"]["settings"] = settings
        return check(load_settings(job.written()), online=True).problems

    assert problems(topic=job.target) == []
    (compacted,) = problems(topic=kafka.create_topic(config={"cleanup.policy": "compact"}))
    assert "is compacted" in compacted
    (missing,) = problems(topic=random_name("missing"))
    assert "does not exist" in missing
    with pytest.raises(ConfigError, match="is read by this bridge"):
        problems(topic=job.source)
    other_name = kafka.bootstrap_servers.replace("127.0.0.1", "localhost")
    assert any("would come back" in one for one in problems(topic=job.source, bootstrap_servers=other_name))


@pytest.mark.timeout(120)
def test_origin_and_headers_travel(kafka: Kafka, tmp_path: Path) -> None:
    """The record's headers are kept, and what is said of its origin stands behind them."""
    job = Job(kafka, tmp_path, origin_headers=True)
    try:
        kafka.produce(job.source, [event(0)], key=None, partition=2, headers=[("trace", b"\xff")])
        job.run()
        job.until_committed(1)
        (message,) = read_topic(kafka, job.target)
        assert headers_of(message) == [
            ("trace", b"\xff"),
            ("segment-bridge-source-topic", job.source.encode()),
            ("segment-bridge-source-partition", b"2"),
            ("segment-bridge-source-offset", b"0"),
        ]
    finally:
        job.end()
