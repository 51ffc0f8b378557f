"""Metrics of the process itself, and what has no metric of its own."""

from __future__ import annotations

from typing import Final

from processor.operations.metrics import reading
from processor.operations.metrics.metric import Metric, by, gauge, in_process, reported, tallied

PROCESS: Final = (
    Metric(
        "segment_bridge_event_loop_delay_seconds",
        "gauge",
        "s",
        (),
        "Longest delay of the event loop in the last ten seconds or a little more.",
        gauge("event_loop_delay_s"),
    ),
    Metric(
        "segment_bridge_memory_bytes",
        "gauge",
        "By",
        (),
        "Resident memory of the process.",
        in_process(lambda process: process["memory_bytes"]),
    ),
    Metric(
        "segment_bridge_cpu_seconds_total",
        "counter",
        "s",
        (),
        "CPU time of the process.",
        in_process(lambda process: process["cpu_seconds"]),
    ),
    Metric(
        "segment_bridge_open_files",
        "gauge",
        "{file}",
        (),
        "Files and sockets that the process has open; absent where the system does not tell.",
        in_process(lambda process: process.get("open_files")),
    ),
    Metric(
        "segment_bridge_threads",
        "gauge",
        "{thread}",
        (),
        "Threads of the process, those of the Kafka clients included.",
        in_process(lambda process: process.get("threads")),
    ),
    Metric(
        "segment_bridge_start_time_seconds",
        "gauge",
        "s",
        (),
        "When the process started, in seconds since the epoch.",
        in_process(lambda process: process.get("start_time_s")),
    ),
    Metric(
        "segment_bridge_occurrences_total",
        "counter",
        "{occurrence}",
        ("occurrence",),
        "Happenings of the pipeline itself, by name.",
        tallied(lambda tally: by("occurrence", tally["events"])),
    ),
    Metric(
        "segment_bridge_present_value",
        "gauge",
        "1",
        ("gauge",),
        "Other present values of the pipeline, by name.",
        reported(reading.other_gauges),
    ),
)
