"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.kafka_harness import Kafka, KafkaCluster, external_kafka, kafka_or_reason
from tests.registry_harness import Registry, registry_or_reason

_SERVICES = ("kafka", "registry")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests with real services on one worker: they share one broker and would only wait for each other."""
    for item in items:
        if any(item.get_closest_marker(name) for name in _SERVICES):
            item.add_marker(pytest.mark.xdist_group("services"))


def _required(found: KafkaCluster | str) -> KafkaCluster:
    """Return the cluster; without one the test is skipped, or fails where Kafka must be there."""
    if isinstance(found, KafkaCluster):
        return found
    if os.environ.get("CI"):
        pytest.fail(f"no Kafka, and CI is set: {found}", pytrace=False)
    pytest.skip(f"no Kafka: {found}")


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """One real broker for the whole session, started when the first test asks for it."""
    external = external_kafka()
    if external is not None:
        yield external
        return
    cluster = _required(kafka_or_reason())
    yield cluster
    cluster.stop()


@pytest.fixture
def kafka_cluster() -> Iterator[Callable[..., KafkaCluster]]:
    """A function that starts brokers of one's own, three unless told: they may be killed and restarted."""
    running: list[KafkaCluster] = []

    def start(broker_count: int = 3, **properties: str) -> KafkaCluster:
        named = {key.replace("_", "."): value for key, value in properties.items()}
        running.append(_required(kafka_or_reason(broker_count, named)))
        return running[-1]

    yield start
    for cluster in running:
        cluster.stop()


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    """One real schema registry for the session; without one the test is skipped, or fails where it must be there."""
    found = registry_or_reason()
    if isinstance(found, str) and os.environ.get("CI"):
        pytest.fail(f"no schema registry, and CI is set: {found}", pytrace=False)
    if isinstance(found, str):
        pytest.skip(f"no schema registry: {found}")
    yield found
    found.stop()
