"""Reading Avro values by their writer's schema, whoever wrote it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from fastavro import parse_schema, schemaless_reader
from fastavro._read_py import schemaless_reader as checked_reader
from fastavro.read import LOGICAL_READERS

from processor.errors import DecodeError
from processor.source.avro import FULL_NAME, from_avro
from processor.source.avro_bounds import contains_itself, has_endless_lists, record_name
from processor.source.avro_value import exact_decimal, json_form

INVALID_AVRO: Final = "invalid_avro"

Reader = Callable[[io.BytesIO, Any, None], Any]

LOGICAL_READERS.update(dict.fromkeys(("bytes-decimal", "fixed-decimal"), exact_decimal))


@dataclass(frozen=True, slots=True)
class AvroSchema:
    """A parsed schema of a writer, and how values written with it become JSON values."""

    parsed: Any
    reader: Reader
    to_json: Callable[[Any], Any]

    @classmethod
    def parse(cls, text: str, references: Iterable[str] = ()) -> AvroSchema:
        """Return the schema of this text; `references` are the texts it builds on, each after those that it needs.

        A schema that contains itself is read by fastavro's reader in Python, several times slower: the compiled one
        does not count how deep it is, and a value that nests a few thousand times would end the process.

        Raises:
            ValueError: The text, or one of the references, is no Avro schema; or a few bytes written with it could be a
                list of any length.
        """
        named: dict[str, Any] = {}
        try:
            for reference in references:
                parse_schema(json.loads(reference), named)
            parsed = parse_schema(json.loads(text), named)
            is_endless = has_endless_lists(parsed, named)
            reader = checked_reader if contains_itself(parsed, named) else schemaless_reader
        except Exception as error:  # fastavro raises whatever a malformed schema makes it trip over
            raise ValueError(f"no Avro schema: {type(error).__name__}") from error
        if is_endless:
            raise ValueError("an Avro schema that nothing can be read with safely: items of a list take no bytes")
        return cls(parsed, reader, from_avro if record_name(parsed) == FULL_NAME else json_form)

    def value(self, data: bytes, start: int = 0) -> Any:  # noqa: ANN401 - any JSON value
        """Return the JSON value that `data` holds from `start` to its very end.

        Raises:
            DecodeError: `invalid_avro`; these bytes were not written with this schema.
        """
        stream = io.BytesIO(data)
        stream.seek(start)
        try:
            value = self.to_json(self.reader(stream, self.parsed, None))
        except DecodeError:
            raise
        except Exception as error:  # noqa: BLE001 - fastavro raises whatever foreign bytes make it trip over
            raise _invalid(f"{type(error).__name__} while reading it with the writer's schema") from None
        if stream.tell() != len(data):
            raise _invalid("bytes are left over after reading it with the writer's schema")
        return value


def _invalid(what: str) -> DecodeError:
    message = f"the value is not Avro: {what}"
    return DecodeError(INVALID_AVRO, message, safe=message)
