"""A pipeline's books without the counts that only metrics read: what the cost of metrics is measured against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from processor.delivery.offsets import Entry
from processor.model import Outcome, Record
from processor.operations.tally import Tally
from processor.pipeline.ledger import Ledger
from processor.source.intake import size_bytes


class UncountedTally(Tally):
    """A tally that is told everything and keeps nothing."""

    __slots__ = ()

    def read(self, count: int, size_bytes: int) -> None:
        """Keep nothing."""

    def read_from(self, counts: Mapping[str, int]) -> None:
        """Keep nothing."""

    def mapped(self, seconds: float) -> None:
        """Keep nothing."""

    def aged(self, now_ms: int, times_ms: Sequence[int]) -> None:
        """Keep nothing."""

    def done(self, outcome: Outcome, reason: str = "", count: int = 1) -> None:
        """Keep nothing."""

    def payload(self, endpoint: str, outcome: Outcome, count: int = 1) -> None:
        """Keep nothing."""

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
        """Keep nothing."""


class UncountedLedger(Ledger):
    """A ledger that settles records and collects nothing for metrics beside."""

    def open_all(self, records: Iterable[Record], *, is_stopping: bool = False) -> list[Entry | None]:
        """Return the entries of records that are being mapped; every partition is owned here."""
        assert not is_stopping
        entries: list[Entry | None] = []
        for record in records:
            partition = self.tracker.get((record.topic, record.partition))
            assert partition is not None
            assert not partition.is_leaving
            entries.append(partition.track(record, size_bytes(record)))
        return entries

    def deliver(self, entries: Iterable[Entry], now_ms: int) -> None:
        """Settle a payload of each of these records as delivered; nobody asks how old they are."""
        del now_ms
        for entry in entries:
            entry.is_delivered = True
            entry.open_count -= 1
            if entry.open_count == 0 and entry.partition.is_owned and not entry.is_dead:
                self._dirty.add(entry.partition)
            elif entry.open_count <= 0:
                self._end(entry)
