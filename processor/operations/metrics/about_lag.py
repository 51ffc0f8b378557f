"""Metrics of what waits in the topics, and of the consumer group."""

from __future__ import annotations

from typing import Final

from processor.operations.metrics import reading
from processor.operations.metrics.metric import Metric, by, gauge, per_partition, reported

_PARTITION: Final = ("topic", "partition")
_RECORDS: Final = "{record}"

LAG: Final = (
    Metric(
        "segment_bridge_lag_records",
        "gauge",
        _RECORDS,
        _PARTITION,
        "End of the log minus committed, by partition, as the brokers say; also while it is paused.",
        per_partition(lambda partition: partition.get("lag")),
    ),
    Metric(
        "segment_bridge_time_lag_seconds",
        "gauge",
        "s",
        _PARTITION,
        "Age of the oldest unfinished record, by partition, read or not; 0 when there is none, absent until it "
        "is known.",
        per_partition(lambda partition: partition.get("time_lag_s")),
    ),
    Metric(
        "segment_bridge_overdue_records",
        "gauge",
        _RECORDS,
        (),
        f"Lag of the partitions whose time lag is above {reading.OVERDUE_S:.0f} s: unfinished work that is late "
        "already. Not exact, as younger records behind the oldest one count as well.",
        reported(reading.overdue),
    ),
    Metric(
        "segment_bridge_since_delivery_seconds",
        "gauge",
        "s",
        (),
        "Time since the last delivery; absent before the first.",
        reading.since_delivery,
    ),
    Metric(
        "segment_bridge_retention_headroom_seconds",
        "gauge",
        "s",
        _PARTITION,
        "Time until the oldest unfinished record may expire, by `retention.ms`; absent where the topic has none, or "
        "its configuration may not be read, and while the time lag is not known.",
        per_partition(lambda partition: partition.get("retention_headroom_s")),
    ),
    Metric(
        "segment_bridge_uncommitted_records",
        "gauge",
        _RECORDS,
        _PARTITION,
        "Offsets from committed to the highest read: what a crash would repeat at most.",
        per_partition(lambda partition: partition.get("uncommitted")),
    ),
    Metric(
        "segment_bridge_assigned_partitions",
        "gauge",
        "{partition}",
        (),
        "Partitions that this process owns.",
        reported(lambda report: [(len(report["partitions"]), {})] if "partitions" in report else ()),
    ),
    Metric(
        "segment_bridge_paused_partitions",
        "gauge",
        "{partition}",
        (),
        "Owned partitions that are not read for now, because the window is full, the destination is held, or a lane "
        "is too long.",
        gauge("paused_partitions"),
    ),
    Metric(
        "segment_bridge_rebalances_total",
        "counter",
        "{rebalance}",
        ("kind",),
        "Times that the group changed what this process owns, by kind: assigned, revoked, or lost (to others, before "
        "this process knew).",
        reported(lambda report: by("kind", report.get("rebalances", {}))),
    ),
    Metric(
        "segment_bridge_commit_failures_total",
        "counter",
        "{commit}",
        ("reason",),
        "Commits of offsets that failed, by Kafka's code; the next commit makes up for one.",
        reported(lambda report: by("reason", report.get("commit_failures", {}))),
    ),
)
