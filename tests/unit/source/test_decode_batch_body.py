"""Batch bodies: what is one, and what its events look like."""

from __future__ import annotations

from typing import Any

import pytest

from processor.source.batch_body import batch_events, is_batch_body


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"batch": [{"type": "track"}]}, True),
        ({"batch": []}, True),
        ({"batch": [1]}, True),
        ({"batch": [{}], "type": "track"}, False),
        ({"batch": {"a": 1}}, False),
        ({"batch": "x"}, False),
        ({"type": "track"}, False),
        ([{"type": "track"}, {}], True),
        ([{"type": "track"}, 1], False),
        ([1, 2], False),
        ([], False),
        ("text", False),
        (None, False),
    ],
)
def test_only_what_holds_events_is_a_batch_body(value: object, expected: bool) -> None:  # noqa: FBT001 - a table
    """An event with a member named `batch` and a list that is no list of objects are no batch bodies."""
    assert is_batch_body(value) is expected


@pytest.mark.parametrize(
    ("wrapper", "item", "expected"),
    [
        ({}, {"type": "track"}, {"type": "track"}),
        (
            {"context": {"library": {"name": "go"}}},
            {"type": "track"},
            {"type": "track", "context": {"library": {"name": "go"}}},
        ),
        (
            {"context": {"library": {"name": "go", "version": "1"}, "ip": "a", "tags": ["x"]}},
            {"context": {"library": {"version": "2"}, "ip": None, "tags": ["y"], "app": {}}},
            {"context": {"library": {"name": "go", "version": "2"}, "ip": None, "tags": ["y"], "app": {}}},
        ),
        ({"integrations": {"All": False}}, {"integrations": {"All": True}}, {"integrations": {"All": True}}),
        ({"integrations": {"All": False}}, {"integrations": []}, {"integrations": {"All": False}}),
        ({"integrations": {"All": False}}, {"integrations": None}, {"integrations": {"All": False}}),
        ({"context": {"ip": "a"}}, {"context": "text"}, {"context": "text"}),
        ({"context": []}, {"type": "track"}, {"type": "track"}),
        ({"context": {}}, {"context": None}, {"context": None}),
        ({"context": {"a": {"b": 1}}}, {"context": {"a": 2}}, {"context": {"a": 2}}),
        ({"context": {"a": 2}}, {"context": {"a": {"b": 1}}}, {"context": {"a": {"b": 1}}}),
        ({"sentAt": "w"}, {"type": "track"}, {"type": "track", "sentAt": "w"}),
        ({"sentAt": "w"}, {"sentAt": "i"}, {"sentAt": "i"}),
        ({"sentAt": "w"}, {"sentAt": None}, {"sentAt": "w"}),
        ({"writeKey": "k", "messageId": "m", "sequence": 1, "userId": "u"}, {"type": "track"}, {"type": "track"}),
        ({"context": {"ip": "a"}}, 7, 7),
    ],
)
def test_the_wrapper_speaks_for_its_events(wrapper: dict[str, Any], item: object, expected: object) -> None:
    """Context and integrations are merged deeply, the event wins, and nothing else but `sentAt` comes over."""
    assert batch_events({**wrapper, "batch": [item]}) == [expected]


def test_events_do_not_share_what_was_merged() -> None:
    """Changing one event of a batch leaves its neighbours and the wrapper alone."""
    body: dict[str, Any] = {"context": {"library": {"name": "go"}}, "batch": [{}, {"context": {"library": {}}}]}
    first, second = batch_events(body)
    first["context"]["ip"] = "changed"
    second["context"]["library"]["name"] = "changed"
    assert (first, second) == (
        {"context": {"library": {"name": "go"}, "ip": "changed"}},
        {"context": {"library": {"name": "changed"}}},
    )
    assert body["context"] == {"library": {"name": "go"}}


def test_a_bare_list_has_no_wrapper() -> None:
    """The items of a list are the events, in order."""
    assert batch_events([{"a": 1}, {"b": 2}]) == [{"a": 1}, {"b": 2}]
