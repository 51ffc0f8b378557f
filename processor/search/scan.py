"""Looks through records for events of one id. Memory holds one reading of the topic, and what was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from processor.model import Record, Rejected, Skipped
from processor.pipeline.changes.reading import WaitingDecoder
from processor.search.needle import Needle
from processor.settings import DestinationSettings
from processor.source.decode import Decoder

MOST_FOUND: Final = 1_000
"""Copies that are kept; an id that stands in more records than this is none."""


class Reader(NamedTuple):
    """How some destinations read a topic; those that read alike share one."""

    decoder: Decoder
    destinations: tuple[str, ...]
    is_json: bool


class Found(NamedTuple):
    """One copy of the event, and the destinations that see it there.

    `known_by` has the position in a batch body; `event` is None where the record cannot be decoded, for the `reason`.
    """

    known_by: Record
    destinations: tuple[str, ...]
    event: Any = None
    reason: str = ""

    @property
    def place(self) -> tuple[str, int, int, int]:
        """Return topic, partition, offset, and position within a batch body."""
        record = self.known_by
        return record.topic, record.partition, record.offset, record.event_index


def readers(destinations: Mapping[str, DestinationSettings]) -> list[Reader]:
    """Return how these destinations read their topics, alike ones together.

    Raises:
        ConfigError: A schema file cannot be read.
    """
    alike: list[tuple[DestinationSettings, list[str]]] = []
    for name, own in destinations.items():
        for other, names in alike:
            if (other.decode, other.event_path) == (own.decode, own.event_path):
                names.append(name)
                break
        else:
            alike.append((own, [name]))
    return [
        Reader(WaitingDecoder(own.decode, own.event_path), tuple(names), own.decode.avro is None)
        for own, names in alike
    ]


def scan(records: Iterable[Record], needle: Needle, how: Sequence[Reader]) -> Iterator[Found]:
    """Yield the copies of the event in these records, at most so many.

    Raises:
        TransientError: A schema registry cannot be asked.
    """
    count = 0
    for record in records:
        for found in found_in(record, needle, how):
            yield found
            count += 1
            if count == MOST_FOUND:
                return


def found_in(record: Record, needle: Needle, how: Sequence[Reader]) -> Iterator[Found]:
    """Yield the copies of the event in one record, for each way to read it."""
    value = record.value
    if value is None:
        return
    for reader in how:
        if needle.may_be_in(value, is_json=reader.is_json):
            yield from _decoded(record, value, needle, reader)


def _decoded(record: Record, value: bytes, needle: Needle, reader: Reader) -> Iterator[Found]:
    """Yield the copies of the event in a record that may hold it."""
    decoded = reader.decoder.decode(record)
    if isinstance(decoded, Rejected | Skipped):
        if needle.is_in(value):
            yield Found(record, reader.destinations, reason=decoded.reason)
        return
    for known_by, event in decoded:
        if needle.is_of(event):
            yield Found(known_by, reader.destinations, event)
