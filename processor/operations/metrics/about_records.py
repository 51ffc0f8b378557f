"""Metrics of records: how many were read, and what became of them."""

from __future__ import annotations

from typing import Final

from processor.operations.histogram import EVENT_AGE_SECONDS
from processor.operations.metrics import reading
from processor.operations.metrics.metric import Metric, by, by_two, tallied

_PARTITION: Final = ("topic", "partition")
_RECORDS: Final = "{record}"

RECORDS: Final = (
    Metric(
        "segment_bridge_consumed_records_total",
        "counter",
        _RECORDS,
        (),
        "Records read from Kafka. At any moment they are the records that ended and those in flight.",
        tallied(lambda tally: [(tally["records"]["consumed"], {})]),
    ),
    Metric(
        "messaging_client_consumed_messages_total",
        "counter",
        "{message}",
        (
            "messaging_system",
            "messaging_operation_name",
            "messaging_destination_name",
            "messaging_consumer_group_name",
        ),
        "Records read from Kafka by topic, as the semantic conventions call them.",
        reading.consumed_messages,
        otel_name="messaging.client.consumed.messages",
    ),
    Metric(
        "segment_bridge_consumed_bytes_total",
        "counter",
        "By",
        (),
        "Bytes of the values read.",
        tallied(lambda tally: [(tally["consumed_bytes"], {})]),
    ),
    Metric(
        "segment_bridge_records_total",
        "counter",
        _RECORDS,
        ("outcome", "reason"),
        "Records that ended, by outcome (delivered, skipped, dead_lettered, released) and reason.",
        tallied(lambda tally: reading.ended(tally["records"])),
    ),
    Metric(
        "segment_bridge_in_flight_records",
        "gauge",
        _RECORDS,
        (),
        "Records read that have not ended.",
        tallied(lambda tally: [(tally["records"]["in_flight"], {})]),
    ),
    Metric(
        "segment_bridge_event_age_seconds",
        "histogram",
        "s",
        (),
        "Age of a record, by its timestamp, when it was delivered.",
        tallied(lambda tally: [(tally["event_age"], {})]),
        bounds=EVENT_AGE_SECONDS,
    ),
    Metric(
        "segment_bridge_records_expired_total",
        "counter",
        _RECORDS,
        _PARTITION,
        "Records that the broker deleted before they were read, by partition.",
        tallied(lambda tally: by_two("topic", "partition", tally["expired"])),
    ),
    Metric(
        "segment_bridge_warnings_total",
        "counter",
        "{payload}",
        ("code",),
        "Payloads delivered with something odd about them, by code.",
        tallied(lambda tally: by("code", tally["warnings"])),
    ),
    Metric(
        "segment_bridge_dedupe_hits_total",
        "counter",
        "{payload}",
        (),
        "Payloads left out because one of the same id was delivered lately.",
        tallied(lambda tally: [(tally["dedupe_hits"], {})]),
    ),
    Metric(
        "segment_bridge_mapping_seconds_total",
        "counter",
        "s",
        (),
        "Time spent mapping events.",
        tallied(lambda tally: [(tally["mapping_seconds"], {})]),
    ),
    Metric(
        "segment_bridge_mapping_failures_total",
        "counter",
        "{event}",
        ("subscription", "code"),
        "Events that could not be mapped, by subscription (empty before one is chosen) and reason.",
        tallied(lambda tally: by_two("subscription", "code", tally["mapping_failures"])),
    ),
)
