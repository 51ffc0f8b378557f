"""Foreign Avro as JSON, and schemas that could end the process."""

from __future__ import annotations

import io
import json
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import fastavro
import pytest

from processor.errors import DecodeError
from processor.source.avro import event_schema, from_avro, to_avro
from processor.source.avro_schema import AvroSchema
from processor.source.avro_value import MAX_DECIMAL_BYTES, json_form

TREE = {
    "type": "record",
    "name": "Tree",
    "fields": [{"name": "branches", "type": {"type": "array", "items": "Tree"}}],
}


def _written(schema: Any, datum: object) -> bytes:  # noqa: ANN401 - a schema is any JSON value
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), datum)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2026, 3, 15, 12, 0, 0, 123000, UTC), "2026-03-15T12:00:00.123Z"),
        (datetime(2026, 3, 15, 12, 0, 0, 123456, UTC), "2026-03-15T12:00:00.123456Z"),
        (datetime(2026, 3, 15, 14, 0, 0, 0, timezone(timedelta(hours=2))), "2026-03-15T12:00:00.000Z"),
        (datetime(2026, 3, 15, 12, 0, 0, 0), "2026-03-15T12:00:00"),  # noqa: DTZ001 - a local timestamp has no zone
        (date(2026, 3, 15), "2026-03-15"),
        (time(12, 30, 0, 500000), "12:30:00.500000"),
        (Decimal("19.99"), 19.99),
        (Decimal("19.00"), 19.0),
        (Decimal(19), 19),
        (Decimal(2**70), 2**70),
        (Decimal("12345678901234567890.12"), "12345678901234567890.12"),
        (b"\x00\xff", "AP8="),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (float("nan"), None),
        ({"a": [b"a", {"b": float("nan")}]}, {"a": ["YQ==", {"b": None}]}),
        (True, True),
        (1.5, 1.5),
    ],
)
def test_every_type_of_avro_has_a_form_in_json(value: object, expected: object) -> None:
    """Times are ISO 8601, decimals keep their digits, bytes are base64; the rest is JSON already."""
    form = json_form(value)
    assert (form, type(form)) == (expected, type(expected))


def test_a_foreign_record_is_used_as_it_is() -> None:
    """Another producer's record becomes an object with its fields, nulls and enums included."""
    schema = {
        "type": "record",
        "name": "Order",
        "namespace": "shop",
        "fields": [
            {"name": "type", "type": "string"},
            {"name": "userId", "type": ["null", "string"]},
            {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["new", "paid"]}},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "day", "type": {"type": "int", "logicalType": "date"}},
            {"name": "sum", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
            {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 2}},
            {"name": "ref", "type": {"type": "string", "logicalType": "uuid"}},
        ],
    }
    datum = {
        "type": "track",
        "userId": None,
        "state": "paid",
        "at": datetime(2026, 3, 15, 12, 0, tzinfo=UTC),
        "day": date(2026, 3, 15),
        "sum": Decimal("19.99"),
        "hash": b"\x01\x02",
        "ref": uuid.UUID(int=2),
    }
    assert AvroSchema.parse(json.dumps(schema)).value(_written(schema, datum)) == {
        "type": "track",
        "userId": None,
        "state": "paid",
        "at": "2026-03-15T12:00:00.000Z",
        "day": "2026-03-15",
        "sum": 19.99,
        "hash": "AQI=",
        "ref": "00000000-0000-0000-0000-000000000002",
    }


def _as_bytes(number: int, byte_count: int) -> bytes:
    """Return what a writer that does not count digits makes of a decimal: its length and its two's complement."""
    length = io.BytesIO()
    fastavro.schemaless_writer(length, fastavro.parse_schema("long"), byte_count)
    return length.getvalue() + number.to_bytes(byte_count, signed=True)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1999, 19.99),
        (-1999, -19.99),
        (123456789012345678901, "1234567890123456789.01"),
        (10**1000, f"1{'0' * 998}.00"),
    ],
)
def test_decimals_keep_digits_beyond_their_precision(number: int, expected: float | str) -> None:
    """The precision of a schema is a promise that not every writer keeps; an amount is not rounded for it."""
    schema = {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}
    assert AvroSchema.parse(json.dumps(schema)).value(_as_bytes(number, 500)) == expected


def test_decimals_longer_than_any_amount_are_refused() -> None:
    """The longest that is read can be printed; longer ones would take minutes and are `invalid_avro`."""
    schema = AvroSchema.parse('{"type":"bytes","logicalType":"decimal","precision":9}')
    longest = -(2 ** (8 * MAX_DECIMAL_BYTES - 1))
    assert str(schema.value(_as_bytes(longest, MAX_DECIMAL_BYTES))) == str(longest)
    with pytest.raises(DecodeError) as caught:
        schema.value(_as_bytes(0, MAX_DECIMAL_BYTES + 1))
    assert caught.value.reason == "invalid_avro"


def test_a_record_of_our_name_elsewhere_is_foreign() -> None:
    """Only the full name makes a record ours: another `SegmentEvent` keeps its own meaning."""
    schema = {
        "type": "record",
        "name": "SegmentEvent",
        "namespace": "elsewhere",
        "fields": [{"name": "other", "type": "string"}],
    }
    assert AvroSchema.parse(json.dumps(schema)).value(_written(schema, {"other": "x"})) == {"other": "x"}


def test_references_are_resolved() -> None:
    """A schema may build on others, which may build on each other."""
    city = {"type": "record", "name": "a.City", "fields": [{"name": "name", "type": "string"}]}
    address = {"type": "record", "name": "a.Address", "fields": [{"name": "city", "type": "a.City"}]}
    user = {"type": "record", "name": "a.User", "fields": [{"name": "address", "type": "a.Address"}]}
    schema = AvroSchema.parse(json.dumps(user), [json.dumps(city), json.dumps(address)])
    assert schema.value(b"\x04SF") == {"address": {"city": {"name": "SF"}}}


@pytest.mark.parametrize("text", ["", "{", '"no such type"', '{"type":"record"}', "[1]", "{}", "null"])
def test_what_is_no_schema_is_refused(text: str) -> None:
    """Whatever fastavro trips over comes out as one error."""
    with pytest.raises(ValueError, match="no Avro schema"):
        AvroSchema.parse(text)


@pytest.mark.parametrize(
    "schema",
    [
        TREE,
        ["null", TREE],
        {"type": "map", "values": TREE},
        {
            "type": "record",
            "name": "A",
            "fields": [
                {
                    "name": "b",
                    "type": [
                        "null",
                        {
                            **TREE,
                            "name": "Inner",
                            "fields": [{"name": "a", "type": ["null", {"type": "map", "values": "A"}]}],
                        },
                    ],
                }
            ],
        },
    ],
)
def test_a_hostile_depth_is_refused_and_not_a_crash(schema: Any) -> None:  # noqa: ANN401 - a schema is any JSON value
    """A value that nests deeper than the stack allows is `invalid_avro`; the compiled reader would end the process."""
    deep = b"\x02" * 200_000
    with pytest.raises(DecodeError) as caught:
        AvroSchema.parse(json.dumps(schema)).value(deep)
    assert caught.value.reason == "invalid_avro"


def test_a_schema_that_contains_itself_is_read() -> None:
    """The careful reader gives the same values as the compiled one."""
    datum = {"branches": [{"branches": []}, {"branches": [{"branches": []}]}]}
    assert AvroSchema.parse(json.dumps(TREE)).value(_written(TREE, datum)) == datum


def test_a_type_used_twice_does_not_contain_itself() -> None:
    """Two fields of one named type keep the fast reader."""
    point = {"type": "record", "name": "P", "fields": [{"name": "x", "type": "int"}]}
    line = {"type": "record", "name": "L", "fields": [{"name": "a", "type": point}, {"name": "b", "type": "P"}]}
    assert AvroSchema.parse(json.dumps(line)).reader is fastavro.schemaless_reader


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "EOFError while reading it with the writer's schema"),
        (b"\x04a", "EOFError while reading it with the writer's schema"),
        (b"\x02ab", "bytes are left over after reading it with the writer's schema"),
        (b"\x02\xff", "UnicodeDecodeError while reading it with the writer's schema"),
    ],
)
def test_foreign_bytes_are_refused_in_safe_words(data: bytes, message: str) -> None:
    """Too short, too long or not text: the message says which, and nothing of the bytes."""
    with pytest.raises(DecodeError) as caught:
        AvroSchema.parse('"string"').value(data)
    assert (caught.value.reason, caught.value.safe) == ("invalid_avro", f"the value is not Avro: {message}")


@pytest.mark.parametrize(
    ("datum", "message"),
    [
        ({"properties": "{"}, "the text in `properties` is not JSON"),
        ({"other": "{"}, "the text in `other` is not JSON"),
        ({"other": "[1]"}, "the text in `other` is not a JSON object"),
    ],
)
def test_our_form_with_broken_text_is_refused(datum: dict[str, Any], message: str) -> None:
    """A foreign writer of our schema may put anything into a text that must be JSON."""
    with pytest.raises(DecodeError) as caught:
        AvroSchema.parse(json.dumps(event_schema())).value(_written(event_schema(), datum))
    assert (caught.value.reason, caught.value.safe) == ("invalid_avro", message)


def test_columns_hold_what_they_are_typed_for() -> None:
    """A table reader finds typed members and bags in their columns, and only what does not fit elsewhere as text."""
    event = {
        "type": "track",
        "version": 2,
        "userId": None,
        "groupId": 7,
        "email": "e",
        "properties": {"price": 19.0, "items": [1, {"sku": "s"}]},
        "context": {"deep": {"er": {"and": {"deeper": {}}}}},
        "traits": [],
    }
    datum = {name: value for name, value in to_avro(event).items() if value is not None}
    assert datum == {
        "type": "track",
        "version": 2,
        "properties": (
            "segment_bridge.Bag",
            {
                "members": {
                    "price": ("double", 19.0),
                    "items": ("array", [("long", 1), ("map", {"sku": ("string", "s")})]),
                }
            },
        ),
        "context": ("string", '{"deep":{"er":{"and":{"deeper":{}}}}}'),
        "traits": ("string", "[]"),
        "other": '{"userId":null,"groupId":7,"email":"e"}',
    }


def test_a_later_version_of_our_form_is_read() -> None:
    """A field that this version does not know is a typed member like any other."""
    assert from_avro({"type": "track", "brandNew": "x", "properties": None}) == {"type": "track", "brandNew": "x"}
