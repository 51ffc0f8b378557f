"""Metrics of what a destination is doing, and with which settings."""

from __future__ import annotations

from typing import Final

from processor.operations.metrics import reading
from processor.operations.metrics.metric import Metric, fact, gauge, reported
from processor.operations.status import is_alive, is_ready

STATE: Final = (
    Metric(
        "segment_bridge_destination_ready",
        "gauge",
        "1",
        (),
        "1 when the destination takes its part in the work, also while it stands by, is held or is paused.",
        reported(lambda report: [(fact(is_ready(report)), {})]),
    ),
    Metric(
        "segment_bridge_destination_alive",
        "gauge",
        "1",
        (),
        "0 when only a restart can help the destination.",
        reported(lambda report: [(fact(is_alive(report)), {})]),
    ),
    Metric(
        "segment_bridge_destination_state",
        "gauge",
        "1",
        ("state", "reason"),
        "1 for the state that the destination is in.",
        reported(reading.state),
    ),
    Metric(
        "segment_bridge_held",
        "gauge",
        "1",
        ("reason",),
        "1 for the reason that holds the destination; 0 without a reason while none does.",
        reported(reading.held),
    ),
    Metric(
        "segment_bridge_operator_paused",
        "gauge",
        "1",
        (),
        "1 while an operator has paused or drained the destination.",
        reported(reading.paused),
    ),
    Metric(
        "segment_bridge_circuit_open",
        "gauge",
        "1",
        (),
        "1 while failures keep requests back, but for one after each pause.",
        gauge("circuit_open"),
    ),
    Metric(
        "segment_bridge_restarts_total",
        "counter",
        "{restart}",
        (),
        "Times that the destination's process was started again.",
        reported(lambda report: [(report.get("restart_count", 0), {})]),
    ),
    Metric(
        "segment_bridge_config_info",
        "gauge",
        "1",
        ("config_hash",),
        "1 for the hash of the settings that are in force, secrets left out.",
        reported(reading.config),
    ),
    Metric(
        "segment_bridge_mapping_info",
        "gauge",
        "1",
        ("mapping_hash",),
        "1 for the hash of the mapping that is in force.",
        reported(reading.mapping),
    ),
    Metric(
        "segment_bridge_reloads_total",
        "counter",
        "{reload}",
        ("result",),
        "Times that the settings were loaded again, by result: applied, refused (the old ones stay in force) or "
        "unchanged.",
        reported(reading.reloads),
    ),
)
