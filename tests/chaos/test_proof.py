"""The long proof: everything that goes wrong in production at once, and nothing is lost.

Run by `make proof`, not by `make test`. `SEED` of the environment repeats a run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from processor.sandbox.faults import Drop, Latency, Status, Throttle
from tests.kafka_harness import Kafka
from tests.ledger.faults import missing_faults
from tests.ledger.figures import figures
from tests.ledger.judge import judge
from tests.ledger.run import LedgerRun
from tests.ledger.scenario import Scenario

SCENARIO = Scenario(
    event_count=100_000,
    user_count=5_000,
    partition_count=12,
    window_count=2_000,
    processes_per_vendor=2,
    kill_count=3,
    is_rebalanced=True,
    refused_share=0.001,
    has_poison=True,
    faults=(
        Latency(ms=5, max_ms=60),
        Status(status=500, rate=0.01, burst_count=4),
        Throttle(retry_after_s=1, rate=0.004, burst_count=3),
        Throttle(retry_after_s=2, rate=0.004, form="date"),
        Drop(when="before", rate=0.01),
        Drop(when="after", rate=0.01),
        Drop(when="during", rate=0.01),
    ),
    delivery={"isolation": {"give_up_s": 20}, "max_extra_requests_per_minute": 6_000},
    max_s=1_200,
)


@pytest.mark.proof
@pytest.mark.kafka
@pytest.mark.timeout(1_800)
def test_nothing_is_lost_whatever_goes_wrong(
    kafka: Kafka, tmp_path: Path, seed: int, record_property: Callable[[str, object], None]
) -> None:
    """100,000 events, kills, rebalances, bursts of errors, refused events and a poisonous one: the promise holds."""
    run = LedgerRun(kafka, SCENARIO, tmp_path, seed)
    run.run()
    assert judge(run.evidence)[:20] == []
    assert missing_faults(run.evidence, SCENARIO.faults, run.happened) == []
    assert run.problems == []
    assert len(run.evidence.refused) == 101
    found = figures(run.evidence, SCENARIO, run.happened, seed, run.duration_s)
    record_property("figures", msgspec.json.encode(found).decode())
