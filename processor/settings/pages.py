"""Writes the generated pages of the documentation: `python -m processor.settings.pages`, in the root of the tree.

What stands in code is told once: these pages are rendered from it, and a test fails when one of them is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from processor.destinations.reference import fields_page, prose, table
from processor.operations.metrics import PARTS, Metric
from processor.settings.reference import configuration_page, sandbox_page

_METRICS_INTRODUCTION = """\
# Metrics

This page is generated from the catalogue of metrics; do not edit it.
`python -m processor.settings.pages` writes it.

`/metrics` serves them in the Prometheus text format.
They are pushed by OTLP as well where `OTEL_METRICS_EXPORTER` names `otlp` ([operations](operations.md#metrics)).
Every series has the label `destination` beside those that stand here; a label that does not apply is empty.
Counters and histograms count since the start of the destination's process.
Histograms have `_bucket`, `_count` and `_sum` behind their names; their bounds stand in the unit of the metric.
The values of `reason`, `code`, `error_type` and `occurrence` are explained in [reasons](reasons.md).
"""
_UNITS: Final = {"1": "", "s": "seconds", "By": "bytes"}


def metrics_page() -> str:
    """Return the page of all metrics."""
    parts = [f"## {title}\n\n{_metrics_table(metrics)}" for title, metrics in PARTS.items()]
    return "\n".join([_METRICS_INTRODUCTION, *parts])


def _metrics_table(metrics: Iterable[Metric]) -> str:
    return table(("metric", "type", "unit", "labels", "meaning"), [_metric_row(metric) for metric in metrics])


def _metric_row(metric: Metric) -> tuple[str, ...]:
    """Return the cells of a metric; its name over OTLP and its bounds are told with its meaning."""
    meaning = prose(metric.description)
    if metric.otel_name is not None:
        meaning += f" Over OTLP: `{metric.otel_name}`."
    if metric.bounds:
        meaning += f" Bounds: {', '.join(f'{bound:.10g}' for bound in metric.bounds)}."
    unit = _UNITS.get(metric.unit, metric.unit.strip("{}"))
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"`{metric.name}`", metric.kind, unit, labels, meaning


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "docs/configuration.md": configuration_page,
    "docs/metrics.md": metrics_page,
    "docs/reference/fields.md": fields_page,
    "docs/reference/sandbox.md": sandbox_page,
}
"""Where each page is, from the root of the tree, and what it holds."""


def write_pages(root: Path) -> list[str]:
    """Return the pages below `root` that were stale; all of them are up to date now."""
    stale = [name for name, render in PAGES.items() if _content(root / name) != render()]
    for name in stale:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(PAGES[name](), encoding="utf-8")
    return stale


def _content(page: Path) -> str | None:
    return page.read_text(encoding="utf-8") if page.exists() else None


if __name__ == "__main__":
    for written in write_pages(Path.cwd()):
        sys.stdout.write(f"{written} is written\n")
