"""Reads of records whose events they hold."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from processor.checking.sample import users_of
from processor.errors import TransientError
from processor.model import Record
from processor.source.decode import Decoder, SchemaNeeded
from processor.source.decode_settings import DecodeSettings

_FETCH_COUNT: Final = 20


class UserReader:
    """Decodes records as a destination does, and gives no more of them than their users."""

    def __init__(self, settings: DecodeSettings, event_path: str | None) -> None:
        """Decode by these settings.

        Raises:
            ConfigError: The schema file cannot be read.
        """
        self._decoder = Decoder(settings, event_path)
        self._left_count = _FETCH_COUNT

    def users(self, record: Record) -> Iterable[str]:
        """Return the users of a record's events, none where it cannot be decoded.

        Raises:
            TransientError: A schema is needed, and the registry does not give it.
        """
        while True:
            try:
                decoded = self._decoder.decode(record)
            except SchemaNeeded as needed:
                self._fetch(needed.schema_id)
            else:
                return users_of(event for _, event in decoded) if isinstance(decoded, list) else ()

    def _fetch(self, schema_id: int) -> None:
        if self._left_count == 0:
            text = "the records need too many schemas"
            raise TransientError(text, safe=text)
        self._left_count -= 1
        asyncio.run(self._decoder.fetch(schema_id))
