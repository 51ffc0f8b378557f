"""The chart's alerts, in a real Prometheus that watches a real bridge: they fire when the vendor fails, and end after.

Windows and waits are a sixtieth of what they are in the file, so that an hour takes a minute. What the bridge itself
calls late stays five minutes, so the events of the outage are written as if they were older.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from helm.dashboard.panels import ROWS
from processor.sandbox.faults import Status
from tests.alert_rules import scaled
from tests.bridge_process import Deployment
from tests.kafka_harness import Kafka, until
from tests.numbered_events import track, user
from tests.prometheus_tools import Prometheus

pytestmark = [pytest.mark.proof, pytest.mark.kafka, pytest.mark.timeout(400)]

WAIT_S = 90.0
OLD_S = 400.0
"""Age of the events of an outage: later than the objective allows."""

PAGE = {("SegmentBridgeFreshnessBudgetBurn", "critical")}
CIRCUIT = {("SegmentBridgeCircuitOpen", "warning")}
GONE = {("SegmentBridgeAbsent", "critical")}
KEY = {("SegmentBridgeHeldForAuthorisation", "critical")}

Live = tuple[Deployment, Prometheus]


@pytest.fixture
def live(kafka: Kafka, tmp_path: Path) -> Iterator[Live]:
    """A bridge that delivers, and a Prometheus that has seen it do so and finds nothing to complain about."""
    with Deployment(kafka, tmp_path) as deployment:
        deployment.create_letter_topic()
        process = deployment.run()
        page = until(process.page_url, "the bridge has a page", WAIT_S, 0.2)
        with Prometheus(tmp_path, page.removeprefix("http://"), scaled(60)) as prometheus:
            flowing(deployment, prometheus)
            until(deployment.is_all_committed, "nothing waits", WAIT_S, 0.2)
            assert set() == prometheus.firing()
            yield deployment, prometheus


def produce_old(deployment: Deployment, count: int) -> None:
    """Put so many more events on the topic that were written a while ago, as their records say."""
    written_ms = int((time.time() - OLD_S) * 1_000)
    for number in range(deployment.record_count, deployment.record_count + count):
        value, key = track(number), user(number, 50)
        deployment.kafka.producer.produce(deployment.topic, value, key, timestamp=written_ms)
    assert 0 == deployment.kafka.producer.flush(WAIT_S)
    deployment.record_count += count


def flowing(deployment: Deployment, prometheus: Prometheus) -> None:
    """Return when events are delivered in time, and Prometheus has seen enough of them to know it."""

    def is_known() -> bool:
        deployment.produce(50)
        share = prometheus.value(
            "destination:segment_bridge_late_events:increase5m / (destination:segment_bridge_events:increase5m > 0)"
        )
        return share == 0.0

    until(is_known, "Prometheus sees events delivered in time", WAIT_S, 0.5)


def test_an_outage_of_the_vendor_is_alerted_and_ends(live: Live) -> None:
    """The stand-in fails: circuit and budget are alerted although nothing is delivered; it is well again: both end."""
    deployment, prometheus = live
    deployment.vendors.set_faults(Status(status=503))
    produce_old(deployment, 100)
    prometheus.await_firing(CIRCUIT | PAGE, WAIT_S)
    assert 100 == prometheus.value("destination:segment_bridge_overdue_records:sum")
    assert set() == (KEY | GONE) & prometheus.firing()

    deployment.vendors.set_faults()
    until(deployment.is_all_committed, "what waited is delivered", WAIT_S, 0.2)
    prometheus.await_ended(CIRCUIT, WAIT_S)
    flowing(deployment, prometheus)
    prometheus.await_ended(PAGE, WAIT_S)


def test_a_refused_key_is_alerted_as_such(live: Live) -> None:
    """The stand-in refuses the key: the hold is alerted, not the circuit; the key is taken again: it ends."""
    deployment, prometheus = live
    deployment.vendors.set_faults(Status(status=401))
    deployment.produce(20)
    prometheus.await_firing(KEY, WAIT_S)
    assert set() == (CIRCUIT | {("SegmentBridgeHeld", "critical")}) & prometheus.firing()

    deployment.vendors.set_faults()
    until(deployment.is_all_committed, "what waited is delivered", WAIT_S, 0.2)
    prometheus.await_ended(KEY, WAIT_S)


MAY_BE_EMPTY = (
    "ALERTS{",
    'outcome="dead_lettered"',
    'outcome="skipped"',
    "commit_failures_total",
    "dead_letter_failures_total",
    "mapping_failures_total",
    "records_expired_total",
    "reloads_total",
    "retries_total",
    "warnings_total",
)
"""What queries are about that find nothing while all is well."""


def test_the_dashboard_shows_a_live_bridge(live: Live) -> None:
    """Prometheus takes every query of the dashboard, and finds something for whatever is always there."""
    _, prometheus = live
    queries = [query.promql for panels in ROWS.values() for panel in panels for query in panel.queries]
    assert len(queries) > 50
    always = [promql for promql in queries if not any(part in promql for part in MAY_BE_EMPTY)]
    for promql in queries:
        prometheus.count(asked(promql))
    for promql in always:
        until(partial(prometheus.count, asked(promql)), f"there is something: {promql}", WAIT_S, 0.5)


def asked(promql: str) -> str:
    """Return a query of the dashboard as Grafana asks it when everything is chosen."""
    return re.sub(r"\$(namespace|job|destination)", ".*", promql).replace("$__rate_interval", "10s")


def test_a_bridge_that_is_gone_is_missed(live: Live) -> None:
    """The process ends: nothing can be measured any more, and that is alerted."""
    deployment, prometheus = live
    (process,) = deployment.processes
    assert 0 == process.stop()
    prometheus.await_firing(GONE, WAIT_S)
