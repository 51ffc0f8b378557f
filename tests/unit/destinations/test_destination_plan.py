"""Plans: what a list of subscriptions must keep, and how one event becomes payloads, skips and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from processor.destinations.base import Action, Destination, Endpoint, Field
from processor.destinations.filters import Filters, FilterSettings
from processor.destinations.gates import Gates, GateSettings
from processor.destinations.ids import record_name
from processor.destinations.plan import DEFAULT, Plan, findings
from processor.destinations.privacy import Privacy
from processor.destinations.privacy_settings import PrivacySettings
from processor.destinations.text import encode
from processor.errors import ConfigError
from processor.mapping import SubscriptionSettings
from processor.model import Answer, Built, Decision, Event, Mapped, Needs, Payload, Record, Rejected, Skipped, Verdict

RECORD = Record("orders.raw", 0, 7, 0)


class _Settings(BaseModel):
    """Settings of the small vendor."""

    model_config = ConfigDict(frozen=True)

    company_path: str = "$.company"


class SmallVendor(Destination):
    """A vendor with two endpoints, whose payloads show by which record they were built."""

    type = "small"
    settings_model = _Settings
    preset_settings = frozenset({"company_path"})

    def __init__(self, settings: _Settings) -> None:
        """Make two actions: one payload at `events`, or one there and one at `users`."""
        self.name = "small"
        self.settings = settings
        self.endpoints = {name: Endpoint(name, "https://x.example", 10, 1000, 10) for name in ("events", "users")}
        fields = (Field("id", "string", "An id.", required=True), Field("note", "any", "Anything."))
        self.actions = {
            "send": Action("send", "Send.", fields, self._send, ("events",)),
            "both": Action("both", "Send and update.", fields, self._both, ("events", "users")),
        }

    @classmethod
    def create(cls, name: str, settings: BaseModel) -> SmallVendor:
        """Return the vendor."""
        assert isinstance(settings, _Settings)
        made = cls(settings)
        made.name = name
        return made

    def presets(self) -> list[dict[str, Any]]:
        """Return one subscription for track."""
        mapping = {"id": {"@path": "$.id"}, "note": {"@path": self.settings.company_path}}  # type: ignore[attr-defined]
        return [{"name": "Track", "trigger": 'type = "track"', "action": "send", "mapping": mapping}]

    def admit(self, event: Any, *, presets: bool) -> Event | Skipped | Rejected:  # noqa: ANN401 - any JSON value
        """Admit objects; with presets in force skip pages."""
        if not isinstance(event, dict):
            return Rejected("not_an_object", "no object")
        return Skipped("unsupported_type") if presets and event["type"] == "page" else event

    def headers(self, endpoint: Endpoint, body: bytes, now_ms: int) -> dict[str, str]:
        """Return none."""
        del endpoint, body, now_ms
        return {}

    def classify(self, endpoint: Endpoint, answer: Answer, count: int, now_ms: int, *, compressed: bool) -> Verdict:
        """Take everything."""
        del endpoint, answer, count, now_ms, compressed
        return Verdict(Decision.DELIVERED)

    def vector_form(self, mapped: Mapped, now_ms: int) -> dict[str, Any]:
        """Return nothing of interest."""
        del mapped, now_ms
        return {}

    def _send(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:
        """Build one payload, refuse one without an id, skip the id `skip`."""
        del event, now_ms
        if fields.get("id") == "skip":
            return Skipped("small")
        if fields.get("id") is None:
            return Rejected("missing_id", "there is no id")
        return Payload("send", "events", encode([record_name(record), fields.get("note")]), (str(fields["id"]),))

    def _both(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:
        """Build one payload at each endpoint."""
        sent = self._send(fields, event, record, now_ms)
        return (sent, Payload("both", "users", b"{}", ("u",))) if isinstance(sent, Payload) else sent


def _subscription(name: str, action: str = "send", **changes: Any) -> SubscriptionSettings:  # noqa: ANN401 - any member
    """Return a subscription that takes every track, with these changes."""
    content: dict[str, Any] = {
        "name": name,
        "trigger": 'type = "track"',
        "action": action,
        "mapping": {"id": {"@path": "$.id"}},
    }
    return SubscriptionSettings.model_validate(content | changes)


def _plan(*subscriptions: SubscriptionSettings, filters: Filters | None = None) -> Plan:
    """Return the plan of the small vendor with a list."""
    return Plan.compile(SmallVendor(_Settings()), subscriptions, filters=filters)


def _names(mapped: Mapped) -> list[tuple[str, str]]:
    """Return endpoint and subscription of each payload, in order."""
    return [(payload.endpoint, payload.subscription) for payload in mapped.payloads]


def test_default_runs_the_presets() -> None:
    """`default` means the vendor's own subscriptions, shaped by the settings, and switches types off."""
    plan = Plan.compile(SmallVendor(_Settings(company_path="$.firm")), DEFAULT)

    (payload,) = plan.map({"type": "track", "id": "u", "firm": "Orchard"}, RECORD, 0).payloads

    assert payload == Payload("send", "events", b'["kafka:orders.raw:0:7","Orchard"]', ("u",), "Track")
    assert plan.map({"type": "page"}, RECORD, 0).skipped == [Skipped("unsupported_type")]


def test_list_takes_all_types() -> None:
    """With a list the triggers decide about types, not the settings that shape presets."""
    plan = _plan(_subscription("Pages", trigger='type = "page"'))

    assert _names(plan.map({"type": "page", "id": "u"}, RECORD, 0)) == [("events", "Pages")]


def test_a_run_comes_to_the_same_as_its_events_one_by_one() -> None:
    """Whatever stands beside an event, it comes to what it would alone, and in its place."""
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    plan = _plan(
        _subscription("A", mapping={"id": {"@path": "$.id"}, "note": {"@path": "$.note"}}),
        _subscription("B", action="both", trigger='type = "track" and properties.both = "yes"'),
    )
    values: list[Any] = [
        {"type": "track", "id": "u"},
        [1],
        {"type": "track", "id": "v", "properties": {"both": "yes"}},
        {"type": "group"},
        {"type": "track"},
        {"type": "track", "id": "skip", "properties": {"both": "yes"}},
        {"type": "track", "id": "w", "note": deep},
        {"type": "track", "id": "u", "note": float("nan")},
        {"type": "track", "id": "x"},
    ]
    run = [(Record("orders.raw", 0, offset, 0), value) for offset, value in enumerate(values)]

    one_by_one = [plan.map(value, record, 0) for record, value in run]
    assert plan.map_all(run, 0) == plan.map_all(run, 0, has_plain_keys=True) == one_by_one
    assert plan.map_all([], 0) == []


class CopyingVendor(SmallVendor):
    """The same vendor, which says what it reads of an event and that it takes any note as it is."""

    reads = frozenset({"sentAt"})

    def __init__(self, settings: _Settings) -> None:
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
    subscriptions = [_subscription(f"S{index}", mapping=mapping) for index, mapping in enumerate(mappings)]
    plan = Plan.compile(CopyingVendor(_Settings()), subscriptions)
    always = {"sentAt", "type", "userId", "anonymousId"}
    assert plan.needs == Needs(frozenset(read.split()) | always, frozenset(handed_on.split()))


def test_all_of_an_event_is_needed_where_anything_may_be_read() -> None:
    """By a vendor that does not say what it reads, a mapping with a template, a filter, or privacy."""
    copying = _subscription("A", mapping=_COPY)
    template = _subscription("B", mapping={"id": {"@template": "{{id}}"}})
    filters = Filters([FilterSettings.model_validate({"if": "type = 'page'", "actions": [{"type": "DROP"}]})])
    privacy = Privacy(PrivacySettings.model_validate({"drop": ["$.note"]}))

    assert Plan.compile(CopyingVendor(_Settings()), [copying]).needs is not None
    assert Plan.compile(SmallVendor(_Settings()), [copying]).needs is None
    assert Plan.compile(CopyingVendor(_Settings()), [copying, template]).needs is None
    assert Plan.compile(CopyingVendor(_Settings()), [copying], filters=filters).needs is None
    assert Plan.compile(CopyingVendor(_Settings()), [copying], privacy=privacy).needs is None


def test_event_stands_for_fields_that_only_copy_it() -> None:
    """Unless one of its keys must not be sent, of which only a walk makes sure."""
    plan = Plan.compile(CopyingVendor(_Settings()), [_subscription("A", mapping=_COPY)])
    event = {"type": "track", "id": "u", "note": {"__proto__": 1, "a": 2}, "more": 3}

    def body(*, has_plain_keys: bool) -> bytes:
        (mapped,) = plan.map_all([(RECORD, event)], 0, has_plain_keys=has_plain_keys)
        return mapped.payloads[0].body

    assert body(has_plain_keys=False) == b'["kafka:orders.raw:0:7",{"a":2}]'
    assert body(has_plain_keys=True) == b'["kafka:orders.raw:0:7",{"__proto__":1,"a":2}]'


def test_event_that_is_not_admitted_stops_there() -> None:
    """A refusal before the triggers stands alone and names no subscription."""
    mapped = _plan(_subscription("A")).map([1], RECORD, 0)

    assert mapped == Mapped([], [], [Rejected("not_an_object", "no object")])


def test_event_that_no_subscription_takes_is_skipped() -> None:
    """No match is a skip with a reason, never nothing."""
    assert _plan(_subscription("A")).map({"type": "group"}, RECORD, 0) == Mapped([], [Skipped("no_subscription")], [])


def test_every_matching_subscription_adds_to_one_list() -> None:
    """Payloads, skips and refusals of one event stand side by side under their subscriptions' names."""
    plan = _plan(
        _subscription("Skip", mapping={"id": "skip"}),
        _subscription("Refuse", mapping={"id": {"@path": "$.nothing"}}),
        _subscription("Send"),
        _subscription("Off", enabled=False),
    )

    mapped = plan.map({"type": "track", "id": "u"}, RECORD, 0)

    assert mapped.skipped == [Skipped("small", "Skip")]
    assert mapped.rejected == [Rejected("missing_id", "there is no id", "Refuse")]
    assert _names(mapped) == [("events", "Send")]


def test_later_payloads_at_an_endpoint_have_an_index() -> None:
    """The second and third payload of one event at an endpoint are built with their own index, per endpoint."""
    plan = _plan(_subscription("A"), _subscription("B", "both"), _subscription("C"))

    mapped = plan.map({"type": "track", "id": "u"}, RECORD, 0)

    assert _names(mapped) == [("events", "A"), ("events", "B"), ("users", "B"), ("events", "C")]
    bodies = [payload.body for payload in mapped.payloads if payload.endpoint == "events"]
    assert bodies == [
        b'["kafka:orders.raw:0:7",null]',
        b'["kafka:orders.raw:0:7:1",null]',
        b'["kafka:orders.raw:0:7:2",null]',
    ]


def test_index_does_not_depend_on_what_came_of_earlier_subscriptions() -> None:
    """A refusal that a later reading may not repeat must not change the ids of the payloads behind it."""
    plan = _plan(_subscription("A", mapping={"id": {"@path": "$.other"}}), _subscription("B"))

    (alone,) = plan.map({"type": "track", "id": "u"}, RECORD, 0).payloads
    (_, behind) = plan.map({"type": "track", "id": "u", "other": "v"}, RECORD, 0).payloads

    assert alone.body == behind.body


def test_mapping_that_fails_refuses_its_subscription_only() -> None:
    """A directive that cannot be resolved is a dead letter of that subscription; the others go on."""
    dynamic = {"id": {"@path": {"@path": "$.number"}}}
    plan = _plan(_subscription("Fails", mapping=dynamic), _subscription("Goes on"))

    mapped = plan.map({"type": "track", "id": "u", "number": 5}, RECORD, 0)

    (rejected,) = mapped.rejected
    assert (rejected.reason, rejected.subscription) == ("mapping_failed", "Fails")
    assert _names(mapped) == [("events", "Goes on")]


def test_trigger_that_fails_refuses_the_event() -> None:
    """Nothing is sent for an event for which a trigger cannot be evaluated: Segment fails it as a whole."""
    odd = _subscription("Odd", trigger="properties.\\. = null", as_segment=True)

    mapped = _plan(_subscription("Goes on"), odd).map({"type": "track", "id": "u"}, RECORD, 0)

    assert mapped.payloads == []
    assert [(item.reason, item.subscription) for item in mapped.rejected] == [("trigger_failed", "")]


def _filters(condition: str, action: dict[str, Any]) -> Filters:
    """Return one filter of a destination."""
    return Filters([FilterSettings.model_validate({"if": condition, "actions": [action]})])


def test_which_subscriptions_take_an_event() -> None:
    """As mappings see the event; none where it is not admitted, filtered, or where a trigger cannot be evaluated."""
    odd = _subscription("Odd", trigger="properties.\\. = null", as_segment=True)
    event = {"type": "track", "id": "u"}

    plan = _plan(_subscription("One"), _subscription("Other", trigger='type = "page"'))
    taken, subscriptions = plan.taken_by(event, RECORD)

    assert (taken, [one.name for one in subscriptions]) == (event, ["One"])
    assert plan.taken_by(5, RECORD) == ({}, ())
    assert plan.taken_by({"type": "screen", "id": "u"}, RECORD) == ({}, ())
    assert _plan(odd).taken_by(event, RECORD) == ({}, ())
    thinned = _plan(
        _subscription("One"), filters=_filters("id = 'u'", {"type": "DROP_PROPERTIES", "fields": {"": ["id"]}})
    )
    assert thinned.taken_by(event, RECORD)[0] == {"type": "track"}
    dropped = _plan(_subscription("One"), filters=_filters("id = 'u'", {"type": "DROP"}))
    assert dropped.taken_by(event, RECORD) == ({}, ())
    assert [one.name for one in plan.own_subscriptions] == ["One", "Other"]


def test_event_nested_too_deeply_is_refused() -> None:
    """Depth that the stack cannot hold is the event's fault and no crash."""
    deep: list[Any] = []
    for _ in range(50_000):
        deep = [deep]
    plan = _plan(_subscription("A", mapping={"id": "u", "note": {"@path": "$.deep"}}))

    mapped = plan.map({"type": "track", "deep": deep}, RECORD, 0)

    assert [item.reason for item in mapped.rejected] == ["mapping_failed"]
    while deep:  # taken apart by hand: freeing it at once would recurse
        deep = deep[0]


def test_depth_at_which_a_build_gives_up_is_refused() -> None:
    """A build that runs out of stack refuses the event, too."""

    def build(*arguments: object) -> Built:
        return build(*arguments)

    vendor = SmallVendor(_Settings())
    vendor.actions = {"send": Action("send", "Send.", vendor.actions["send"].fields, build, ("events",))}

    mapped = Plan.compile(vendor, [_subscription("A")]).map({"type": "track", "id": "u"}, RECORD, 0)

    assert [item.reason for item in mapped.rejected] == ["mapping_failed"]


class Bug(Exception):  # noqa: N818 - it is a bug, not an error of the program's tree
    """Something that no build may raise."""


def test_bug_in_a_build_is_not_hidden() -> None:
    """What is neither the mapping's nor the event's fault is let through, so that nothing is acknowledged."""

    def build(*arguments: object) -> Built:
        raise Bug(arguments)

    vendor = SmallVendor(_Settings())
    vendor.actions = {"send": Action("send", "Send.", vendor.actions["send"].fields, build, ("events",))}
    plan = Plan.compile(vendor, [_subscription("A")])

    with pytest.raises(Bug):
        plan.map({"type": "track", "id": "u"}, RECORD, 0)


def test_findings_name_every_place() -> None:
    """Everything that does not fit is found at once, each with its place relative to the destination."""
    vendor = SmallVendor(_Settings(company_path="$.x"))
    subscriptions = [
        _subscription("A", "sned"),
        _subscription("B", mapping={"notes": 1}),
        _subscription("C", mapping={"@path": "$.whole"}),
        _subscription("D", mapping={"id": "u", "onMappingSave": {}}),
        _subscription("E", "unknown", enabled=False),
    ]

    found = findings(vendor, subscriptions)

    assert [place for place, _ in found] == [
        ("settings", "company_path"),
        ("subscriptions", 0, "action"),
        ("subscriptions", 1, "mapping", "notes"),
        ("subscriptions", 1, "mapping"),
    ]
    texts = "\n".join(text for _, text in found)
    assert "did you mean 'send'?" in texts
    assert "did you mean 'note'?" in texts
    assert "needs the field 'id'" in texts


def test_list_that_does_not_fit_is_refused_at_load() -> None:
    """Every finding stands in the one error."""
    with pytest.raises(ConfigError) as caught:
        _plan(_subscription("A", "nothing-alike"), _subscription("B", mapping={}))

    assert str(caught.value).splitlines() == [
        "small: subscription 'A': unknown action 'nothing-alike'; allowed: send, both",
        "small: subscription 'B': action 'send' needs the field 'id'",
    ]


def test_list_that_cannot_be_compiled_is_refused_at_load() -> None:
    """Two subscriptions of one name are a configuration error."""
    with pytest.raises(ConfigError, match="several of this name"):
        _plan(_subscription("A"), _subscription("A"))


def test_hash_follows_the_content() -> None:
    """Plans of the same subscriptions share a hash, others do not."""
    assert _plan(_subscription("A")).hash == _plan(_subscription("A")).hash
    assert _plan(_subscription("A")).hash != _plan(_subscription("B")).hash
