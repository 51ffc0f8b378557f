"""Turns what the client returned into records, ends of partitions and troubles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, Message

from processor.model import Headers, Record
from processor.source.partitions import Offsets, Partition

_EOF = KafkaError._PARTITION_EOF  # noqa: SLF001 - the client's own spelling of a constant


class Trouble(NamedTuple):
    """An error that the client put among the records, and where it belongs."""

    error: KafkaError
    topic: str
    partition: int | None
    offset: int | None


class Taken(NamedTuple):
    """One turn's reading. No record lies behind one of `ends`; `positions` are the next offsets, ends included."""

    records: list[Record]
    size_bytes: int
    ends: Offsets
    positions: Offsets
    troubles: list[Trouble]
    headers_lost: dict[str, int]
    """How many records have headers that the client could not give, by topic."""

    @property
    def unkeyed(self) -> Mapping[str, int]:
        """Return how many of the records have no key, by topic."""
        return Counter(record.topic for record in self.records if record.key is None)


def sort(messages: Iterable[Message[Any, Any]]) -> Taken:
    """Return the messages by what they are, records in the order in which they came."""
    taken = Taken([], 0, {}, {}, [], {})
    size_bytes = 0
    for message in messages:
        error = message.error()
        if error is None:
            headers = _headers(message)
            record = _record(message, () if headers is None else headers)
            size_bytes += _size(record)
            _count(taken, record)
            if headers is None:
                taken.headers_lost[record.topic] = taken.headers_lost.get(record.topic, 0) + 1
        elif error.code() == _EOF:
            partition = (str(message.topic()), _number(message.partition()))
            end = _number(message.offset())
            taken.ends[partition] = taken.positions[partition] = end
        else:
            taken.troubles.append(Trouble(error, message.topic() or "", message.partition(), message.offset()))
    # An end that records came behind is none any more.
    ends = {partition: end for partition, end in taken.ends.items() if end == taken.positions[partition]}
    return taken._replace(size_bytes=size_bytes, ends=ends)


def only(taken: Taken, partitions: Collection[Partition]) -> Taken:
    """Return the reading without records and ends of partitions that are not among `partitions`.

    A partition that was given away in the middle of a read is read again by its next owner.
    """
    if taken.positions.keys() <= set(partitions):
        return taken
    records = [record for record in taken.records if (record.topic, record.partition) in partitions]
    return taken._replace(
        records=records,
        size_bytes=sum(_size(record) for record in records),
        ends={partition: end for partition, end in taken.ends.items() if partition in partitions},
        positions={partition: offset for partition, offset in taken.positions.items() if partition in partitions},
    )


def size_bytes(record: Record) -> int:
    """Return the bytes that the window counts for a record: key, value and headers."""
    return _size(record)


def _record(message: Message[Any, Any], headers: Headers) -> Record:
    return Record(
        message.topic() or "",
        _number(message.partition()),
        _number(message.offset()),
        message.timestamp()[1],
        message.key(),
        message.value(),
        headers,
    )


def _headers(message: Message[Any, Any]) -> Headers | None:
    """Return the headers of a record, None where the client cannot give them.

    Kafka takes any bytes as a header's name, the client only UTF-8: it then fails with SystemError, once, and what it
    would return when asked again must not be touched.
    """
    try:
        headers: Any = message.headers()
    except (SystemError, UnicodeError):
        return None
    return tuple((name, value) for name, value in headers) if headers else ()


def _size(record: Record) -> int:
    key, value = record.key, record.value
    total = (0 if key is None else len(key)) + (0 if value is None else len(value))
    for name, content in record.headers:
        total += len(name) + (0 if content is None else len(content))
    return total


def _count(taken: Taken, record: Record) -> None:
    taken.records.append(record)
    taken.positions[record.topic, record.partition] = record.offset + 1


def _number(value: int | None) -> int:
    """Return a number that the client always gives with a record or an end."""
    if value is None:
        raise TypeError("the Kafka client returned a record without coordinates")
    return value
