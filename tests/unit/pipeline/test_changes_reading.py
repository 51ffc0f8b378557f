"""Records of a topic for a comparison: what they are called, and schemas that are waited for."""

from __future__ import annotations

import pytest

from processor.errors import TransientError
from processor.model import Record
from processor.pipeline.changes.reading import WaitingDecoder, numbered
from processor.source.decode import Decoded, Decoder, SchemaNeeded
from processor.source.decode_settings import DecodeSettings

RECORD = Record("t", 2, 7, 1_000, value=b"{}")


def test_records_are_called_by_partition_and_offset() -> None:
    """So that a person finds them in the topic."""
    assert [(one.at, one.record) for one in numbered([RECORD])] == [("t[2]@7", RECORD)]


def test_a_schema_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is decoded again once the registry has answered, and its trouble is the caller's."""
    fetched: list[int] = []
    decode = Decoder.decode

    def needy(self: Decoder, record: Record) -> Decoded:
        if not fetched:
            raise SchemaNeeded(5)
        return decode(self, record)

    async def fetch(_self: Decoder, schema_id: int) -> None:
        fetched.append(schema_id)

    async def refuse(_self: Decoder, _schema_id: int) -> None:
        raise TransientError("down", safe="down")

    monkeypatch.setattr(Decoder, "decode", needy)
    monkeypatch.setattr(Decoder, "fetch", refuse)
    with pytest.raises(TransientError):
        WaitingDecoder(DecodeSettings()).decode(RECORD)
    monkeypatch.setattr(Decoder, "fetch", fetch)
    assert WaitingDecoder(DecodeSettings()).decode(RECORD) == [(RECORD, {})]
    assert fetched == [5]
