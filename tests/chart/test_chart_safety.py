"""What the chart makes of its values, object by object: nothing unsafe, nothing that cannot work."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import typer
from jsonschema import Draft7Validator
from typer.core import TyperGroup

from processor.cli.main import application
from processor.operations.page import Page
from processor.settings import load_settings
from processor.settings.root import load_without_secrets
from tests.chart.rendering import CHART, FEATURES, Object, feature_values, read_yaml, render, with_values

PUBLISHED = Path(__file__).parent / "published"
OLDEST, NEWEST = "1.27", "1.37"
"""The versions of Kubernetes that the chart claims, as far as there are schemas."""
WORKLOADS = {"Deployment", "StatefulSet"}


def objects(feature: str, *kinds: str) -> list[Object]:
    """Return what a feature renders to, of some kinds or of all."""
    return [each for each in render(feature_values(feature)).objects if not kinds or each["kind"] in kinds]


def pods(feature: str) -> Iterator[tuple[str, Object]]:
    """Yield name and pod template of everything that runs."""
    for each in objects(feature):
        if each["kind"] == "Pod":
            yield each["metadata"]["name"], each
        elif "template" in each.get("spec", {}):
            yield each["metadata"]["name"], each["spec"]["template"]


def file_of(feature: str) -> dict[str, Any]:
    """Return the bridge's file as it is mounted."""
    (found,) = [each for each in objects(feature, "ConfigMap") if "segment-bridge.yaml" in each["data"]]
    content: dict[str, Any] = read_yaml(found["data"]["segment-bridge.yaml"])
    return content


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Return whether a selector takes an object with these labels."""
    matched = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    expressions = selector.get("matchExpressions", [])
    return matched and all(
        each["operator"] == "In" and labels.get(each["key"]) in each["values"] for each in expressions
    )


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_takes_every_object(feature: str, version: str) -> None:
    """The oldest and the newest version take what is rendered, without a field that they do not know."""
    checked = 0
    for each in render(feature_values(feature)).objects:
        if not (PUBLISHED / f"{each['kind'].lower()}.schema.json").exists():
            kubernetes_validate.validate(each, version, strict=True)
            checked += 1
    assert checked


def test_the_chart_claims_what_is_checked() -> None:
    """The oldest version is the one that Chart.yaml asks for."""
    assert read_yaml((CHART / "Chart.yaml").read_text(encoding="utf-8"))["kubeVersion"] == f">={OLDEST}.0-0"


@pytest.mark.parametrize("kind", sorted(path.name.partition(".")[0] for path in PUBLISHED.iterdir()))
def test_operators_take_their_objects(kind: str) -> None:
    """Objects of other projects have the fields of their published types and no others."""
    schema = json.loads((PUBLISHED / f"{kind}.schema.json").read_text(encoding="utf-8"))
    Draft7Validator.check_schema(schema)
    found = [each for feature in FEATURES for each in objects(feature) if each["kind"].lower() == kind]
    assert found, "a feature renders one"
    for each in found:
        assert [] == [error.message for error in Draft7Validator(schema).iter_errors(each)]
        assert list(Draft7Validator(schema).iter_errors({**each, "spec": {**each["spec"], "no_such_key": 1}}))


@pytest.mark.parametrize("feature", FEATURES)
def test_the_bridge_takes_its_file(feature: str, tmp_path: Path) -> None:
    """What is mounted is a file that the bridge starts with, once its secrets are there."""
    path = tmp_path / "segment-bridge.yaml"
    content = file_of(feature)
    for destination in content["destinations"].values():
        if "suppressed_users" in destination:
            (tmp_path / "users.txt").write_text("")
            destination["suppressed_users"]["file"] = str(tmp_path / "users.txt")
    properties = content["kafka"].get("properties", {})
    if "ssl.ca.location" in properties:
        properties["ssl.ca.location"] = str(path)
    path.write_text(json.dumps(content))
    assert load_without_secrets(path).destinations.keys() == content["destinations"].keys()


@pytest.mark.parametrize("feature", FEATURES)
def test_every_destination_that_is_enabled_runs_alone(feature: str) -> None:
    """Each has one workload that runs it, and no pod runs another's."""
    run = [each["spec"]["template"]["spec"]["containers"][0]["args"] for each in objects(feature, *WORKLOADS)]
    base = ["run", "--config", "/config/segment-bridge.yaml", "--destination"]
    assert [[*base, name] for name in sorted(file_of(feature)["destinations"])] == run


@pytest.mark.parametrize("feature", FEATURES)
def test_pods_are_given_arguments_that_the_command_line_takes(feature: str) -> None:
    """Each runs a command that there is, with options that it has."""
    commands = typer.main.get_command(application)
    assert isinstance(commands, TyperGroup)
    given = [container["args"] for _, pod in pods(feature) for container in pod["spec"]["containers"]]
    own = [args for args in given if args[0] in commands.commands]
    assert {"run", "check"} == {args[0] for args in own}
    for args in own:
        commands.commands[args[0]].make_context(args[0], args[1:])


def test_what_is_not_enabled_is_nowhere() -> None:
    """It has no pods, and its part of the file and its secrets are nobody's."""
    text = render(feature_values("several-destinations")).text
    assert "moveo" not in text
    assert {"moesif-prod", "moengage-eu"} == file_of("several-destinations")["destinations"].keys()


@pytest.mark.parametrize("feature", FEATURES)
def test_pods_are_restricted(feature: str) -> None:
    """The restricted Pod Security Standard, a read-only root, and no token of the API."""
    platform_chooses = feature == "openshift"
    for name, pod in pods(feature):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["securityContext"].get("runAsUser", 10001 if platform_chooses else 0) > 10000, name
        assert ("runAsUser" in spec["securityContext"]) is not platform_chooses, name
        assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(spec), name
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert container["resources"]["limits"]["memory"], name
            assert container["resources"]["requests"].keys() >= {"cpu", "memory"}, name


@pytest.mark.parametrize("feature", FEATURES)
def test_secrets_are_files_and_nothing_else(feature: str) -> None:
    """No Secret is made, no variable holds one, and each pod has what its part of the file names, and no more."""
    assert [] == objects(feature, "Secret")
    content = file_of(feature)
    for name, pod in pods(feature):
        container = pod["spec"]["containers"][0]
        assert "envFrom" not in container, name
        assert all("secretKeyRef" not in each.get("valueFrom", {}) for each in container.get("env", [])), name
        if container["args"][0] != "run":
            continue
        destination = container["args"][-1]
        own = {**content, "destinations": {destination: content["destinations"][destination]}}
        named = set(re.findall(r"/(?:secrets|files)/[^/\"]+(?=/)", json.dumps([own, container.get("env", [])])))
        mounts = {each["mountPath"]: each for each in container["volumeMounts"]}
        assert named | {"/config", "/tmp"} == mounts.keys(), name
        assert all(mounts[path]["readOnly"] for path in named), name
        volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
        assert {each["name"] for each in mounts.values()} == volumes.keys(), name
        assert all(each["secret"]["defaultMode"] == 0o440 for each in volumes.values() if "secret" in each), name


def test_secrets_of_external_stores_are_mounted_where_they_are_made() -> None:
    """The Secret that the operator makes is the one that pods mount."""
    (external,) = objects("external-secret", "ExternalSecret")
    (workload,) = objects("external-secret", "Deployment")
    mounted = [
        each["secret"]["secretName"] for each in workload["spec"]["template"]["spec"]["volumes"] if "secret" in each
    ]
    assert mounted == [external["spec"]["target"]["name"]]


@pytest.mark.parametrize("feature", FEATURES)
def test_the_file_is_mounted_as_a_directory(feature: str) -> None:
    """Kubernetes then exchanges it in place when it changes."""
    for each in objects(feature, *WORKLOADS):
        mounts = each["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
        assert all("subPath" not in mount for mount in mounts)


def checksums(values: dict[str, Any]) -> dict[str, str | None]:
    """Return the checksum of each workload's pods."""
    return {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"].get("annotations", {}).get("checksum/config")
        for each in render(values).objects
        if each["kind"] in WORKLOADS
    }


def test_a_changed_file_replaces_the_pods_that_it_concerns() -> None:
    """A destination's own part replaces its pods alone, what is common replaces all."""
    before = checksums(feature_values("several-destinations"))
    own = {"config": {"destinations": {"moengage-eu": {"on_expired": "continue"}}}}
    after = checksums(with_values("several-destinations", own))
    assert {"bridge-moengage-eu"} == {name for name in before if before[name] != after[name]}
    everything = checksums(
        with_values("several-destinations", {"config": {"operations": {"logs": {"level": "warning"}}}})
    )
    assert before.keys() == {name for name in before if before[name] != everything[name]}


def test_a_file_that_is_followed_replaces_no_pods() -> None:
    """With reload: true a change reaches the pods that run."""
    assert {"bridge-moesif-prod": None} == checksums(feature_values("reload"))


@pytest.mark.parametrize("feature", FEATURES)
def test_probes_ask_what_the_page_answers(feature: str) -> None:
    """Routes and port are the bridge's own."""
    page = Page(dict, supervised=False)
    routes = {route.resource.canonical for route in page.application().router.routes() if route.resource}
    page.close()
    served = file_of(feature)["operations"]["page"]
    assert served["host"] == "0.0.0.0"
    for each in objects(feature, *WORKLOADS):
        (container,) = each["spec"]["template"]["spec"]["containers"]
        assert container["ports"] == [{"name": "page", "containerPort": served.get("port", 9464), "protocol": "TCP"}]
        asked = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
        assert [{"path": path, "port": "page"} for path in ("/livez", "/livez", "/readyz")] == asked
        assert {get["path"] for get in asked} <= routes


@pytest.mark.parametrize("feature", FEATURES)
def test_names_fit_and_are_unique(feature: str) -> None:
    """Room is left for what controllers put around a name, and no two objects of a kind share one."""
    named = [(each["kind"], each["metadata"]["name"]) for each in objects(feature)]
    assert len(named) == len(set(named))
    assert all(len(name) <= 52 for _, name in named)
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", name) for _, name in named)


@pytest.mark.parametrize("feature", FEATURES)
def test_selectors_take_their_own_pods_alone(feature: str) -> None:
    """Workloads, budgets, services and spread constraints of a destination select its pods and no others."""
    labelled = {name: pod["metadata"]["labels"] for name, pod in pods(feature)}
    for each in objects(feature, "PodDisruptionBudget", "Service", *WORKLOADS):
        selector = each["spec"]["selector"]
        selector = {"matchLabels": selector} if each["kind"] == "Service" else selector
        assert [each["metadata"]["name"]] == [name for name, labels in labelled.items() if selects(selector, labels)]
    for name, pod in pods(feature):
        for constraint in pod["spec"].get("topologySpreadConstraints", []):
            assert [name] == [
                other for other, labels in labelled.items() if selects(constraint["labelSelector"], labels)
            ]


@pytest.mark.parametrize("feature", FEATURES)
def test_every_pod_is_behind_the_network_policy(feature: str) -> None:
    """Nothing but the page is let in; out go DNS, Kafka's ports and HTTPS, and never what a node says of itself."""
    (policy,) = objects(feature, "NetworkPolicy")
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert all(selects(policy["spec"]["podSelector"], pod["metadata"]["labels"]) for _, pod in pods(feature))
    (ingress,) = policy["spec"]["ingress"]
    assert [file_of(feature)["operations"]["page"].get("port", 9464)] == [each["port"] for each in ingress["ports"]]
    assert ingress["from"]
    dns, brokers, https, *_ = policy["spec"]["egress"]
    asked = {53, 5353} if feature == "openshift" else {53}
    assert {(port, protocol) for port in asked for protocol in ("UDP", "TCP")} == {
        (each["port"], each["protocol"]) for each in dns["ports"]
    }
    assert "to" not in dns, "some clusters ask a cache on the node, which is no pod"
    servers = file_of(feature)["kafka"]["bootstrap_servers"].split(",")
    assert {int(each.rpartition(":")[2]) for each in servers} <= {each["port"] for each in brokers["ports"]}
    assert "169.254.0.0/16" in https["to"][0]["ipBlock"]["except"]


def test_a_release_that_runs_with_the_settings_of_the_file(tmp_path: Path) -> None:
    """The group that the notes name is the one that the bridge joins."""
    for feature in FEATURES:
        content = file_of(feature)
        for destination in content["destinations"].values():
            destination.pop("suppressed_users", None)
        content["kafka"].get("properties", {}).pop("ssl.ca.location", None)
        path = tmp_path / f"{feature}.yaml"
        path.write_text(json.dumps(content))
        settings = load_without_secrets(path)
        notes = render(feature_values(feature)).notes
        assert all(f"{name}: group {settings.group_id(name)}," in notes for name in settings.destinations)


def test_secrets_that_are_mounted_are_found(tmp_path: Path) -> None:
    """A reference of the file leads to the key of a Secret below its mount."""
    content = file_of("minimal")
    reference = content["destinations"]["moesif-prod"]["settings"]["application_id"]
    (tmp_path / "application-id").write_text("a-made-up-key\n")
    reference["file"] = str(tmp_path / Path(reference["file"]).name)
    path = tmp_path / "segment-bridge.yaml"
    path.write_text(json.dumps(content))
    assert load_settings(path).destinations["moesif-prod"].settings.model_dump()["application_id"] == "***"


@pytest.mark.parametrize(
    ("address", "port"),
    [
        ("http://collector", 80),
        ("https://collector.example", 443),
        ("HTTPS://Collector:4318/", 4318),
        ("http://[2001:db8::1]:4318", 4318),
        ("http://[fd00::1]", 80),
        ("http://[fd00:0:0::5]:4318/v1:7", 4318),
        ("http://collector:4318/tenant:7", 4318),
        ("http://user:123pass@collector:4318", 4318),
        ("https://team:99@collector.example/a:9", 443),
        ("http://$(HOST_IP):04318", 4318),
    ],
)
@pytest.mark.parametrize("signal", ["", "METRICS_", "TRACES_"])
def test_processes_may_reach_the_collector_that_env_names(address: str, port: int, signal: str) -> None:
    """By the port of its address or the usual one of its protocol, in the cluster or not, and by no other port."""
    values = with_values("minimal", {"env": {f"OTEL_EXPORTER_OTLP_{signal}ENDPOINT": address}})
    (policy,) = (each for each in render(values).objects if each["kind"] == "NetworkPolicy")
    (rule,) = (each for each in policy["spec"]["egress"] if 9092 in {one["port"] for one in each["ports"]})
    assert ({9092, port}, None) == ({one["port"] for one in rule["ports"]}, rule.get("to"))
