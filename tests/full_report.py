"""The report of a destination in which every metric has a point."""

from __future__ import annotations

import json
from typing import Any, cast

from processor.model import Outcome
from processor.operations.status import StatusReport
from processor.operations.tally import Tally

NOW_MS = 1_796_000_000_000


def full_tally() -> Tally:
    """Return a tally in which everything was counted at least once."""
    tally = Tally()
    tally.read(10, 4096)
    tally.read_from({"t": 10})
    tally.done(Outcome.DELIVERED, count=6)
    tally.done(Outcome.SKIPPED, "filtered", 2)
    tally.aged(NOW_MS, [NOW_MS - 2_000] * 5 + [NOW_MS - 700_000])
    tally.payload("events", Outcome.DELIVERED, 6)
    tally.request("events", "200", body_bytes=900, wire_bytes=300, seconds=0.5, payload_count=6)
    tally.request("events", "timeout", body_bytes=900, wire_bytes=300, seconds=20.0, payload_count=6)
    tally.request("written", "kafka_written", body_bytes=10, wire_bytes=10, seconds=0.02)
    tally.request("written", "kafka_timed_out", body_bytes=10, wire_bytes=10, seconds=30.0)
    tally.retry("events", "http_503")
    tally.warn("time_missing")
    tally.note("circuit_opened")
    tally.note("possible_duplicates", 6)
    tally.expire("t", 3, 5)
    tally.repeated(4)
    tally.mapped(0.25)
    tally.unmapped("presets", "mapping_failed")
    return tally


def full_report(**changes: Any) -> StatusReport:  # noqa: ANN401 - any part of a report
    """Return the report of a destination at work, as its supervisor decodes it, with changes."""
    report = StatusReport(
        destination="a",
        state="running",
        reason="",
        ready=True,
        alive=True,
        group="bridge.a",
        config_hash="abcdef012345",
        mapping_hash="0123456789ab",
        tally=full_tally().report(),
        partitions=[
            {
                "topic": "t",
                "partition": 0,
                "committed": 3,
                "end": 10,
                "lag": 7,
                "time_lag_s": 1.5,
                "uncommitted": 4,
                "retention_headroom_s": 3600.0,
            },
            {"topic": "t", "partition": 1},
        ],
        gauges={
            "circuit_open": 0.0,
            "concurrency_limit": 8,
            "event_loop_delay_s": 0.01,
            "in_flight_requests": 3,
            "paused_partitions": 1,
            "retrying_batches": 2,
            "window_records": 2.0,
        },
        endpoints={
            "events": {"method": "POST", "address": "api.vendor.example", "port": 443, "topic": None, "success": ""},
            "written": {
                "method": "PRODUCE",
                "address": "",
                "port": None,
                "topic": "target",
                "success": "kafka_written",
            },
        },
        throttle_wait_s=12.5,
        dead_letter_failures={"unwritable": 3, "too_large": 0},
        rebalances={"assigned": 2, "revoked": 1, "lost": 0},
        commit_failures={"rebalance_in_progress": 1},
        process={
            "pid": 1,
            "memory_bytes": 50_000_000,
            "cpu_seconds": 1.25,
            "start_time_s": 1_795_999_000.0,
            "open_files": 40,
            "threads": 12,
        },
        details={"last_delivery_ms": NOW_MS - 4_000},
        reload={
            "results": {"applied": 2, "refused": 1, "unchanged": 0},
            "last_result": "refused",
            "last_ms": 5,
            "needs_restart": [],
        },
    )
    carried: StatusReport = json.loads(json.dumps(report))
    return cast(StatusReport, {**carried, **changes})
