"""Paths, read as Segment reads them."""

from __future__ import annotations

from collections import OrderedDict

import pytest

from processor.mapping.paths import Keys, parse_dollar_path, parse_path, reader, walk
from processor.mapping.values import ABSENT, Json


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", ()),
        (".", ()),
        ("..", ()),
        ("a", ("a",)),
        ("a.b", ("a", "b")),
        ("a..b.", ("a", "b")),
        ("a[0].b", ("a", "0", "b")),
        ("a['b c']", ("a", "b c")),
        ("a['b.c']", ("a", "b", "c")),
        ('a["x"][1]', ("a", "x", "1")),
        ("a['']", ("a", "")),
        ("a[b]", ("a[b]",)),
        ("a[ 0 ]", ("a[ 0 ]",)),
        ("a'b", ("ab",)),
        ("a[\u0663]", ("a[\u0663]",)),
    ],
)
def test_paths_are_split_once(text: str, keys: Keys) -> None:
    """Points, and brackets beside a digit or a quote, split; quotes go."""
    assert parse_path(text) == keys


@pytest.mark.parametrize(
    ("text", "keys"),
    [("$.a", ("a",)), ("a.$.b", ("a", "b")), ("$", ("$",)), ("$.$.a", ("$", "a")), ("$.", ()), ("a", ("a",))],
)
def test_the_first_dollar_point_is_dropped(text: str, keys: Keys) -> None:
    """Once, wherever it is."""
    assert parse_dollar_path(text) == keys


EVENT = {
    "zero": 0,
    "no": False,
    "nil": None,
    "empty": "",
    "n": 5,
    "text": "a\U0001f44b",
    "list": [1, {"x": 2}],
    "o": {"length": 3, "__proto__": {"own": 1}},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("zero.x.y", 0),
        ("no.x", False),
        ("nil.x", None),
        ("empty.length", ""),
        ("gone.x.y", ABSENT),
        ("n.toFixed", ABSENT),
        ("text.length", 3),
        ("text[0]", "a"),
        ("text[9]", ABSENT),
        ("text.trim", ABSENT),
        ("list.length", 2),
        ("list[1].x", 2),
        ("list.01", ABSENT),
        ("list[2]", ABSENT),
        ("list.push", ABSENT),
        ("list." + "9" * 5000, ABSENT),
        ("o.length", 3),
        ("o.constructor", ABSENT),
        ("o.__proto__.own", 1),
    ],
)
def test_walking_has_javascripts_manners(path: str, value: Json) -> None:
    """It stops at false values, reads indexes and lengths, and never a prototype."""
    assert walk(EVENT, parse_path(path)) == value


def test_subclasses_of_objects_are_objects() -> None:
    """What a YAML reader or a caller of the library brings is walked as well."""
    assert walk(OrderedDict(a=OrderedDict(b=1)), ("a", "b")) == 1


@pytest.mark.parametrize("root", [None, 0, "text", [], [{"a": 1}], {"a": {"b": {"c": 1}}}, {"a": [1]}, {"a": ""}, {}])
@pytest.mark.parametrize("keys", [(), ("a",), ("a", "b"), ("a", "b", "c"), ("0", "a"), ("length",)])
def test_every_reader_walks(root: Json, keys: Keys) -> None:
    """The written-out readers give what the loop gives, on roots that are no objects as well."""
    assert reader(keys)(root) is walk(root, keys) or reader(keys)(root) == walk(root, keys)
