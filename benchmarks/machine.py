"""What a figure was measured on: enough to compare, and nothing that names the machine itself."""

from __future__ import annotations

import os
import platform
import re
import statistics
import time
from pathlib import Path
from typing import Final, NamedTuple

_ADDITIONS: Final = 1_000_000
_TRIES: Final = 5


class Machine(NamedTuple):
    """A machine as a reader of figures wants to know it.

    `addition_ns` is what plain Python takes to add a number in a loop: shared machines of one name differ by a factor.
    """

    cpu: str
    core_count: int
    memory_gb: int
    system: str
    python: str
    addition_ns: int


def this_machine() -> Machine:
    """Return the machine that this runs on; its cores are those that this process may use."""
    return Machine(
        cpu=cpu_model(Path("/proc/cpuinfo").read_text(encoding="utf-8")),
        core_count=len(os.sched_getaffinity(0)),
        memory_gb=memory_gb(Path("/proc/meminfo").read_text(encoding="ascii")),
        system=platform.freedesktop_os_release()["PRETTY_NAME"],
        python=platform.python_version(),
        addition_ns=addition_ns(),
    )


def addition_ns() -> int:
    """Return the nanoseconds of CPU that plain Python takes to add a number in a loop, the median of a few tries."""
    return round(statistics.median(_loop_s() for _ in range(_TRIES)) / _ADDITIONS * 1e9)


def _loop_s() -> float:
    """Return the CPU seconds of one loop."""
    started_s = time.process_time()
    total = 0
    for number in range(_ADDITIONS):
        total += number
    return time.process_time() - started_s


def cpu_model(cpuinfo: str) -> str:
    """Return the model's name from `/proc/cpuinfo`; processors that give none are named by their architecture."""
    found = re.search(r"^model name\s*: (.+)$", cpuinfo, re.MULTILINE)
    return platform.machine() if found is None else found[1].strip()


def memory_gb(meminfo: str) -> int:
    """Return the memory from `/proc/meminfo`, in whole gigabytes."""
    found = re.search(r"^MemTotal:\s+(\d+) kB$", meminfo, re.MULTILINE)
    assert found is not None
    return round(int(found[1]) * 1024 / 1e9)
