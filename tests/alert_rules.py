"""The chart's recording rules and alerts, as plain values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from processor.config import load_document
from processor.operations.metrics import CATALOGUE
from tests.promql_names import names

ROOT: Final = Path(__file__).parents[1]
FILE: Final = ROOT / "helm" / "segment-bridge" / "files" / "alerts.yaml"
RUNBOOKS: Final = ROOT / "docs" / "runbooks"

TARGET_LABELS: Final = frozenset({"namespace", "job", "instance", "pod"})
"""What a scrape configuration adds to every series."""

_UNITS: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION: Final = re.compile(r"(\d+)([smhd])")
_IN_PROMQL: Final = re.compile(r"(?<=\[)\d+[smhd](?=\])|(?<=offset )\d+[smhd]")

Rule = Mapping[str, Any]


@cache
def groups() -> list[dict[str, Any]]:
    """Return the groups of rules as the file has them; read once."""
    found: list[dict[str, Any]] = load_document(FILE).value["groups"]
    return found


def rules() -> Iterator[Rule]:
    """Yield every rule."""
    for group in groups():
        yield from group["rules"]


def alerts() -> list[Rule]:
    """Return the rules that are alerts."""
    return [rule for rule in rules() if "alert" in rule]


def records() -> dict[str, Rule]:
    """Return the recording rules by the name of what they record."""
    return {rule["record"]: rule for rule in rules() if "record" in rule}


def scaled(divisor: int) -> dict[str, Any]:
    """Return the file's content with all windows, waits and intervals divided; thresholds stay as they are."""
    return {"groups": [_scaled_group(group, divisor) for group in groups()]}


def _scaled_group(group: Mapping[str, Any], divisor: int) -> dict[str, Any]:
    return {
        **group,
        "interval": divided(group["interval"], divisor),
        "rules": [_scaled_rule(rule, divisor) for rule in group["rules"]],
    }


def _scaled_rule(rule: Rule, divisor: int) -> dict[str, Any]:
    found = {**rule, "expr": _IN_PROMQL.sub(lambda duration: divided(duration[0], divisor), rule["expr"])}
    return found if "for" not in rule else {**found, "for": divided(rule["for"], divisor)}


def divided(duration: str, divisor: int) -> str:
    """Return a duration of Prometheus divided, in milliseconds.

    Raises:
        ValueError: It is not written as one number and one unit.
    """
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise ValueError(duration)
    return f"{int(found[1]) * _UNITS[found[2]] * 1_000 // divisor}ms"


@cache
def known_series() -> dict[str, frozenset[str]]:
    """Return every series that a query may name, with its labels: those of the catalogue and recorded ones."""
    everywhere = TARGET_LABELS | {"destination"}
    found = {"up": TARGET_LABELS, "ALERTS": everywhere | {"alertname", "alertstate", "severity"}}
    for metric in CATALOGUE:
        labels = everywhere | set(metric.labels)
        if metric.kind == "histogram":
            found[f"{metric.name}_bucket"] = labels | {"le"}
            found |= {f"{metric.name}_count": labels, f"{metric.name}_sum": labels}
        else:
            found[metric.name] = labels
    return found | {name: frozenset(names(rule["expr"]).grouped) for name, rule in records().items()}
