"""Points that take more than one key of a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from processor.operations.histogram import HistogramReport
from processor.operations.metrics.metric import Point, by, by_two, fact
from processor.operations.status import StatusReport
from processor.operations.tally import RecordCounts

OVERDUE_S: Final = 300.0
"""An event is fresh while it is delivered within this time."""

PAUSED: Final = frozenset({"paused", "drained"})
"""The states that an operator has brought about."""

OWN: Final = frozenset(
    {
        "circuit_open",
        "concurrency_limit",
        "event_loop_delay_s",
        "in_flight_requests",
        "paused_partitions",
        "retrying_batches",
    }
)
"""Present values that have a metric of their own."""

_KAFKA: Final = "kafka"


def ended(records: RecordCounts) -> Iterator[Point]:
    """Return the records that ended, by outcome and reason."""
    by_outcome = {
        "delivered": records["delivered"],
        "skipped": records["skipped"],
        "dead_lettered": records["dead_lettered"],
        "released": records["released"],
    }
    return by_two("outcome", "reason", by_outcome)


def state(report: StatusReport) -> Iterable[Point]:
    """Return 1 for the state that a destination is in."""
    return [(1.0, {"state": report.get("state", "starting"), "reason": report.get("reason", "")})]


def held(report: StatusReport) -> Iterable[Point]:
    """Return 1 for the reason that holds a destination, 0 without a reason while none does."""
    is_held = report.get("state") == "held"
    return [(fact(is_held), {"reason": report.get("reason", "") if is_held else ""})]


def paused(report: StatusReport) -> Iterable[Point]:
    """Return 1 while a destination stands still because an operator wants it so."""
    return [(fact(str(report.get("state")) in PAUSED), {})]


def reloads(report: StatusReport) -> Iterable[Point]:
    """Return the reloads by result, none where reloading is off."""
    return by("result", report["reload"]["results"]) if "reload" in report else ()


def config(report: StatusReport) -> Iterator[Point]:
    """Return 1 for the hash of the settings that are in force."""
    if "config_hash" in report:
        yield 1.0, {"config_hash": report["config_hash"]}


def mapping(report: StatusReport) -> Iterator[Point]:
    """Return 1 for the hash of the mapping that is in force."""
    if "mapping_hash" in report:
        yield 1.0, {"mapping_hash": report["mapping_hash"]}


def since_delivery(report: StatusReport, now_ms: int) -> Iterator[Point]:
    """Return the seconds since the last delivery, nothing before the first."""
    last_ms = report.get("details", {}).get("last_delivery_ms")
    if last_ms is not None:
        yield max(0, now_ms - last_ms) / 1000, {}


def overdue(report: StatusReport) -> Iterator[Point]:
    """Return the records that wait in partitions whose oldest unfinished one is overdue, once partitions are known."""
    if "partitions" in report:
        late = [one for one in report["partitions"] if (one.get("time_lag_s") or 0.0) > OVERDUE_S]
        yield sum(one.get("lag") or 0 for one in late), {}


def consumed_messages(report: StatusReport, _: int) -> Iterator[Point]:
    """Return the messages read, by topic."""
    tally = report.get("tally")
    for topic, count in {} if tally is None else tally["consumed_by_topic"].items():
        labels = {
            "messaging_system": _KAFKA,
            "messaging_operation_name": "poll",
            "messaging_destination_name": topic,
            "messaging_consumer_group_name": report.get("group", ""),
        }
        yield count, labels


def http_durations(report: StatusReport, _: int) -> Iterator[Point]:
    """Return the durations of HTTP requests, by endpoint and by status or the reason why no answer came."""
    for endpoint, status, durations in _durations(report):
        about = report.get("endpoints", {}).get(endpoint)
        if about is None or about["topic"] is not None:
            continue
        has_answer = status.isdecimal()
        labels = {
            "endpoint": endpoint,
            "http_request_method": about["method"],
            "http_response_status_code": status if has_answer else "",
            "error_type": "" if has_answer else status,
            "server_address": about["address"],
            "server_port": "" if about["port"] is None else str(about["port"]),
        }
        yield durations, labels


def topic_durations(report: StatusReport, _: int) -> Iterator[Point]:
    """Return how long a topic took to take batches, by the reason why it did not take all of one."""
    for endpoint, code, durations in _durations(report):
        about = report.get("endpoints", {}).get(endpoint)
        if about is None or about["topic"] is None:
            continue
        labels = {
            "endpoint": endpoint,
            "messaging_system": _KAFKA,
            "messaging_operation_name": "send",
            "messaging_destination_name": about["topic"],
            "error_type": "" if code == about["success"] else code,
        }
        yield durations, labels


def _durations(report: StatusReport) -> Iterator[tuple[str, str, HistogramReport]]:
    """Return the durations of requests by endpoint and status."""
    tally = report.get("tally")
    for endpoint, by_status in {} if tally is None else tally["request_durations"].items():
        for status, durations in by_status.items():
            yield endpoint, status, durations


def other_gauges(report: StatusReport) -> Iterator[Point]:
    """Return the present values that have no metric of their own."""
    return by("gauge", {name: value for name, value in report.get("gauges", {}).items() if name not in OWN})
