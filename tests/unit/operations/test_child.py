"""One process as its supervisor sees it."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from processor.operations.child import Child, run_command
from processor.operations.status import StatusReport

REPORTING = """
import os, socket
with socket.socket(fileno=int(os.environ["SEGMENT_BRIDGE_STATUS_FD"])) as link:
    link.sendall(b'{"destination": "a"}\\n')
print("said on the way out")
raise SystemExit(3)
"""


async def test_reports_and_exit_code_arrive(tmp_path: Path) -> None:
    """The report that a process sends just before its end is heard, and its code and its output are kept."""
    heard: list[StatusReport] = []
    with (tmp_path / "log").open("wb") as log:
        child = await Child.start([sys.executable, "-c", REPORTING], {}, heard.append, log)
    assert child.pid > 0
    assert await child.wait() == 3
    assert heard == [{"destination": "a"}]
    assert (tmp_path / "log").read_text() == "said on the way out\n"


async def test_orders_to_a_process_that_has_ended_do_nothing() -> None:
    """A process that ended by itself can be stopped and killed without harm to whoever has its number now."""
    child = await Child.start([sys.executable, "-c", ""], {}, lambda _: None)
    assert await child.wait() == 0
    child.terminate()
    child.kill()


async def test_a_process_that_cannot_be_started_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error at the start closes both ends of the channel."""
    pairs: list[tuple[socket.socket, socket.socket]] = []
    make = socket.socketpair

    def remembered() -> tuple[socket.socket, socket.socket]:
        pairs.append(make())
        return pairs[-1]

    monkeypatch.setattr("processor.operations.child.socket.socketpair", remembered)
    with pytest.raises(FileNotFoundError):
        await Child.start(["no-such-program-anywhere"], {}, lambda _: None)
    ((ours, theirs),) = pairs
    assert (ours.fileno(), theirs.fileno()) == (-1, -1)


def test_the_command_runs_one_destination_of_the_same_file() -> None:
    """A supervised process is this very program, told which destination is its own."""
    expected = [sys.executable, "-m", "processor", "run", "--config", "/etc/bridge.yaml", "--destination", "moesif"]
    assert expected == run_command("moesif", Path("/etc/bridge.yaml"))
