"""Attributes for MoEngage: names, flattening, collisions, values, limits."""

from __future__ import annotations

from typing import Any

import pytest

from processor.destinations.moengage.attributes import AttributeRules, Converter
from processor.destinations.moengage.keys import KeyCase
from processor.destinations.moengage.names import Audience, event_name
from processor.destinations.moengage.values import scalar, scalar_list, short_url

LONG_URL = "https://shop.example/" + "p" * 500


def _sent(bag: dict[str, Any], audience: Audience = "event", **rules: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of the rules
    """Return the attributes of a bag."""
    return Converter(AttributeRules(audience, **rules)).convert(bag).sent


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, "9223372036854775808"),
        (10**511, "1" + "0" * 511),
        (-(10**511), None),
        (10**600, None),
        (1.5, 1.5),
        (float("nan"), None),
        (float("-inf"), None),
        ("", ""),
        ("é" * 513, "é" * 512),
        (LONG_URL, None),
        ("HTTPS" + LONG_URL[5:], None),
        (LONG_URL[:512], LONG_URL[:512]),
        ("2026-04-01T20:15:00+02:00", "2026-04-01T18:15:00Z"),
        ("2026-04-01T20:15:00.5+02:00", "2026-04-01T18:15:00.500Z"),
        ("2026-04-01T20:15:00.123999+0200", "2026-04-01T18:15:00.123Z"),
        ("2026-04-01T20:15:00.123456Z", "2026-04-01T20:15:00.123Z"),
        ("2026-04-01T20:15+02", "2026-04-01T18:15:00Z"),
        ("0999-12-31T23:00:00-02:00", "1000-01-01T01:00:00Z"),
        ("0500-01-01T00:00:00+00:00", "0500-01-01T00:00:00Z"),
        ("2026-04-01T20:15:00Z", "2026-04-01T20:15:00Z"),
        ("2026-04-01T20:15:00.000Z", "2026-04-01T20:15:00.000Z"),
        ("2026-04-01", "2026-04-01"),
        ("2026-04-01T20:15:00", "2026-04-01T20:15:00"),
        ("2026-13-45T00:00:00+00:00", "2026-13-45T00:00:00+00:00"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("2026-04-01 20:15:00+02:00", "2026-04-01 20:15:00+02:00"),
        ("2026-04-01T20:15:00+02:00 in the text", "2026-04-01T20:15:00+02:00 in the text"),
        ("2026-04-01T20:15:00." + "1" * 40 + "+02:00", "2026-04-01T20:15:00." + "1" * 40 + "+02:00"),
    ],
)
def test_scalar_is_stored_as_the_table_says(value: Any, expected: Any) -> None:  # noqa: ANN401 - any scalar
    """Each row of the value table gives its output, alone and inside a list."""
    assert scalar(value) == expected
    assert scalar_list([value]) == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([1, None, 2.5], [1, 2.5]),
        ([True, False], [True, False]),
        ([1, "two", True, 1e21, -0.5], ["1", "two", "true", "1e+21", "-0.5"]),
        ([1, True, False], ["1", "true", "false"]),
        ([1, 2**64], ["1", "18446744073709551616"]),
        (list(range(60)), list(range(50))),
        ([None] * 60 + [1], [1]),
        ([1] * 50 + ["cut off"], [1] * 50),
        (["x" * 600], ["x" * 512]),
        ([None], []),
    ],
)
def test_list_is_of_one_type_and_bounded(items: list[Any], expected: list[Any]) -> None:
    """Nulls go first, then what is beyond the limit, and a list of several types becomes text."""
    kept = scalar_list(items)

    assert kept == expected
    assert [type(item) for item in kept] == [type(item) for item in expected]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://a.example/p?q=" + "1" * 600, "https://a.example/p"),
        ("https://a.example/p#f?" + "1" * 600, "https://a.example/p"),
        ("/p?q=" + "1" * 600, "/p"),
        (LONG_URL + "?q=1", None),
        ("https://a.example/p?q=1", "https://a.example/p?q=1"),
        (5, 5),
    ],
)
def test_long_address_loses_its_query_first(value: Any, expected: Any) -> None:  # noqa: ANN401 - any JSON value
    """An address of a page is cut at its query or fragment only when it is too long, and dropped only after that."""
    assert short_url(value) == expected


@pytest.mark.parametrize(
    ("bag", "expected"),
    [
        ({"a": {"bC": 1, "d": {"e": "x"}}}, {"a_b_c": 1, "a_d_e": "x"}),
        ({"a": {}, "b": [], "c": [None], "d": [{}]}, {"d_count": 1}),
        ({"tags": ["a", None, "b"]}, {"tags": ["a", "b"]}),
        ({"p": [{"s": "a"}, {"s": "b", "q": 2}, {}]}, {"p_s": ["a", "b"], "p_q": [2], "p_count": 3}),
        ({"p": [{"d": {"w": 1}}, {"d": {"w": 2}}]}, {"p_d_w": [1, 2], "p_count": 2}),
        ({"p": [{"t": ["a"]}, {"t": ["b", "c"]}]}, {"p_t": ["a", "b", "c"], "p_count": 2}),
        (
            {"p": [{"v": [{"s": 1}]}, {"v": [{"s": 2}, {"s": 3}]}]},
            {"p_v_s": [1, 2, 3], "p_v_count": [1, 2], "p_count": 2},
        ),
        ({"p": [{"s": 1}, "loose", None, {"s": "x"}]}, {"p_s": ["1", "x"], "p_count": 2}),
        ({"m": [[1, 2], [3], 4]}, {"m": [1, 2, 3, 4]}),
        ({"p": [{"s": i} for i in range(60)]}, {"p_s": list(range(50)), "p_count": 60}),
        ({"$$": 1, "a": {"..": 2, "b": 3}}, {"a_b": 3}),
        ({"link": LONG_URL + LONG_URL, "a": 1}, {"a": 1}),
        ({"nested": {"when": "2026-04-01T20:15:00+02:00"}}, {"nested_when": "2026-04-01T18:15:00Z"}),
    ],
)
def test_bag_is_flattened(bag: dict[str, Any], expected: dict[str, Any]) -> None:
    """Objects join their keys; a list of objects becomes parallel lists and a count."""
    assert _sent(bag) == expected


def test_depth_is_no_limit() -> None:
    """A bag nested deeper than the interpreter's stack is flattened, its name cut like any other."""
    bag: dict[str, Any] = {"leaf": 1}
    for _ in range(5000):
        bag = {"a": bag}

    assert _sent(bag) == {("a_" * 100): 1}


@pytest.mark.parametrize(
    ("bag", "expected", "lost_count"),
    [
        ({"seatRow": None, "seat_row": None}, {}, 0),
        ({"seatRow": 1, "seat_row": None}, {"seat_row": 1}, 0),
        ({"seatRow": 1, "seat_row": ""}, {"seat_row": 1}, 1),
        ({"seatRow": "", "seat_row": ""}, {"seat_row": ""}, 1),
        ({"SeatRow": 2, "seat_row": 3, "seatRow": 1}, {"seat_row": 3}, 2),
        ({"seat": {"row": 1}, "Seat-Row": 2}, {"seat_row": 2}, 1),
        ({"seat": {"row": 1}, "seat_row": 2}, {"seat_row": 2}, 1),
        ({"seat": {"Row": 1, "row": 2}}, {"seat_row": 1}, 1),
        ({"p": [{"s": 1}], "p_count": 9}, {"p_s": [1], "p_count": 9}, 1),
        ({"p": [{"count": 4}], "x": 1}, {"p_count": [4], "x": 1}, 1),
        ({"pCount": 9, "p": [{"s": 1}]}, {"p_s": [1], "p_count": 9}, 1),
        ({"moeX": 1, "segment_moe_x": 2}, {"segment_moe_x": 2}, 1),
    ],
)
def test_collisions_are_settled_by_rule(bag: dict[str, Any], expected: dict[str, Any], lost_count: int) -> None:
    """The winner does not depend on the order of keys, and every loser is counted."""
    for members in (list(bag.items()), list(bag.items())[::-1]):
        attributes = Converter(AttributeRules("event")).convert(dict(members))
        assert attributes.sent == expected
        assert attributes.counted == ("key_collision",) * lost_count


def test_names_that_are_cut_alike_collide_again() -> None:
    """Two names that differ beyond the limit become one, and the smaller path keeps it."""
    attributes = Converter(AttributeRules("event")).convert({"k" * 200 + "b": 1, "k" * 200 + "a": 2})

    assert attributes.sent == {"k" * 200: 2}
    assert attributes.counted == ("key_collision",)


def test_unusable_keys_are_counted() -> None:
    """A key of which nothing is left is dropped and counted, a null under it is not worth counting."""
    attributes = Converter(AttributeRules("event")).convert({"$": 1, "%": None, "a": {"-": 2}})

    assert attributes.sent == {}
    assert attributes.counted == ("invalid_key", "invalid_key")


@pytest.mark.parametrize("key_case", ["snake", "preserve", "segment_warehouse"])
def test_standard_names_apply_in_every_case(key_case: KeyCase) -> None:
    """However keys are written otherwise, MoEngage's own attributes get their names."""
    bag = {"firstName": "A", "lastname": "B", "phone": 4155550100, "email": 5, "createdAt": "2020-01-01", "gender": "f"}

    assert _sent(bag, "user", key_case=key_case) == {
        "first_name": "A",
        "last_name": "B",
        "mobile": "4155550100",
        "email": "5",
        "created_time": "2020-01-01",
        "gender": "f",
    }


@pytest.mark.parametrize(
    ("audience", "key_case", "key", "name"),
    [
        ("user", "snake", "id", None),
        ("user", "snake", "_id", None),
        ("user", "snake", "$id", None),
        ("user", "preserve", "_id", None),
        ("user", "preserve", "ID", "ID"),
        ("event", "snake", "_id", "id"),
        ("user", "snake", "source", "segment_source"),
        ("user", "preserve", "Status", "segment_Status"),
        ("user", "snake", "userAttributeUserBday", "segment_user_attribute_user_bday"),
        ("event", "snake", "source", "source"),
        ("user", "snake", "moeUnsubscribe", "moe_unsubscribe"),
        ("user", "preserve", "MOE_GAID", "MOE_GAID"),
        ("user", "snake", "moeTimeFormat", "segment_moe_time_format"),
        ("event", "snake", "moeProjectName", "moe_project_name"),
        ("user", "snake", "moeProjectName", "segment_moe_project_name"),
        ("event", "preserve", "MOE_Foo", "segment_MOE_Foo"),
        ("event", "preserve", "addValueToArrayField", None),
        ("user", "preserve", "removeValueFromArrayField", None),
        ("user", "snake", "addValueToArrayField", "add_value_to_array_field"),
        ("group", "snake", "id", "group_id"),
        ("group", "snake", "createdAt", "group_created_at"),
        ("user", "snake", "address", "address"),
    ],
)
def test_names_that_are_not_free(audience: Audience, key_case: KeyCase, key: str, name: str | None) -> None:
    """Blocked names vanish, reserved ones get our prefix, allowed ones pass; the same on both ways through a bag."""
    expected = {} if name is None else {name: 1}

    assert _sent({key: 1}, audience, key_case=key_case) == expected
    assert _sent({key: 1, "z": {"z": 2}}, audience, key_case=key_case) == expected | {
        ("group_z_z" if audience == "group" else "z_z"): 2
    }


def test_group_names_are_canonical_without_their_prefix() -> None:
    """Of two traits that meet in one name, the one spelled like it wins, though both got a prefix."""
    assert _sent({"planName": 1, "plan_name": 2, "PlanName": 3}, "group") == {"group_plan_name": 2}


def test_event_is_capped_and_ours_come_first() -> None:
    """Of too many attributes ours stay, then the first by the bytes of their names."""
    bag = {f"k{number:03}": number for number in range(120)}

    sent = Converter(AttributeRules("event")).convert(bag, {"moe_project_name": "Cinema"}).sent

    assert sent == {"moe_project_name": "Cinema"} | {f"k{number:03}": number for number in range(99)}
    assert len(_sent(bag, "user")) == 120


def test_ours_win_a_collision() -> None:
    """A property with the name of an attribute of ours is dropped and counted."""
    attributes = Converter(AttributeRules("event")).convert(
        {"moe_project_name": "X", "a": 1}, {"moe_project_name": "C"}
    )

    assert attributes.sent == {"moe_project_name": "C", "a": 1}
    assert attributes.counted == ("key_collision",)


def test_null_traits_unset_where_that_is_wanted() -> None:
    """Null traits name attributes to remove, unless another key gives the same one a value; empty lists are sent."""
    bag: dict[str, Any] = {
        "coupon": None,
        "planName": None,
        "plan_name": "gold",
        "tags": [],
        "deep": {"x": None},
        "id": None,
    }

    attributes = Converter(AttributeRules("user", keeps_deletions=True)).convert(bag)

    assert attributes.sent == {"plan_name": "gold", "tags": []}
    assert attributes.unset == ["coupon", "deep_x"]
    assert Converter(AttributeRules("user")).convert(bag).unset == ()


def test_cached_names_give_the_same() -> None:
    """A second bag with the same keys, blocked ones among them, gives the same attributes as the first."""
    converter = Converter(AttributeRules("user"))
    bag = {"id": 1, "firstName": "A", "Status": 2}

    assert converter.convert(bag).sent == converter.convert(bag).sent == {"first_name": "A", "segment_status": 2}


def test_caches_of_names_are_bounded() -> None:
    """Keys made of data neither fill memory nor give wrong names once a cache has started anew."""
    converter = Converter(AttributeRules("event"))
    for number in range(10_000):
        assert converter.convert({f"kX{number}": 1}).sent == {f"k_x{number}": 1}
    converter.convert({"k" * 10_000: 1})

    assert len(converter._names) <= 4096
    assert len(converter._forms) <= 4096
    assert max(map(len, converter._names)) <= 256


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Seat Reserved", "Seat Reserved"),
        (" kept verbatim ", " kept verbatim "),
        (42, "42"),
        (1.5, "1_5"),
        ("moe.x", "segment_moe_x"),
        ("MOE_EMAIL_OPEN", "segment_MOE_EMAIL_OPEN"),
        ("moengage ticket", "moengage ticket"),
        ("n" * 201, "n" * 200),
        ("moe_" + "n" * 200, "segment_moe_" + "n" * 188),
        ("  ", None),
        (None, None),
        (True, None),
        (["x"], None),
    ],
)
def test_event_names(value: Any, expected: str | None) -> None:  # noqa: ANN401 - any JSON value
    """A name is kept but for periods, the reserved prefix and its length; what is no text or number is no name."""
    assert event_name(value) == expected
