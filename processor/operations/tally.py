"""Counts that add up.

Metrics cost microseconds a call, which the hot path does not have. So the pipeline adds plain integers here, and the
page reads them when somebody asks. One tally belongs to one pipeline and is written by its event loop alone.

    consumed = delivered + skipped + dead_lettered + released + in flight
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TypedDict

from processor.model import Outcome
from processor.operations.histogram import (
    BATCH_BYTES,
    BATCH_PAYLOADS,
    EVENT_AGE_SECONDS,
    REQUEST_SECONDS,
    Histogram,
    HistogramReport,
)

Nested = dict[str, dict[str, int]]
Pairs = Mapping[tuple[str, str], int]


class RecordCounts(TypedDict):
    """Records by outcome and reason; the reason of a delivered or released record is empty."""

    consumed: int
    in_flight: int
    delivered: dict[str, int]
    skipped: dict[str, int]
    dead_lettered: dict[str, int]
    released: dict[str, int]


class TallyReport(TypedDict):
    """A tally as plain values, fit for JSON. All counts are since the start of the process; sizes are in bytes."""

    records: RecordCounts
    consumed_bytes: int
    payloads: Nested
    requests: Nested
    retries: Nested
    request_bytes: dict[str, int]
    wire_bytes: dict[str, int]
    request_seconds: dict[str, float]
    warnings: dict[str, int]
    events: dict[str, int]
    expired: Nested
    """Records that the broker deleted before they were read, by topic and partition."""
    consumed_by_topic: dict[str, int]
    event_age: HistogramReport
    """Ages of records when they were delivered, in seconds."""
    request_durations: dict[str, dict[str, HistogramReport]]
    """By endpoint and status, as in `requests`; in seconds."""
    batch_payloads: dict[str, HistogramReport]
    batch_bytes: dict[str, HistogramReport]
    """Of requests by endpoint; the bytes are those of bodies before compression."""
    dedupe_hits: int
    mapping_seconds: float
    mapping_failures: Nested
    """Events by subscription, empty before one is chosen, and reason."""


def nested(pairs: Pairs) -> Nested:
    """Return counts by pairs as counts by first, then second."""
    grown: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (first, second), count in pairs.items():
        grown[first][second] = count
    return dict(grown)


class Tally:
    """What one pipeline has seen since its process started. All methods are cheap enough for every record."""

    __slots__ = (
        "_batch_bytes",
        "_batch_payloads",
        "_by_topic",
        "_durations",
        "_event_age",
        "_events",
        "_expired",
        "_mapping_failures",
        "_outcomes",
        "_payloads",
        "_request_bytes",
        "_request_seconds",
        "_requests",
        "_retries",
        "_warnings",
        "_wire_bytes",
        "consumed",
        "consumed_bytes",
        "dedupe_hits",
        "mapping_seconds",
    )

    def __init__(self) -> None:
        """Start with nothing counted."""
        self.consumed = 0
        self.consumed_bytes = 0
        self.dedupe_hits = 0
        self.mapping_seconds = 0.0
        self._by_topic: defaultdict[str, int] = defaultdict(int)
        self._event_age = Histogram(EVENT_AGE_SECONDS)
        self._durations: defaultdict[tuple[str, str], Histogram] = defaultdict(lambda: Histogram(REQUEST_SECONDS))
        self._batch_payloads: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(BATCH_PAYLOADS))
        self._batch_bytes: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(BATCH_BYTES))
        self._mapping_failures: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._outcomes: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._payloads: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._requests: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._retries: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._request_bytes: defaultdict[str, int] = defaultdict(int)
        self._wire_bytes: defaultdict[str, int] = defaultdict(int)
        self._request_seconds: defaultdict[str, float] = defaultdict(float)
        self._warnings: defaultdict[str, int] = defaultdict(int)
        self._events: defaultdict[str, int] = defaultdict(int)
        self._expired: defaultdict[tuple[str, str], int] = defaultdict(int)

    def read(self, count: int, size_bytes: int) -> None:
        """Count records handed over by the consumer, and the bytes of their values."""
        self.consumed += count
        self.consumed_bytes += size_bytes

    def read_from(self, counts: Mapping[str, int]) -> None:
        """Count the same records by their topics."""
        for topic, count in counts.items():
            self._by_topic[topic] += count

    def mapped(self, seconds: float) -> None:
        """Count the time that the events of a run took to map."""
        self.mapping_seconds += seconds

    def unmapped(self, subscription: str, code: str) -> None:
        """Count an event that could not be mapped."""
        self._mapping_failures[subscription, code] += 1

    def aged(self, now_ms: int, times_ms: Sequence[int]) -> None:
        """Count the ages of records that are delivered now, one or more, by their timestamps."""
        self._event_age.add_ages(now_ms, times_ms)

    def done(self, outcome: Outcome, reason: str = "", count: int = 1) -> None:
        """Count records that ended; each record ends once."""
        self._outcomes[outcome.value, reason] += count

    def payload(self, endpoint: str, outcome: Outcome, count: int = 1) -> None:
        """Count payloads that ended at an endpoint."""
        self._payloads[endpoint, outcome.value] += count

    def request(
        self,
        endpoint: str,
        status: str,
        *,
        body_bytes: int,
        wire_bytes: int,
        seconds: float,
        payload_count: int = 1,
    ) -> None:
        """Count one attempt: its answer (a status, or why none came), sizes before and after compression, and time."""
        self._requests[endpoint, status] += 1
        self._durations[endpoint, status].add(seconds)
        self._batch_payloads[endpoint].add(payload_count)
        self._batch_bytes[endpoint].add(body_bytes)
        self._request_bytes[endpoint] += body_bytes
        self._wire_bytes[endpoint] += wire_bytes
        self._request_seconds[endpoint] += seconds

    def retry(self, endpoint: str, reason: str) -> None:
        """Count a batch that will be sent again."""
        self._retries[endpoint, reason] += 1

    def warn(self, code: str, count: int = 1) -> None:
        """Count payloads that were delivered although something about them was odd."""
        self._warnings[code] += count

    def note(self, event: str, count: int = 1) -> None:
        """Count a happening of the pipeline itself, such as `circuit_opened` or `possible_duplicates`."""
        self._events[event] += count

    def repeated(self, count: int) -> None:
        """Count payloads that were left out because one of the same id was delivered lately."""
        self.dedupe_hits += count

    def expire(self, topic: str, partition: int, count: int) -> None:
        """Count records of a partition that the broker deleted before they were read."""
        self._expired[topic, str(partition)] += count

    def ended(self, outcome: Outcome) -> int:
        """Return how many records ended so, whatever the reason."""
        return sum(count for (name, _), count in self._outcomes.items() if name == outcome.value)

    @property
    def in_flight(self) -> int:
        """Return how many records were read and have not ended; never negative unless one was counted twice."""
        return self.consumed - sum(self._outcomes.values())

    def agrees(self, outstanding_count: int) -> bool:
        """Return whether the counts add up with the number of records that somebody else knows to be unfinished."""
        return self.in_flight == outstanding_count

    def report(self) -> TallyReport:
        """Return all counts as plain values that later counting does not change."""
        return TallyReport(
            records=self._records(),
            consumed_bytes=self.consumed_bytes,
            payloads=nested(self._payloads),
            requests=nested(self._requests),
            retries=nested(self._retries),
            request_bytes=dict(self._request_bytes),
            wire_bytes=dict(self._wire_bytes),
            request_seconds=dict(self._request_seconds),
            warnings=dict(self._warnings),
            events=dict(self._events),
            expired=nested(self._expired),
            consumed_by_topic=dict(self._by_topic),
            event_age=self._event_age.report(),
            request_durations=self._durations_report(),
            batch_payloads={name: one.report() for name, one in self._batch_payloads.items()},
            batch_bytes={name: one.report() for name, one in self._batch_bytes.items()},
            dedupe_hits=self.dedupe_hits,
            mapping_seconds=self.mapping_seconds,
            mapping_failures=nested(self._mapping_failures),
        )

    def _durations_report(self) -> dict[str, dict[str, HistogramReport]]:
        by_endpoint: defaultdict[str, dict[str, HistogramReport]] = defaultdict(dict)
        for (endpoint, status), durations in self._durations.items():
            by_endpoint[endpoint][status] = durations.report()
        return dict(by_endpoint)

    def _records(self) -> RecordCounts:
        by_outcome = nested(self._outcomes)
        return RecordCounts(
            consumed=self.consumed,
            in_flight=self.in_flight,
            delivered=by_outcome.get(Outcome.DELIVERED.value, {}),
            skipped=by_outcome.get(Outcome.SKIPPED.value, {}),
            dead_lettered=by_outcome.get(Outcome.DEAD_LETTERED.value, {}),
            released=by_outcome.get(Outcome.RELEASED.value, {}),
        )
