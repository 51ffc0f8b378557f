"""A destination that writes to a topic must not feed the bridge that it belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from processor.config import Properties
from processor.destinations.target import TargetSettings
from processor.errors import ConfigError
from processor.settings import Settings, load_settings
from processor.source.properties import client_properties, target_cluster

FILE = """\
kafka:
  bootstrap_servers: "a:1, b:1"
  topics: [events]
  properties: {{client.rack: r1, socket.keepalive.enable: true}}
destinations:
  by-user:
    type: kafka
    start: latest
    settings: {settings}
    suppressed_users: {{topic: users}}
"""


def load(folder: Path, settings: str) -> Settings:
    """Return the settings of a file whose destination has these."""
    path = folder / "bridge.yaml"
    path.write_text(FILE.format(settings=settings))
    return load_settings(path)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("{topic: events}", "'events' is read by this bridge on the same cluster"),
        ("{topic: segment-bridge.control}", "'segment-bridge.control' holds something else"),
        ("{topic: segment-bridge.dead-letters}", "'segment-bridge.dead-letters' holds something else"),
        ("{topic: users}", "'users' holds something else"),
        ('{topic: events, bootstrap_servers: "c:1,B:1"}', "'events' is read by this bridge on the same cluster"),
    ],
)
def test_a_topic_of_the_bridge_itself_is_refused(tmp_path: Path, settings: str, said: str) -> None:
    """What is written there would come back, or be read for something else."""
    with pytest.raises(ConfigError, match=r"destinations\.by-user\.settings\.topic") as caught:
        load(tmp_path, settings)
    assert said in str(caught.value)


@pytest.mark.parametrize("settings", ["{topic: other}", '{topic: events, bootstrap_servers: "c:1"}'])
def test_any_other_topic_is_fine(tmp_path: Path, settings: str) -> None:
    """Another cluster may have one of the same name."""
    load(tmp_path, settings)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            "{topic: t, properties: {client.rack: r2}}",
            {"bootstrap.servers": "a:1, b:1", "client.rack": "r2", "socket.keepalive.enable": True},
        ),
        (
            "{topic: t, bootstrap_servers: 'c:1', properties: {client.rack: r2}}",
            {"bootstrap.servers": "c:1", "client.rack": "r2"},
        ),
    ],
)
def test_properties_are_those_of_the_topics_cluster(tmp_path: Path, settings: str, expected: Properties) -> None:
    """On the same cluster those of events hold, unless the destination says otherwise; another knows none of them."""
    loaded = load(tmp_path, settings)
    target: Any = loaded.destinations["by-user"].settings
    assert isinstance(target, TargetSettings)
    found = client_properties(target_cluster(loaded.kafka, target))
    assert found == {"statistics.interval.ms": 0, **expected}
