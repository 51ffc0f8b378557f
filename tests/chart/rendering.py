"""The chart rendered by Helm's own library, as tests need it: no cluster, no helm command."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final, TypeAlias

import helm_python
import yaml

CHART: Final = Path(__file__).parents[2] / "helm" / "segment-bridge"
FEATURES: Final = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").iterdir())
RELEASE: Final = "bridge"
NAMESPACE: Final = "crm"
_WARNING: Final = 2
"""Severity from which strict lint fails."""

Object: TypeAlias = dict[str, Any]
Values: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Rendered:
    """What values come to: the notes that are shown, and manifests by template, in the order of their names.

    It is kept for further tests of the same values: nobody changes what it holds.
    """

    notes: str
    manifests: dict[str, str]

    @property
    def text(self) -> str:
        """Return all manifests as one text."""
        parts = (text.strip().removeprefix("---").strip() for text in self.manifests.values())
        return "\n---\n".join(part for part in parts if part) + "\n"

    @cached_property
    def objects(self) -> list[Object]:
        """Return all objects."""
        return [each for each in yaml.load_all(self.text, yaml.CSafeLoader) if each is not None]


def read_yaml(text: str) -> Any:  # noqa: ANN401 - any YAML
    """Return what a text holds by YAML 1.1, as Kubernetes and Helm read it."""
    return yaml.load(text, yaml.CSafeLoader)


def feature_values(feature: str) -> Values:
    """Return the values of one file of `ci`."""
    values: Values = read_yaml((CHART / "ci" / f"{feature}-values.yaml").read_text(encoding="utf-8"))
    return values


def merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> Values:
    """Return values with others laid over them, as Helm does with several files."""
    result = copy.deepcopy(dict(base))
    for key, value in more.items():
        is_both = isinstance(value, Mapping) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if is_both else copy.deepcopy(value)
    return result


def with_values(feature: str, more: Mapping[str, Any]) -> Values:
    """Return the values of a feature with others laid over them."""
    return merged(feature_values(feature), more)


@cache
def _chart() -> helm_python.Chart:
    return helm_python.Chart.load(CHART)


@cache
def _rendered(values: str, release: str, namespace: str) -> Rendered:
    _chart().validate_schema(json.loads(values))
    texts = _chart().render(json.loads(values), name=release, namespace=namespace)
    named = {name.partition("templates/")[2]: text for name, text in sorted(texts.items())}
    notes = named.pop("NOTES.txt")
    return Rendered(notes, named)


def render(values: Values, *, release: str = RELEASE, namespace: str = NAMESPACE) -> Rendered:
    """Return what values render to.

    Raises:
        helm_python.HelmError: the schema or a template refuses them.
    """
    return _rendered(json.dumps(values, sort_keys=True), release, namespace)


def refusal(values: Values) -> str:
    """Return why values are refused.

    Raises:
        AssertionError: they are not.
    """
    try:
        render(values)
    except helm_python.HelmError as error:
        return str(error)
    raise AssertionError("these values are taken")


def lint(values: Values) -> list[str]:
    """Return what Helm's strict lint has against the chart with these values."""
    report = helm_python.lint(CHART, values, strict=True, namespace=NAMESPACE)
    told = [f"{each['path']}: {each['error']}" for each in report["messages"] if each["severity"] >= _WARNING]
    return [*told, *map(str, report["errors"])]


def plain(rendered: Rendered) -> str:
    """Return a rendering for comparison, without what only repeats a file of the chart."""
    manifests = dict(rendered.manifests)
    for name, repeated in (("prometheusrule.yaml", "  groups:"), ("dashboard.yaml", "  segment-bridge.json: |")):
        head, found, _ = manifests[name].partition(f"\n{repeated}\n")
        manifests[name] = f"{head}\n{repeated}\n    # as in the chart's files" if found else head
    return Rendered(rendered.notes, manifests).text
