"""Ends brokers whose test run is gone, and removes their data.

Runs as a process of its own with one end of a pipe: lines `+PID` and `-PID` say which brokers live. When the pipe
closes, because the tests are done or because they were killed, every broker still on the list is killed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Iterable


def living(lines: Iterable[str]) -> set[int]:
    """Return the processes that were announced and not taken back, once the lines have ended."""
    pids: set[int] = set()
    for line in lines:
        pid = int(line[1:])
        if line.startswith("+"):
            pids.add(pid)
        else:
            pids.discard(pid)
    return pids


def main() -> None:
    """Return when the pipe has closed, the brokers are dead and their folder is gone."""
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, signal.SIG_IGN)
    for pid in living(sys.stdin):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(sys.argv[1], ignore_errors=True)


if __name__ == "__main__":
    main()
