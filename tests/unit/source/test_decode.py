"""From records to events."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any, Literal

import fastavro
import pytest

from processor.errors import ConfigError
from processor.model import Record, Rejected, Skipped
from processor.source import decode
from processor.source.avro import event_schema, to_avro
from processor.source.decode import Decoder
from processor.source.decode_settings import AvroSettings, DecodeSettings

HEADERS = (("h", b"1"),)
ORDER = {"type": "record", "name": "Order", "fields": [{"name": "type", "type": "string"}]}


def _record(value: bytes | None) -> Record:
    return Record("segment-events", 3, 42, 1000, key=b"user-1", value=value, headers=HEADERS)


def _decoded(value: bytes | None, event_path: str | None = None, **settings: int) -> Any:  # noqa: ANN401 - any outcome
    return Decoder(DecodeSettings.model_validate(settings), event_path).decode(_record(value))


def _avro(schema: Any, datum: object) -> bytes:  # noqa: ANN401 - a schema is any JSON value
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), datum)
    return stream.getvalue()


def _file_settings(folder: Path, schema: object, framing: Literal["confluent"] | None = None) -> DecodeSettings:
    path = folder / "schema.avsc"
    path.write_text(json.dumps(schema))
    return DecodeSettings(format="avro", avro=AvroSettings(schema_file=path, framing=framing))


def test_an_object_is_one_event_of_the_very_record() -> None:
    """The plain case hands back the record itself, not a copy."""
    record = _record(b'{"type":"track"}')
    [(same, event)] = Decoder(DecodeSettings()).decode(record)  # type: ignore[misc]  # a list, or the test fails
    assert same is record
    assert event == {"type": "track"}


@pytest.mark.parametrize("value", [b"[1,2]", b"[]", b'"text"', b"null", b"5"])
def test_what_is_no_object_is_passed_on(value: bytes) -> None:
    """That it is no event is for the destination to say, under its own code."""
    record = _record(value)
    assert Decoder(DecodeSettings()).decode(record) == [(record, json.loads(value))]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, Rejected("null_value", "the record has no value")),
        (
            b"{",
            Rejected(
                "invalid_json",
                "the value is not JSON: Expecting property name enclosed in double quotes at character 1",
            ),
        ),
        (b'{"batch":[]}', Skipped("empty_batch")),
        (
            b'{"a":"' + b"x" * 100 + b'"}',
            Rejected("record_too_large", "the value has 108 bytes, more than max_record_bytes"),
        ),
        (
            b'{"batch":[{},{},{},{}]}',
            Rejected("record_too_large", "the batch body holds more events than max_batch_count"),
        ),
        (b"[{},{},{},{}]", Rejected("record_too_large", "the batch body holds more events than max_batch_count")),
    ],
)
def test_what_holds_no_event_says_why(value: bytes | None, expected: object) -> None:
    """Each way to hold no event has its own code; none vanishes."""
    assert _decoded(value, max_record_bytes=107, max_batch_count=3) == expected


def test_a_value_of_exactly_the_limit_is_read() -> None:
    """The limit itself is allowed, for bytes and for events."""
    assert len(_decoded(b"[{},{},{}]", max_record_bytes=10, max_batch_count=3)) == 3


def test_the_events_of_a_batch_are_numbered() -> None:
    """Each event has a record of its own index and otherwise everything of the original record."""
    value = b'{"batch":[{"a":1},7,{"a":2}],"sentAt":"s"}'
    expected = [
        (Record("segment-events", 3, 42, 1000, b"user-1", value, HEADERS, index, is_part=True), event)
        for index, event in enumerate([{"a": 1, "sentAt": "s"}, 7, {"a": 2, "sentAt": "s"}])
    ]
    assert _decoded(value) == expected


def test_an_event_with_a_member_named_batch_stays_one_event() -> None:
    """A type makes it an event, whatever else it has."""
    record = _record(b'{"type":"track","batch":[{}]}')
    assert Decoder(DecodeSettings()).decode(record) == [(record, {"type": "track", "batch": [{}]})]


@pytest.mark.parametrize(
    ("value", "events"),
    [
        (b'{"payload":{"type":"track"}}', [{"type": "track"}]),
        (b'{"payload":"{\\"type\\":\\"track\\"}"}', [{"type": "track"}]),
        (b'{"payload":{"batch":[{"type":"track"},{"type":"page"}]}}', [{"type": "track"}, {"type": "page"}]),
    ],
)
def test_wrapped_values_are_unwrapped(value: bytes, events: list[object]) -> None:
    """`event_path` leads to an event, to its JSON text or to a batch body."""
    assert [event for _, event in _decoded(value, "payload")] == events


@pytest.mark.parametrize(
    ("value", "reason"),
    [(b'{"type":"track"}', "event_missing"), (b'{"payload":null}', "null_value"), (b'{"payload":"{"}', "invalid_json")],
)
def test_a_wrapper_without_an_event_is_rejected(value: bytes, reason: str) -> None:
    """A value that the path leads nowhere in is a dead letter, never an event of its own."""
    assert _decoded(value, "payload").reason == reason


def test_merging_beyond_the_recursion_limit_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that could be read but nests too deeply to be taken apart is rejected.

    How deep that is depends on the frames beneath, so the value is made here instead of read.
    """
    nested: dict[str, Any] = {}
    for _ in range(2 * sys.getrecursionlimit()):
        nested = {"a": nested}
    body = {"context": nested, "batch": [{"context": nested}]}
    monkeypatch.setattr(decode, "json_value", lambda _: body)
    message = "the batch body is nested too deeply to take apart"
    assert _decoded(b"stands for the body") == Rejected("invalid_json", message)


@pytest.mark.parametrize(
    ("value", "is_plain"),
    [
        (b'{"type":"track"}', True),
        (b'{"path":"C:\\\\tmp","quote":"\\"","snow":"\\u2603"}', True),
        (b'{"a":[{"__proto__":1}]}', False),
        (b'{"a":"{\\"__proto__\\":1}"}', False),
        (b'{"_\\u005fproto__":1}', False),
        (b'{"__pr\\u006Fto__":1}', False),
        (b'{"a":"{\\"_\\\\u005fproto__\\":1}"}', False),
        (None, True),
    ],
)
def test_keys_are_known_to_be_plain_by_the_bytes(value: bytes | None, is_plain: bool) -> None:  # noqa: FBT001 - a case
    """However `__proto__` is spelled, also in JSON within JSON, one such record makes a whole run uncertain."""
    decoder = Decoder(DecodeSettings())
    assert decoder.decode_run([_record(value)]).has_plain_keys is is_plain
    assert decoder.decode_run([_record(b"{}"), _record(value)]).has_plain_keys is is_plain


def test_names_in_a_schema_are_not_in_the_bytes(tmp_path: Path) -> None:
    """Of Avro nothing is certain."""
    schema = {"type": "record", "name": "Order", "fields": [{"name": "__proto__", "type": "string"}]}
    run = [_record(_avro(schema, {"__proto__": "x"}))]
    assert not Decoder(_file_settings(tmp_path, schema)).decode_run(run).has_plain_keys


def test_nothing_of_the_value_is_in_the_message() -> None:
    """Messages are safe to log: they say where and what, never with what."""
    for value in (b'{"secret-name": nope}', b'"\\ud800 secret', b'{"secret":1}x'):
        assert "secret" not in _decoded(value).message


def test_a_schema_file_reads_bare_values(tmp_path: Path) -> None:
    """Without framing the whole value is Avro, also where it begins with the zero of the wire format."""
    schema = ["null", ORDER]
    decoder = Decoder(_file_settings(tmp_path, schema))
    record = _record(_avro(schema, {"type": "track"}))
    assert decoder.decode(record) == [(record, {"type": "track"})]
    assert decoder.decode(_record(b"\0")) == [(_record(b"\0"), None)]


def test_a_schema_file_reads_framed_values_whatever_their_id(tmp_path: Path) -> None:
    """With framing five bytes are passed over, and a value without them is no Avro of this topic."""
    decoder = Decoder(_file_settings(tmp_path, ORDER, "confluent"))
    record = _record(b"\0\0\0\0\7" + _avro(ORDER, {"type": "track"}))
    assert decoder.decode(record) == [(record, {"type": "track"})]
    refused = decoder.decode(_record(_avro(ORDER, {"type": "track"})))
    assert isinstance(refused, Rejected)
    assert refused.reason == "invalid_avro"


def test_our_own_avro_form_becomes_the_event(tmp_path: Path) -> None:
    """An event written with the shipped schema comes back as it was, and goes the way of all values after that."""
    event = {"type": "track", "userId": None, "properties": {"price": 19.0, "n": 2**70}, "writeKey": "w"}
    decoder = Decoder(_file_settings(tmp_path, event_schema()))
    [(_, decoded)] = decoder.decode(_record(_avro(event_schema(), to_avro(event))))  # type: ignore[misc]  # a list
    assert decoded == event


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "is no Avro schema"),
        ('{"type":"x"}', "is no Avro schema"),
    ],
)
def test_an_unusable_schema_file_is_an_error_before_the_start(tmp_path: Path, text: str | None, message: str) -> None:
    """Nothing starts with a schema file that is missing or no schema, and the message names the file."""
    path = tmp_path / "schema.avsc"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        Decoder(DecodeSettings(format="avro", avro=AvroSettings(schema_file=path)))
    assert str(path) in str(caught.value)


async def test_fetching_without_a_registry_is_nothing() -> None:
    """Whoever fetches need not know whether there is a registry."""
    await Decoder(DecodeSettings()).fetch(1)
