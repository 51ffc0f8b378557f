"""What makes a topic unfit to be a destination."""

from __future__ import annotations

import pytest

from processor.delivery.dead_letter_topic import TopicProblem
from processor.delivery.target_topic import judge
from processor.destinations.target import FRAMING_BYTES, TargetSettings

TARGET = TargetSettings(topic="out", max_message_bytes=100_000)
FIT = {"cleanup.policy": "delete", "min.insync.replicas": "2", "max.message.bytes": str(100_000 + FRAMING_BYTES)}


def test_a_fit_topic_has_no_problem() -> None:
    """Kept by time, writable, wide enough."""
    assert judge(TARGET, FIT, 2) == []


@pytest.mark.parametrize(
    ("change", "replica_count", "severity", "said"),
    [
        ({"cleanup.policy": "compact"}, 3, "error", "only the last would be kept"),
        ({"cleanup.policy": "compact,delete"}, 3, "error", "only the last would be kept"),
        ({}, 1, "error", "it has 1 replicas, and min.insync.replicas=2"),
        ({"max.message.bytes": "100000"}, 3, "warning", f"set max.message.bytes={100_000 + FRAMING_BYTES}"),
    ],
)
def test_an_unfit_one_is_told(change: dict[str, str], replica_count: int, severity: str, said: str) -> None:
    """What loses events or stops them is an error, what only slows them down a warning."""
    (problem,) = judge(TARGET, FIT | change, replica_count)
    assert isinstance(problem, TopicProblem)
    assert problem.severity == severity
    assert said in problem.message
