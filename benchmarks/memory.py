"""Memory of one destination process, idle and at full load: `python -m benchmarks.memory`."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.work import (
    KEY,
    ROOT,
    accepted,
    bridge_command,
    bridge_config,
    kafka,
    memory_bytes,
    produce,
    vendor,
)

IDLE_S = 5.0
EVENTS = 150_000


def main() -> None:
    """Measure and print a table in megabytes."""
    with kafka() as broker, vendor() as url, tempfile.TemporaryDirectory() as folder:
        empty = broker.create_topic(partitions=12)
        idle = _highest(bridge_command(bridge_config(broker, empty, url, Path(folder))), url, 0)
        topic = produce(broker, EVENTS)
        loaded = _highest(bridge_command(bridge_config(broker, topic, url, Path(folder))), url, EVENTS)
    print("| idle, 12 partitions MB | full load MB |")
    print("|---|---|")
    print(f"| {idle / 1e6:.0f} | {loaded / 1e6:.0f} |")


def _highest(command: list[str], url: str, event_count: int) -> int:
    """Return the most memory of a process until it has delivered so much, or has been idle for a while."""
    before = accepted(url)
    process = subprocess.Popen(
        command,
        env={**os.environ, "BENCH_KEY": KEY},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    highest, until_s = 0, time.monotonic() + IDLE_S
    try:
        while time.monotonic() < until_s or accepted(url) - before < event_count:
            highest = max(highest, memory_bytes(process.pid))
            time.sleep(0.1)
    finally:
        process.terminate()
        process.wait(60)
    return highest


if __name__ == "__main__":
    main()
