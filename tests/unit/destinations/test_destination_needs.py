"""What a plan needs of an event, as far as its subscriptions, gates and builds tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from processor.destinations.base import Action
from processor.destinations.filters import Filters, FilterSettings
from processor.destinations.gates import Gates, GateSettings
from processor.destinations.plan import Plan
from processor.destinations.privacy import Privacy
from processor.destinations.privacy_settings import PrivacySettings
from processor.model import Needs
from tests.small_vendor import RECORD, SmallSettings, SmallVendor, subscription


class CopyingVendor(SmallVendor):
    """The same vendor, which says what it reads of an event and that it takes any note as it is."""

    reads = frozenset({"sentAt"})

    def __init__(self, settings: SmallSettings) -> None:
        """Make one action."""
        super().__init__(settings)
        self.gates = Gates(GateSettings(respect_integrations=False))
        id_, note = self.actions["send"].fields
        fields = (id_, replace(note, is_handed_on=True))
        self.actions = {"send": Action("send", "Send.", fields, self._send, ("events",))}


_COPY = {"id": {"@path": "$.id"}, "note": {"@path": "$.note"}}
_OTHER_NOTE = {"id": {"@path": "$.id"}, "note": {"@path": "$.other"}}


@pytest.mark.parametrize(
    ("mappings", "read", "handed_on"),
    [
        ([_COPY], "id", "note"),
        ([_COPY, _OTHER_NOTE], "id", "note other"),
        ([_COPY, {"id": {"@path": "$.note.id"}}], "id note", ""),
    ],
)
def test_what_is_needed_of_an_event(mappings: list[dict[str, Any]], read: str, handed_on: str) -> None:
    """What gates, builds, triggers and mappings look into is read; what every mapping only hands on is handed on."""
    subscriptions = [subscription(f"S{index}", mapping=mapping) for index, mapping in enumerate(mappings)]
    plan = Plan.compile(CopyingVendor(SmallSettings()), subscriptions)
    always = {"sentAt", "type", "userId", "anonymousId"}
    assert plan.needs == Needs(frozenset(read.split()) | always, frozenset(handed_on.split()))


def test_all_of_an_event_is_needed_where_anything_may_be_read() -> None:
    """By a vendor that does not say what it reads, a mapping with a template, a filter, or privacy."""
    copying = subscription("A", mapping=_COPY)
    template = subscription("B", mapping={"id": {"@template": "{{id}}"}})
    filters = Filters([FilterSettings.model_validate({"if": "type = 'page'", "actions": [{"type": "DROP"}]})])
    privacy = Privacy(PrivacySettings.model_validate({"drop": ["$.note"]}))

    assert Plan.compile(CopyingVendor(SmallSettings()), [copying]).needs is not None
    assert Plan.compile(SmallVendor(SmallSettings()), [copying]).needs is None
    assert Plan.compile(CopyingVendor(SmallSettings()), [copying, template]).needs is None
    assert Plan.compile(CopyingVendor(SmallSettings()), [copying], filters=filters).needs is None
    assert Plan.compile(CopyingVendor(SmallSettings()), [copying], privacy=privacy).needs is None


def test_event_stands_for_fields_that_only_copy_it() -> None:
    """Unless one of its keys must not be sent, of which only a walk makes sure."""
    plan = Plan.compile(CopyingVendor(SmallSettings()), [subscription("A", mapping=_COPY)])
    event = {"type": "track", "id": "u", "note": {"__proto__": 1, "a": 2}, "more": 3}

    def body(*, has_plain_keys: bool) -> bytes:
        (mapped,) = plan.map_all([(RECORD, event)], 0, has_plain_keys=has_plain_keys)
        return mapped.payloads[0].body

    assert body(has_plain_keys=False) == b'["kafka:orders.raw:0:7",{"a":2}]'
    assert body(has_plain_keys=True) == b'["kafka:orders.raw:0:7",{"__proto__":1,"a":2}]'
