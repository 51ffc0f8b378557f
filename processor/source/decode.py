"""From a record's bytes to the events it holds.

Almost every record is one JSON object, and `Decoder.decode` adds next to nothing to decoding that. Everything else
(a wrapped value, a batch body, Avro) takes the longer way. What cannot be decoded is a value, `Rejected`, with the
record's bytes untouched; nothing of an event is ever in its message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from processor.errors import ConfigError, DecodeError
from processor.model import Needs, Record, Rejected, Skipped
from processor.source.avro_schema import INVALID_AVRO, AvroSchema
from processor.source.batch_body import batch_events, is_batch_body
from processor.source.decode_settings import AvroSettings, DecodeSettings
from processor.source.event_path import NULL_VALUE, EventPath
from processor.source.json_value import INVALID_JSON, json_value
from processor.source.registry import SchemaNeeded, SchemaRegistry
from processor.source.sparse import sparse_decoder

__all__ = ["EMPTY_BATCH", "RECORD_TOO_LARGE", "Decoded", "DecodedRun", "Decoder", "SchemaNeeded"]

RECORD_TOO_LARGE: Final = "record_too_large"
EMPTY_BATCH: Final = "empty_batch"

Decoded = list[tuple[Record, Any]] | Skipped | Rejected
"""The events of a record, each with a record of its own index; or why there is none."""


class DecodedRun(NamedTuple):
    """What some records hold: those before the first whose schema is not known yet, whose id is `needed_schema`.

    `has_plain_keys` says that no key in any of their events is `__proto__`, at any depth.
    """

    decoded: list[Decoded]
    needed_schema: int | None = None
    has_plain_keys: bool = False


_PROTO: Final = b"__proto__"
_ASCII_ESCAPE: Final = b"\\u00"
_BACKSLASH: Final = ord("\\")
_MAGIC: Final = 0
_FRAME_BYTES: Final = 5

_NULL: Final = Rejected(NULL_VALUE, "the record has no value")
_EMPTY: Final = Skipped(EMPTY_BATCH)


class Decoder:
    """Turns records into events. For one thread; only `fetch` waits."""

    def __init__(
        self,
        settings: DecodeSettings,
        event_path: str | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the schema file where one is set; a registry is asked only when the first record needs it.

        Raises:
            ConfigError: `event_path` is no path, or the schema file cannot be read or is no Avro schema.
        """
        self._max_record_bytes = settings.max_record_bytes
        self._max_batch_count = settings.max_batch_count
        self._path = None if event_path is None else EventPath.parse(event_path)
        self._registry: SchemaRegistry | None = None
        self._value: Callable[[bytes], Any] = json_value
        self._is_json = settings.avro is None
        self._sparse = lru_cache(maxsize=2)(partial(sparse_decoder, max_bytes=settings.max_record_bytes))
        if settings.avro is not None:
            self._value = self._avro_reader(settings.avro, clock)

    def decode(self, record: Record) -> Decoded:
        """Return the events in this record, at least one, or why it has none.

        A value that is no object comes back as it is: that it is no event is for the destination to say. A batch body
        without events is skipped, not dead-lettered: it is well formed, nothing in it could ever be delivered, and
        nothing would be gained by sending it again.

        Raises:
            SchemaNeeded: Await `fetch` with its id, then decode the record again.
        """
        data = record.value
        if data is None:
            return _NULL
        if len(data) > self._max_record_bytes:
            return Rejected(RECORD_TOO_LARGE, f"the value has {len(data)} bytes, more than max_record_bytes")
        try:
            value = self._value(data)
            if self._path is None and value.__class__ is dict and "batch" not in value:
                return [(record, value)]
            return self._events(record, value)
        except DecodeError as error:
            return Rejected(error.reason, error.safe)
        except RecursionError:
            return Rejected(INVALID_JSON, "the batch body is nested too deeply to take apart")

    def decode_run(self, records: Sequence[Record], needs: Needs | None = None) -> DecodedRun:
        """Return what several records hold; an event of them has at least the members of `needs`.

        Members that `needs` only hands on may be left as bytes, and others left out; without `needs` all is decoded.
        """
        has_plain_keys = self._has_plain_keys(records)
        is_sparse = needs is not None and self._is_json and self._path is None
        sparse = self._sparse(needs) if is_sparse else None
        decoded: list[Decoded] = []
        try:
            for record in records:
                data = record.value
                # A record decides for itself, so that it comes to the same in whatever run it is read again.
                if sparse is None or data is None or (not has_plain_keys and _PROTO in data):
                    event = None
                else:
                    event = sparse(data)
                decoded.append(self.decode(record) if event is None else [(record, event)])
        except SchemaNeeded as needed:
            return DecodedRun(decoded, needed.schema_id, has_plain_keys)
        return DecodedRun(decoded, None, has_plain_keys)

    def _has_plain_keys(self, records: Iterable[Record]) -> bool:
        """Return whether it is certain that no key in what these records hold, at any depth, is `__proto__`.

        A search in their bytes costs a fifth of a walk through their values. An escape may spell any of its letters,
        and a name in an Avro schema is not in the bytes: then nothing is certain.
        """
        if not self._is_json:
            return False
        values = b"".join([record.value or b"" for record in records])  # one search is half the price of many
        return _PROTO not in values and not (_BACKSLASH in values and _ASCII_ESCAPE in values)

    async def fetch(self, schema_id: int) -> None:
        """Return when `decode` can go on with this schema id, be it that the registry does not know it.

        Raises:
            TransientError: The registry cannot be asked now: hold, and fetch again later.
        """
        if self._registry is not None:
            await self._registry.fetch(schema_id)

    def _events(self, record: Record, value: Any) -> Decoded:  # noqa: ANN401 - any JSON value
        if self._path is not None:
            value = self._path.pick(value)
        if not is_batch_body(value):
            return [(record, value)]
        if len(value if isinstance(value, list) else value["batch"]) > self._max_batch_count:
            return Rejected(RECORD_TOO_LARGE, "the batch body holds more events than max_batch_count")
        events = batch_events(value)
        return [(_part(record, index), event) for index, event in enumerate(events)] if events else _EMPTY

    def _avro_reader(self, settings: AvroSettings, clock: Callable[[], float]) -> Callable[[bytes], Any]:
        if settings.registry is not None:
            self._registry = SchemaRegistry(settings.registry, clock)
            return _registry_reader(self._registry)
        assert settings.schema_file is not None  # the settings model refuses neither
        schema = _schema_of_file(settings.schema_file)
        return _framed_reader(schema) if settings.is_framed else schema.value


def _part(record: Record, index: int) -> Record:
    return Record(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp_ms,
        record.key,
        record.value,
        record.headers,
        index,
        record.payload_index,
        is_part=True,
    )


def _registry_reader(registry: SchemaRegistry) -> Callable[[bytes], Any]:
    def value(data: bytes) -> Any:  # noqa: ANN401 - any JSON value
        return registry.schema(_schema_id(data)).value(data, _FRAME_BYTES)

    return value


def _framed_reader(schema: AvroSchema) -> Callable[[bytes], Any]:
    """Return a reader that takes the schema from the file whatever id the frame names."""

    def value(data: bytes) -> Any:  # noqa: ANN401 - any JSON value
        _schema_id(data)
        return schema.value(data, _FRAME_BYTES)

    return value


def _schema_id(data: bytes) -> int:
    """Return the id in Confluent's wire format: a zero byte, then four bytes with the high one first."""
    if len(data) < _FRAME_BYTES or data[0] != _MAGIC:
        message = "the value is not in Confluent's wire format: it does not begin with a zero byte and a schema id"
        raise DecodeError(INVALID_AVRO, message, safe=message)
    return int.from_bytes(data[1:_FRAME_BYTES])


def _schema_of_file(path: Path) -> AvroSchema:
    try:
        return AvroSchema.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"schema_file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"schema_file {path} is not UTF-8") from error
    except ValueError as error:
        raise ConfigError(f"schema_file {path} is {error}") from error
