"""Judges the configuration of topics: what they keep, and how large a message may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

_ROOM_BYTES: Final = 8_192
"""What a message has beside its value, before its size counts as a difference: key, headers and Kafka's framing."""
HOUR_S: Final = 3_600.0
_NO_LIMIT: Final = -1
ASSUMED: Final[Mapping[str, str]] = {
    "cleanup.policy": "",
    "max.message.bytes": "0",
    "retention.bytes": "-1",
    "retention.ms": "-1",
}
"""What is judged here, each with a value of which nothing is said: a broker that is none of Apache's may tell less."""


def retention_warnings(topic: str, configuration: Mapping[str, str], outage_s: float) -> Iterator[str]:
    """Yield that a topic forgets what was not delivered by the end of an outage of so many seconds."""
    policy = configuration["cleanup.policy"]
    if "delete" not in policy:
        return
    retention_ms = int(configuration["retention.ms"])
    if _NO_LIMIT < retention_ms < outage_s * 1_000:
        kept_h = retention_ms / 1_000 / HOUR_S
        yield (
            f"topic {topic} keeps records for {kept_h:.3g} h: what an outage of {outage_s / HOUR_S:.3g} h leaves "
            f"undone would be lost; raise retention.ms to {outage_s * 1_000:.0f} or more"
        )


def compaction_warnings(topic: str, configuration: Mapping[str, str]) -> Iterator[str]:
    """Yield that a topic of events keeps only the newest record of each key."""
    policy = configuration["cleanup.policy"]
    if "compact" in policy:
        yield (
            f"topic {topic} has cleanup.policy={policy}: of the records of one key all but the newest are removed in "
            "time, delivered or not"
        )


def size_retention_notes(topic: str, configuration: Mapping[str, str]) -> Iterator[str]:
    """Yield that how long a topic keeps its records cannot be told, because its size is limited as well."""
    limit = int(configuration["retention.bytes"])
    if "delete" in configuration["cleanup.policy"] and limit > _NO_LIMIT:
        yield (
            f"topic {topic} keeps at most {limit} bytes of a partition (retention.bytes): how long that lasts depends "
            "on its traffic and cannot be told here"
        )


def letter_warnings(topic: str, configuration: Mapping[str, str], max_letter_bytes: int) -> Iterator[str]:
    """Yield that a topic of events takes messages that no dead letter could hold."""
    limit = int(configuration["max.message.bytes"])
    if limit + _ROOM_BYTES > max_letter_bytes:
        yield (
            f"found {max_letter_bytes}; topic {topic} takes messages of {limit} bytes: letters that do not fit are "
            f"written without their value; set {limit + _ROOM_BYTES}"
        )


def record_warnings(topic: str, configuration: Mapping[str, str], max_record_bytes: int) -> Iterator[str]:
    """Yield that a topic of events takes records that a destination does not decode."""
    limit = int(configuration["max.message.bytes"])
    if limit > max_record_bytes + _ROOM_BYTES:
        yield (
            f"found {max_record_bytes}; topic {topic} takes messages of {limit} bytes: larger records become dead "
            "letters (record_too_large)"
        )


def partition_notes(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield that topics have different numbers of partitions."""
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{topic} {count}" for topic, count in sorted(counts.items()))
        yield (
            f"the topics have different numbers of partitions ({told}): one user's records in them are in no order to "
            "one another; order is kept within a partition"
        )
