"""Plans: what a list of subscriptions must keep, and how one event becomes payloads, skips and refusals."""

from __future__ import annotations

from typing import Any

import pytest

from processor.destinations.base import Action
from processor.destinations.filters import Filters, FilterSettings
from processor.destinations.plan import DEFAULT, Plan, findings
from processor.errors import ConfigError
from processor.mapping import SubscriptionSettings
from processor.model import Built, Mapped, Payload, Record, Rejected, Skipped
from tests.small_vendor import RECORD, SmallSettings, SmallVendor, subscription


def _plan(*subscriptions: SubscriptionSettings, filters: Filters | None = None) -> Plan:
    """Return the plan of the small vendor with a list."""
    return Plan.compile(SmallVendor(SmallSettings()), subscriptions, filters=filters)


def _names(mapped: Mapped) -> list[tuple[str, str]]:
    """Return endpoint and subscription of each payload, in order."""
    return [(payload.endpoint, payload.subscription) for payload in mapped.payloads]


def test_default_runs_the_presets() -> None:
    """`default` means the vendor's own subscriptions, shaped by the settings, and switches types off."""
    plan = Plan.compile(SmallVendor(SmallSettings(company_path="$.firm")), DEFAULT)

    (payload,) = plan.map({"type": "track", "id": "u", "firm": "Orchard"}, RECORD, 0).payloads

    assert payload == Payload("send", "events", b'["kafka:orders.raw:0:7","Orchard"]', ("u",), "Track")
    assert plan.map({"type": "page"}, RECORD, 0).skipped == [Skipped("unsupported_type")]


def test_list_takes_all_types() -> None:
    """With a list the triggers decide about types, not the settings that shape presets."""
    plan = _plan(subscription("Pages", trigger='type = "page"'))

    assert _names(plan.map({"type": "page", "id": "u"}, RECORD, 0)) == [("events", "Pages")]


def test_a_run_comes_to_the_same_as_its_events_one_by_one() -> None:
    """Whatever stands beside an event, it comes to what it would alone, and in its place."""
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    plan = _plan(
        subscription("A", mapping={"id": {"@path": "$.id"}, "note": {"@path": "$.note"}}),
        subscription("B", action="both", trigger='type = "track" and properties.both = "yes"'),
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


def test_event_that_is_not_admitted_stops_there() -> None:
    """A refusal before the triggers stands alone and names no subscription."""
    mapped = _plan(subscription("A")).map([1], RECORD, 0)

    assert mapped == Mapped([], [], [Rejected("not_an_object", "no object")])


def test_event_that_no_subscription_takes_is_skipped() -> None:
    """No match is a skip with a reason, never nothing."""
    assert _plan(subscription("A")).map({"type": "group"}, RECORD, 0) == Mapped([], [Skipped("no_subscription")], [])


def test_every_matching_subscription_adds_to_one_list() -> None:
    """Payloads, skips and refusals of one event stand side by side under their subscriptions' names."""
    plan = _plan(
        subscription("Skip", mapping={"id": "skip"}),
        subscription("Refuse", mapping={"id": {"@path": "$.nothing"}}),
        subscription("Send"),
        subscription("Off", enabled=False),
    )

    mapped = plan.map({"type": "track", "id": "u"}, RECORD, 0)

    assert mapped.skipped == [Skipped("small", "Skip")]
    assert mapped.rejected == [Rejected("missing_id", "there is no id", "Refuse")]
    assert _names(mapped) == [("events", "Send")]


def test_later_payloads_at_an_endpoint_have_an_index() -> None:
    """The second and third payload of one event at an endpoint are built with their own index, per endpoint."""
    plan = _plan(subscription("A"), subscription("B", "both"), subscription("C"))

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
    plan = _plan(subscription("A", mapping={"id": {"@path": "$.other"}}), subscription("B"))

    (alone,) = plan.map({"type": "track", "id": "u"}, RECORD, 0).payloads
    (_, behind) = plan.map({"type": "track", "id": "u", "other": "v"}, RECORD, 0).payloads

    assert alone.body == behind.body


def test_mapping_that_fails_refuses_its_subscription_only() -> None:
    """A directive that cannot be resolved is a dead letter of that subscription; the others go on."""
    dynamic = {"id": {"@path": {"@path": "$.number"}}}
    plan = _plan(subscription("Fails", mapping=dynamic), subscription("Goes on"))

    mapped = plan.map({"type": "track", "id": "u", "number": 5}, RECORD, 0)

    (rejected,) = mapped.rejected
    assert (rejected.reason, rejected.subscription) == ("mapping_failed", "Fails")
    assert _names(mapped) == [("events", "Goes on")]


def test_trigger_that_fails_refuses_the_event() -> None:
    """Nothing is sent for an event for which a trigger cannot be evaluated: Segment fails it as a whole."""
    odd = subscription("Odd", trigger="properties.\\. = null", as_segment=True)

    mapped = _plan(subscription("Goes on"), odd).map({"type": "track", "id": "u"}, RECORD, 0)

    assert mapped.payloads == []
    assert [(item.reason, item.subscription) for item in mapped.rejected] == [("trigger_failed", "")]


def _filters(condition: str, action: dict[str, Any]) -> Filters:
    """Return one filter of a destination."""
    return Filters([FilterSettings.model_validate({"if": condition, "actions": [action]})])


def test_which_subscriptions_take_an_event() -> None:
    """As mappings see the event; none where it is not admitted, filtered, or where a trigger cannot be evaluated."""
    odd = subscription("Odd", trigger="properties.\\. = null", as_segment=True)
    event = {"type": "track", "id": "u"}

    plan = _plan(subscription("One"), subscription("Other", trigger='type = "page"'))
    taken, subscriptions = plan.taken_by(event, RECORD)

    assert (taken, [one.name for one in subscriptions]) == (event, ["One"])
    assert plan.taken_by(5, RECORD) == ({}, ())
    assert plan.taken_by({"type": "screen", "id": "u"}, RECORD) == ({}, ())
    assert _plan(odd).taken_by(event, RECORD) == ({}, ())
    thinned = _plan(
        subscription("One"), filters=_filters("id = 'u'", {"type": "DROP_PROPERTIES", "fields": {"": ["id"]}})
    )
    assert thinned.taken_by(event, RECORD)[0] == {"type": "track"}
    dropped = _plan(subscription("One"), filters=_filters("id = 'u'", {"type": "DROP"}))
    assert dropped.taken_by(event, RECORD) == ({}, ())
    assert [one.name for one in plan.own_subscriptions] == ["One", "Other"]


def test_event_nested_too_deeply_is_refused() -> None:
    """Depth that the stack cannot hold is the event's fault and no crash."""
    deep: list[Any] = []
    for _ in range(50_000):
        deep = [deep]
    plan = _plan(subscription("A", mapping={"id": "u", "note": {"@path": "$.deep"}}))

    mapped = plan.map({"type": "track", "deep": deep}, RECORD, 0)

    assert [item.reason for item in mapped.rejected] == ["mapping_failed"]
    while deep:  # taken apart by hand: freeing it at once would recurse
        deep = deep[0]


def test_depth_at_which_a_build_gives_up_is_refused() -> None:
    """A build that runs out of stack refuses the event, too."""

    def build(*arguments: object) -> Built:
        return build(*arguments)

    vendor = SmallVendor(SmallSettings())
    vendor.actions = {"send": Action("send", "Send.", vendor.actions["send"].fields, build, ("events",))}

    mapped = Plan.compile(vendor, [subscription("A")]).map({"type": "track", "id": "u"}, RECORD, 0)

    assert [item.reason for item in mapped.rejected] == ["mapping_failed"]


class Bug(Exception):  # noqa: N818 - it is a bug, not an error of the program's tree
    """Something that no build may raise."""


def test_bug_in_a_build_is_not_hidden() -> None:
    """What is neither the mapping's nor the event's fault is let through, so that nothing is acknowledged."""

    def build(*arguments: object) -> Built:
        raise Bug(arguments)

    vendor = SmallVendor(SmallSettings())
    vendor.actions = {"send": Action("send", "Send.", vendor.actions["send"].fields, build, ("events",))}
    plan = Plan.compile(vendor, [subscription("A")])

    with pytest.raises(Bug):
        plan.map({"type": "track", "id": "u"}, RECORD, 0)


def test_findings_name_every_place() -> None:
    """Everything that does not fit is found at once, each with its place relative to the destination."""
    vendor = SmallVendor(SmallSettings(company_path="$.x"))
    subscriptions = [
        subscription("A", "sned"),
        subscription("B", mapping={"notes": 1}),
        subscription("C", mapping={"@path": "$.whole"}),
        subscription("D", mapping={"id": "u", "onMappingSave": {}}),
        subscription("E", "unknown", enabled=False),
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
        _plan(subscription("A", "nothing-alike"), subscription("B", mapping={}))

    assert str(caught.value).splitlines() == [
        "small: subscription 'A': unknown action 'nothing-alike'; allowed: send, both",
        "small: subscription 'B': action 'send' needs the field 'id'",
    ]


def test_list_that_cannot_be_compiled_is_refused_at_load() -> None:
    """Two subscriptions of one name are a configuration error."""
    with pytest.raises(ConfigError, match="several of this name"):
        _plan(subscription("A"), subscription("A"))


def test_hash_follows_the_content() -> None:
    """Plans of the same subscriptions share a hash, others do not."""
    assert _plan(subscription("A")).hash == _plan(subscription("A")).hash
    assert _plan(subscription("A")).hash != _plan(subscription("B")).hash
