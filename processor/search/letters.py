"""Dead letters of an event: found by the place of its record, or by the event in the letter itself.

A letter is one of a record. That of a batch body may be there for another event of the same body.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from processor.delivery.dead_letter_form import PREFIX, letter_headers
from processor.model import Record
from processor.search.needle import Needle
from processor.search.scan import Found, Reader, found_in
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings

Source: TypeAlias = "tuple[str, int | None, int | None]"
"""Topic, partition and offset of the record that a letter was; None where the letter does not say so."""
_MOST_DIGITS: Final = 19
_ANY: Final = (Reader(Decoder(DecodeSettings()), (), is_json=True),)


class Letter(NamedTuple):
    """A dead letter of the event: where it stands, and what it says, without the vendor's answer.

    `is_of_batch` says that the record was a batch body, so that another of its events may be the reason.
    """

    topic: str
    partition: int
    offset: int
    destination: str
    reason: str
    message: str
    time_ms: int | None
    source: Source
    is_of_batch: bool
    status: int | None = None
    subscription: str = ""


def letters_of(
    records: Iterable[Record], needle: Needle, found: Sequence[Found], how: Sequence[Reader]
) -> Iterator[Letter]:
    """Yield the letters of the event among the records of the dead-letter topic.

    A letter without its value is found by the place of a copy that is still in the topic, one with it also when the
    copy has expired.
    """
    places: dict[Source, bool] = {one.place[:3]: one.known_by.is_part for one in found}
    ways = _ways(how)
    for record in records:
        said = _said(record)
        if not said:
            continue
        source = _source(said)
        is_of_batch = places.get(source)
        if is_of_batch is None:
            is_of_batch = _is_of_batch(record, needle, ways.get(said.get("destination", ""), _ANY))
        if is_of_batch is not None:
            yield _letter(record, said, source, is_of_batch=is_of_batch)


def _said(record: Record) -> dict[str, str]:
    """Return what a letter says by header, without the common prefix; nothing of a record that is no letter."""
    try:
        found = letter_headers(record.headers)
    except UnicodeDecodeError:
        return {}
    said = {name.removeprefix(PREFIX): text for name, text in found.items()}
    return said if "reason" in said else {}


def _source(said: Mapping[str, str]) -> Source:
    """Return the place of the record that a letter was."""
    return said.get("source-topic", ""), _number(said, "source-partition"), _number(said, "source-offset")


def _ways(how: Sequence[Reader]) -> dict[str, Sequence[Reader]]:
    """Return how to read the letters of each destination: as its records, or as JSON, which privacy leaves."""
    return {name: [reader, *_ANY] for reader in how for name in reader.destinations}


def _is_of_batch(record: Record, needle: Needle, ways: Sequence[Reader]) -> bool | None:
    """Return whether the event in a letter's value is one of a batch body, None where it is not there."""
    copies = (one.known_by.is_part for one in found_in(record, needle, ways) if one.event is not None)
    return next(copies, None)


def _letter(record: Record, said: Mapping[str, str], source: Source, *, is_of_batch: bool) -> Letter:
    return Letter(
        record.topic,
        record.partition,
        record.offset,
        said.get("destination", ""),
        said["reason"],
        said.get("message", ""),
        _number(said, "time-ms"),
        source,
        is_of_batch,
        _number(said, "status"),
        said.get("subscription", ""),
    )


def _number(said: Mapping[str, str], name: str) -> int | None:
    """Return the number of a header, None where none is there."""
    text = said.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
