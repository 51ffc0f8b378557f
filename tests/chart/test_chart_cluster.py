"""`make test-cluster` finds what it is there to find: tried on a cluster that is a dictionary."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import helm_python
import pytest

from tests.chart.cluster import OWN_VALUES, RELEASE, WORKLOADS, Cluster, Trial, TrialError, missing
from tests.chart.rendering import CHART, Object, Values, read_yaml, render

Change = Callable[[Object], Object | None]


class DictCluster(Cluster):
    """Keeps objects as an API server does: with a generation, and whatever `change` makes of them."""

    def __init__(self, change: Change | None = None) -> None:
        """Hold nothing yet."""
        super().__init__("crm")
        self.stored: dict[tuple[str, str], Object] = {}
        self.before_it: set[tuple[str, str]] = set()
        self.made: list[tuple[Object, bool]] = []
        self.deleted: list[tuple[str, ...]] = []
        self.waited_for: list[str] = []
        self.nodes: list[Object] = []
        self.change = change

    def apply(self, wanted: list[Object]) -> None:
        """Make, change and delete objects until they are the wanted ones."""
        before = self.stored
        self.keep_what_was_there()
        for each in wanted:
            key = (each["kind"].lower(), each["metadata"]["name"])
            kept = copy.deepcopy(each) if self.change is None else self.change(copy.deepcopy(each))
            if kept is None:
                continue
            was = before.get(key, {}).get("metadata", {}).get("generation", 0)
            is_other = before.get(key, {}).get("spec") != kept.get("spec")
            kept["metadata"]["generation"] = was + 1 if is_other else was
            self.stored[key] = kept

    def keep_what_was_there(self) -> None:
        """Keep what nobody installed."""
        self.stored = {key: each for key, each in self.stored.items() if key in self.before_it}

    def kubectl(self, *arguments: str, given: Object | None = None) -> str:
        """Note what is made and keep it; there are no priority classes yet."""
        if arguments[:2] == ("rollout", "status"):
            self.waited_for.append(arguments[2])
            return ""
        if given is None:
            assert arguments[:2] in {("get", "priorityclasses"), ("delete", "PriorityClass"), ("delete", "namespace")}
            self.deleted += [arguments[1:3]] if arguments[0] == "delete" else []
            return ""
        is_trial = "--dry-run=server" in arguments
        self.made.append((given, is_trial))
        if not is_trial and given["kind"] != "Namespace":
            key = (given["kind"].lower(), given["metadata"]["name"])
            self.before_it.add(key)
            self.stored[key] = given
        return ""

    def get(self, kind: str, name: str) -> Object:
        """Return what is kept."""
        found = self.stored.get((kind.lower(), name))
        if found is None:
            raise TrialError(f"there is no {kind} {name}")
        return found

    def left(self) -> list[str]:
        """Return everything but what was there before."""
        return ["/".join(key) for key in self.stored if key not in self.before_it]

    def ready_nodes(self) -> list[Object]:
        """Return those that the test has put there."""
        return self.nodes


class DictHelm:
    """Renders into a `DictCluster` and remembers revisions."""

    def __init__(self, cluster: DictCluster, *, forgets_to_roll_back: bool = False) -> None:
        """Install into this cluster."""
        self._cluster, self._forgets = cluster, forgets_to_roll_back
        self._revisions: list[Values] = []
        self.test_count = 0

    def install(self, _chart: object, name: str, values: Values, **_: object) -> None:
        """Install or upgrade, or refuse the values."""
        objects = render(values, release=name, namespace=self._cluster.namespace).objects
        self._revisions.append(values)
        self._cluster.apply(
            [each for each in objects if "helm.sh/hook" not in str(each["metadata"].get("annotations"))]
        )

    upgrade = install

    def history(self, _name: str) -> list[dict[str, Any]]:
        """Return all revisions."""
        return [{"version": number + 1} for number in range(len(self._revisions))]

    def rollback(self, name: str, *, version: int) -> None:
        """Go back to a revision."""
        if not self._forgets:
            self.install(None, name, self._revisions[version - 1])

    def test(self, _name: str) -> None:
        """Count it."""
        self.test_count += 1

    def uninstall(self, _name: str) -> None:
        """Delete everything."""
        self._cluster.keep_what_was_there()


def trial(change: Change | None = None, *, file: Path = OWN_VALUES, **faults: bool) -> tuple[Trial, DictCluster]:
    """Return a trial of the values that are used by default, or others, in a cluster of its own."""
    cluster = DictCluster(change)
    values = read_yaml(file.read_text(encoding="utf-8"))
    return Trial(cluster, values, cast("helm_python.Config", DictHelm(cluster, **faults))), cluster


def test_a_chart_that_does_what_it_should_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """Every step is gone through, pods of every workload are shown to admission, nothing is left."""
    one, cluster = trial()
    one.run()
    told = capsys.readouterr().out
    assert "more processes than partitions are refused" in told
    assert f"{RELEASE}-moesif has 1 to 4 of 6" in told
    assert "their pods get the file of the beginning" in told
    (namespace, _), (secret, _), *pods = cluster.made
    assert namespace["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
    assert secret["stringData"].keys() == {"moveo-api-key", "moesif-application-id"}
    assert ["Pod", "Pod"] == [each["kind"] for each, is_trial in pods if is_trial]
    assert cluster.left() == []


FAKE: Object = {"metadata": {"annotations": {"kwok.x-k8s.io/node": "fake"}}}
REAL: Object = {"metadata": {}}


@pytest.mark.parametrize(
    ("nodes", "is_waited_for", "test_count"), [([], False, 0), ([FAKE], True, 0), ([FAKE, REAL], True, 1)]
)
def test_pods_are_waited_for_where_there_are_nodes(
    nodes: list[Object],
    is_waited_for: bool,  # noqa: FBT001 - a table
    test_count: int,
) -> None:
    """Fake nodes take pods, but none of them asks Kafka: `helm test` needs one that runs them."""
    one, cluster = trial()
    cluster.nodes = nodes
    one.wait()
    workloads = [f"{each['kind'].lower()}/{each['metadata']['name']}" for each in one.rendered()]
    expected = [each for each in workloads if each.split("/")[0] in ("deployment", "statefulset")]
    assert cluster.waited_for == (expected if is_waited_for else [])
    assert cast("Any", one.helm).test_count == test_count


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        ("openshift", ("ServiceAccount", "segment-bridge")),
        ("reload", ("ConfigMap", "suppressed-users")),
        ("several-destinations", ("PriorityClass", "business-critical")),
    ],
)
def test_what_the_values_take_to_be_there_is_made(feature: str, expected: tuple[str, str]) -> None:
    """And what is in no namespace is deleted at the end, with the namespace."""
    one, cluster = trial(file=CHART / "ci" / f"{feature}-values.yaml")
    one.run()
    assert expected in [(each["kind"], each["metadata"]["name"]) for each, is_trial in cluster.made if not is_trial]
    one.forget()
    assert cluster.deleted == [*([expected] if expected[0] == "PriorityClass" else []), ("namespace", "crm")]


def without_probe(each: Object) -> Object:
    """Lose a field of every pod, as a server that does not know it does."""
    if each["kind"] in WORKLOADS:
        del each["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]
    return each


def unbounded(each: Object) -> Object:
    """Let a scaler go beyond the partitions, together with what was asked for."""
    if each["kind"] == "HorizontalPodAutoscaler":
        each["spec"]["maxReplicas"] = 100
    return each


def same_checksum(each: Object) -> Object:
    """Lose what makes pods follow their file, keeping its place."""
    if each["kind"] in WORKLOADS:
        each["spec"]["template"]["metadata"]["annotations"]["checksum/config"] = "same"
    return each


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (without_probe, "livenessProbe"),
        (unbounded, "maxReplicas"),
        (lambda each: None if each["kind"] == "NetworkPolicy" else each, "no NetworkPolicy"),
    ],
)
def test_what_the_cluster_does_not_keep_is_found(change: Change, told: str) -> None:
    """A field or an object that is lost, or kept as something else, ends the trial and is named."""
    with pytest.raises(TrialError, match=told):
        trial(change)[0].run()


def test_pods_that_do_not_follow_their_file_are_found() -> None:
    """Although everything is kept as it was rendered."""
    one, _ = trial(same_checksum)
    one.install()
    with pytest.raises(TrialError, match="new file"):
        one.upgrade()


def test_a_rollback_that_changes_nothing_is_found() -> None:
    """The file of the upgrade is still there."""
    with pytest.raises(TrialError, match="the file of the beginning"):
        trial(forgets_to_roll_back=True)[0].run()


@pytest.mark.parametrize(
    ("wanted", "there", "expected"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}, []),
        ({"a": {}}, {}, []),
        ({"cpu": 1}, {"cpu": "1"}, []),
        ({"a": 1}, {}, [".a: 1 became None"]),
        ({"a": [1]}, {"a": [1, 2]}, [".a: [1] became [1, 2]"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, [".a[0].b: 1 became 2"]),
        ({"a": False}, {}, [".a: False became None"]),
    ],
)
def test_a_server_may_add_and_must_keep(wanted: object, there: object, expected: list[str]) -> None:
    """What was asked for is compared; an empty value may be left out."""
    assert expected == list(missing(wanted, there))
