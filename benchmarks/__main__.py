"""All benchmarks one after the other: `python -m benchmarks`, or `make bench`."""

from __future__ import annotations

import subprocess
import sys

PROGRAMS = (
    ["benchmarks.stages"],
    ["benchmarks.mapping"],
    ["benchmarks.calls"],
    ["benchmarks.memory"],
    ["benchmarks.page"],
    ["benchmarks.throughput"],
    ["benchmarks.throughput", "--bridge-only", "--hot", "0.9"],
)


def main() -> int:
    """Run each in a process of its own; return 1 when one failed."""
    failed = False
    for program in PROGRAMS:
        command = [sys.executable, "-m", *program]
        print(f"\n`python -m {' '.join(program)}`\n", flush=True)
        failed |= subprocess.run(command, check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
