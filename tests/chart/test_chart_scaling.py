"""How many processes there are: never more than partitions, never none by accident, no more while held."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendering import FEATURES, Object, feature_values, refusal, render, with_values
from tests.prometheus_tools import promtool

SCALERS = {"ScaledObject", "HorizontalPodAutoscaler"}


def scalers(values: dict[str, Any]) -> dict[str, Object]:
    """Return the scalers that values render to, by the workload that they scale."""
    found = [each for each in render(values).objects if each["kind"] in SCALERS]
    named = {each["spec"]["scaleTargetRef"]["name"]: each for each in found}
    assert len(named) == len(found), "no workload has two"
    return named


def bounds(scaler: Object) -> tuple[int, int]:
    """Return the fewest and the most processes of a scaler of either kind."""
    spec = scaler["spec"]
    names = (
        ("minReplicaCount", "maxReplicaCount") if scaler["kind"] == "ScaledObject" else ("minReplicas", "maxReplicas")
    )
    return spec[names[0]], spec[names[1]]


@pytest.mark.parametrize("feature", FEATURES)
def test_a_workload_has_a_number_or_a_scaler(feature: str) -> None:
    """With a scaler nothing else says how many processes there are, or each upgrade would undo it."""
    scaled = scalers(feature_values(feature))
    for each in render(feature_values(feature)).objects:
        if each["kind"] in {"Deployment", "StatefulSet"}:
            assert ("replicas" in each["spec"]) is not (each["metadata"]["name"] in scaled)


@pytest.mark.parametrize(("mode", "most"), list(product(["keda", "hpa"], [None, 1, 5, 6])))
def test_processes_are_never_more_than_partitions(mode: str, most: int | None) -> None:
    """The most is what is asked for, or else as many as there are partitions."""
    more = {"partitions": 6, "autoscaling": {"mode": mode, "maxReplicas": most}}
    (scaler,) = scalers(with_values("minimal", more)).values()
    assert bounds(scaler) == (1, 6 if most is None else most)


@pytest.mark.parametrize("mode", ["keda", "hpa"])
def test_more_processes_than_partitions_are_refused(mode: str) -> None:
    """So is a number that nobody can hold against the partitions."""
    scaling = {"autoscaling": {"mode": mode, "maxReplicas": 7}}
    assert "only 6 partitions" in refusal(with_values("minimal", {"partitions": 6, **scaling}))
    assert "partitions" in refusal(with_values("minimal", scaling))
    own = {"destinations": {"moesif-prod": scaling}}
    assert "partitions" in refusal(with_values("minimal", own))
    assert "more than its greatest" in refusal(
        with_values("minimal", {"partitions": 6, "autoscaling": {"mode": mode, "minReplicas": 7}})
    )


def test_the_fallback_stays_within_the_bounds() -> None:
    """A KEDA that cannot look starts no process that would get no work, and stops the last one of none."""
    for given, expected in ((None, 2), (4, 4), (50, 12)):
        more = {"autoscaling": {"maxReplicas": None, "keda": {"fallback": {"replicas": given}}}}
        fallback = scalers(with_values("keda-kafka", more))["bridge-moesif-prod"]["spec"]["fallback"]
        assert fallback == {"failureThreshold": 3, "replicas": expected, "behavior": "currentReplicasIfHigher"}
    night = scalers(feature_values("keda-kafka"))["bridge-moesif-night"]
    assert (0, 1) == bounds(night)
    assert night["spec"]["fallback"]["replicas"] == 1


@pytest.mark.parametrize(
    ("scaling", "told"),
    [
        ({"mode": "keda", "minReplicas": 0}, "allowScaleToZero"),
        ({"mode": "hpa", "minReplicas": 0, "allowScaleToZero": True}, "mode"),
        (
            {
                "mode": "keda",
                "minReplicas": 0,
                "allowScaleToZero": True,
                "keda": {"trigger": "prometheus", "prometheus": {"serverAddress": "http://p"}},
            },
            "use trigger kafka",
        ),
    ],
)
def test_no_processes_are_never_an_accident(scaling: dict[str, Any], told: str) -> None:
    """0 must be allowed by name, and something must be able to start the first process; for one destination too."""
    assert told in refusal(with_values("minimal", {"partitions": 6, "autoscaling": scaling}))
    own = {"partitions": 6, "destinations": {"moesif-prod": {"autoscaling": scaling}}}
    assert told in refusal(with_values("minimal", own))


def test_there_are_not_two_scalers() -> None:
    """The mode is one word, so KEDA and a HorizontalPodAutoscaler exclude each other."""
    for wrong in ("both", ["keda", "hpa"], {"keda": True, "hpa": True}, "KEDA"):
        assert "mode" in refusal(with_values("hpa", {"autoscaling": {"mode": wrong}}))
    (one,) = scalers(feature_values("hpa")).values()
    assert one["kind"] == "HorizontalPodAutoscaler"


def test_processes_come_and_go_slowly() -> None:
    """Both scalers have the same windows, and take away more slowly than they add."""
    expected = {
        "scaleUp": {
            "stabilizationWindowSeconds": 60,
            "policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": 600,
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 120}],
        },
    }
    (hpa,) = scalers(feature_values("hpa")).values()
    (keda,) = scalers(feature_values("keda-prometheus")).values()
    assert expected == hpa["spec"]["behavior"]
    assert expected == keda["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]


def test_keda_asks_for_the_lag_of_the_group_that_the_bridge_joins() -> None:
    """Each topic has its trigger; idle processes, and lag that stands still, add none."""
    values = with_values("keda-kafka", {"config": {"kafka": {"group_prefix": "crm"}}})
    triggers = scalers(values)["bridge-moesif-prod"]["spec"]["triggers"]
    assert ["segment-events", "segment-events-web"] == [each["metadata"]["topic"] for each in triggers]
    for each in triggers:
        metadata = each["metadata"]
        assert metadata["consumerGroup"] == "crm.moesif-prod"
        assert metadata["allowIdleConsumers"] == "false"
        assert metadata["limitToPartitionsWithLag"] == "true"
        assert metadata["excludePersistentLag"] == "true"
        assert metadata["scaleToZeroOnInvalidOffset"] == "false"
        assert metadata["tls"] == "enable"
        assert each["authenticationRef"] == {"name": "kafka-for-keda"}


def test_keda_is_given_what_it_needs_to_get_into_kafka() -> None:
    """A Kafka that asks who one is needs an authentication for KEDA too."""
    assert "authenticationRef" in refusal(
        with_values("keda-kafka", {"autoscaling": {"keda": {"authenticationRef": None}}})
    )
    assert "allowIdleConsumers" in refusal(
        with_values("keda-kafka", {"autoscaling": {"keda": {"kafka": {"metadata": {"allowIdleConsumers": "true"}}}}})
    )
    more = {"autoscaling": {"keda": {"prometheus": {"serverAddress": ""}}}}
    assert "serverAddress" in refusal(with_values("keda-prometheus", more))


def query() -> str:
    """Return the query by which KEDA asks Prometheus."""
    (scaler,) = scalers(feature_values("keda-prometheus")).values()
    (trigger,) = scaler["spec"]["triggers"]
    assert trigger["metadata"]["ignoreNullValues"] == "false"
    return str(trigger["metadata"]["query"])


def test_the_query_asks_for_this_destination_alone() -> None:
    """Every series in it is of the destination and of the release's namespace."""
    series = re.findall(r"(segment_bridge_\w+)(\{[^}]*\})", query())
    assert {'{destination="moesif-prod",namespace="crm"}'} == {matchers for _, matchers in series}
    assert [
        "segment_bridge_lag_records",
        "segment_bridge_held",
        "segment_bridge_operator_paused",
        "segment_bridge_circuit_open",
    ] == [name for name, _ in series]


LABELS = 'destination="moesif-prod",namespace="crm"'
LAG = {
    f'segment_bridge_lag_records{{{LABELS},topic="t",partition="0",pod="a"}}': 1000,
    f'segment_bridge_lag_records{{{LABELS},topic="t",partition="1",pod="a"}}': 700,
    f'segment_bridge_lag_records{{{LABELS},topic="t",partition="1",pod="b"}}': 650,
    'segment_bridge_lag_records{destination="other",namespace="crm",topic="t",partition="9"}': 9,
}
CALM = {"held": 'reason=""', "operator_paused": "", "circuit_open": ""}


def states(name: str | None, label: str) -> dict[str, int]:
    """Return the series of two processes' states; of one process the named state is on."""
    found = {}
    for each, calm in CALM.items():
        for pod in ("a", "b"):
            is_on = (each, pod) == (name, "b")
            labels = ",".join(part for part in (LABELS, f'pod="{pod}"', label if is_on else calm) if part)
            found[f"segment_bridge_{each}{{{labels}}}"] = int(is_on)
    return found


@pytest.mark.parametrize(
    ("name", "label", "expected"),
    [
        (None, "", 1700),
        ("held", 'reason="unauthorized"', 0),
        ("operator_paused", "", 0),
        ("circuit_open", "", 0),
    ],
)
def test_the_query_is_the_lag_unless_the_destination_is_held(
    tmp_path: Path, name: str | None, label: str, expected: int
) -> None:
    """By Prometheus itself: lag of each partition once; 0 while any process is held, paused or has its circuit open."""
    series = [{"series": each, "values": str(value)} for each, value in (LAG | states(name, label)).items()]
    asked = {"expr": query(), "eval_time": "0m", "exp_samples": [{"labels": "{}", "value": expected}]}
    tests = [{"input_series": series, "promql_expr_test": [asked]}]
    path = tmp_path / "query.yaml"
    path.write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": tests}))
    ran = promtool("test", "rules", path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_destination_that_may_go_to_nothing_is_not_reported_as_gone(tmp_path: Path) -> None:
    """By Prometheus itself: of two that go, the one that has no process on purpose pages nobody."""
    monitoring = {"mode": "podMonitor", "prometheusRule": {"enabled": True}}
    objects = render(with_values("keda-kafka", {"monitoring": monitoring})).objects
    (rule,) = [each["spec"] for each in objects if each["kind"] == "PrometheusRule"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rule))
    names = ("moesif-night", "moesif-prod")
    series = [
        {"series": f'segment_bridge_destination_alive{{destination="{each}"}}', "values": "1 stale"} for each in names
    ]
    fired = {"exp_labels": {"destination": "moesif-prod", "severity": "critical"}}
    fired["exp_annotations"] = {
        "summary": "Destination moesif-prod is gone.",
        "description": "Prometheus gets no metrics of moesif-prod: no process runs, or none can be reached.",
    }
    looks = [{"alertname": "SegmentBridgeAbsent", "eval_time": "10m", "exp_alerts": [fired]}]
    tests = [{"interval": "1m", "input_series": series, "alert_rule_test": looks}]
    path = tmp_path / "tests.yaml"
    path.write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}))
    ran = promtool("test", "rules", path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    "scaling",
    [{"autoscaling": {"mode": "hpa"}}, {"destinations": {"moesif-prod": {"autoscaling": {"mode": "keda"}}}}],
    ids=["all", "one"],
)
def test_static_members_are_not_scaled(scaling: dict[str, Any]) -> None:
    """A member that is gone keeps its partitions for a session, so numbers must not change by themselves."""
    told = refusal(with_values("static-membership", scaling))
    assert "autoscaling" in told
    assert "static membership" in told or "mode" in told


def test_static_members_are_known_by_their_pods() -> None:
    """A StatefulSet gives each process the name that its group knows it by, and a session long enough to restart in."""
    objects = render(feature_values("static-membership")).objects
    (workload,) = [each for each in objects if each["kind"] == "StatefulSet"]
    assert [] == [each for each in objects if each["kind"] == "Deployment"]
    (service,) = [each for each in objects if each["kind"] == "Service"]
    assert service["spec"]["clusterIP"] == "None"
    assert workload["spec"]["serviceName"] == service["metadata"]["name"]
    assert workload["spec"]["podManagementPolicy"] == "Parallel"
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    assert {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}} in container["env"]
    kafka = kafka_settings({})
    assert kafka["properties"] == {"group.instance.id": {"env": "POD_NAME"}}
    assert kafka["consumer"] == {"session_timeout_ms": 60000}


def kafka_settings(more: dict[str, Any]) -> dict[str, Any]:
    """Return `kafka` of the file that static members read."""
    objects = render(with_values("static-membership", more)).objects
    (file,) = [each["data"]["segment-bridge.yaml"] for each in objects if each["kind"] == "ConfigMap"]
    found: dict[str, Any] = yaml.safe_load(file)["kafka"]
    return found


def test_what_the_file_says_of_members_stays() -> None:
    """A session of the user's own is kept, and none is set where the brokers decide."""
    assert kafka_settings({"config": {"kafka": {"consumer": {"session_timeout_ms": 90000}}}})["consumer"] == {
        "session_timeout_ms": 90000
    }
    assert "consumer" not in kafka_settings({"config": {"kafka": {"group_protocol": "consumer"}}})
