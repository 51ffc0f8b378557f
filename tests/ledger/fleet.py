"""The bridge's processes of an end-to-end run: started, killed, asked to leave, and always ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tests.ledger.evidence import Disturbance, Moment

STOP_S = 40.0
"""What an orderly end may take: the drain budget and the closing of clients."""


class Expected(NamedTuple):
    """Which processes of a vendor are to run, and how much had been done to its group."""

    names: frozenset[str]
    disturbance_count: int


class Fleet:
    """All processes of a run. The driver's thread acts; any thread may ask what is expected.

    Each process is known to Kafka by a name of its own, so that an outside reader sees who owns which partition.
    A guard process ends them even when the tests themselves are killed.
    """

    def __init__(
        self, config: Mapping[str, Any], environ: Mapping[str, str], folder: Path, moment: Callable[[], Moment]
    ) -> None:
        """Start nothing yet. `moment` tells how far everything has come."""
        self._config = config
        self._environ = {**os.environ, **environ}
        self._folder = folder
        self._moment = moment
        self._lock = threading.Lock()
        self._running: dict[str, tuple[str, subprocess.Popen[bytes]]] = {}
        self._leaving: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._pids: list[int] = []
        guard = [sys.executable, str(Path(__file__).parents[1] / "kafka_guard.py"), str(folder / "guarded")]
        self._guard = subprocess.Popen(guard, stdin=subprocess.PIPE, text=True, start_new_session=True)
        self.disturbances: dict[str, list[Disturbance]] = {vendor: [] for vendor in config["destinations"]}

    def expected(self, vendor: str) -> Expected:
        """Return which processes of a vendor are to run."""
        with self._lock:
            return Expected(self._names(vendor), len(self.disturbances[vendor]))

    def names(self, vendor: str) -> list[str]:
        """Return the names of a vendor's running processes, in order."""
        with self._lock:
            return sorted(self._names(vendor))

    def start(self, vendor: str, kind: Literal["start", "join"] = "start") -> None:
        """Start one process of a destination."""
        name = f"{vendor}-{len(self._pids) + 1}"
        with self._lock:
            self._note(vendor, kind, name)
            self._running[name] = (vendor, self._spawn(vendor, name))

    def kill(self, name: str) -> None:
        """Kill a process as the kernel would, and start another in its place."""
        with self._lock:
            vendor, process = self._running.pop(name)
            self._note(vendor, "kill", name)
            process.send_signal(signal.SIGKILL)
        process.wait(STOP_S)
        self.start(vendor, "join")

    def leave(self, name: str) -> None:
        """Ask a process to stop, as an orchestrator does that scales in."""
        with self._lock:
            vendor, process = self._running.pop(name)
            self._note(vendor, "leave", name)
            self._leaving.append((name, process))
            process.terminate()

    def ended(self) -> list[str]:
        """Return the processes that ended though nobody asked them to, or not as they were asked to."""
        with self._lock:
            codes = {name: process.poll() for name, (_, process) in self._running.items()}
        left = {name: process.poll() for name, process in self._leaving}
        return [f"{name} ended with {code}" for name, code in codes.items() if code is not None] + [
            f"{name} left with {code}" for name, code in left.items() if code not in {None, 0}
        ]

    def end_all(self) -> list[str]:
        """Stop every process in order, then by force; return those that did not end in order."""
        with self._lock:
            processes = [*((name, process) for name, (_, process) in self._running.items()), *self._leaving]
            self._running.clear()
        for _, process in processes:
            process.terminate()
        problems = [f"{name} {problem}" for name, process in processes if (problem := _end(process))]
        self._tell_guard("".join(f"-{pid}\n" for pid in self._pids))
        self._guard.communicate(timeout=STOP_S)
        return problems

    def log_ends(self) -> str:
        """Return the last lines of every log, for the message of a failed wait."""
        logs = sorted(self._folder.glob("*.log"))
        return "\n".join(f"-- {path.name}\n{path.read_text(errors='replace')[-1500:]}" for path in logs)

    def _names(self, vendor: str) -> frozenset[str]:
        return frozenset(name for name, (owner, _) in self._running.items() if owner == vendor)

    def _note(self, vendor: str, kind: Literal["start", "kill", "join", "leave"], name: str) -> None:
        self.disturbances[vendor].append(Disturbance(kind, name, self._moment(), time.monotonic()))

    def _spawn(self, vendor: str, name: str) -> subprocess.Popen[bytes]:
        """Start `run` with a settings file that carries the process's name."""
        kafka = {**self._config["kafka"], "properties": {"client.id": name}}
        path = self._folder / f"{name}.yaml"
        path.write_text(json.dumps({**self._config, "kafka": kafka}, indent=1), encoding="utf-8")
        command = [sys.executable, "-m", "processor", "run", "--config", str(path), "--destination", vendor]
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(command, env=self._environ, stdout=log, stderr=log)
        self._pids.append(process.pid)
        self._tell_guard(f"+{process.pid}\n")
        return process

    def _tell_guard(self, lines: str) -> None:
        """Tell the guard which processes there are, and which are gone."""
        assert self._guard.stdin is not None
        self._guard.stdin.write(lines)
        self._guard.stdin.flush()


def _end(process: subprocess.Popen[bytes]) -> str:
    """Return how a process that was asked to stop failed to; nothing when it stopped in order."""
    try:
        code = process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_S)
        return "had to be killed"
    return "" if code == 0 else f"ended with {code}"
