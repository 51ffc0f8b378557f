"""The chart's hook that makes topics: its own script, with Kafka's own tool, against a real Kafka."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from confluent_kafka.admin import ConfigResource, ResourceType

from tests.chart.rendering import render, with_values
from tests.kafka_harness import Kafka, random_name
from tests.kafka_tools import kafka_tool

pytestmark = pytest.mark.kafka

TOOL = "/opt/kafka/bin/kafka-topics.sh"
CLIENT = "/client/client.properties"


def script(servers: str, topics: dict[str, object]) -> str:
    """Return what the Job of a release runs."""
    values = with_values("topic-creation", {"config": {"kafka": {"bootstrap_servers": servers}}})
    values["topicCreation"]["topics"] = topics  # and none of the file's own
    (job,) = (each for each in render(values).objects if each["kind"] == "Job")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["/bin/sh", "-ec"]
    assert {"name": "BOOTSTRAP_SERVERS", "value": servers} in container["env"]
    (text,) = container["args"]
    assert isinstance(text, str)
    return text


def test_topics_are_made_as_the_values_say_and_left_alone_after_that(kafka: Kafka, tmp_path: Path) -> None:
    """Each with its partitions and its own configuration; a second run, as at an upgrade, changes nothing."""
    letters, events = random_name("letters"), random_name("events")
    topics: dict[str, object] = {
        letters: {
            "partitions": 3,
            "replicationFactor": 1,
            "config": {"cleanup.policy": "delete", "retention.ms": 2_592_000_000, "max.message.bytes": 1_056_780},
        },
        events: {"partitions": 2, "replicationFactor": 1},
    }
    tool = kafka_tool("kafka-topics.sh", tmp_path)
    properties = tmp_path / "client.properties"
    properties.write_text("client.id=chart\n")
    text = script(kafka.bootstrap_servers, topics).replace(TOOL, str(tool)).replace(CLIENT, str(properties))
    environ = {"PATH": os.environ["PATH"], "BOOTSTRAP_SERVERS": kafka.bootstrap_servers}
    for _ in range(2):
        done = subprocess.run(
            ["/bin/sh", "-ec", text], env=environ, capture_output=True, timeout=100, check=False, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert (kafka.partition_count(letters), kafka.partition_count(events)) == (3, 2)
    resource = ConfigResource(ResourceType.TOPIC, letters)
    found = kafka.admin.describe_configs([resource], request_timeout=20)[resource].result(20)
    assert {name: found[name].value for name in ("cleanup.policy", "retention.ms", "max.message.bytes")} == {
        "cleanup.policy": "delete",
        "retention.ms": "2592000000",
        "max.message.bytes": "1056780",
    }
