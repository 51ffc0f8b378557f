"""The compose file is valid, and its parts fit together. Nothing is started."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from processor.config import load_document
from processor.delivery.settings import DeliverySettings
from tests.needed import program
from tests.prometheus_tools import promtool

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
COMPOSE = ROOT / "examples" / "compose"
RULES = "./helm/segment-bridge/files/alerts.yaml:/etc/prometheus/alerts.yaml:ro"
DASHBOARD = "./helm/segment-bridge/files/dashboard.json:/var/lib/grafana/dashboards/segment-bridge.json:ro"


def services() -> dict[str, Any]:
    """Return the services as the file has them, what they share filled in."""
    found: dict[str, Any] = load_document(FILE).value["services"]
    return found


def destinations() -> set[str]:
    """Return the destinations of the configuration that the bridges read."""
    return set(load_document(ROOT / "examples" / "compose.yaml").value["destinations"])


def test_it_is_what_the_compose_specification_asks_for() -> None:
    """The published schema accepts it; the schema comes with the checker."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert 0 == done.returncode, done.stdout + done.stderr


def test_compose_reads_it() -> None:
    """Compose itself resolves it, without an engine, to the services that there are."""
    command = [program("docker-compose", "docker-compose"), "--file", str(FILE), "config", "--services"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)
    assert 0 == done.returncode, done.stderr
    assert set(services()) == set(done.stdout.split())


def test_no_word_of_a_health_check_has_a_space() -> None:
    """Podman's Docker API takes those apart; what needs one is left to a shell, as a text."""
    checks = {name: service["healthcheck"]["test"] for name, service in services().items() if "healthcheck" in service}
    assert {"kafka", "bridge-moveo"} <= checks.keys()
    words = {name: check for name, check in checks.items() if not isinstance(check, str)}
    assert [name for name, check in words.items() if " " in "".join(check)] == []


def test_there_is_one_bridge_for_each_destination() -> None:
    """Each delivers to its own destination, and no two of them share a port."""
    bridges = {name: service for name, service in services().items() if name.startswith("bridge-")}
    assert {f"bridge-{name}" for name in destinations()} == set(bridges)
    for name, service in bridges.items():
        assert ["run", "--destination", name.removeprefix("bridge-")] == service["command"]
    ports = [port for service in services().values() for port in service.get("ports", ())]
    assert len(ports) == len(set(ports))
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_a_bridge_is_given_the_time_to_drain() -> None:
    """Compose kills after ten seconds unless told otherwise: what the chart gives beyond the drain is given here."""
    longest_ms = DeliverySettings().drain_ms + 40_000
    bridges = [service for name, service in services().items() if name.startswith("bridge-")]
    assert {f"{longest_ms // 1_000}s"} == {service["stop_grace_period"] for service in bridges}
    drains = [
        each.get("delivery", {})
        for each in load_document(ROOT / "examples" / "compose.yaml").value["destinations"].values()
    ]
    assert all("drain_ms" not in each for each in drains)


def test_prometheus_scrapes_each_bridge_and_has_the_rules_of_the_chart() -> None:
    """No bridge is unseen, and the alerts are those that a cluster gets."""
    (job,) = load_document(COMPOSE / "prometheus.yml").value["scrape_configs"]
    (targets,) = job["static_configs"]
    assert {f"bridge-{name}:9464" for name in destinations()} == set(targets["targets"])
    assert RULES in services()["prometheus"]["volumes"]
    assert ["/etc/prometheus/alerts.yaml"] == load_document(COMPOSE / "prometheus.yml").value["rule_files"]


def test_promtool_accepts_the_configuration_of_prometheus(tmp_path: Path) -> None:
    """Prometheus would start with it; the file of rules lies elsewhere here."""
    text = (COMPOSE / "prometheus.yml").read_text(encoding="utf-8")
    rules = ROOT / "helm" / "segment-bridge" / "files" / "alerts.yaml"
    (tmp_path / "prometheus.yml").write_text(text.replace("/etc/prometheus/alerts.yaml", str(rules)), encoding="utf-8")
    done = promtool("check", "config", tmp_path / "prometheus.yml")
    assert 0 == done.returncode, done.stdout + done.stderr


def test_grafana_shows_the_dashboard_of_the_chart() -> None:
    """It is provisioned from the chart's file, from the Prometheus that is there, and comes up first."""
    grafana = services()["grafana"]
    assert DASHBOARD in grafana["volumes"]
    inside = DASHBOARD.split(":")[1]
    assert inside == grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    (provider,) = load_document(COMPOSE / "grafana" / "dashboards.yml").value["providers"]
    assert str(Path(inside).parent) == provider["options"]["path"]
    (source,) = load_document(COMPOSE / "grafana" / "datasources.yml").value["datasources"]
    assert ("prometheus", "http://prometheus:9090", True) == (source["type"], source["url"], source["isDefault"])
    home = json.loads((ROOT / "helm" / "segment-bridge" / "files" / "dashboard.json").read_text(encoding="utf-8"))
    assert "segment-bridge" == home["title"]


def test_events_are_written_to_the_topic_that_the_bridges_read() -> None:
    """There is something to see: made-up events go where the configuration reads."""
    kafka = load_document(ROOT / "examples" / "compose.yaml").value["kafka"]
    environment = services()["events"]["environment"]
    assert kafka["topics"] == [environment["TOPIC"]]
    assert kafka["bootstrap_servers"] == environment["BOOTSTRAP_SERVERS"]


def test_kafka_keeps_its_records_on_its_volume() -> None:
    """Events, offsets and orders outlive a container that is made anew."""
    kafka = services()["kafka"]
    volume, _, path = kafka["volumes"][0].partition(":")
    assert volume in load_document(FILE).value["volumes"]
    assert path == kafka["environment"]["KAFKA_LOG_DIRS"]


@pytest.mark.parametrize("name", sorted(services()))
def test_no_service_may_do_more_than_it_needs(name: str) -> None:
    """Everything but Kafka's own image runs without capabilities."""
    if services()[name]["image"].startswith("apache/kafka:"):
        return
    assert ["ALL"] == services()[name]["cap_drop"]
    assert ["no-new-privileges:true"] == services()[name]["security_opt"]
