"""What the dashboard shows: rows of panels, each with its queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

CHOSEN: Final = 'namespace=~"$namespace",job=~"$job",destination=~"$destination"'
"""What the variables of the dashboard choose; every query is narrowed by it."""

Look = Literal["figure", "lines", "stack", "states"]
"""A figure of each destination, lines over time, areas that add up, or bars of what was so and when."""


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL, and what each of its lines is called."""

    promql: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `width` is in columns of the grid; from the values of `steps` on a figure is orange, then red."""

    title: str
    description: str
    unit: str
    queries: Sequence[Query]
    look: Look = "lines"
    width: int = 8
    steps: tuple[float, float] | None = None


def _legend(by: Sequence[str], note: str) -> str:
    return " ".join([*(f"{{{{{label}}}}}" for label in ("destination", *by)), *filter(None, [note])])


def _selector(metric: str, where: str) -> str:
    return f"{metric}{{{CHOSEN}{',' if where else ''}{where}}}"


def now(how: str, metric: str, *by: str, where: str = "", note: str = "") -> Query:
    """Return the present value of a gauge, put together by `how` for each destination and what `by` names."""
    grouped = ", ".join(("destination", *by))
    return Query(f"{how} by ({grouped}) ({_selector(metric, where)})", _legend(by, note))


def rate(metric: str, *by: str, where: str = "", note: str = "", how: str = "sum") -> Query:
    """Return the growth of a counter a second, for each destination and what `by` names."""
    grouped = ", ".join(("destination", *by))
    return Query(f"{how} by ({grouped}) (rate({_selector(metric, where)}[$__rate_interval]))", _legend(by, note))


def quantile(share: float, metric: str, *by: str) -> Query:
    """Return the quantile of a histogram, for each destination and what `by` names."""
    inner = rate(f"{metric}_bucket", *by, "le").promql
    return Query(f"histogram_quantile({share}, {inner})", _legend(by, f"p{round(share * 100)}"))


def late(window: str, *, budget: str = "", note: str = "") -> Query:
    """Return the share of late events of a window, divided by the share that is allowed where that is given."""
    bad = _selector(f"destination:segment_bridge_late_events:increase{window}", "")
    of = _selector(f"destination:segment_bridge_events:increase{window}", "")
    return Query(f"{bad} / ({of} > 0){f' / {budget}' if budget else ''}", _legend((), note))


ROWS: Final[Mapping[str, Sequence[Panel]]] = {
    "At a glance": (
        Panel(
            "Oldest unfinished event",
            "Age of the oldest record that is not finished; 0 when there is nothing to do.",
            "s",
            [now("max", "segment_bridge_time_lag_seconds")],
            "figure",
            steps=(60, 300),
        ),
        Panel(
            "Records waiting",
            "End of the log minus committed, over all partitions.",
            "short",
            [now("sum", "segment_bridge_lag_records")],
            "figure",
        ),
        Panel(
            "Late in the last 3 days",
            "Share of events delivered later than 5 minutes, or overdue now; the objective allows 0.5 %.",
            "percentunit",
            [late("3d")],
            "figure",
            steps=(0.0025, 0.005),
        ),
        Panel(
            "Delivered",
            "Records delivered a second.",
            "cps",
            [rate("segment_bridge_records_total", where='outcome="delivered"')],
            "figure",
        ),
        Panel(
            "Dead letters",
            "Records that become dead letters, a second.",
            "cps",
            [rate("segment_bridge_records_total", where='outcome="dead_lettered"')],
            "figure",
            steps=(0.01, 1),
        ),
        Panel(
            "Time until records expire",
            "How long until the broker may delete the oldest unfinished record, by the topic's retention.ms.",
            "s",
            [now("min", "segment_bridge_retention_headroom_seconds")],
            "figure",
        ),
        Panel(
            "State",
            "What each destination is doing, and the reason where there is one.",
            "short",
            [now("max", "segment_bridge_destination_state", "state", "reason")],
            "states",
            width=12,
        ),
        Panel(
            "Firing alerts",
            "Alerts of the chart that fire; each has a runbook.",
            "short",
            [
                Query(
                    'max by (destination, alertname, severity) (ALERTS{alertname=~"SegmentBridge.*",'
                    'alertstate="firing",destination=~"$destination|"})',
                    "{{destination}} {{alertname}} {{severity}}",
                )
            ],
            "states",
            width=12,
            steps=(0.5, 1),
        ),
    ),
    "Freshness": (
        Panel(
            "Burn rate of the budget",
            "At 1 the budget of 30 days lasts 30 days; 14.4 over an hour, or 6 over six, wake somebody.",
            "short",
            [late(window, budget="0.005", note=window) for window in ("1h", "6h", "3d")],
        ),
        Panel(
            "Age of events at delivery",
            "By the record's timestamp.",
            "s",
            [quantile(share, "segment_bridge_event_age_seconds") for share in (0.5, 0.95, 0.99)],
        ),
        Panel(
            "Overdue records",
            "What waits in partitions whose oldest record is older than 5 minutes.",
            "short",
            [now("sum", "segment_bridge_overdue_records")],
        ),
        Panel(
            "Time lag by partition",
            "Age of the oldest unfinished record; a line that rises with the clock stands still.",
            "s",
            [now("max", "segment_bridge_time_lag_seconds", "topic", "partition")],
        ),
        Panel(
            "Lag by partition",
            "End of the log minus committed.",
            "short",
            [now("max", "segment_bridge_lag_records", "topic", "partition")],
        ),
        Panel(
            "Since the last delivery",
            "Rises while nothing is delivered, also when there is nothing to deliver.",
            "s",
            [now("min", "segment_bridge_since_delivery_seconds")],
        ),
    ),
    "Events": (
        Panel(
            "What becomes of records",
            "Records a second by outcome; together they are those that were read.",
            "cps",
            [rate("segment_bridge_records_total", "outcome")],
            "stack",
        ),
        Panel(
            "Why records are skipped",
            "Records a second by reason.",
            "cps",
            [rate("segment_bridge_records_total", "reason", where='outcome="skipped"')],
            "stack",
        ),
        Panel(
            "Why records become dead letters",
            "Records a second by reason.",
            "cps",
            [rate("segment_bridge_records_total", "reason", where='outcome="dead_lettered"')],
            "stack",
        ),
        Panel("Read", "Records a second.", "cps", [rate("segment_bridge_consumed_records_total")]),
        Panel(
            "Mapping",
            "Seconds of work a second, and events a second that could not be mapped.",
            "short",
            [
                rate("segment_bridge_mapping_seconds_total", note="seconds"),
                rate("segment_bridge_mapping_failures_total", "subscription", "code"),
            ],
        ),
        Panel(
            "Oddities",
            "A second: payloads with a warning, copies left out, payloads that may arrive twice, records expired.",
            "cps",
            [
                rate("segment_bridge_warnings_total", "code"),
                rate("segment_bridge_dedupe_hits_total", note="copies left out"),
                rate("segment_bridge_unknown_outcomes_total", note="without an answer"),
                rate("segment_bridge_records_expired_total", note="expired"),
            ],
        ),
    ),
    "Vendor": (
        Panel(
            "Duration of requests",
            "By endpoint.",
            "s",
            [quantile(share, "http_client_request_duration_seconds", "endpoint") for share in (0.5, 0.99)],
        ),
        Panel(
            "Answers",
            "Requests a second by status, or by the reason why no answer came.",
            "reqps",
            [rate("http_client_request_duration_seconds_count", "http_response_status_code", "error_type")],
            "stack",
        ),
        Panel(
            "Retries",
            "Batches sent again a second.",
            "cps",
            [rate("segment_bridge_retries_total", "endpoint", "reason")],
            "stack",
        ),
        Panel(
            "Circuit, hold, pause",
            "What keeps a destination from delivering.",
            "short",
            [
                now("max", "segment_bridge_circuit_open", note="circuit open"),
                now("max", "segment_bridge_held", "reason", note="held"),
                now("max", "segment_bridge_operator_paused", note="paused"),
            ],
            "states",
            width=12,
            steps=(0.5, 1),
        ),
        Panel(
            "Waiting because of rates",
            "Share of the time in which nothing could be sent, as the vendor or the settings limit the rate.",
            "percentunit",
            [rate("segment_bridge_throttle_wait_seconds_total", how="avg")],
            width=12,
        ),
        Panel(
            "Requests on their way",
            "With how many may be, and batches that wait to be sent again.",
            "short",
            [
                now("sum", "segment_bridge_in_flight_requests", note="on their way"),
                now("sum", "segment_bridge_concurrency_limit", note="limit"),
                now("sum", "segment_bridge_retrying_batches", note="to be sent again"),
            ],
        ),
        Panel(
            "Payloads in a request",
            "By endpoint.",
            "short",
            [quantile(share, "segment_bridge_batch_payloads", "endpoint") for share in (0.5, 0.99)],
        ),
        Panel(
            "Bytes of requests",
            "As they are sent, and before compression.",
            "Bps",
            [
                rate("segment_bridge_request_wire_bytes_total", note="sent"),
                rate("segment_bridge_request_body_bytes_total", note="before compression"),
            ],
        ),
    ),
    "Kafka": (
        Panel(
            "Partitions",
            "Owned, and those of them that are not read for now.",
            "short",
            [
                now("sum", "segment_bridge_assigned_partitions", note="owned"),
                now("sum", "segment_bridge_paused_partitions", note="not read"),
            ],
        ),
        Panel(
            "Rebalances and failed commits",
            "A second.",
            "cps",
            [
                rate("segment_bridge_rebalances_total", "kind"),
                rate("segment_bridge_commit_failures_total", "reason", note="commit failed"),
                rate("segment_bridge_dead_letter_failures_total", "reason", note="letter not written"),
            ],
        ),
        Panel(
            "Records a crash would repeat",
            "Read and not committed, and of these the unfinished ones.",
            "short",
            [
                now("sum", "segment_bridge_uncommitted_records", note="not committed"),
                now("sum", "segment_bridge_in_flight_records", note="unfinished"),
            ],
        ),
    ),
    "Process": (
        Panel("CPU", "Cores.", "short", [rate("segment_bridge_cpu_seconds_total", "instance")]),
        Panel("Memory", "Resident.", "bytes", [now("max", "segment_bridge_memory_bytes", "instance")]),
        Panel(
            "Delay of the event loop",
            "The longest of the last ten seconds.",
            "s",
            [now("max", "segment_bridge_event_loop_delay_seconds", "instance")],
        ),
        Panel(
            "Files and threads",
            "Open, running.",
            "short",
            [
                now("max", "segment_bridge_open_files", "instance", note="files"),
                now("max", "segment_bridge_threads", "instance", note="threads"),
            ],
        ),
        Panel(
            "Settings in force",
            "Processes by the hash of settings and of mapping; two of one kind: a rollout is under way.",
            "short",
            [
                now("count", "segment_bridge_config_info", "config_hash", note="settings"),
                now("count", "segment_bridge_mapping_info", "mapping_hash", note="mapping"),
            ],
        ),
        Panel(
            "Starts and reloads",
            "A second: processes that a supervisor started again, settings loaded again.",
            "cps",
            [rate("segment_bridge_restarts_total", note="restarts"), rate("segment_bridge_reloads_total", "result")],
        ),
    ),
}
