"""Where the event is inside a wrapped value."""

from __future__ import annotations

import pytest

from processor.errors import ConfigError, DecodeError
from processor.source.event_path import EventPath


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("payload", ("payload",)),
        ("$.payload.event", ("payload", "event")),
        ("payload.event", ("payload", "event")),
        (r"a\.b.c", ("a.b", "c")),
        (r"a\\.b", ("a\\", "b")),
        ("$schema.x", ("$schema", "x")),
        ("two words", ("two words",)),
    ],
)
def test_paths_are_read(text: str, names: tuple[str, ...]) -> None:
    """Names with dots between, with or without `$.`, and a backslash before a dot that belongs to a name."""
    assert EventPath.parse(text).names == names


@pytest.mark.parametrize("text", ["", "$", "$.", "a..b", ".a", "a.", "a\\"])
def test_what_is_no_path_is_refused(text: str) -> None:
    """A path that could never lead anywhere is an error before the start."""
    with pytest.raises(ConfigError, match="is no path"):
        EventPath.parse(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"payload": {"event": {"type": "track"}}}, {"type": "track"}),
        ({"payload": {"event": '{"type":"track"}'}}, {"type": "track"}),
        ({"payload": {"event": 5}}, 5),
        ({"payload": {"event": []}}, []),
    ],
)
def test_the_wrapped_value_is_picked(value: object, expected: object) -> None:
    """What the path leads to comes out, text as the JSON that it holds; whether it is an event is not for here."""
    assert EventPath.parse("payload.event").pick(value) == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({}, "event_missing"),
        ({"payload": None}, "event_missing"),
        ({"payload": []}, "event_missing"),
        ([1], "event_missing"),
        ("text", "event_missing"),
        ({"payload": {"event": None}}, "null_value"),
        ({"payload": {"event": "no JSON"}}, "invalid_json"),
    ],
)
def test_a_path_that_leads_to_no_event_says_why(value: object, reason: str) -> None:
    """Missing, null and unreadable are three different things for whoever looks at the dead letters."""
    with pytest.raises(DecodeError) as caught:
        EventPath.parse("payload.event").pick(value)
    assert caught.value.reason == reason
