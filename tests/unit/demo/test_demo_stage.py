"""The demo's configuration and its Kafka clients."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType

from processor.demo.embedded import EmbeddedAdmin
from processor.demo.plan import VENDORS, configuration, environment
from processor.sandbox.kafka import EmbeddedKafka
from processor.sandbox.settings import SandboxKeys
from processor.settings import load_settings


def test_the_demos_file_is_a_valid_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The destinations of the demo are told by a file that `check` would accept, and nothing in it is a key."""
    keys = SandboxKeys()
    for name, value in environment(keys).items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "demo.yaml"
    path.write_text(configuration("127.0.0.1:1", "segment-events", "http://127.0.0.1:2", keys), encoding="utf-8")
    settings = load_settings(path)
    assert set(settings.destinations) == set(VENDORS)
    assert {name: each.type for name, each in settings.destinations.items()} == {name: name for name in VENDORS}
    assert not [key for key in environment(keys).values() if key in path.read_text(encoding="utf-8")]


def test_the_embedded_admin_answers_what_the_embedded_kafka_does_not() -> None:
    """Topics can be made and described, twice with the same id, and configurations may not be read."""
    with EmbeddedKafka() as kafka:
        admin = EmbeddedAdmin({"bootstrap.servers": kafka.bootstrap_servers})
        admin.create_topics([NewTopic("t", 1)])["t"].result(1)
        first = admin.describe_topics(TopicCollection(["t"]), request_timeout=1)["t"].result(1)
        second = admin.describe_topics(TopicCollection(["t"]))["t"].result(1)
        assert first.topic_id == second.topic_id
        assert len(first.partitions) == kafka.create_topic("t")
        resource = ConfigResource(ResourceType.TOPIC, "t")
        with pytest.raises(KafkaException):
            admin.describe_configs([resource])[resource].result(1)


def test_the_configuration_is_json() -> None:
    """The file is written in the form of YAML that needs no writer of YAML."""
    assert msgspec.json.decode(configuration("k:1", "t", "http://127.0.0.1:2", SandboxKeys()))["kafka"]
