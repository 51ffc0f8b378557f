"""The orders to stop, seen from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from processor.operations.signals import reload_signal
from tests.http_peer import eventually

PROGRAM = """
import asyncio, logging, sys
from processor.operations.signals import stop_signals

logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(message)s")

async def main():
    stop = asyncio.Event()
    with stop_signals(stop.set, at_once=True):
        print("ready", flush=True)
        await stop.wait()
        print("stops", flush=True)
        await asyncio.sleep(3600)

asyncio.run(main())
"""


@pytest.mark.parametrize(("second", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 1)])
def test_a_second_order_ends_at_once(second: signal.Signals, code: int) -> None:
    """Whoever cannot wait for the drain need not look for a process to kill; the log says that it ended so."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "stops\n"
        process.send_signal(second)
        assert process.wait(30) == code
        assert process.stderr is not None
        assert process.stderr.read() == "WARNING told to stop a second time: ending at once\n"
    finally:
        process.kill()
        process.communicate()


async def test_a_hang_up_is_heard_and_ends_nothing() -> None:
    """Each SIGHUP calls back on the loop."""
    heard: list[int] = []
    with reload_signal(lambda: heard.append(1)):
        os.kill(os.getpid(), signal.SIGHUP)
        await eventually(lambda: heard == [1])
        os.kill(os.getpid(), signal.SIGHUP)
        await eventually(lambda: heard == [1, 1])
