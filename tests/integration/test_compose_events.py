"""What docker-compose.yml writes to its topic, so that there is something to see."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.kafka_harness import QUIET, Kafka, random_name, until

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "compose" / "events.py"
WAIT_S = 30.0


def count(kafka: Kafka, topic: str) -> int:
    """Return how many records the only partition of a topic has had."""
    reader = Consumer({**QUIET, "bootstrap.servers": kafka.bootstrap_servers, "group.id": random_name()})
    try:
        return int(reader.get_watermark_offsets(TopicPartition(topic, 0), timeout=20)[1])
    finally:
        reader.close()


@pytest.mark.kafka
def test_events_are_written_until_it_is_told_to_stop(kafka: Kafka) -> None:
    """Events arrive one after the other; SIGTERM ends it in order, and what it says it wrote is there."""
    topic = kafka.create_topic()
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "TOPIC": topic,
        "EVENTS_PER_S": "50",
    }
    with subprocess.Popen([sys.executable, SCRIPT], env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            until(lambda: count(kafka, topic) >= 20, "events arrive", WAIT_S, 0.2)
            process.send_signal(signal.SIGTERM)
            said, _ = process.communicate(timeout=WAIT_S)
        finally:
            process.kill()
    assert 0 == process.returncode
    assert f"{count(kafka, topic)} events written, not taken: {{}}\n" == said
