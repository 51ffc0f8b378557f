"""Attributes for MoEngage that hold objects: what `nested: native` sends of them."""

from __future__ import annotations

from typing import Any

import pytest

from processor.destinations.moengage.attributes import AttributeRules, Converter
from processor.destinations.moengage.names import Audience
from processor.errors import MappingError


def _sent(bag: dict[str, Any], audience: Audience = "event", **rules: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of the rules
    """Return the attributes of a bag."""
    return Converter(AttributeRules(audience, is_native=True, **rules)).convert(bag).sent


@pytest.mark.parametrize(
    ("bag", "expected"),
    [
        ({"seatInfo": {"rowNo": 4, "x": None}}, {"seat_info": {"row_no": 4}}),
        ({"cart": [{"unitPrice": 5}, {"unitPrice": None}]}, {"cart": [{"unit_price": 5}]}),
        ({"a": {}, "b": [{}], "c": {"d": {}}}, {}),
        ({"a": {"bC": 1, "b_c": 2, "B_C": 3}}, {"a": {"b_c": 2}}),
        ({"a": {"x": 2**64, "y": [1, "z"], "": 1}}, {"a": {"x": "18446744073709551616", "y": ["1", "z"]}}),
        ({"m": [[1, None], {"aB": 1}, 5]}, {"m": [{"a_b": 1}]}),
        ({"m": [[{"aB": 1}], [], [[{"c": 2}]]]}, {"m": [{"a_b": 1}, {"c": 2}]}),
        ({"m": [[1, [2]], ["x"]], "n": [[], [None]]}, {"m": ["1", "2", "x"]}),
        ({"a": {"b": [], "c": [None], "d": [1]}}, {"a": {"d": [1]}}),
        ({"$": 1, "aB": "x"}, {"a_b": "x"}),
    ],
)
def test_native_mode_keeps_objects(bag: dict[str, Any], expected: dict[str, Any]) -> None:
    """Objects stay objects with converted keys; nulls, what becomes empty and scalars beside objects are left out."""
    assert _sent(bag) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": {"cD": 1}}, {"b": {"c_d": 1}}),
        ({"b": {"c": {"dE": [1, None]}}}, {"b": {"c": '{"d_e":[1]}'}}),
        ({"b": {"c": {"d": {"e": {"f": "é"}}}}}, {"b": {"c": '{"d":{"e":{"f":"é"}}}'}}),
        ({"b": {"c": [{"d": 1}, {"d": {"e": 2}}], "f": ["x"]}}, {"b": {"c": '[{"d":1},{"d":{"e":2}}]', "f": ["x"]}}),
        ([{"b": {"c": {"d": 1}}}], [{"b": {"c": '{"d":1}'}}]),
        ({"b": [{"c": {"d": 1}}]}, {"b": [{"c": '{"d":1}'}]}),
        ({"b": {"c": {"d": {}}, "x": 1}}, {"b": {"x": 1}}),
    ],
)
def test_native_objects_have_two_levels(value: Any, expected: Any) -> None:  # noqa: ANN401 - any JSON value
    """Objects below the second level of keys are sent as their JSON; lists are no level, and scalars stay scalars."""
    attributes = Converter(AttributeRules("event", is_native=True)).convert({"a": value})

    assert attributes.sent == {"a": expected}
    assert attributes.counted == ()


def test_native_text_below_the_levels_is_cut() -> None:
    """The JSON of a deep object is no longer than any text, and that something is missing is counted."""
    deep = {"b": {"c": {f"k{number}": "x" * 100 for number in range(9)}}}

    attributes = Converter(AttributeRules("event", is_native=True)).convert({"a": deep})

    assert attributes.sent["a"]["b"]["c"].startswith('{"k0":"xxx')
    assert len(attributes.sent["a"]["b"]["c"]) == 512
    assert attributes.counted == ("object_cut",)


def test_standard_attributes_hold_no_native_objects() -> None:
    """MoEngage takes objects as custom attributes alone: others are left out, counted, and win over no usable value."""
    bag = {"mobile": {"home": "1"}, "phone": "2", "name": [{"first": "A"}], "shoe": {"size": 40}, "gender": ["x"]}
    rules = AttributeRules("user", is_native=True, names={"shoe": "u_em", "gender": "sex"})

    attributes = Converter(rules).convert(bag)

    assert attributes.sent == {"mobile": "2", "sex": ["x"]}
    assert attributes.counted == ("object_cut",) * 3
    assert _sent({"name": {"first": "A"}}) == {"name": {"first": "A"}}
    assert _sent({"name": {"first": "A"}}, "group") == {"group_name": {"first": "A"}}


def test_mixed_native_lists_are_counted() -> None:
    """What MoEngage would drop beside objects is dropped here, and that is counted; nulls are no loss."""
    converter = Converter(AttributeRules("event", is_native=True))

    assert converter.convert({"a": [{"b": 1}, 2, [3]]}).counted == ("object_cut",)
    assert converter.convert({"a": [{"b": 1}, None, []]}).counted == ()


def test_native_sub_keys_hold_no_refused_characters() -> None:
    """Where keys keep their case, the characters that MoEngage refuses in sub-keys are replaced."""
    assert _sent({"a.b": {"c.$d": 1}}, key_case="preserve") == {"a.b": {"c__d": 1}}


def test_native_depth_is_bounded() -> None:
    """An object nested beyond all reason is refused and does not exhaust the stack."""
    bag: dict[str, Any] = {"leaf": 1}
    for _ in range(5000):
        bag = {"a": [bag]}

    with pytest.raises(MappingError) as caught:
        _sent(bag)
    assert caught.value.safe == "the attributes are nested too deeply"


def test_native_objects_are_cut_to_what_is_kept() -> None:
    """Keys and items beyond MoEngage's limits are left out by a fixed rule, objects too large altogether; counted."""
    converter = Converter(AttributeRules("event", is_native=True))
    wide = {f"k{number:05}": number for number in reversed(range(10_000))}
    bag = {"wide": wide, "long": [{"a": 1}] * 101, "large": {f"k{number}": "x" * 500 for number in range(60)}, "n": 1}

    attributes = converter.convert(bag)

    assert list(attributes.sent) == ["wide", "long", "n"]
    assert list(attributes.sent["wide"]) == [f"k{number:05}" for number in range(100)]
    assert len(attributes.sent["long"]) == 100
    assert attributes.counted == ("object_cut",) * 3
