"""Reading a status report."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from processor.operations import status
from processor.operations.status import StatusReport, is_alive, is_ready, process_report, total_lag


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ({}, None),
        ({"partitions": []}, None),
        ({"partitions": [{"lag": 2}, {"lag": 3}]}, 5),
        ({"partitions": [{"lag": 0}]}, 0),
        ({"partitions": [{"lag": 2}, {"lag": None}]}, None),
        ({"partitions": [{"lag": 2}, {}]}, None),
    ],
)
def test_lag_is_known_only_when_every_partition_knows_it(report: StatusReport, expected: int | None) -> None:
    """A sum that leaves a partition out would look like progress, so it is not given."""
    assert expected == total_lag(report)


def test_a_report_that_says_nothing_is_alive_and_not_ready() -> None:
    """While a process starts it is given its time, and takes no part yet."""
    assert is_alive({})
    assert not is_ready({})


def test_process_report_is_about_this_process() -> None:
    """Memory and CPU time are those of a running Python: more than nothing."""
    report = process_report(os.getpid())
    assert report["pid"] == os.getpid()
    assert report["memory_bytes"] > 1_000_000
    assert report["cpu_seconds"] > 0
    assert 0 < time.time() - report["start_time_s"] < 3600


def test_open_files_and_threads_are_those_of_this_process(tmp_path: Path) -> None:
    """One more of each is seen; the look itself leaves none."""
    before = process_report(os.getpid())
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    try:
        with (tmp_path / "open").open("w"):
            during = process_report(os.getpid())
    finally:
        release.set()
        thread.join()
    assert (during["open_files"], during["threads"]) == (before["open_files"] + 1, before["threads"] + 1)
    assert process_report(os.getpid())["open_files"] == before["open_files"]


def test_a_system_without_proc_is_told_less_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the kernel shows no files and threads, the figures are missing instead of wrong."""
    monkeypatch.setattr(status, "_SELF", tmp_path / "nothing")
    report = process_report(os.getpid())
    assert report.keys() == {"pid", "memory_bytes", "cpu_seconds", "start_time_s"}
    assert report["memory_bytes"] > 1_000_000
