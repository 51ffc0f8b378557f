"""What tools that are built with Go have against the chart: `make chart-full`.

Each finds what it finds with schemas and rules of its own; nothing is fetched while they run.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import kubernetes_validate

from tests.chart.artifacts import readme
from tests.chart.rendering import CHART, FEATURES, feature_values, render

SCHEMAS: Final = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
PUBLISHED: Final = Path(__file__).parent / "published"
VERSIONS: Final = ("1.27", "1.37")
ACCEPTED: Final = {
    "container-image-pull-policy": "tags are releases, and a registry that is down must stop no restart",
    "deployment-has-host-podantiaffinity": "topologySpreadConstraints spread them over nodes and zones",
    "deployment-replicas": "a destination may be one process; Kafka keeps what comes in while it restarts",
    "container-security-context-user-group-id": "OpenShift chooses one; the tests hold it everywhere else",
    "statefulset-has-host-podantiaffinity": "topologySpreadConstraints spread them over nodes and zones",
}
"""What kube-score asks for and the chart does not do, each with the reason."""


def _run(name: str, *arguments: str, text: str | None = None) -> str | None:
    """Return what a tool says when it fails, None when it is content."""
    path = shutil.which(name)
    if path is None:
        return f"{name} is not there: `make chart-full` builds it"
    ran = subprocess.run([path, *arguments], input=text, capture_output=True, text=True, check=False)
    return None if ran.returncode == 0 else f"{ran.stdout}{ran.stderr}".strip()


def kubeconform() -> Iterator[str]:
    """Yield the objects that the oldest and the newest Kubernetes do not know or take."""
    for version in VERSIONS:
        with TemporaryDirectory() as folder:
            _write_schemas(version, Path(folder))
            arguments = ["-strict", "-schema-location", f"{folder}/{{{{.ResourceKind}}}}.json"]
            said = _run(
                "kubeconform", *arguments, text="---\n".join(render(feature_values(each)).text for each in FEATURES)
            )
            if said is not None:
                yield f"Kubernetes {version}: {said}"


def _write_schemas(version: str, folder: Path) -> None:
    """Write the schema of each kind that the chart makes, whole: kubeconform follows no reference to another file."""
    (source,) = SCHEMAS.glob(f"v{version}.*-local-strict")
    shared = json.loads((source / "_definitions.json").read_text(encoding="utf-8"))["$defs"]
    objects = (each for feature in FEATURES for each in render(feature_values(feature)).objects)
    for kind, api in {(each["kind"].lower(), each["apiVersion"]) for each in objects}:
        published = PUBLISHED / f"{kind}.schema.json"
        group, _, number = api.rpartition("/")
        name = "-".join(part for part in (kind, group.partition(".")[0], number) if part)
        path = published if published.exists() else source / f"{name}.json"
        schema = json.loads(path.read_text(encoding="utf-8").replace('"/api/_definitions.json#', '"#'))
        (folder / f"{kind}.json").write_text(json.dumps({"$defs": shared, **schema}), encoding="utf-8")


def kube_score() -> Iterator[str]:
    """Yield what is thought bad practice, but for what is accepted with a reason."""
    # A limit of CPU slows a process down while its node idles.
    ignored = ["--ignore-container-cpu-limit", *(each for name in ACCEPTED for each in ("--ignore-test", name))]
    for feature in FEATURES:
        said = _run(
            "kube-score", "score", "--output-format", "ci", *ignored, "-", text=render(feature_values(feature)).text
        )
        if said is not None:
            bad = [line for line in said.splitlines() if not line.startswith(("[OK]", "[SKIPPED]"))]
            yield f"{feature}: " + "\n".join(bad)


def helm_docs() -> Iterator[str]:
    """Yield whether its table of values is another than the one in the README."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "chart"
        shutil.copytree(CHART, copy)
        said = _run("helm-docs", "--chart-search-root", folder, "--sort-values-order", "file")
        if said is not None:
            yield said
            return
        theirs, ours = (copy / "README.md").read_text(encoding="utf-8"), readme()
    for their, our in zip(theirs.strip().splitlines(), ours.strip().splitlines(), strict=False):
        if " ".join(their.split()) != " ".join(our.split()):
            yield f"helm-docs writes\n  {their}\nwhere README.md has\n  {our}"


def helm_unittest() -> Iterator[str]:
    """Yield the tests of the chart's own folder that fail."""
    said = _run("helm-unittest", "--strict", str(CHART))
    if said is not None:
        yield said


CHECKS: Final[tuple[Callable[[], Iterator[str]], ...]] = (kubeconform, kube_score, helm_docs, helm_unittest)


def main() -> int:
    """Run every tool; say what each has found. Return 1 when one has found something."""
    is_fine = True
    for check in CHECKS:
        found = list(check())
        is_fine = is_fine and not found
        sys.stdout.write(
            "\n".join([f"{check.__name__.replace('_', '-')}: {'fine' if not found else ''}", *found]) + "\n"
        )
    return 0 if is_fine else 1


if __name__ == "__main__":
    sys.exit(main())
