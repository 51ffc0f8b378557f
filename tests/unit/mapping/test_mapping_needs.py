"""What a subscription needs of an event: what is looked into, and what is only handed on."""

from __future__ import annotations

from typing import Any

import pytest

from processor.mapping import Subscription, SubscriptionSettings
from processor.mapping.needs import needs_of
from processor.model import Needs


def _needs(mapping: dict[str, Any], trigger: str = 'type = "track"') -> Needs | None:
    settings = {"name": "S", "trigger": trigger, "as_segment": True, "action": "a", "mapping": mapping}
    return needs_of(Subscription(SubscriptionSettings.model_validate(settings)), {"bag", "other"})


def _of(read: str, handed_on: str = "") -> Needs:
    return Needs(frozenset(read.split()), frozenset(handed_on.split()))


@pytest.mark.parametrize(
    ("mapping", "needs"),
    [
        ({"id": {"@path": "$.userId"}}, _of("type userId")),
        ({"id": {"@path": "userId"}, "bag": {"@path": "$.context"}}, _of("type userId", "context")),
        ({"bag": {"@path": "$.context.page"}}, _of("type context")),
        ({"bag": {"@path": "$.context"}, "url": {"@path": "$.context.page.url"}}, _of("type context")),
        ({"bag": {"@path": "$.context"}, "copy": {"@path": "$.context"}}, _of("type context")),
        ({"bag": {"@path": "$.context"}, "other": {"@path": "$.context"}}, _of("type", "context")),
        ({"bag": {"a": {"@path": "$.context"}, "b": 1}}, _of("type context")),
        ({"bag": [{"@path": "$.properties"}, {"@path": "$.traits.x"}]}, _of("type properties traits")),
        ({"bag": "literal", "n": None}, _of("type")),
        ({"bag": {"@path": "$"}}, _of("type", "$")),
        ({"@path": "$.properties"}, None),
        ({"__segment_internal_directive": {"@transform": {"apply": {}}}, "bag": {"@path": "$.a"}}, None),
        ({"bag": {"@path": ""}}, None),
        ({"bag": {"@path": {"@template": "{{event}}"}}}, None),
        ({"id": {"@template": "{{userId}}"}}, None),
        ({"bag": {"in": {"@if": {"exists": {"@path": "$.a"}, "then": 1}}}}, None),
        ({"bag": [{"@json": {"value": {"@path": "$.a"}, "mode": "encode"}}]}, None),
    ],
)
def test_needs_of_a_mapping(mapping: dict[str, Any], needs: Needs | None) -> None:
    """A whole member for a field that takes it as it is is handed on, unless anything else looks into it."""
    assert _needs(mapping) == needs


@pytest.mark.parametrize(
    ("trigger", "read"),
    [
        ('type = "track" and properties.plan = "team"', "type properties"),
        ('type = "track" and (context.ip = "1" or contains(event, "x"))', "type context event"),
        ('type = "track" and event in ("a")', "type"),
    ],
)
def test_what_a_trigger_looks_into_is_read(trigger: str, read: str) -> None:
    """However deep in the trigger it stands, and although the mapping only hands it on."""
    assert _needs({"bag": {"@path": "$.properties"}}, trigger) == _of(read, "" if "prop" in read else "properties")
