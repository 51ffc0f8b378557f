"""Recorded events as records: lines of JSON as if they had just been written to the topic, or records of the topic."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, Final

from processor.destinations.times import read_time_ms
from processor.errors import DecodeError
from processor.model import Record
from processor.pipeline.cases.settings import DEFAULT_TIME, time_ms
from processor.pipeline.changes.tally import Numbered
from processor.source.decode import Decoded, Decoder, SchemaNeeded
from processor.source.json_value import json_value

_DEFAULT_MS: Final = time_ms(DEFAULT_TIME)
"""Time of records whose event has none: fixed, so that a comparison can be repeated."""

_TIMES: Final = ("receivedAt", "sentAt", "timestamp", "originalTimestamp")


def records_of(lines: Iterable[bytes], topic: str) -> Iterator[Numbered]:
    """Yield the records of lines, which may be plain events or batch bodies; blank lines are left out."""
    for number, line in enumerate(lines, 1):
        value = line.strip()
        if value:
            yield Numbered(f"line {number}", Record(topic, 0, number, _time_ms(value), value=value))


def numbered(records: Iterable[Record]) -> Iterator[Numbered]:
    """Yield records of a topic, each called by its partition and offset."""
    for record in records:
        yield Numbered(f"{record.topic}[{record.partition}]@{record.offset}", record)


class WaitingDecoder(Decoder):
    """A decoder that waits for schemas itself. Not for a thread with an event loop."""

    def decode(self, record: Record) -> Decoded:
        """Return the events in a record, once the registry has given the schema that it needs.

        Raises:
            TransientError: The registry cannot be asked.
        """
        while True:
            try:
                return super().decode(record)
            except SchemaNeeded as needed:
                asyncio.run(self.fetch(needed.schema_id))


def _time_ms(value: bytes) -> int:
    """Return when an event was received, as far as it says itself."""
    try:
        event: Any = json_value(value)
    except DecodeError:
        return _DEFAULT_MS
    times = (read_time_ms(event.get(name)) for name in _TIMES) if isinstance(event, dict) else ()
    return next((epoch_ms for epoch_ms in times if epoch_ms is not None), _DEFAULT_MS)
