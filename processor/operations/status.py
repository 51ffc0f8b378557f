"""What a running destination says about itself: the one shape behind `/status`, `/readyz`, `/metrics` and the demo.

A pipeline gives it as plain values; a supervised process sends it to its supervisor as a line of JSON; the page renders
it. So the union of several processes is a mapping from destination to report, and nothing has to be merged as text.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypedDict

from processor.operations.reloads import ReloadReport
from processor.operations.tally import TallyReport

State: TypeAlias = Literal["starting", "running", "held", "stopping", "stopped", "restarting", "refused"]
"""`restarting` and `refused` are said by the supervisor of a process that ended; the others by the process itself."""


class PartitionReport(TypedDict, total=False):
    """One assigned partition. `lag` is in records: end of the log minus committed."""

    topic: str
    partition: int
    committed: int | None
    end: int | None
    lag: int | None
    time_lag_s: float | None


class ProcessReport(TypedDict):
    """The process that a destination runs in."""

    pid: int
    memory_bytes: int
    cpu_seconds: float


class StatusReport(TypedDict, total=False):
    """One destination. Every key may be missing while it starts; keys beyond these are shown on `/status` as they are.

    `ready` is true when it consumes and delivers; `alive` is false when only a restart can help. `reason` says in a
    code why the state is not `running`. `restart_count` is added by a supervisor. `reload` is missing where it
    is switched off.
    """

    destination: str
    type: str
    state: State
    reason: str
    ready: bool
    alive: bool
    version: str
    mapping_hash: str
    tally: TallyReport
    partitions: list[PartitionReport]
    gauges: dict[str, float]
    process: ProcessReport
    restart_count: int
    details: dict[str, Any]
    reload: ReloadReport


Read: TypeAlias = Callable[[], StatusReport]
ReadAll: TypeAlias = Callable[[], Mapping[str, StatusReport]]


def is_ready(report: StatusReport) -> bool:
    """Return whether a destination consumes and delivers."""
    return report.get("ready", False)


def is_alive(report: StatusReport) -> bool:
    """Return whether a destination works, or will without a restart; one that says nothing is given its time."""
    return report.get("alive", True)


def total_lag(report: StatusReport) -> int | None:
    """Return the lag over all assigned partitions, or None as long as it is not known for each of them."""
    lags = [partition.get("lag") for partition in report.get("partitions", [])]
    known = [lag for lag in lags if lag is not None]
    return sum(known) if lags and len(known) == len(lags) else None


def process_report(pid: int) -> ProcessReport:
    """Return memory and CPU time of this process, whose id is `pid`."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return ProcessReport(pid=pid, memory_bytes=_memory_bytes(), cpu_seconds=usage.ru_utime + usage.ru_stime)


def _memory_bytes() -> int:
    """Return the resident memory: now where the kernel says so, else the highest so far."""
    pages = Path("/proc/self/statm")
    if pages.exists():
        return int(pages.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024
