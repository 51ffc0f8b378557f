"""The Avro form of an event, on any event that JSON can express."""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro
from hypothesis import example, given
from hypothesis import strategies as st

from processor.source.avro import BAGS, TEXTS, event_schema, from_avro, to_avro
from processor.source.json_value import json_value

SCHEMA = fastavro.parse_schema(event_schema())

# A high surrogate before a low one is what JSON reads as one character, so no JSON text gives the two apart.
TEXT = st.text(st.characters() | st.sampled_from("\ud800\udfff")).map(lambda text: json.loads(json.dumps(text)))
PLAIN = st.none() | st.booleans() | st.integers() | st.integers(2**62, 2**66) | st.floats(allow_nan=False) | TEXT
VALUE = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
NAME = st.sampled_from([*TEXTS, *BAGS, "version", "other", "writeKey", "email"]) | TEXT
EVENT = st.dictionaries(NAME, VALUE, max_size=8)


@given(EVENT)
@example({"properties": {"a": [{"b": [{"c": 1}]}]}, "other": {"other": None}, "version": True, "userId": 7})
@example({"context": {"a": "\ud800"}, "traits": {"\udfff": 1}, "properties": {"n": [2**63]}, "name": "\ud800"})
@example({"context": [], "traits": None, "integrations": "x", "_metadata": {}, "\ud800": {"\ud800": 2**63}})
def test_any_event_comes_back_the_same(event: dict[str, Any]) -> None:
    """Through Avro bytes and back every member has the value and the type it had, infinities included."""
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, SCHEMA, to_avro(event))
    stream.seek(0)
    back = from_avro(fastavro.schemaless_reader(stream, SCHEMA, None))  # type: ignore[arg-type]  # a record
    assert _canonical(back) == _canonical(event)


def _canonical(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return json.dumps(value, sort_keys=True)


@given(VALUE)
@example({"Infinity": float("inf")})
def test_any_json_is_read_as_the_standard_library_reads_it(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Whichever of the two readers a text takes, the value is the same."""
    text = json.dumps(value).replace("Infinity", "1e999")
    assert _canonical(json_value(text)) == _canonical(json.loads(text))
    assert _canonical(json_value(text.encode())) == _canonical(json.loads(text))
