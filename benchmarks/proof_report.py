"""The report of the proof as a page: what was proved, how often it was tried, on which machine. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from benchmarks.machine import Machine
from tests.ledger.figures import RunFigures, VendorFigures

FAULTS: Mapping[str, str] = {
    "latency": "requests answered late",
    "status_500": "requests answered with 500, in bursts",
    "throttle_429": "requests answered with 429 and `Retry-After`",
    "drop_before": "connections cut before acceptance",
    "drop_after": "connections cut after acceptance, before the answer",
    "drop_during": "connections cut in the middle of the answer",
    "refuse_400": "requests refused with 400 for an event in them",
    "refuse_500": "requests answered with 500 for the one event that always is",
}
"""How a kind of fault is called on the page, by the name under which the stand-ins count it."""

_COUNTS: Sequence[tuple[str, Callable[[VendorFigures], str]]] = (
    ("payloads that the vendor took in", lambda one: f"{one.accepted_count:,}"),
    ("dead letters", lambda one: f"{one.letter_count:,}"),
    ("processes killed", lambda one: str(one.kill_count)),
    ("processes joined and left in order", lambda one: f"{one.join_count} and {one.leave_count}"),
)
_REPEATS: Sequence[tuple[str, Callable[[VendorFigures], str]]] = (
    (
        "records repeated when partitions moved, and the most that may be",
        lambda one: f"{one.repeat_count:,} of {one.repeat_bound:,}",
    ),
    ("payloads repeated behind a cut answer", lambda one: f"{one.lost_answer_count:,}"),
    ("looks at the group from outside", lambda one: f"{one.sample_count:,}"),
)


class Case(NamedTuple):
    """One test that passed; `figures` of those that write some."""

    name: str
    duration_s: float
    figures: RunFigures | None = None


class Suite(NamedTuple):
    """One run of pytest and the command that repeats it."""

    command: str
    cases: Sequence[Case]
    duration_s: float


class Measurement(NamedTuple):
    """One benchmark: its command and the tables that it printed."""

    command: str
    output: str


class Report(NamedTuple):
    """Everything that the page tells. `is_clean` says that the tree was the commit and nothing else."""

    commit: str
    is_clean: bool
    seed: int
    machine: Machine
    software: str
    scenarios: Suite
    properties: Sequence[Suite]
    measurements: Sequence[Measurement]


def render(report: Report) -> str:
    """Return the page in Markdown."""
    return (
        "\n".join((*_head(report), *_scenarios(report.scenarios), *_properties(report), *_measurements(report))) + "\n"
    )


def _head(report: Report) -> Iterator[str]:
    """Yield what the figures rest on."""
    machine = report.machine
    changes = "" if report.is_clean else ", with changes that were not committed"
    yield from (
        "# Proof",
        "",
        "The report of the latest `make proof`, which writes this page; do not edit it.",
        "",
        "| what | value |",
        "|---|---|",
        f"| commit | `{report.commit}`{changes} |",
        f"| seed | `{report.seed}`; `SEED={report.seed} make proof` makes the same choices |",
        f"| machine | {machine.cpu}, {machine.core_count} cores, {machine.memory_gb} GB |",
        f"| speed | plain Python adds a number in {machine.addition_ns} ns |",
        f"| system | {machine.system}, Python {machine.python} |",
        f"| software | {report.software} |",
    )


def _scenarios(suite: Suite) -> Iterator[str]:
    """Yield the tests under faults with their figures."""
    yield from (
        "",
        "## Everything goes wrong at once",
        "",
        "Nothing was lost, added, committed too early, swapped or repeated without a cause.",
        "Judged by the vendors' own record, the dead-letter topic and an outside reader of offsets and groups.",
        "",
        "```console",
        suite.command,
        "```",
    )
    for case in suite.cases:
        yield from ("", f"`{case.name}`: passed in {case.duration_s:,.0f} s.")
        if case.figures is not None:
            yield from _figures(case.figures)


def _figures(figures: RunFigures) -> Iterator[str]:
    """Yield what one scenario came to."""
    processes = "one process" if figures.processes_per_vendor == 1 else f"{figures.processes_per_vendor} processes"
    yield (
        f"{figures.event_count:,} events of {figures.user_count:,} users over {figures.partition_count} partitions "
        f"went through {processes} for each destination, with a window of {figures.window_count:,} records each, in "
        f"{figures.duration_s:,.0f} s."
    )
    yield from ("", "| figure | " + " | ".join(one.vendor for one in figures.vendors) + " |")
    yield "|---|" + "---|" * len(figures.vendors)
    kinds = sorted({kind for one in figures.vendors for kind in one.faults}, key=_fault_order)
    for label, value in _COUNTS:
        yield _row(label, figures.vendors, value)
    for kind in kinds:
        yield _row(FAULTS.get(kind, kind), figures.vendors, partial(_hits, kind))
    for label, value in _REPEATS:
        yield _row(label, figures.vendors, value)


def _hits(kind: str, one: VendorFigures) -> str:
    """Return how many of a vendor's requests were hit."""
    return f"{one.faults.get(kind, 0):,}"


def _fault_order(kind: str) -> tuple[int, str]:
    """Return where a kind of fault stands: as listed, and what is not listed behind."""
    known = list(FAULTS)
    return (known.index(kind) if kind in known else len(known), kind)


def _row(label: str, vendors: Sequence[VendorFigures], value: Callable[[VendorFigures], str]) -> str:
    """Return one row of a table with a column for each vendor."""
    return f"| {label} | " + " | ".join(value(one) for one in vendors) + " |"


def _properties(report: Report) -> Iterator[str]:
    """Yield the property tests; each round draws examples of its own."""
    yield from ("", "## Property tests with fresh examples", "", "| command | tests | seconds |", "|---|---|---|")
    for suite in report.properties:
        yield f"| `{suite.command}` | {len(suite.cases)} | {suite.duration_s:,.0f} |"


def _measurements(report: Report) -> Iterator[str]:
    """Yield the benchmarks' own tables, each below its command."""
    yield from ("", "## Benchmarks", "", "What each measures is told in [benchmarks](benchmarks.md).")
    if not report.measurements:
        yield "They were left out of this run."
    for one in report.measurements:
        yield from ("", "```console", one.command, "```", "", one.output.strip())
