"""Writes the generated pages of the documentation: `python -m processor.settings.pages`, in the root of the tree.

What stands in code is told once: these pages are rendered from it, and a test fails when one of them is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from processor.destinations.reference import fields_page, prose, table
from processor.operations.metrics import CATALOGUE
from processor.settings.reference import configuration_page, sandbox_page

_METRICS_INTRODUCTION = """\
# Metrics

This page is generated from the catalogue of metrics; do not edit it.
`python -m processor.settings.pages` writes it.

`/metrics` serves them in the Prometheus text format.
Every metric has the label `destination`; the further labels follow from its meaning.
Counters count since the start of the destination's process.
The values of `reason`, `code` and `occurrence` are explained in [reasons](../reasons.md).
"""


def metrics_page() -> str:
    """Return the page of all metrics."""
    rows = [(f"`{metric.name}`", metric.kind, prose(metric.description)) for metric in CATALOGUE]
    return f"{_METRICS_INTRODUCTION}\n" + table(("metric", "kind", "meaning"), rows)


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "docs/configuration.md": configuration_page,
    "docs/reference/fields.md": fields_page,
    "docs/reference/metrics.md": metrics_page,
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
