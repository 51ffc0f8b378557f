"""Why an event comes to what it comes to: gates, triggers, fields, end."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from rich.console import Console

from processor.cli.explanation_tree import print_tree
from processor.config.secret import PLAIN_SECRETS
from processor.destinations import destination_class
from processor.destinations.filters import Filters, FilterSettings
from processor.destinations.plan import Plan
from processor.destinations.privacy import Privacy
from processor.destinations.privacy_settings import PrivacySettings
from processor.mapping import SubscriptionSettings
from processor.model import Record
from processor.pipeline.explain import explain_record
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings
from processor.source.json_value import json_text
from tests.golden_cases import REQUIRED
from tests.property.test_mapping_total import EVENTS
from tests.unit.pipeline.test_preview import preview_of

NOW_MS = 1_773_576_000_000
ORDERS: dict[str, Any] = {
    "name": "Orders",
    "trigger": 'type = "track" and (event = "Order Completed" or properties.total > 10)',
    "action": "sendAction",
    "use_defaults": False,
    "mapping": {"action_name": {"@path": "$.event"}, "user_id": {"@path": "$.userId"}},
}


def explained(
    value: bytes, subscriptions: list[dict[str, Any]] | None = None, vendor: str = "moesif"
) -> list[dict[str, Any]]:
    """Return the explanation of a record, with a list of subscriptions or the vendor's presets."""
    made = destination_class(vendor)
    destination = made.create(
        vendor, made.settings_model.model_validate(REQUIRED[vendor], context={PLAIN_SECRETS: True})
    )
    listed = None if subscriptions is None else [SubscriptionSettings.model_validate(one) for one in subscriptions]
    plan = Plan.compile(destination, "default" if listed is None else listed)
    record = Record("t", 0, 7, NOW_MS, value=value)
    return explain_record(destination, plan, Decoder(DecodeSettings()), record, NOW_MS)


def one(event: Any, subscriptions: list[dict[str, Any]] | None = None, vendor: str = "moesif") -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return the explanation of one event."""
    (found,) = explained(json.dumps(event).encode(), subscriptions, vendor)
    return found


def tree(event: dict[str, Any]) -> str:
    """Return an explanation as a terminal shows it."""
    text = io.StringIO()
    print_tree(event, Console(file=text, width=200, highlight=False))
    return text.getvalue()


def test_every_step_to_a_payload() -> None:
    """Gates that were passed, each term of the trigger with what it found, each field with what it read."""
    found = one({"type": "track", "event": "Opened", "userId": "u", "properties": {"total": 20}}, [ORDERS])
    assert found["gates"] == [{"gate": "type", "passed": True}, {"gate": "integrations", "passed": True}]
    (subscription,) = found["subscriptions"]
    assert subscription["takes"]
    assert subscription["terms"] == {
        "term": "and",
        "holds": True,
        "parts": [
            {"term": 'type = "track"', "holds": True, "found": "track"},
            {
                "term": "or",
                "holds": True,
                "parts": [
                    {"term": 'event = "Order Completed"', "holds": False, "found": "Opened"},
                    {"term": "properties.total > 10", "holds": True, "found": 20},
                ],
            },
        ],
    }
    assert [field["reads"] for field in subscription["fields"]] == [["$.event"], ["$.userId"]]
    assert [payload["body"]["action_name"] for payload in found["payloads"]] == ["Opened"]
    shown = tree(found)
    assert 'no  event = "Order Completed"   found "Opened"' in shown
    assert 'user_id = "u"   @path $.userId' in shown
    assert '"action_name": "Opened"' in shown


def test_a_gate_that_stops_the_event_is_the_last() -> None:
    """Its reason is told, and nothing behind it was asked."""
    found = one({"type": "track", "userId": "u", "integrations": {"All": False}})
    assert found["gates"][-1] == {"gate": "integrations", "passed": False, "reason": "integration_disabled"}
    assert found["subscriptions"] == []
    assert found["skipped"] == [{"reason": "integration_disabled", "subscription": ""}]
    assert "skipped: integration_disabled" in tree(found)


def test_a_type_that_settings_switch_off_stands_among_the_gates() -> None:
    """It comes after them and is told like one."""
    found = one({"type": "page", "userId": "u"}, vendor="moengage")
    assert (found["gates"][-1]["gate"], found["gates"][-1]["passed"]) == ("type switched on", False)


def test_an_end_says_which_subscription_it_is_of() -> None:
    """A dead letter with its message, and a trigger that cannot be evaluated."""
    found = one({"type": "track", "event": " ", "userId": "u", "properties": {"total": 20}}, [ORDERS])
    assert [(end["reason"], end["subscription"]) for end in found["rejected"]] == [("missing_event_name", "Orders")]
    assert "dead letter: missing_event_name (Orders): the action has no name" in tree(found)
    failing = ORDERS | {"trigger": 'type = "track" and (messageId = "m")', "as_segment": True}
    found = one({"type": "track", "userId": "u"}, [failing])
    assert found["subscriptions"][0]["takes"] is None
    assert found["rejected"][0]["reason"] == "trigger_failed"
    assert "?   " in tree(found)


def test_terms_that_look_nowhere() -> None:
    """A condition that Segment never finds true, and one on an object."""
    odd = ORDERS | {"trigger": 'type in ["track"] or properties.bag = "x"', "as_segment": True}
    found = one({"type": "track", "userId": "u", "properties": {"bag": {}}}, [odd])
    parts = found["subscriptions"][0]["terms"]["parts"]
    assert [part.get("found") for part in parts] == [None, "an object"]
    assert parts[0]["term"] == "never"


def test_a_record_that_gives_no_event() -> None:
    """What decoding says is the whole explanation."""
    (found,) = explained(b"no json")
    assert [end["reason"] for end in found["rejected"]] == ["invalid_json"]
    (found,) = explained(b'{"batch": []}')
    assert found["skipped"][0]["reason"] == "empty_batch"
    assert "empty_batch" in tree(found)


def test_warnings_are_told() -> None:
    """What is odd about a payload and did not keep it."""
    event = {"type": "track", "event": "e", "userId": "u", "context": {"ip": "nowhere"}, "properties": {"x": "y" * 99}}
    found = one(event)
    assert "bad_ip" in found["warnings"]
    assert "warning: bad_ip" in tree(found)
    assert "…" in tree(found)


def test_each_event_of_a_batch_body_has_its_own() -> None:
    """In order."""
    events = [{"type": "track", "event": name, "userId": "u"} for name in ("a", "b")]
    found = explained(json.dumps({"batch": events}).encode())
    assert [event["payloads"][0]["body"]["action_name"] for event in found] == ["a", "b"]


@pytest.mark.parametrize("vendor", ["moveo", "moesif", "moengage"])
@settings(max_examples=60)
@given(event=EVENTS)
def test_an_explanation_ends_as_the_preview_does(vendor: str, event: Any) -> None:  # noqa: ANN401 - any JSON value
    """Whatever stands in the event, both tell the same end, and the explanation can be written and drawn."""
    event = {"type": "track", "event": "e", "userId": "u"} | event
    text = json.dumps(event).replace("NaN", "null")
    assume("Infinity" not in text)
    found = explained(text.encode(), vendor=vendor)
    line = preview_of(vendor, json.loads(text))
    told = [item for each in found for item in each["payloads"]]
    assert len(told) == len(line["payloads"])
    assert json_text(found)
    assert all(tree(each) for each in found)


def test_what_privacy_hides_is_told_path_by_path() -> None:
    """Why a field came out otherwise, or not at all, stands beside the paths that found something."""
    hidden = {"drop": ["$.properties.card", "$.context.ip"], "hash": {"paths": ["$.userId"]}}
    settings = PrivacySettings.model_validate(hidden | {"truncate": [{"path": "$.properties.note", "length": 3}]})
    made = destination_class("moesif")
    context = {PLAIN_SECRETS: True}
    destination = made.create("moesif", made.settings_model.model_validate(REQUIRED["moesif"], context=context))
    plan = Plan.compile(destination, "default", privacy=Privacy(settings))
    event = {"type": "track", "event": "e", "userId": "u", "properties": {"card": 1, "note": "abcdef"}}
    record = Record("t", 0, 7, NOW_MS, value=json.dumps(event).encode())
    (found,) = explain_record(destination, plan, Decoder(DecodeSettings()), record, NOW_MS)
    assert [(step["change"], step["path"], step["changed"]) for step in found["privacy"]] == [
        ("drop", "$.properties.card", True),
        ("drop", "$.context.ip", False),
        ("hash", "$.userId", True),
        ("truncate", "$.properties.note", True),
    ]
    assert found["payloads"][0]["body"]["metadata"] == {"note": "abc"}
    assert "yes drop $.properties.card" in tree(found)
    assert "no  drop $.context.ip   nothing there to hide" in tree(found)
    assert one(event)["privacy"] == []


def test_what_filters_leave_is_what_fields_read() -> None:
    """A dropped event has no fields, and one that lost a property lacks it there as well."""
    drop = {"title": "large", "if": "properties.total > 10", "actions": [{"type": "DROP"}]}
    thin = {"if": "all", "actions": [{"type": "DROP_PROPERTIES", "fields": {"": ["event"]}}]}
    own = REQUIRED["moesif"]
    made = destination_class("moesif")
    destination = made.create("moesif", made.settings_model.model_validate(own, context={PLAIN_SECRETS: True}))
    listed = [SubscriptionSettings.model_validate(ORDERS)]
    filters = Filters([FilterSettings.model_validate(one) for one in (drop, thin)])
    plan = Plan.compile(destination, listed, filters=filters)
    assert plan.hash != Plan.compile(destination, listed).hash
    ends, told, shown = [], list[Any](), list[str]()
    for total in (20, 5):
        value = json.dumps({"type": "track", "event": "Order Completed", "userId": "u", "properties": {"total": total}})
        record = Record("t", 0, 7, NOW_MS, value=value.encode())
        (found,) = explain_record(destination, plan, Decoder(DecodeSettings()), record, NOW_MS)
        ends.append((found["skipped"], found["rejected"], found["subscriptions"][0].get("fields")))
        told.append(found["filters"])
        shown.append(tree(found))
    (dropped, _, no_fields), (_, refused, fields) = ends
    assert (dropped, no_fields) == ([{"reason": "filtered", "subscription": ""}], None)
    assert [end["reason"] for end in refused] == ["missing_event_name"]
    assert fields is not None
    assert "value" not in fields[0]
    assert told == [
        [{"filter": "large", "passed": False, "reason": "filtered"}],
        [{"filter": "large", "passed": True, "changed": False}, {"filter": "all", "passed": True, "changed": True}],
    ]
    assert "no  large: filtered" in shown[0]
    assert "yes all   leaves out properties" in shown[1]


def test_filters_are_told_only_of_events_that_a_subscription_takes() -> None:
    """They run on no others; a destination without filters tells of none."""
    assert one({"type": "track", "event": "Order Completed", "userId": "u"})["filters"] == []
    assert one({"type": "track", "event": "x"}, [ORDERS])["filters"] == []
