"""The chart in a cluster: installed, looked at, upgraded, rolled back, uninstalled. `make test-cluster`.

The cluster is whatever `KUBECONFIG` leads to: kind, minikube, or a bare API server. Where no pods run everything else
is looked at all the same: what the API server keeps of each object, what admission says of the pods, and the bounds of
scaling. Everything happens in a namespace of its own, which is deleted at the end, as are priority classes that were
made because the values name them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import helm_python

from tests.chart.rendering import CHART, Object, Values, merged, read_yaml, render

RELEASE: Final = "bridge"
WORKLOADS: Final = ("Deployment", "StatefulSet")
OWN_VALUES: Final = Path(__file__).parent / "cluster-values.yaml"
WAIT_S: Final = 300.0
"""Longest wait for pods, and for objects to go."""
_KEY: Final = "a-made-up-key"


class TrialError(Exception):
    """The cluster has something else than it should."""


def expect(holds: object, what: str) -> None:
    """Say that something is as it should be.

    Raises:
        TrialError: it is not.
    """
    if not holds:
        raise TrialError(what)
    told(what)


def told(what: str) -> None:
    """Say what has been found."""
    sys.stdout.write(f"  {what}\n")


class Cluster:
    """The cluster by `kubectl`, in one namespace."""

    def __init__(self, namespace: str) -> None:
        """Ask about this namespace."""
        self.namespace = namespace

    def kubectl(self, *arguments: str, given: Object | None = None) -> str:
        """Return what a command prints.

        Raises:
            TrialError: it ends with another code than 0.
        """
        text = None if given is None else json.dumps(given)
        ran = subprocess.run(
            ["kubectl", "--namespace", self.namespace, *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise TrialError(f"kubectl {' '.join(arguments)}: {ran.stderr.strip()}")
        return ran.stdout

    def create(self, made: Object) -> None:
        """Make an object."""
        self.kubectl("create", "--filename", "-", given=made)

    def get(self, kind: str, name: str) -> Object:
        """Return an object as the API server has it."""
        found: Object = json.loads(self.kubectl("get", kind, name, "--output", "json"))
        return found

    def left(self) -> list[str]:
        """Return what of the release is there."""
        kinds = "deployments,statefulsets,configmaps,serviceaccounts,poddisruptionbudgets,horizontalpodautoscalers"
        kinds += ",networkpolicies,services"
        selector = f"app.kubernetes.io/instance={RELEASE}"
        return self.kubectl("get", kinds, "--selector", selector, "--output", "name").split()

    def forget(self, kind: str, name: str) -> None:
        """Delete an object, as far as the cluster answers; nobody waits for it."""
        with contextlib.suppress(TrialError):
            self.kubectl("delete", kind, name, "--wait=false", "--ignore-not-found")

    def ready_nodes(self) -> list[Object]:
        """Return the nodes that say that they are ready."""
        nodes: list[Object] = json.loads(self.kubectl("get", "nodes", "--output", "json"))["items"]
        return [
            node for node in nodes if any(_is_ready(state) for state in node.get("status", {}).get("conditions", ()))
        ]


def _is_ready(condition: Mapping[str, str]) -> bool:
    return (condition["type"], condition["status"]) == ("Ready", "True")


def _is_fake(node: Object) -> bool:
    """Return whether no kubelet is behind a node: kwok says of its pods that they run."""
    return "kwok.x-k8s.io/node" in node["metadata"].get("annotations", {})


def core(kind: str, name: str, **more: Any) -> Object:  # noqa: ANN401 - any JSON
    """Return an object of the core API."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **more}


def until(condition: Callable[[], object], what: str, timeout_s: float = WAIT_S) -> None:
    """Wait for a condition.

    Raises:
        TrialError: it did not come true in time.
    """
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise TrialError(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(0.5)
    told(what)


def missing(wanted: Any, there: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Yield what of one value is not in another: the API server may add, and must keep."""
    if isinstance(wanted, Mapping) and isinstance(there, Mapping):
        for key, value in wanted.items():
            yield from missing(value, there.get(key), f"{path}.{key}")
    elif isinstance(wanted, list) and isinstance(there, list) and len(wanted) == len(there):
        for index, (value, found) in enumerate(zip(wanted, there, strict=True)):
            yield from missing(value, found, f"{path}[{index}]")
    elif wanted != there and not (wanted in ({}, [], None) and there is None) and not _is_same_quantity(wanted, there):
        yield f"{path}: {wanted!r} became {there!r}"


def _is_same_quantity(wanted: object, there: object) -> bool:
    return isinstance(wanted, int | float | str) and str(wanted) == str(there)


class Trial:
    """One run through the life of a release."""

    def __init__(self, cluster: Cluster, values: Values, helm: helm_python.Config) -> None:
        """Prepare the release with these values."""
        self.cluster, self.values, self.helm = cluster, values, helm
        self.before_it: list[Object] = []

    def run(self) -> None:
        """Go through all of it.

        Raises:
            TrialError: something is not as it should be.
            helm_python.HelmError: Helm could not do its part.
        """
        for step in (self.install, self.look, self.wait, self.scale, self.upgrade, self.roll_back, self.uninstall):
            sys.stdout.write(f"{step.__name__.replace('_', ' ')}\n")
            step()

    def rendered(self) -> list[Object]:
        """Return what the chart makes of the values, without hooks."""
        objects = render(self.values, release=RELEASE, namespace=self.cluster.namespace).objects
        return [each for each in objects if "helm.sh/hook" not in each["metadata"].get("annotations", {})]

    def prerequisites(self) -> Iterator[Object]:
        """Yield what the values name and the chart does not make; what an operator brings is not among it."""
        for secret, data in self._made_up("secrets", "existingSecret").items():
            yield core("Secret", secret, stringData=data)
        for config_map, data in self._made_up("files", "configMap").items():
            yield core("ConfigMap", config_map, data=data)
        objects = self.rendered()
        pods = [each["spec"]["template"]["spec"] for each in objects if each["kind"] in WORKLOADS]
        made = {each["metadata"]["name"] for each in objects if each["kind"] == "ServiceAccount"}
        for name in {pod["serviceAccountName"] for pod in pods} - made - {"default"}:
            yield core("ServiceAccount", name)
        there = self.cluster.kubectl("get", "priorityclasses", "--output", "name").split()
        for name in {pod["priorityClassName"] for pod in pods if "priorityClassName" in pod}:
            if f"priorityclass.scheduling.k8s.io/{name}" not in there:
                yield {**core("PriorityClass", name, value=1000), "apiVersion": "scheduling.k8s.io/v1"}

    def _made_up(self, section: str, key: str) -> dict[str, dict[str, str]]:
        """Return by object a text for each file of it that the configuration looks for; two names may lead to one."""
        text, found = json.dumps([self.values["config"], self.values.get("env", {})]), dict[str, dict[str, str]]()
        for name, entry in self.values.get(section, {}).items():
            if key in entry:
                files = re.findall(rf"/{section}/{name}/([\w.-]+)", text)
                found.setdefault(entry[key], {}).update(dict.fromkeys(files, _KEY))
        return found

    def install(self) -> None:
        """Make the namespace, hold it to the restricted standard, make what has to be there, install."""
        space = core("Namespace", self.cluster.namespace)
        space["metadata"]["labels"] = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.cluster.create(space)
        self.before_it = list(self.prerequisites())
        for each in self.before_it:
            self.cluster.create(each)
        self.helm.install(CHART, RELEASE, self.values, namespace=self.cluster.namespace)
        expect(len(self.helm.history(RELEASE)) == 1, "it is installed")

    def look(self) -> None:
        """Hold every object against what was rendered, and every pod against what admission lets in."""
        for each in self.rendered():
            kind, name = each["kind"], each["metadata"]["name"]
            there = self.cluster.get(kind, name)
            lost = [
                *missing(each.get("spec", {}), there.get("spec", {})),
                *missing(each.get("data", {}), there.get("data", {})),
            ]
            expect(not lost, f"{kind} {name} is kept as it is" + "".join(f"\n    {one}" for one in lost))
            if kind in WORKLOADS:
                pod = {"apiVersion": "v1", "kind": "Pod", **each["spec"]["template"]}
                pod["metadata"] = {**pod["metadata"], "name": name, "namespace": self.cluster.namespace}
                self.cluster.kubectl("create", "--dry-run=server", "--filename", "-", given=pod)
                told(f"pods of {name} are let in")

    def wait(self) -> None:
        """Wait for the pods where there are nodes, and where they run have `helm test` ask Kafka and the vendors."""
        nodes = self.cluster.ready_nodes()
        if not nodes:
            told("there is no node here, so no pod is waited for")
            return
        for each in self.rendered():
            if each["kind"] in WORKLOADS:
                name = each["metadata"]["name"]
                self.cluster.kubectl("rollout", "status", f"{each['kind'].lower()}/{name}", f"--timeout={WAIT_S:.0f}s")
                told(f"{name} is rolled out")
        if all(map(_is_fake, nodes)):
            told("no node runs pods here, so helm test is left out")
            return
        self.helm.test(RELEASE)
        told("helm test is content")

    def scale(self) -> None:
        """Hold the bounds of scaling against the partitions, and try to go beyond them."""
        partitions = self.values.get("partitions")
        if partitions is None or self.values.get("staticMembership", {}).get("enabled"):
            told("nothing scales by itself here")
            return
        for each in self.rendered():
            if each["kind"] in ("HorizontalPodAutoscaler", "ScaledObject"):
                spec = self.cluster.get(each["kind"], each["metadata"]["name"])["spec"]
                fewest = spec.get("minReplicas", spec.get("minReplicaCount"))
                most = spec.get("maxReplicas", spec.get("maxReplicaCount"))
                name = each["metadata"]["name"]
                least = 0 if self._may_stop(name) else 1
                expect(least <= fewest <= most <= partitions, f"{name} has {fewest} to {most} of {partitions}")
        mode = self.values.get("autoscaling", {}).get("mode", "hpa")
        beyond = {"autoscaling": {"mode": mode, "maxReplicas": partitions + 1}}
        try:
            self.helm.upgrade(CHART, RELEASE, merged(self.values, {**beyond, "destinations": {}}))
        except helm_python.HelmError as error:
            expect("partitions" in str(error), "more processes than partitions are refused")
        else:
            raise TrialError("more processes than partitions are taken")

    def _may_stop(self, name: str) -> bool:
        """Return whether the values allow a workload to have no process."""
        own = {key: one.get("autoscaling", {}) for key, one in self.values.get("destinations", {}).items()}
        common = self.values.get("autoscaling", {}).get("allowScaleToZero", False)
        allowed = {key for key, one in own.items() if one.get("allowScaleToZero", common)}
        return any(name.endswith(f"-{key}") for key in allowed)

    @property
    def reloads(self) -> bool:
        """Say whether running processes read a changed file themselves, so that their pods stay."""
        return bool(self.values["config"].get("reload"))

    def file(self) -> str:
        """Return the bridge's file as the cluster has it."""
        maps = [each["metadata"]["name"] for each in self.rendered() if each["kind"] == "ConfigMap"]
        files = [self.cluster.get("configmap", name)["data"].get("segment-bridge.yaml") for name in maps]
        return next(str(text) for text in files if text is not None)

    def state(self) -> dict[str, tuple[str, int]]:
        """Return checksum of the file and generation of each workload; no checksum where the file is read again."""
        found = {}
        for each in self.rendered():
            if each["kind"] in WORKLOADS:
                there = self.cluster.get(each["kind"], each["metadata"]["name"])
                checksum = there["spec"]["template"]["metadata"].get("annotations", {}).get("checksum/config", "")
                found[each["metadata"]["name"]] = (checksum, int(there["metadata"]["generation"]))
        return found

    def upgrade(self) -> None:
        """Change the file; every workload that does not reload it is rolled out anew, and nothing is made twice."""
        self.before = self.state()
        left = self.cluster.left()
        more = {"config": {"operations": {"logs": {"level": "warning"}}}}
        self.helm.upgrade(CHART, RELEASE, merged(self.values, more), namespace=self.cluster.namespace)
        after = self.state()
        expect(after.keys() == self.before.keys(), "the same workloads are there")
        expect("warning" in self.file(), "the file is the new one")
        if self.reloads:
            expect(after == self.before, "their pods stay, and read it themselves")
        else:
            expect(all(after[name][0] != self.before[name][0] for name in after), "their pods get the new file")
            expect(all(after[name][1] > self.before[name][1] for name in after), "they are rolled out anew")
        expect(sorted(left) == sorted(self.cluster.left()), "nothing was made or deleted")

    def roll_back(self) -> None:
        """Go back; file and pods are those of the beginning."""
        self.helm.rollback(RELEASE, version=1)
        now = self.state()
        expect(all(now[name][0] == self.before[name][0] for name in now), "their pods get the file of the beginning")
        expect("warning" not in self.file(), "the file is that of the beginning")

    def uninstall(self) -> None:
        """Take it away; nothing is left but what was there before."""
        self.helm.uninstall(RELEASE)
        until(lambda: not self.cluster.left(), "nothing of the release is left")
        for each in self.before_it:
            self.cluster.get(each["kind"], each["metadata"]["name"])
        told("what was there before is still there")

    def forget(self) -> None:
        """Delete the namespace with all that is in it, and what was made outside it; nobody waits for it."""
        for each in self.before_it:
            if each["kind"] == "PriorityClass":
                self.cluster.forget(each["kind"], each["metadata"]["name"])
        self.cluster.forget("namespace", self.cluster.namespace)


def main() -> int:
    """Run the trial; return 1 when something is not as it should be."""
    parser = argparse.ArgumentParser(description="Try the chart in the cluster that KUBECONFIG leads to.")
    parser.add_argument(
        "--values", type=Path, default=OWN_VALUES, help="Values of the release; `partitions` among them."
    )
    parser.add_argument("--keep", action="store_true", help="Leave the namespace as it is at the end.")
    arguments = parser.parse_args()
    if "KUBECONFIG" not in os.environ:
        parser.error("KUBECONFIG is not set: it says which cluster may be used for this")
    cluster = Cluster(f"segment-bridge-{secrets.token_hex(3)}")
    values = read_yaml(arguments.values.read_text(encoding="utf-8"))
    try:
        helm = helm_python.Config(namespace=cluster.namespace, storage_driver=os.environ.get("HELM_DRIVER"))
        trial = Trial(cluster, values, helm)
        try:
            trial.run()
        finally:
            if not arguments.keep:
                trial.forget()
    except (TrialError, helm_python.HelmError) as error:
        sys.stderr.write(f"FAILED: {error}\n")
        return 1
    sys.stdout.write("the chart does what it should\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
