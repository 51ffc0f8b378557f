"""Memory of one destination process, idle and at full load: `python -m benchmarks.memory`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.work import (
    accepted,
    bridge_command,
    bridge_config,
    kafka,
    peak_memory_bytes,
    produce,
    vendor,
)

IDLE_S = 5.0
EVENTS = 150_000


def main() -> None:
    """Measure and print a table in megabytes."""
    with kafka() as broker, vendor() as url, tempfile.TemporaryDirectory() as folder:
        empty = broker.create_topic(partitions=12)
        idle = peak_memory_bytes(bridge_command(bridge_config(broker, empty, url, Path(folder))), IDLE_S)
        topic = produce(broker, EVENTS)
        command = bridge_command(bridge_config(broker, topic, url, Path(folder)))
        loaded = peak_memory_bytes(command, IDLE_S, lambda: accepted(url) >= EVENTS)
    print("| idle, 12 partitions MB | full load MB |")
    print("|---|---|")
    print(f"| {idle / 1e6:.0f} | {loaded / 1e6:.0f} |")


if __name__ == "__main__":
    main()
