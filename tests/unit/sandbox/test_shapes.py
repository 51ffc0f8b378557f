"""The stand-ins' own reading of JSON Schema agrees with the reference implementation, keyword by keyword."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from processor.sandbox.shapes import Breach, compiled, read

_VALUES: Final[list[Any]] = [
    None,
    True,
    False,
    0,
    1,
    1.0,
    2.5,
    -7,
    10**30,
    "",
    " ",
    "track",
    "203.0.113.9",
    "::1",
    [],
    [1, "x"],
    ["a", "b", "c"],
    {},
    {"a": 1},
    {"a": "x", "b": None},
    {"a": {"a": {"a": 7}}},
    {"type": "track", "event": "x"},
    {"type": "track"},
    {"type": "alias"},
]
_SCHEMAS: Final[dict[str, Any]] = {
    "true": True,
    "false": False,
    "no keyword": {"title": "anything"},
    "a type": {"type": "string"},
    "whole number": {"type": "integer"},
    "number": {"type": "number"},
    "several types": {"type": ["string", "null", "array"]},
    "object": {"type": "object"},
    "boolean": {"type": "boolean"},
    "const": {"const": "track"},
    "const true": {"const": True},
    "enum": {"enum": ["track", " "]},
    "length": {"minLength": 1, "maxLength": 4},
    "pattern": {"pattern": r"\S"},
    "address": {
        "anyOf": [{"type": "null"}, {"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]
    },
    "list": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": ["integer", "string"]}},
    "range": {"minimum": 0, "maximum": 2},
    "members": {"required": ["a"], "properties": {"a": {"type": "integer"}}},
    "no other members": {"properties": {"a": True}, "additionalProperties": False},
    "other members": {"properties": {"a": True}, "additionalProperties": {"type": "string"}},
    "other members alone": {"additionalProperties": {"type": "integer"}},
    "count of members": {"minProperties": 1, "maxProperties": 1},
    "names": {"propertyNames": {"maxLength": 1}},
    "all": {"allOf": [{"type": "object"}, {"required": ["a"]}]},
    "not": {"not": {"type": "object"}},
    "branches": {
        "if": {"required": ["type"], "properties": {"type": {"const": "track"}}},
        "then": {"required": ["event"]},
        "else": {"not": {"required": ["type"]}},
    },
    "half a branch": {"if": {"type": "object"}, "then": {"required": ["a"]}},
    "itself": {
        "$ref": "#/$defs/node",
        "$defs": {"node": {"type": ["object", "integer"], "properties": {"a": {"$ref": "#/$defs/node"}}}},
    },
}


@pytest.mark.parametrize("schema", _SCHEMAS.values(), ids=_SCHEMAS)
def test_every_keyword_means_what_it_means_elsewhere(schema: Any) -> None:  # noqa: ANN401 - a JSON Schema
    """The same values pass; at least one schema here tells each pair of values apart that it should."""
    reference = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    check = compiled(schema)
    assert [check(value) is None for value in _VALUES] == [reference.is_valid(value) for value in _VALUES]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "type", "event"]), inner),
    max_leaves=8,
)


@given(value=_json, name=st.sampled_from(sorted(_SCHEMAS)))
def test_any_value_is_judged_alike(value: Any, name: str) -> None:  # noqa: ANN401 - any JSON value
    """Whatever JSON comes, the verdict is that of the reference implementation."""
    reference = Draft202012Validator(_SCHEMAS[name], format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert (compiled(_SCHEMAS[name])(value) is None) == reference.is_valid(value)


@pytest.mark.parametrize(
    "schema",
    [{"dependentRequired": {}}, {"format": "uri"}, {"items": {"uniqueItems": True}}, {"properties": {"a": {"x": 1}}}],
)
def test_what_is_not_known_is_refused(schema: Any) -> None:  # noqa: ANN401 - a JSON Schema
    """A keyword or format that would be without effect is an error of whoever wrote the schema."""
    with pytest.raises(ValueError, match="is not known"):
        compiled(schema)


def _breach(schema: Any, value: Any) -> Breach:  # noqa: ANN401 - a schema and a value
    found = compiled(schema)(value)
    assert found is not None
    return found


def test_a_breach_names_keyword_and_place() -> None:
    """The place is a path as vendors write it, and the text never holds the value."""
    schema = {"properties": {"events": {"items": {"properties": {"userId": {"type": "string"}}, "required": ["id"]}}}}
    found = _breach(schema, {"events": [{"id": 1}, {"id": 2, "userId": 7}]})
    assert (found.keyword, found.demand, found.place) == ("type", "string", "events[1].userId")
    assert found.text == 'type "string" is not met - at `$.events[1].userId`'
    assert _breach(schema, {"events": [{}]}).place == "events[0].id"
    assert _breach(schema, {"events": [{}]}).text == "missing - at `$.events[0].id`"
    assert _breach({"items": {"type": "string"}}, [7]).text == 'type "string" is not met - at `$[0]`'
    assert _breach({"type": "object"}, 7).text == 'type "object" is not met - at `$`'
    assert _breach({"additionalProperties": False}, {"a": 1}).place == "a"
    reasons = [_breach(schema, {"events": [{"id": 1, "userId": 7}]}).reason, _breach(schema, {"events": [{}]}).reason]
    assert reasons == ["invalid_userId", "missing_id"]
    assert _breach({"minItems": 1}, []).reason == "invalid_body"
    assert _breach({"additionalProperties": False}, {"whatever": 1}).reason == "unknown_key"
    assert _breach({"propertyNames": {"maxLength": 1}}, {"ab": 1}).place == "ab"


def test_numbers_of_any_size_are_read() -> None:
    """A number that no float holds is the sender's to write; small ones beside it stay what they are."""
    body = b'{"a":1e400,"b":' + b"1" * 5_000 + b',"c":[12345678901234567890123,1.5]}'
    assert read(body) == {"a": float("inf"), "b": float("inf"), "c": [12345678901234567890123, 1.5]}


_LONG: Final = b"1" * 5_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'"\\ud800"',
        b'"\xff"',
        b"NaN",
        b"[" * 100_000,
        b'["\\ud800",' + _LONG + b"]",
        b"[" + _LONG + b",NaN]",
        b"[" + _LONG + b"," + b"[" * 100_000,
    ],
    ids=["empty", "cut", "half a character", "not UTF-8", "NaN", "deep", "half, long", "NaN, long", "deep, long"],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    """Every way of not being JSON is one error, whichever reader found it."""
    with pytest.raises(ValueError, match=r"."):
        read(body)
