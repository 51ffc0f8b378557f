"""The demo as a person runs it: one command, everything with it, a sum that comes out."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

ROOT = Path(__file__).parents[2]

Demo = subprocess.Popen[str]


@pytest.fixture
def start() -> Iterator[Callable[..., Demo]]:
    """A function that starts a demo in a session of its own; one that still runs at the end of the test is killed."""
    started: list[Demo] = []

    def begin(*arguments: str) -> Demo:
        command = [sys.executable, "-m", "processor", "demo", *arguments]
        started.append(
            subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
            )
        )
        return started[-1]

    yield begin
    for demo in started:
        demo.kill()
        demo.communicate()


def output(demo: Demo) -> IO[str]:
    """Return what the demo writes, a line at a time."""
    assert demo.stdout is not None
    return demo.stdout


@pytest.mark.parametrize("faults", [(), ("--faults",)], ids=["fair weather", "faults"])
def test_the_demo_ends_with_nothing_lost(faults: tuple[str, ...], start: Callable[..., Demo]) -> None:
    """Every event is delivered, skipped or dead-lettered as expected, with vendors that fail as well."""
    demo = start("--events", "2000", *faults)
    lines = output(demo).read().splitlines()
    assert (demo.wait(), lines[-1:]) == (0, ["lost: 0"]), "\n".join(lines)
    for vendor in ("moveo", "moesif", "moengage"):
        assert any(line.startswith(vendor) and "2,000" in line for line in lines)


def test_a_demo_that_keeps_running_ends_on_ctrl_c_with_its_summary(start: Callable[..., Demo]) -> None:
    """The first Ctrl-C stops the producing; what was on its way is delivered and the sum comes out."""
    demo = start("--events", "300", "--keep-running")
    for line in output(demo):
        if int(line.split()[0]) > 300:  # it has gone on producing
            break
    demo.send_signal(signal.SIGINT)
    rest = output(demo).read()
    assert (demo.wait(), rest.splitlines()[-1:]) == (0, ["lost: 0"]), rest


def test_ctrl_c_ends_the_demo_and_its_processes(start: Callable[..., Demo]) -> None:
    """An interrupted demo exits with 130, promises nothing, and leaves no process behind."""
    demo = start("--events", "20000")
    output(demo).readline()
    demo.send_signal(signal.SIGINT)
    rest = output(demo).read()
    assert demo.wait() == 130, rest
    assert "lost" not in rest
    assert not [entry for entry in Path("/proc").glob("[0-9]*") if is_of_session(entry, demo.pid)]


def is_of_session(process: Path, session: int) -> bool:
    """Return whether a process, given by its folder in /proc, belongs to the session of a demo."""
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[3]) == session
    except OSError:  # it has just ended
        return False
