"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.kafka_harness import Kafka, KafkaCluster, kafka_or_reason
from tests.needed import give_up
from tests.registry_harness import Registry, registry_or_reason
from tests.secured_kafka import SecuredKafka
from tests.token_endpoint import TokenEndpoint

# Each test has its time limit; what Hypothesis measures by itself fails when the machine is busy with something else.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

_TESTS = Path(__file__).parent


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]  # the plugin has no types
    """The tests of a file run on one worker, in their order: files with most tests first.

    A worker has its own broker or browser, started once, and what a module makes for its tests is made once. Tests one
    by one would cost the plugin more than many of them take: it looks at everything handed out so far each time.
    """

    def _split_scope(self, nodeid: str) -> str:
        """Return what a test must share a worker with."""
        return nodeid.split("::", 1)[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Return who gives tests to workers."""
    return _ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what its folder says: property tests are chosen and left out by marker, as those with services are."""
    for item in items:
        if item.path.is_relative_to(_TESTS / "property"):
            item.add_marker(pytest.mark.property)


def required(found: KafkaCluster | str) -> KafkaCluster:
    """Return the cluster; without one the test is skipped, or fails where Kafka must be there."""
    return found if isinstance(found, KafkaCluster) else give_up(f"no Kafka: {found}")


def external_kafka() -> Kafka | None:
    """Return the Kafka that `KAFKA_BOOTSTRAP_SERVERS` names, if it names one."""
    servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "")
    if not servers:
        return None
    kafka = Kafka(servers)
    kafka.broker_count = len(kafka.admin.list_topics(timeout=30).brokers)
    return kafka


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """One real broker for the whole session, started when the first test asks for it."""
    external = external_kafka()
    if external is not None:
        yield external
        return
    cluster = required(kafka_or_reason())
    yield cluster
    cluster.stop()


@pytest.fixture
def kafka_cluster() -> Iterator[Callable[..., KafkaCluster]]:
    """A function that starts brokers of one's own, three unless told: they may be killed and restarted."""
    running: list[KafkaCluster] = []

    def start(broker_count: int = 3, *, has_authorizer: bool = False, **properties: str) -> KafkaCluster:
        named = {key.replace("_", "."): value for key, value in properties.items()}
        running.append(required(kafka_or_reason(broker_count, named, has_authorizer=has_authorizer)))
        return running[-1]

    yield start
    for cluster in running:
        cluster.stop()


@pytest.fixture(scope="session")
def secured_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """One broker with a listener for each way of TLS and SASL, started when the first test asks for it."""
    with TokenEndpoint() as tokens:
        secured = SecuredKafka(tmp_path_factory.mktemp("certificates"), tokens)
        cluster = required(secured.start())
        yield secured
        cluster.stop()


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    """One real schema registry for the session; without one the test is skipped, or fails where it must be there."""
    found = registry_or_reason()
    if isinstance(found, str):
        give_up(f"no schema registry: {found}")
    yield found
    found.stop()
