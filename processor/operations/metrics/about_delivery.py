"""Metrics of payloads and requests on their way to the vendor."""

from __future__ import annotations

from typing import Final

from processor.operations.histogram import BATCH_BYTES, BATCH_PAYLOADS, REQUEST_SECONDS
from processor.operations.metrics import reading
from processor.operations.metrics.metric import Metric, by, by_two, gauge, reported, tallied

DELIVERY: Final = (
    Metric(
        "segment_bridge_payloads_total",
        "counter",
        "{payload}",
        ("endpoint", "outcome"),
        "Payloads that ended, by endpoint and outcome.",
        tallied(lambda tally: by_two("endpoint", "outcome", tally["payloads"])),
    ),
    Metric(
        "http_client_request_duration_seconds",
        "histogram",
        "s",
        (
            "endpoint",
            "http_request_method",
            "http_response_status_code",
            "error_type",
            "server_address",
            "server_port",
        ),
        "Duration of HTTP requests to the vendor, by endpoint and by status, or by the reason why no answer came "
        "(`error_type`).",
        reading.http_durations,
        bounds=REQUEST_SECONDS,
        otel_name="http.client.request.duration",
    ),
    Metric(
        "messaging_client_operation_duration_seconds",
        "histogram",
        "s",
        ("endpoint", "messaging_system", "messaging_operation_name", "messaging_destination_name", "error_type"),
        "Time that a destination's topic took for a batch, by the reason why it did not take all of it (`error_type`).",
        reading.topic_durations,
        bounds=REQUEST_SECONDS,
        otel_name="messaging.client.operation.duration",
    ),
    Metric(
        "segment_bridge_batch_payloads",
        "histogram",
        "{payload}",
        ("endpoint",),
        "Payloads in a request.",
        tallied(lambda tally: by("endpoint", tally["batch_payloads"])),
        bounds=BATCH_PAYLOADS,
    ),
    Metric(
        "segment_bridge_batch_bytes",
        "histogram",
        "By",
        ("endpoint",),
        "Bytes of a request's body before compression.",
        tallied(lambda tally: by("endpoint", tally["batch_bytes"])),
        bounds=BATCH_BYTES,
    ),
    Metric(
        "segment_bridge_request_body_bytes_total",
        "counter",
        "By",
        ("endpoint",),
        "Bytes of request bodies before compression.",
        tallied(lambda tally: by("endpoint", tally["request_bytes"])),
    ),
    Metric(
        "segment_bridge_request_wire_bytes_total",
        "counter",
        "By",
        ("endpoint",),
        "Bytes of request bodies as they were sent.",
        tallied(lambda tally: by("endpoint", tally["wire_bytes"])),
    ),
    Metric(
        "segment_bridge_retries_total",
        "counter",
        "{batch}",
        ("endpoint", "reason"),
        "Batches sent again, by endpoint and reason.",
        tallied(lambda tally: by_two("endpoint", "reason", tally["retries"])),
    ),
    Metric(
        "segment_bridge_unknown_outcomes_total",
        "counter",
        "{payload}",
        (),
        "Payloads whose request got no answer: they may arrive twice.",
        tallied(lambda tally: [(tally["events"].get("possible_duplicates", 0), {})]),
    ),
    Metric(
        "segment_bridge_in_flight_requests",
        "gauge",
        "{request}",
        (),
        "Requests that are on their way.",
        gauge("in_flight_requests"),
    ),
    Metric(
        "segment_bridge_concurrency_limit",
        "gauge",
        "{request}",
        (),
        "Requests that may be on their way at once: 1 after a start, a failure or a hold, doubling with each success.",
        gauge("concurrency_limit"),
    ),
    Metric(
        "segment_bridge_retrying_batches",
        "gauge",
        "{batch}",
        (),
        "Batches that wait to be sent again.",
        gauge("retrying_batches"),
    ),
    Metric(
        "segment_bridge_throttle_wait_seconds_total",
        "counter",
        "s",
        (),
        "Time in which nothing could be sent because the vendor asked for a pause, or a rate limit was used up.",
        reported(lambda report: [(report["throttle_wait_s"], {})] if "throttle_wait_s" in report else ()),
    ),
    Metric(
        "segment_bridge_dead_letter_failures_total",
        "counter",
        "{failure}",
        ("reason",),
        "Attempts to write a dead letter that failed, by reason; the letter is kept and tried again.",
        reported(lambda report: by("reason", report.get("dead_letter_failures", {}))),
    ),
)
