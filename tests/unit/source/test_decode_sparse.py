"""Decoding only what is needed: what stays bytes, and what has to be read as a whole."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from processor.model import Needs, Record
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings
from processor.source.sparse import sparse_decoder

NEEDS = Needs(frozenset({"type", "userId"}), frozenset({"context", "properties"}))
MAX_BYTES = 1_000_000


def _sparse(data: bytes) -> dict[str, Any] | None:
    """Return what is read of a record, members that stayed bytes as bytes."""
    event = sparse_decoder(NEEDS, MAX_BYTES)(data)
    return event and {name: bytes(one) if isinstance(one, msgspec.Raw) else one for name, one in event.items()}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"type":"track","userId":{"n":[1]}}', {"type": "track", "userId": {"n": [1]}}),
        (b'{"context":{ "ip": "1" },"properties":null}', {"context": b'{ "ip": "1" }', "properties": b"null"}),
        (b'{"sentAt":"2026","version":2,"type":"page"}', {"type": "page"}),
        (b'{"type":1,"context":1,"type":2,"context":{}}', {"type": 2, "context": b"{}"}),
        (b'{"properties":{"n":[1e999,12345678901234567890]}}', {"properties": b'{"n":[1e999,12345678901234567890]}'}),
        (b'{"context":{"a":"\\"\\n\\/"}}', {"context": b'{"a":"\\"\\n\\/"}'}),
        ('{"userId":"Ž","context":{"a":"ž"}}'.encode(), {"userId": "Ž", "context": '{"a":"ž"}'.encode()}),
        (b"{}", {}),
    ],
)
def test_what_is_needed_is_read(data: bytes, expected: dict[str, Any]) -> None:
    """What is looked into is decoded, what is handed on stays as it was written, the rest is passed over."""
    assert _sparse(data) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[1]",
        b'"text"',
        b"null",
        b'{"type":"track"',
        b'{"type":"track"} x',
        b'{"version":01}',
        b'{"context":{"a":nul}}',
        b'{"type":NaN}',
        b'{"type":1e999}',
        b'{"batch":[{"type":"track"}]}',
        b'{"type":"track","batch":null}',
        b'{"context":{"a":"\\ud83d"}}',
        b'{"t\\u0079pe":"track"}',
        b'\xef\xbb\xbf{"type":"track"}',
        b'{"context":{"a":"\xff"}}',
        b'{"version":"\xc3\x28"}',
        b'{"version":' + b"[" * 90_000 + b"]" * 90_000 + b"}",
        b'{"type":"' + b"x" * MAX_BYTES + b'"}',
    ],
)
def test_what_is_not_certain_is_read_as_a_whole(data: bytes) -> None:
    """Whatever may be refused, or mean more than its bytes say, is left to the decoder that reads everything."""
    assert sparse_decoder(NEEDS, MAX_BYTES)(data) is None


@pytest.mark.parametrize("name", ["žánr", "\ud800", "名前"])
def test_names_beyond_ascii_are_read_as_a_whole(name: str) -> None:
    """The fast decoder would leave out a member of such a name, and give it what stands under the empty one."""
    data = '{"type":"track","":"nothing","žánr":"jazz","名前":{"a":1}}'.encode()
    for needs in (
        Needs(frozenset({"type", name}), frozenset({"context"})),
        Needs(frozenset({"type"}), frozenset({"context", name})),
    ):
        assert sparse_decoder(needs, MAX_BYTES)(data) is None


@pytest.mark.parametrize("unlike", [b"[]", b'{"context":{"a":"\\u00e9"}}', b'{"context":{"__proto__":1}}'])
def test_run_is_sparse_record_by_record(unlike: bytes) -> None:
    """One record that has to be read as a whole, or has no value, changes nothing for its neighbours."""
    values = [b'{"context":{}}', b'{"context":{"a":"\\u2603"}}', b'{"batch":[{"type":"page"}]}', b"{", None, unlike]
    records = [Record("t", 0, offset, 0, value=value) for offset, value in enumerate(values)]

    decoded = Decoder(DecodeSettings()).decode_run(records, NEEDS).decoded

    assert decoded[0] == [(records[0], {"context": msgspec.Raw(b"{}")})]
    assert decoded[1:] == [Decoder(DecodeSettings()).decode(record) for record in records[1:]]


@pytest.mark.parametrize(
    ("decoder", "value"),
    [
        (Decoder(DecodeSettings(), "context"), b'{"context":{"context":{"a":1}}}'),
        (Decoder(DecodeSettings()), b'{"context":{"__proto__":{"a":1}}}'),
    ],
    ids=["event_path", "proto"],
)
def test_record_that_is_never_read_sparsely(decoder: Decoder, value: bytes) -> None:
    """An event inside a record, and one with a key that must not be sent, are decoded to the last member."""
    record = Record("t", 0, 0, 0, value=value)
    assert decoder.decode_run([record], NEEDS).decoded == [decoder.decode(record)]
