"""Values that do not go together are refused, each with a sentence that says what to do; notes warn of the unsafe."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendering import CHART, FEATURES, Object, feature_values, refusal, render, with_values

DESTINATION = "moesif-prod"


def own(**settings: Any) -> dict[str, Any]:  # noqa: ANN401 - any setting
    """Return values with settings of the one destination of the minimal file."""
    return {"config": {"destinations": {DESTINATION: settings}}}


def workload(values: dict[str, Any]) -> Object:
    """Return the only workload that values render to."""
    (found,) = [each for each in render(values).objects if each["kind"] == "Deployment"]
    return found


@pytest.mark.parametrize(
    ("drain_ms", "given", "expected"),
    [
        (None, None, 60),
        (20_000, None, 60),
        (45_000, None, 85),
        (20_001, None, 61),
        (0, None, 40),
        (None, 35, 35),
        (0, 15, 15),
    ],
)
def test_the_grace_period_follows_from_the_drain_budget(drain_ms: int | None, given: int | None, expected: int) -> None:
    """It is the drain and 40 s, or what is given when that is enough."""
    more = {} if drain_ms is None else own(delivery={"drain_ms": drain_ms})
    found = workload(with_values("minimal", {**more, "terminationGracePeriodSeconds": given}))
    assert expected == found["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]


def test_each_destination_has_the_grace_period_of_its_own_drain() -> None:
    """A long drain of one does not hold up the others."""
    found = {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        for each in render(feature_values("several-destinations")).objects
        if each["kind"] == "Deployment"
    }
    assert found == {"bridge-moesif-prod": 60, "bridge-moengage-eu": 85}


REGISTRY = {"format": "avro", "avro": {"registry": {"url": "https://registry", "token": {"env": "REGISTRY_TOKEN"}}}}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"terminationGracePeriodSeconds": 34}, "give it at least 35"),
    ({"env": {"OTEL_EXPORTER_OTLP_HEADERS_FILE": "/secrets/none/headers"}}, "secrets has no entry none for it"),
    ({"destinations": {DESTINATION: {"terminationGracePeriodSeconds": 0}}}, "give it at least 35"),
    ({**own(delivery={"drain_ms": 60_000}), "terminationGracePeriodSeconds": 60}, "give it at least 75"),
    ({"destinations": {DESTINATION: {"enabled": False}}}, "no destination"),
    ({"destinations": {"moesif-pord": {"replicas": 2}}}, "moesif-pord is not in config.destinations"),
    ({"config": {"operations": {"page": {"host": "127.0.0.1"}}}}, "no probe would be answered"),
    ({"config": {"operations": {"page": {"enabled": False}}}}, "enabled"),
    ({"config": {"operations": {"page": {"port": 80}}}}, "port"),
    (own(settings={"application_id": {"file": "/secrets/moesiv/application-id"}}), "no entry moesiv"),
    (own(decode=REGISTRY), "variable REGISTRY_TOKEN"),
    (own(suppressed_users={"file": "/files/users/ids.txt"}), "no entry users"),
    ({"secrets": {"moesif": {"destinations": ["other"]}}}, "names other"),
    ({"secrets": {"moesif": {"externalSecret": {}}}}, "/secrets/moesif"),
    ({"secrets": {"other": {"destinations": []}}}, "/secrets/other"),
    ({"secrets": {"bad name": {"existingSecret": "x"}}}, "'bad name' does not match"),
    ({"topicCreation": {"enabled": True}}, "topicCreation.topics"),
    (
        {"topicCreation": {"topics": {"t": {"partitions": 1, "replicationFactor": 1, "config": {"a.b": "x' y"}}}}},
        "topics",
    ),
    ({"monitoring": {"mode": ["podMonitor", "serviceMonitor"]}}, "mode"),
    ({"image": {"digest": "latest"}}, "digest"),
    ({"env": {"POD_NAME": "x"}}, "propertyName 'POD_NAME'"),
    ({"podSecurity": {"runAsUser": 0}}, "runAsUser"),
    ({"replicas": -1}, "replicas"),
    ({"monitoring": {"mode": "podMonitor", "interval": "5s"}}, "scrapeTimeout is 10s, which is longer"),
    ({"monitoring": {"interval": "1m30s", "scrapeTimeout": "91s"}}, "scrapeTimeout is 91s, which is longer"),
    ({"rollout": {"maxUnavailable": 0}}, "no process could ever be replaced"),
    ({"rollout": {"maxSurge": "0%", "maxUnavailable": "0%"}}, "no process could ever be replaced"),
]


@pytest.mark.parametrize(("more", "told"), REFUSED, ids=[told for _, told in REFUSED])
def test_what_cannot_work_is_refused(more: dict[str, Any], told: str) -> None:
    """Before anything is installed, by schema or by template, naming what is wrong."""
    assert told in refusal(with_values("minimal", more))


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"application_id": "literal"}, "application_id"),
        ({"api_key": "literal"}, "api_key"),
        ({"apiKey": "literal"}, "apiKey"),
        ({"signature": {"secret": "literal", "header": "X-Signature"}}, "signature/secret"),
        ({"properties": {"sasl.password": "literal"}}, "properties/sasl.password"),
    ],
)
def test_a_secret_that_is_written_literally_is_refused(settings: dict[str, Any], place: str) -> None:
    """It would be in a ConfigMap, and in what Helm keeps of the release, before the bridge refuses it."""
    told = refusal(with_values("minimal", own(settings=settings)))
    assert f"settings/{place}': got string, want object" in told
    assert "literal" not in told


@pytest.mark.parametrize(("interval", "timeout"), [("10s", "10s"), ("1m", "59s"), ("1m30s", "90s"), ("1s", "900ms")])
def test_a_scrape_may_take_as_long_as_its_interval(interval: str, timeout: str) -> None:
    """Durations are compared in whatever unit they are written."""
    monitoring = {"mode": "podMonitor", "interval": interval, "scrapeTimeout": timeout}
    assert workload(with_values("minimal", {"monitoring": monitoring}))


def test_other_settings_of_a_vendor_are_left_to_the_check() -> None:
    """The chart knows no vendor: what it does not know for a secret is taken as it is."""
    assert workload(with_values("minimal", own(settings={"no_such_setting": "x", "signature": None})))


def test_two_destinations_of_one_group_are_refused() -> None:
    """Each would see a part of the events."""
    two = {"config": {"destinations": {name: {"group_id": "g"} for name in ("moesif-prod", "moengage-eu")}}}
    assert "one consumer group, g" in refusal(with_values("several-destinations", two))


def test_secrets_of_another_destination_are_not_enough() -> None:
    """What a destination's part of the file names must be mounted in its own pods."""
    more = {"secrets": {"moesif": {"destinations": ["moengage-eu"]}}}
    assert "no entry moesif" in refusal(with_values("several-destinations", more))


def test_data_in_mappings_is_not_taken_for_references() -> None:
    """A mapping may send an object that looks like one."""
    mapping = {"action_name": "x", "metadata": {"env": "PRODUCTION"}}
    subscription = {"name": "a", "trigger": 'type = "track"', "action": "sendAction", "mapping": mapping}
    assert workload(with_values("minimal", own(subscriptions=[subscription])))


def test_zero_and_false_win_over_defaults() -> None:
    """A destination's own 0 is no missing value."""
    values = with_values("several-destinations", {"destinations": {"moengage-eu": {"replicas": 0}}})
    found = {
        each["metadata"]["name"]: each["spec"].get("replicas")
        for each in render(values).objects
        if each["kind"] == "Deployment"
    }
    assert found == {"bridge-moesif-prod": 2, "bridge-moengage-eu": 0}


def test_settings_of_one_destination_leave_the_others_alone() -> None:
    """What differs is laid over what is common, key by key."""
    pods = {
        each["metadata"]["name"]: each["spec"]["template"]
        for each in render(feature_values("several-destinations")).objects
        if each["kind"] == "Deployment"
    }
    limits = {name: pod["spec"]["containers"][0]["resources"]["limits"] for name, pod in pods.items()}
    assert limits["bridge-moengage-eu"] == {"memory": "1Gi", "ephemeral-storage": "128Mi"}
    assert limits["bridge-moesif-prod"] == {"memory": "512Mi", "ephemeral-storage": "128Mi"}
    assert "priorityClassName" not in pods["bridge-moesif-prod"]["spec"]
    assert pods["bridge-moengage-eu"]["metadata"]["annotations"]["team"] == "crm"


SAFE: dict[str, Any] = {
    "config": {"kafka": {"properties": {"security.protocol": "SSL"}}},
    "monitoring": {"mode": "podMonitor", "prometheusRule": {"enabled": True}},
}
UNSAFE: list[tuple[dict[str, Any], str]] = [
    ({"image": {"tag": "latest"}}, "image.tag latest"),
    ({"env": {"MOESIF_APPLICATION_KEY": "x"}}, "env.MOESIF_APPLICATION_KEY looks like a secret"),
    ({"env": {"OTEL_EXPORTER_OTLP_HEADERS": "x"}}, "name the file in OTEL_EXPORTER_OTLP_HEADERS_FILE"),
    ({"networkPolicy": {"enabled": False}}, "networkPolicy is off"),
    ({"podDisruptionBudget": {"enabled": False}}, "podDisruptionBudget is off"),
    ({"monitoring": {"mode": "none"}}, "monitoring.mode is none"),
    ({"monitoring": {"prometheusRule": {"enabled": False}}}, "prometheusRule is off"),
    ({"monitoring": {"prometheusRule": {"without": ["SegmentBridgePaused"]}}}, "leaves out SegmentBridgePaused"),
    ({"config": {"kafka": {"properties": {"security.protocol": "PLAINTEXT"}}}}, "travel readable"),
    ({"config": {"kafka": {"properties": {"enable.ssl.certificate.verification": False}}}}, "any broker is believed"),
    ({"config": {"kafka": {"properties": {"ssl.endpoint.identification.algorithm": "none"}}}}, "may have any name"),
    ({"config": {"operations": {"logs": {"level": "debug"}}}}, "level is debug"),
    (
        {"staticMembership": {"enabled": True}, "config": {"kafka": {"group_protocol": "consumer"}}},
        "the brokers decide",
    ),
    ({"rollout": {"maxSurge": 1}}, "moves partitions twice"),
    (
        {"topicCreation": {"enabled": True, "topics": {"t": {"partitions": 1, "replicationFactor": 1}}}},
        "topics.t has one replica",
    ),
    (own(deliver=False), "never sent"),
    (own(on_expired="continue"), "lost without a stop"),
    (own(delivery={"max_attempts": 3}), "becomes dead letters"),
    (own(settings={"base_url": "http://vendor", "allow_http": True}), "allow_http"),
    ({"replicas": 0}, "has no replicas"),
    ({"replicas": 4, "partitions": 3}, "4 replicas for 3 partitions"),
    ({"partitions": 3, "autoscaling": {"mode": "keda", "minReplicas": 0, "allowScaleToZero": True}}, "scaled to 0"),
    ({"resources": {"limits": {"memory": None}}}, "no limit of memory"),
]


def warnings(more: dict[str, Any]) -> list[str]:
    """Return the warnings of the notes when `more` is laid over what is safe."""
    values = with_values("minimal", SAFE)
    values = {**values, **_laid(values, more)}
    lines = render(values).notes.splitlines()
    return [line.strip().removeprefix("WARNING: ") for line in lines if "WARNING" in line]


def _laid(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    return {
        key: {**base[key], **_laid(base[key], value)}
        if isinstance(value, dict) and isinstance(base.get(key), dict)
        else value
        for key, value in more.items()
    }


def test_safe_values_come_without_warnings() -> None:
    """So that a warning is read."""
    assert [] == warnings({})
    assert "WARNING" not in render(with_values("minimal", SAFE)).notes
    assert [] == warnings({"env": {"OTEL_EXPORTER_OTLP_CLIENT_KEY": "/etc/telemetry/tls.key"}}), "a path, no key"


@pytest.mark.parametrize(("more", "told"), UNSAFE, ids=[told for _, told in UNSAFE])
def test_unsafe_values_are_named_in_the_notes(more: dict[str, Any], told: str) -> None:
    """One line for each, and none for what is not unsafe."""
    (warning,) = warnings(more)
    assert told in warning


@pytest.mark.parametrize("feature", FEATURES)
def test_notes_say_where_to_look(feature: str) -> None:
    """Groups, the lag command in a workload that exists, and how to test."""
    rendered = render(feature_values(feature))
    kinds = {"deploy": "Deployment", "statefulset": "StatefulSet"}
    (lag,) = [line for line in rendered.notes.splitlines() if line.endswith("-- segment-bridge lag")]
    kind, _, name = lag.split()[4].partition("/")
    assert (kinds[kind], name) in {(each["kind"], each["metadata"]["name"]) for each in rendered.objects}
    assert "helm -n crm test bridge" in rendered.notes
    assert ("rollout restart" in rendered.notes) is (feature == "reload")


def test_alerts_and_dashboard_are_the_charts_files() -> None:
    """They come through whole, but for what the values leave out or add, and where the runbooks are."""
    rendered = {
        each["kind"]: each for each in render(feature_values("monitoring")).objects if each["kind"] != "ConfigMap"
    }
    files = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text(encoding="utf-8"))
    for group in files["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                rule["labels"] = {**rule.get("labels", {}), "team": "crm"}
                page = rule["annotations"]["runbook_url"].rpartition("/")[2]
                rule["annotations"]["runbook_url"] = f"https://wiki.example/segment-bridge/runbooks/{page}"
    assert files["groups"] == rendered["PrometheusRule"]["spec"]["groups"]
    (dashboard,) = [
        each["data"]["segment-bridge.json"]
        for each in render(feature_values("monitoring")).objects
        if "grafana_dashboard" in each["metadata"]["labels"]
    ]
    assert dashboard.strip() == (CHART / "files" / "dashboard.json").read_text(encoding="utf-8").strip()


def rendered_alerts(**more: object) -> list[dict[str, Any]]:
    """Return the alerts of the rendered rule."""
    objects = render(with_values("monitoring", {"monitoring": {"prometheusRule": more}})).objects
    (rule,) = [each for each in objects if each["kind"] == "PrometheusRule"]
    return [each for group in rule["spec"]["groups"] for each in group["rules"] if "alert" in each]


def test_alerts_can_be_left_out_by_name() -> None:
    """One that does not suit is not rendered, at any of its severities; the others are."""
    all_names = [each["alert"] for each in rendered_alerts()]
    left_out = all_names[0]
    assert all_names.count(left_out) > 1
    kept = [each["alert"] for each in rendered_alerts(without=[left_out])]
    assert [name for name in all_names if name != left_out] == kept


def test_an_alert_that_is_left_out_must_be_there() -> None:
    """A misspelt name would leave it in, and whoever wrote it would be paged."""
    rule = {"enabled": True, "without": ["SegmentBridgePuased"]}
    assert "without names SegmentBridgePuased" in refusal(
        with_values("monitoring", {"monitoring": {"prometheusRule": rule}})
    )


def test_alerts_name_their_runbook_where_it_is_served() -> None:
    """By the page's own name below the given address; without one they carry no address that leads nowhere."""
    base = "https://wiki.example/runbooks"
    for each in rendered_alerts(runbookUrl=base):
        assert each["annotations"]["runbook_url"] == f"{base}/{each['alert']}.md"
    assert not any("runbook_url" in each["annotations"] for each in rendered_alerts(runbookUrl=""))


def test_monitors_scrape_what_is_there() -> None:
    """Each selects the pods or services of the release by the port that they have."""
    for feature, kind, endpoints in (
        ("keda-prometheus", "PodMonitor", "podMetricsEndpoints"),
        ("monitoring", "ServiceMonitor", "endpoints"),
    ):
        objects = render(feature_values(feature)).objects
        (monitor,) = [each for each in objects if each["kind"].endswith("Monitor")]
        assert monitor["kind"] == kind
        assert monitor["metadata"]["labels"]["release"] == "prometheus"
        (endpoint,) = monitor["spec"][endpoints]
        assert (endpoint["port"], endpoint["path"]) == ("page", "/metrics")
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        if kind == "ServiceMonitor":
            services = [each for each in objects if each["kind"] == "Service"]
            assert len(services) == 2
            assert all(wanted <= each["metadata"]["labels"].items() for each in services)
            assert {"page"} == {port["name"] for each in services for port in each["spec"]["ports"]}


def test_topics_are_made_before_anything_is_installed() -> None:
    """A job that runs once, needs nothing of the release, and changes nothing about topics that are there."""
    (job,) = [each for each in render(feature_values("topic-creation")).objects if each["kind"] == "Job"]
    annotations = job["metadata"]["annotations"]
    assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"
    spec = job["spec"]["template"]["spec"]
    assert "serviceAccountName" not in spec
    assert {"client", "scratch"} == {each["name"] for each in spec["volumes"]}
    (script,) = spec["containers"][0]["args"]
    lines = script.strip().splitlines()
    assert len(lines) == 2
    assert all(" --create --if-not-exists " in line for line in lines)
    assert lines[1].endswith(
        "--topic segment-bridge.dead-letters --partitions 3 --replication-factor 3 --config 'cleanup.policy=delete' "
        "--config 'max.message.bytes=1056780' --config 'retention.ms=1209600000'"
    )


def test_the_script_gives_the_tool_what_the_values_say(tmp_path: Path) -> None:
    """By a shell: each topic is a call of its own, and the first that fails ends the job."""
    (job,) = [each for each in render(feature_values("topic-creation")).objects if each["kind"] == "Job"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    tool = tmp_path / "kafka-topics.sh"
    script = container["args"][0].replace("/opt/kafka/bin/kafka-topics.sh", str(tool))
    environ = {each["name"]: each["value"] for each in container["env"]} | {"PATH": os.environ["PATH"]}

    def run(body: str) -> tuple[int, list[list[str]]]:
        tool.write_text(f"#!/bin/sh\n{body}")
        tool.chmod(0o755)
        ran = subprocess.run([*container["command"], script], env=environ, capture_output=True, text=True, check=False)
        return ran.returncode, [line.split("|")[:-1] for line in ran.stdout.splitlines()]

    code, calls = run('for each in "$@"; do printf "%s|" "$each"; done; echo\n')
    assert code == 0
    common = ["--bootstrap-server", "kafka:9092", "--command-config", "/client/client.properties"]
    assert all([*common, "--create", "--if-not-exists", "--topic"] == call[:7] for call in calls)
    assert ["segment-bridge.control", "segment-bridge.dead-letters"] == [call[7] for call in calls]
    assert calls[0][8:] == ["--partitions", "1", "--replication-factor", "3", "--config", "cleanup.policy=compact"]
    assert run("echo; exit 3")[0] == 3


def test_the_test_pod_asks_everybody_with_all_keys() -> None:
    """`helm test` runs the check of the release's own file, with the secrets of every destination that is enabled."""
    (pod,) = [each for each in render(feature_values("several-destinations")).objects if each["kind"] == "Pod"]
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    (container,) = pod["spec"]["containers"]
    assert container["args"] == ["check", "--config", "/config/segment-bridge.yaml", "--online"]
    secrets = {each["secret"]["secretName"] for each in pod["spec"]["volumes"] if "secret" in each}
    assert secrets == {"moesif-key", "moengage-key"}
