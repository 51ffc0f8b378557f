"""Nothing is lost when a process is killed: judged from the vendors' own records and the committed offsets."""

from __future__ import annotations

from pathlib import Path

import pytest

from processor.sandbox.faults import Drop, Latency, Status
from tests.kafka_harness import Kafka
from tests.ledger.faults import missing_faults
from tests.ledger.judge import judge
from tests.ledger.run import LedgerRun
from tests.ledger.scenario import Scenario

SCENARIO = Scenario(
    event_count=20_000,
    user_count=1_000,
    partition_count=6,
    window_count=1_000,
    refused_share=0.001,
    faults=(Latency(ms=1, max_ms=50), Status(status=503, rate=0.02), Drop(when="after", rate=0.02)),
)
"""Answers of different ages, some errors and some cut connections: without them nothing would try the order."""


@pytest.mark.kafka
@pytest.mark.timeout(400)
def test_nothing_is_lost_when_a_process_is_killed(kafka: Kafka, tmp_path: Path, seed: int) -> None:
    """20,000 events to three vendors, one SIGKILL: none lost, refused ones dead-lettered, order and offsets hold."""
    run = LedgerRun(kafka, SCENARIO, tmp_path, seed)
    run.run()
    assert judge(run.evidence)[:20] == []
    assert missing_faults(run.evidence, SCENARIO.faults, run.happened) == []
    assert run.problems == []
    assert len(run.evidence.refused) == 20
