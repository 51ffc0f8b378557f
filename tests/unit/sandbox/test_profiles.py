"""Profiles merge as the vendor says, keep numbers as they were written, and stay within their bounds."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from processor.sandbox.profiles import Members, Profiles, Seen, lay_under, merge_members

_DECODE: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


def _merged(*updates: Any) -> bytes:  # noqa: ANN401 - JSON text or an object
    members: Members = {}
    for update in updates:
        merge_members(members, _DECODE(update if isinstance(update, bytes) else json.dumps(update)))
    return _encode(members)


_MERGES: Final[dict[str, tuple[list[dict[str, Any]], dict[str, Any]]]] = {
    "what is not named stays": ([{"a": 1, "b": 2}, {"b": 3}], {"a": 1, "b": 3}),
    "objects merge": ([{"m": {"a": 1, "n": {"x": 1}}}, {"m": {"n": {"y": 2}}}], {"m": {"a": 1, "n": {"x": 1, "y": 2}}}),
    "lists replace": ([{"a": [1, 2]}, {"a": [3]}], {"a": [3]}),
    "null replaces": ([{"a": {"b": 1}}, {"a": None}], {"a": None}),
    "an object replaces a value": ([{"a": 1}, {"a": {"b": 1}}], {"a": {"b": 1}}),
    "a value replaces an object": ([{"a": {"b": 1}}, {"a": "x"}, {"a": {"c": 1}}], {"a": {"c": 1}}),
    "an empty object changes nothing": ([{"a": {"b": 1}}, {"a": {}}], {"a": {"b": 1}}),
    "three times": (
        [{"a": {"b": {"c": 1}}}, {"a": {"b": {"d": 2}}}, {"a": {"b": {"c": 3}}}],
        {"a": {"b": {"c": 3, "d": 2}}},
    ),
}


@pytest.mark.parametrize(("updates", "expected"), _MERGES.values(), ids=_MERGES)
def test_updates_merge(updates: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    """Later values win, key by key and level by level."""
    assert json.loads(_merged(*updates)) == expected


def test_numbers_stay_as_they_were_written() -> None:
    """What no float holds reads back byte for byte, also from an object that was merged."""
    first, second = b'{"m":{"a":1e400,"b":12345678901234567890.10}}', b'{"m":{"c":1.0}}'
    assert _merged(first, second) == b'{"m":{"a":1e400,"b":12345678901234567890.10,"c":1.0}}'


_OBJECTS = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
).map(lambda value: value if isinstance(value, dict) else {"a": value})


def _plainly(old: Any, new: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return what the merge of two values is, in as few words as possible."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {key: _plainly(old.get(key), new[key]) if key in new else old[key] for key in {**old, **new}}
    return new


@given(st.lists(_OBJECTS, max_size=5))
def test_any_updates_merge_as_the_plain_rule_says(updates: list[dict[str, Any]]) -> None:
    """A slow reading of the rule gives the same profile."""
    expected: dict[str, Any] = {}
    for update in updates:
        expected = _plainly(expected, update)
    assert json.loads(_merged(*updates)) == expected


@given(upper=st.lists(_OBJECTS, max_size=3), lower=st.lists(_OBJECTS, max_size=3))
def test_laying_under_is_merging_the_other_way_round(upper: list[dict[str, Any]], lower: list[dict[str, Any]]) -> None:
    """A visitor's profile below a user's is as if the visitor's updates had come first."""
    over, under = (_members(updates) for updates in (upper, lower))
    lay_under(over, under)
    expected = _plainly(json.loads(_merged(*lower)), json.loads(_merged(*upper)))
    assert json.loads(_encode(over)) == expected


def _members(updates: list[dict[str, Any]]) -> Members:
    members: Members = {}
    for update in updates:
        merge_members(members, _DECODE(json.dumps(update)))
    return members


def test_the_profile_that_was_quiet_longest_is_forgotten() -> None:
    """The bound holds, what was touched stays, and it is said that something is missing."""
    profiles: Profiles[list[str]] = Profiles(2, lambda id_: [id_])
    first = profiles.touch("a")
    profiles.touch("b")
    assert profiles.touch("a") is first
    assert profiles.is_complete
    profiles.touch("c")
    assert [profile[0] for profile in profiles] == ["a", "c"]
    assert (profiles.find("b"), profiles.is_complete) == (None, False)
    assert (profiles.remove("a"), profiles.remove("a")) == (["a"], None)


def test_the_newest_ids_are_remembered() -> None:
    """At least so many as wanted are known, and not more than twice as many."""
    seen = Seen(3)
    assert [id_ for id_ in ("a", "b", "c", "a", "d", "e", "c") if seen.is_repeat(id_)] == ["a", "c"]
    assert [seen.is_repeat(str(number)) for number in range(6)] == [False] * 6
    assert not seen.is_repeat("a")
