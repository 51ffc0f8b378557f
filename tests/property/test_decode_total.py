"""Decoding is total: whatever a producer writes, a record ends as events or with a reason."""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from processor.errors import DecodeError
from processor.model import Record, Rejected, Skipped
from processor.source.avro import event_schema, to_avro
from processor.source.avro_schema import AvroSchema
from processor.source.batch_body import batch_events, is_batch_body
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings

VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["batch", "type", "context", "integrations", "sentAt"]) | st.text(), inner, max_size=4
        )
    ),
    max_leaves=12,
)
OBJECT = st.dictionaries(st.sampled_from("abc"), VALUE, max_size=3)
FORMS = {
    "our own": event_schema(),
    "foreign": {
        "type": "record",
        "name": "R",
        "fields": [
            {"name": "when", "type": {"type": "long", "logicalType": "timestamp-micros"}},
            {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 2}},
            {"name": "tags", "type": {"type": "map", "values": ["null", "double", "string"]}},
        ],
    },
}


def _decoded(value: bytes | None, event_path: str | None = None) -> Any:  # noqa: ANN401 - any outcome
    return Decoder(DecodeSettings(max_batch_count=3), event_path).decode(Record("t", 0, 0, 0, value=value))


@given(st.binary() | st.none(), st.sampled_from([None, "a", "a.b"]))
@example(b"\xef\xbb\xbf", None)
def test_any_bytes_end_somewhere(value: bytes | None, event_path: str | None) -> None:
    """No bytes raise: there are events, or a reason with a code."""
    outcome = _decoded(value, event_path)
    assert outcome.reason if isinstance(outcome, Rejected | Skipped) else len(outcome) > 0


@given(VALUE)
def test_no_event_of_a_value_is_lost(value: object) -> None:
    """Each item of a batch body comes out once, in order, numbered; any other value comes out as it is."""
    outcome = _decoded(json.dumps(value).encode())
    if not is_batch_body(value):
        assert [event for _, event in outcome] == [value]
        return
    items = value if isinstance(value, list) else value["batch"]  # type: ignore[index]  # a batch body is one of the two
    if len(items) in range(1, 4):
        assert [record.event_index for record, _ in outcome] == list(range(len(items)))
    else:
        assert outcome.reason == ("record_too_large" if items else "empty_batch")


@given(OBJECT, OBJECT)
def test_what_an_event_says_itself_wins(common: dict[str, Any], own: dict[str, Any]) -> None:
    """After merging, every member that the event had and that is no object is what it was."""
    [event] = batch_events({"context": common, "batch": [{"context": own}]})
    merged = event["context"]
    assert set(merged) == set(common) | set(own)
    assert all(merged[name] == own[name] for name in own if not isinstance(own[name], dict))
    assert all(merged[name] == common[name] for name in common if name not in own)


@pytest.mark.parametrize("form", FORMS)
@given(data=st.binary(max_size=60))
@example(data=b"\0" * 40)
@example(data=b"\x02" * 40)
def test_any_bytes_are_avro_or_not(form: str, data: bytes) -> None:
    """Foreign bytes read with a schema give a value or `invalid_avro`, nothing else."""
    schema = AvroSchema.parse(json.dumps(FORMS[form]))
    reasons: list[str] = []
    try:
        schema.value(data)
    except DecodeError as error:
        reasons.append(error.reason)
    assert reasons in ([], ["invalid_avro"])


@given(st.data())
def test_cut_avro_is_no_avro(data: st.DataObject) -> None:
    """An event's Avro bytes cut anywhere are refused: a part never passes for the whole."""
    stream = io.BytesIO()
    event = {"type": "track", "userId": "u", "properties": {"a": [1, 2.5, {"b": None}]}, "email": "e"}
    fastavro.schemaless_writer(stream, fastavro.parse_schema(event_schema()), to_avro(event))
    whole = stream.getvalue()
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(DecodeError):
        AvroSchema.parse(json.dumps(event_schema())).value(cut)
