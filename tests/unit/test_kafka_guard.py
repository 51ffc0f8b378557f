"""The guard of the test brokers: nothing is left behind, even by a test run that was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.kafka_guard import living


def test_processes_that_ended_are_taken_off_the_list() -> None:
    """A process id that is free again may be anybody's."""
    assert living(["+10\n", "+11\n", "-10\n", "+12\n", "-99\n"]) == {11, 12}


def test_guard_ends_processes_and_removes_data_when_its_pipe_closes(tmp_path: Path) -> None:
    """Whoever held the other end of the pipe is gone: brokers are killed, their folder is removed."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "data").write_text("x")
    broker = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    guard = subprocess.Popen(
        [sys.executable, str(Path(__file__).parents[1] / "kafka_guard.py"), str(home)], stdin=subprocess.PIPE
    )
    guard.communicate(f"+{broker.pid}\n".encode(), timeout=20)
    assert broker.wait(20) == -signal.SIGKILL
    assert not home.exists()
