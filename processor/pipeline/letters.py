"""Dead letters on their way, by the partition of their records."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection

from processor.delivery.dead_letter_form import DeadLetter
from processor.delivery.offsets import Key
from processor.delivery.ports import Clock
from processor.destinations.plan import Plan
from processor.model import Answer, Record, Rejected
from processor.pipeline.ports import DeadLetterSink, Decoder, PipelineSettings
from processor.pipeline.redaction import redacted


class Letters:
    """Sends dead letters, and knows of which partitions some are not written yet. Event loop only."""

    def __init__(self, settings: PipelineSettings, decoder: Decoder, sink: DeadLetterSink, clock: Clock) -> None:
        """Start with none; every letter names the destination and the version."""
        self._settings = settings
        self._decoder = decoder
        self._sink = sink
        self._clock = clock
        self._open: Counter[Key] = Counter()
        self._changed = asyncio.Event()

    def send(
        self,
        record: Record,
        plan: Plan,
        rejected: Rejected,
        answer: Answer | None,
        attempt_count: int,
        written: Callable[[], None],
    ) -> None:
        """Send a letter about a record; `written` is called on the loop once the broker has it.

        It names the plan that the record was mapped with and keeps that one's privacy, whatever is in force by now.
        """
        privacy = plan.letter_privacy
        letter = DeadLetter(
            record=record if privacy is None else redacted(record, self._decoder, privacy),
            original_bytes=None if privacy is None else len(record.value or b""),
            reason=rejected.reason,
            message=rejected.message,
            destination=self._settings.destination,
            subscription=rejected.subscription,
            status=None if answer is None else answer.status,
            answer=b"" if answer is None else answer.body,
            attempt_count=attempt_count,
            version=self._settings.version,
            mapping_hash=plan.hash,
            time_ms=self._clock.wall_ms(),
        )
        key = (record.topic, record.partition)
        self._open[key] += 1

        def acknowledged() -> None:
            self._open[key] -= 1
            self._changed.set()
            written()

        self._sink.send(letter, acknowledged)

    async def all_written(self, keys: Collection[Key] | None, deadline_s: float) -> None:
        """Return when no letter of these partitions is open (None: of any), or at that monotonic time."""
        while self.is_open(keys) and (left_s := deadline_s - self._clock.now_s()) > 0:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), left_s)
            except TimeoutError:
                return

    def is_open(self, keys: Collection[Key] | None = None) -> bool:
        """Return whether a letter of these partitions is not written (None: of any)."""
        return any(self._open[key] for key in (self._open if keys is None else keys))
