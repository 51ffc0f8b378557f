"""Several destinations as real processes: started, shown on one page, stopped by signals, never left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kafka_harness import until
from tests.page_requests import got

CHILD = '''
"""A destination's process without a destination: reports, and does what its name says."""
import asyncio, os, signal, sys
from processor.operations.channel import inherited, reporting
from processor.operations.signals import stop_signals

name = sys.argv[sys.argv.index("--destination") + 1]
folder = sys.argv[sys.argv.index("--config") + 1]
with open(os.path.join(folder, name), "a") as starts:
    starts.write(f"{os.getpid()}\\n")

async def main():
    if name == "refused":
        return 2
    if name == "crashing":
        return 1
    stop = asyncio.Event()
    with stop_signals(stop.set):
        report = {"destination": name, "state": "running", "ready": True, "gauges": {"n": 1.0}}
        async with reporting(inherited(), lambda: report, stop.set, interval_s=0.05):
            await (asyncio.sleep(3600) if name == "stubborn" else stop.wait())
    return 0

sys.exit(asyncio.run(main()))
'''

PARENT = '''
"""`run` with several destinations, its processes replaced by the script above."""
import sys
from pathlib import Path
from processor.operations import fleet
from processor.operations.settings import OperationsSettings

script, folder, port, stop_within, *names = sys.argv[1:]
fleet.run_command = lambda name, config: [sys.executable, script, "--config", str(config), "--destination", name]
settings = OperationsSettings.model_validate(
    {"page": {"port": int(port)}, "restarts": {"first_wait": 0.05, "stop_within": float(stop_within)}}
)
sys.exit(fleet.run_fleet(names, Path(folder), settings))
'''


class Fleet:
    """A supervisor process with its page."""

    def __init__(self, folder: Path, names: tuple[str, ...], stop_within_s: float) -> None:
        """Start it; its children note their process ids in `folder`."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        for name, text in (("child.py", CHILD), ("parent.py", PARENT)):
            (folder / name).write_text(text, encoding="utf-8")
        command = [sys.executable, folder / "parent.py", folder / "child.py", folder, self._port, stop_within_s, *names]
        environ = {**os.environ, "PYTHONPATH": str(Path.cwd())}
        self._folder = folder
        self.process = subprocess.Popen([str(part) for part in command], env=environ, stderr=subprocess.DEVNULL)

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of a page; 0 while nothing listens."""
        return got(f"http://127.0.0.1:{self._port}{path}")

    def status(self, name: str) -> dict[str, Any]:
        """Return what the page says of a destination; nothing while it says nothing."""
        code, body = self.get("/status")
        found: dict[str, Any] = json.loads(body)["destinations"][name] if code else {}
        return found

    def await_state(self, name: str, state: str) -> None:
        """Return once a destination is in a state."""
        until(lambda: self.status(name).get("state") == state, f"{name} is {state}")

    def pids(self, name: str) -> list[int]:
        """Return the processes that a destination has had, the latest last."""
        noted = self._folder / name
        return [int(line) for line in noted.read_text().split()] if noted.exists() else []


def is_gone(pid: int) -> bool:
    """Return whether a process has ended and was reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Callable[..., Fleet]]:
    """A function that starts a supervisor; what is still running at the end of the test is killed."""
    started: list[Fleet] = []

    def start(*names: str, stop_within_s: float = 20.0) -> Fleet:
        started.append(Fleet(tmp_path, names, stop_within_s))
        return started[-1]

    yield start
    for running in started:
        running.process.kill()
        running.process.wait()


def test_all_destinations_are_on_one_page(fleet: Callable[..., Fleet]) -> None:
    """One port answers for every process: ready when all are, and a metric of each."""
    running = fleet("a", "b")
    until(lambda: running.get("/readyz")[0] == 200, "both are ready")
    metrics = running.get("/metrics")[1]
    for name in ("a", "b"):
        assert f'segment_bridge_destination_ready{{destination="{name}"}} 1.0' in metrics
        assert running.status(name)["gauges"] == {"n": 1.0}


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_every_process_and_then_the_supervisor(
    fleet: Callable[..., Fleet], number: signal.Signals, expected: int
) -> None:
    """SIGTERM ends with 0 and SIGINT with 130, and no process is left, dead or alive."""
    running = fleet("a", "b")
    until(lambda: running.get("/readyz")[0] == 200, "both are ready")
    running.process.send_signal(number)
    assert expected == running.process.wait(timeout=30)
    assert all(is_gone(pid) for name in ("a", "b") for pid in running.pids(name))


def test_a_killed_process_comes_back(fleet: Callable[..., Fleet]) -> None:
    """After a SIGKILL the destination has a new process, and its neighbour the same one as before."""
    running = fleet("a", "b")
    until(lambda: running.get("/readyz")[0] == 200, "both are ready")
    os.kill(running.pids("a")[0], signal.SIGKILL)
    until(lambda: len(running.pids("a")) == 2 and running.status("a").get("ready"), "a is back")
    assert running.status("a")["restart_count"] == 1
    assert len(running.pids("b")) == 1


def test_a_crash_loop_and_a_refusal_are_shown(fleet: Callable[..., Fleet]) -> None:
    """A process that crashes is started again and again, one that refuses its configuration once; the page lives on."""
    running = fleet("crashing", "refused")
    running.await_state("refused", "refused")
    until(lambda: len(running.pids("crashing")) >= 3, "three starts")
    assert len(running.pids("refused")) == 1
    assert running.get("/livez")[0] == 200
    assert running.get("/readyz")[0] == 503


def test_nothing_but_refusals_ends_the_supervisor(fleet: Callable[..., Fleet]) -> None:
    """When no destination can use its configuration there is nothing to wait for: exit code 2."""
    assert fleet("refused").process.wait(timeout=30) == 2


def test_processes_end_when_their_supervisor_is_killed(fleet: Callable[..., Fleet]) -> None:
    """A supervisor that dies without a word takes its processes with it: they notice, and stop as on SIGTERM."""
    running = fleet("a", "b")
    until(lambda: running.get("/readyz")[0] == 200, "both are ready")
    running.process.kill()
    running.process.wait()
    until(lambda: all(is_gone(pid) for name in ("a", "b") for pid in running.pids(name)), "all have ended")


def test_a_process_that_does_not_stop_is_killed(fleet: Callable[..., Fleet]) -> None:
    """A process that ignores SIGTERM is killed at the deadline, and the exit code says so."""
    running = fleet("stubborn", stop_within_s=0.2)
    until(lambda: running.get("/readyz")[0] == 200, "it is ready")
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(timeout=30) == 1
    assert is_gone(running.pids("stubborn")[0])
