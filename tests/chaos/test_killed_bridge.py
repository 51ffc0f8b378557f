"""Nothing is lost, whatever is killed: judged from the vendors' own records and the committed offsets."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.kafka_harness import Kafka
from tests.ledger_run import LedgerRun, Scenario


@pytest.mark.kafka
@pytest.mark.timeout(400)
def test_nothing_is_lost_when_a_process_is_killed(kafka: Kafka, tmp_path: Path) -> None:
    """20,000 events to three vendors with one SIGKILL: none lost, refused ones dead-lettered, order and offsets hold."""
    seed = int(os.environ.get("SEED", random.randrange(2**31)))
    print(f"seed {seed}")  # noqa: T201 - pytest shows it when the test fails
    scenario = Scenario(event_count=20_000, user_count=1_000, partition_count=6, refused_share=0.001)
    run = LedgerRun(kafka, scenario, tmp_path, seed)
    run.run()
    assert run.judge()[:20] == []
    assert run.kill_count == 1
    assert len(run.refused) == 20
