"""What a running destination says about itself: the one shape behind `/status`, `/readyz`, `/metrics` and the demo.

A pipeline gives it as plain values; a supervised process sends it to its supervisor as a line of JSON; the page renders
it. So the union of several processes is a mapping from destination to report, and nothing has to be merged as text.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, NotRequired, TypeAlias, TypedDict

from processor.operations.reloads import ReloadReport
from processor.operations.tally import TallyReport

_SELF: Final = Path("/proc/self")
_START_S: Final = time.time()
"""When this module was loaded: next to nothing after the process started, and known on every system."""

State: TypeAlias = Literal[
    "starting", "running", "standby", "held", "paused", "drained", "stopping", "stopped", "restarting", "refused"
]
"""`restarting` and `refused` are said by the supervisor of a process that ended; the others by the process itself."""


class PartitionReport(TypedDict, total=False):
    """One assigned partition. `lag` is in records: end of the log minus committed.

    `uncommitted` is the span of offsets from committed to the highest read. `retention_headroom_s` is the time until
    the oldest unfinished record may expire, None where nobody knows after which time records do, or how old it is.
    `time_lag_s` is its age, 0 where there is none, None until somebody has looked.
    """

    topic: str
    partition: int
    committed: int | None
    end: int | None
    lag: int | None
    time_lag_s: float | None
    uncommitted: int | None
    retention_headroom_s: float | None


class EndpointReport(TypedDict):
    """Where an endpoint's requests go: to a server by a method, or into a topic, whose `success` is no status.

    `port` is None for a topic.
    """

    method: str
    address: str
    port: int | None
    topic: str | None
    success: str


class ProcessReport(TypedDict):
    """The process that a destination runs in. `start_time_s` is in seconds since the epoch.

    `open_files` and `threads` are missing where the system does not tell them.
    """

    pid: int
    memory_bytes: int
    cpu_seconds: float
    start_time_s: NotRequired[float]
    open_files: NotRequired[int]
    threads: NotRequired[int]


class LoopsReport(TypedDict):
    """The loops of a process. `poll_age_s`: since the consumer thread began a turn, None before it has begun one."""

    poll_age_s: float | None


class StatusReport(TypedDict, total=False):
    """One destination. Every key may be missing while it starts; keys beyond these are shown on `/status` as they are.

    `ready` is true when it takes its part in the work; `alive` is false when only a restart can help. `reason` says in
    a code why the state is not `running`. `at_ms` is the epoch time of the report. `restart_count` is added by a
    supervisor. `reload` is missing where it is switched off. `group` is the consumer group. `throttle_wait_s` is how
    long, since the start of the process, nothing could be sent for a pause that the vendor asked for or a rate limit.
    `dead_letter_failures` are attempts to write one, by reason, `rebalances` counts by kind, `commit_failures` by
    Kafka's code.
    """

    destination: str
    type: str
    state: State
    reason: str
    ready: bool
    alive: bool
    version: str
    group: str
    config_hash: str
    mapping_hash: str
    tally: TallyReport
    partitions: list[PartitionReport]
    gauges: dict[str, float]
    endpoints: dict[str, EndpointReport]
    throttle_wait_s: float
    dead_letter_failures: dict[str, int]
    rebalances: dict[str, int]
    commit_failures: dict[str, int]
    process: ProcessReport
    restart_count: int
    at_ms: int
    loops: LoopsReport
    details: dict[str, Any]
    reload: ReloadReport


Read: TypeAlias = Callable[[], StatusReport]
ReadAll: TypeAlias = Callable[[], Mapping[str, StatusReport]]


def is_ready(report: StatusReport) -> bool:
    """Return whether a destination takes its part in the work."""
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
    """Return the figures of this process, whose id is `pid`."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    report = ProcessReport(
        pid=pid,
        memory_bytes=_memory_bytes(),
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        start_time_s=_START_S,
    )
    if _SELF.exists():
        report["open_files"] = sum(1 for _ in (_SELF / "fd").iterdir()) - 1  # without the listing's own
        report["threads"] = sum(1 for _ in (_SELF / "task").iterdir())
    return report


def _memory_bytes() -> int:
    """Return the resident memory: now where the kernel says so, else the highest so far."""
    pages = _SELF / "statm"
    if pages.exists():
        return int(pages.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024
