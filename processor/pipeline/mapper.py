"""From records to parcels, dead letters and skips.

Records are worked on in short runs, stage by stage: all are decoded, then all are mapped, then all are queued. What a
stage needs of the interpreter and of our code stays in the processor's cache for a whole run, which takes a quarter off
the cost of an event. A run ends as the same records would one by one, in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from processor.delivery.dispatcher import Dispatcher
from processor.delivery.offsets import Entry
from processor.destinations.plan import Plan
from processor.model import Mapped, Outcome, Payload, Record, Rejected, Skipped
from processor.pipeline.ledger import Ledger
from processor.pipeline.ports import Decoder
from processor.source.decode import Decoded

RUN_COUNT = 50
"""Records in a run. From 16 on the stages' code is hot; from some hundred on the run's own data is not."""
RUN_BYTES = 262_144
"""Bytes of values in a run of several records. What a run comes to is in memory all at once, and may be many times as
large as its values: without a bound, a few dozen large batch bodies would take more than the whole window does."""
DELIVERY_OFF = "delivery_off"

DeadLetter: TypeAlias = Callable[[Entry, Record, Rejected], None]
Look: TypeAlias = Callable[[Plan, Sequence[tuple[Entry, Decoded]], Sequence[Mapped]], None]
"""Called with a run's plan, what its records hold, and what each of their events comes to, in that order."""


class Mapper:
    """Opens records in the ledger, and sends on what their events come to."""

    def __init__(
        self, plan: Plan, decoder: Decoder, ledger: Ledger, now_s: Callable[[], float], *, is_delivering: bool
    ) -> None:
        """Keep the stages. Without `is_delivering` everything is done but queueing; `now_s` is monotonic.

        `plan` may be exchanged between two calls of `take`; a run is mapped with one plan.
        """
        self.plan = plan
        self.look: Look | None = None
        """Whoever looks on while runs are mapped. Then all of each event is decoded, whatever is needed of it."""
        self._decoder = decoder
        self._ledger = ledger
        self._now_s = now_s
        self._is_delivering = is_delivering

    def connect(self, dispatcher: Dispatcher, dead_letter: DeadLetter) -> None:
        """Bring what takes the parcels and the dead letters. Called once, before the first record."""
        self._dispatcher = dispatcher
        self._dead_letter = dead_letter

    def take(self, records: Sequence[Record], now_ms: int, *, is_stopping: bool) -> tuple[int, int | None]:
        """Take in records, those of one partition in the order of their offsets.

        Returns:
            How many were taken, and the id of the schema that the next one needs, if that is why not all were.
        """
        plan, look = self.plan, self.look
        decoded, needed, has_plain_keys = self._decoder.decode_run(records, plan.needs if look is None else None)
        entries = self._ledger.open_all(records[: len(decoded)], is_stopping=is_stopping)
        known = [(entry, events) for entry, events in zip(entries, decoded, strict=True) if entry is not None]
        values = [one for _, events in known if isinstance(events, list) for one in events]
        began_s = self._now_s()
        comes_to = plan.map_all(values, now_ms, has_plain_keys=has_plain_keys)
        self._ledger.tally.mapped(self._now_s() - began_s)
        mapped = iter(comes_to)
        waiting: list[tuple[Payload, Entry]] = []
        for entry, events in known:
            entry.plan = plan
            if isinstance(events, Rejected):
                self._dead_letter(entry, entry.record, events)
            elif isinstance(events, Skipped):
                entry.skip_reason = events.reason
            else:
                for record, _ in events:
                    self._follow(entry, record, next(mapped), waiting)
            self._ledger.close(entry)
        self._dispatcher.queue(waiting)
        if look is not None:
            look(plan, known, comes_to)
        return len(decoded), needed

    def _follow(self, entry: Entry, record: Record, mapped: Mapped, waiting: list[tuple[Payload, Entry]]) -> None:
        """Add one event's payloads to those that wait, and note what was left out."""
        for skipped in mapped.skipped:
            entry.skip_reason = entry.skip_reason or skipped.reason
        for rejected in mapped.rejected:
            self._ledger.tally.unmapped(rejected.subscription, rejected.reason)
            self._dead_letter(entry, record, rejected)
        for payload in mapped.payloads:
            for warning in payload.warnings:
                self._ledger.tally.warn(warning)
            if not self._is_delivering:
                entry.skip_reason = entry.skip_reason or DELIVERY_OFF
                self._ledger.tally.payload(payload.endpoint, Outcome.SKIPPED)
                continue
            entry.open_count += 1
            waiting.append((payload, entry))
