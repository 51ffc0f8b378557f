"""Reading a status report."""

from __future__ import annotations

import os

import pytest

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
