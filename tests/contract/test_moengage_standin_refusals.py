"""What MoEngage's stand-in refuses: forms, accounts, addresses, rates, each in the vendor's words."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from processor.sandbox.moengage_settings import MoEngageRates, MoEngageWorkspace
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.shapes import shape
from processor.sandbox.vendor import Accepted, Refused, Vendor
from tests.standin_requests import (
    BULK,
    NOW_S,
    WORKSPACE,
    Ask,
    moengage,
    moengage_action,
    moengage_customer,
    moengage_device,
    moengage_event,
    standin,
)

_QUERY: Final = {"app_id": WORKSPACE, "appId": WORKSPACE}
_MERGE: Final = {"merge_data": [{"merged_user": "old-1", "retained_user": "new-1"}]}
_DELETE: Final = {"identity_type": "customer_id", "identity_value": "cust-4711"}
_MESSAGE: Final[dict[str, Any]] = {
    "type": "track",
    "user_id": "cust-4711",
    "event": "Trailer Watched",
    "context": {"app": {"version": "6.1.4"}, "os": {"name": "Android"}, "library": {"version": "1.16.0"}},
    "properties": {"trailerLength": 95},
}


def _ask(path: str, body: Any, **asked: Any) -> Ask:  # noqa: ANN401 - any JSON value
    return Ask("moengage", path, body, query=_QUERY, **asked)


def _workspace(**rules: Any) -> Vendor:  # noqa: ANN401 - fields of `MoEngageWorkspace`
    return standin("moengage", SandboxSettings(moengage=MoEngageWorkspace(**rules)))


def _refused(ask: Ask, workspace: Vendor | None = None, now_s: float = NOW_S) -> Refused:
    said = ask.put_to(standin("moengage") if workspace is None else workspace, now_s)
    assert isinstance(said, Refused), said
    return said


_BULK: Final[dict[str, Any]] = {
    "type": "transition",
    "elements": [
        moengage_customer(
            platforms=[{"platform": "ANDROID", "active": "true"}],
            unset_attributes=[{"type": "equals", "attr": "home", "case_sensitive": True}],
        ),
        moengage_event(moengage_action(user_time="1773575970"), device_id="dev-12", user_identifiers={"email": "x"}),
        moengage_device(),
    ],
}
_EXAMPLES: Final[dict[str, Any]] = {
    "bulk": _BULK,
    "customer": _BULK["elements"][0],
    "event": _BULK["elements"][1],
    "device": _BULK["elements"][2],
    "merge": _MERGE,
    "delete": _DELETE,
    "authentication": {"app_id": "a", "app_secret": "b", "source": "test", "region": "03"},
    "segment": _MESSAGE,
}
_SPOILS: Final[tuple[Any, ...]] = (
    *(..., None, "", " ", "x", "true", "Customer", 0, -1, 60_000, 1.5, True, [], {}, [None], {"x": 1}),
    *("2026-03-15", "2026-13-15T12:00:00Z", "2026-03-15T12:00:00.000Z", "1773575970"),
)


def _spoiled(value: Any) -> Iterator[Any]:  # noqa: ANN401 - any JSON value
    """Yield the value with one thing in it replaced, removed or added, everywhere and in every way."""
    yield from (spoil for spoil in _SPOILS if spoil is not ...)
    steps = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for key, member in steps:
        for spoil in (..., *_spoiled(member)):
            changed = copy.copy(value)
            if spoil is ...:
                del changed[key]
            else:
                changed[key] = spoil
            yield changed
    if isinstance(value, dict):
        yield {**value, "unknown": 1}


@pytest.mark.parametrize("name", _EXAMPLES)
def test_the_schema_means_what_it_means_elsewhere(name: str) -> None:
    """On requests spoiled in one place the stand-in agrees with the reference implementation of JSON Schema."""
    schema = json.loads(files("processor.sandbox").joinpath("schemas", "moengage.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    reference = Draft202012Validator({**schema, "$ref": f"#/$defs/{name}"})
    ours = shape("moengage", name)
    assert ours(_EXAMPLES[name]) is None
    verdicts = [(value, ours(value) is None, reference.is_valid(value)) for value in _spoiled(_EXAMPLES[name])]
    assert [value for value, mine, theirs in verdicts if mine != theirs] == []
    assert sum(not mine for _, mine, _ in verdicts) > len(verdicts) / 2


_BREACHES: Final[dict[str, tuple[Ask, str, str]]] = {
    "no type": (Ask("moengage", BULK, {"elements": []}), "MissingAttributeError", "type"),
    "other type": (Ask("moengage", BULK, {"type": "x", "elements": [{}]}), "ValueError", "type"),
    "no elements": (Ask("moengage", BULK, {"type": "transition", "elements": []}), "ArrayFieldError", "elements"),
    "elements are no list": (
        Ask("moengage", BULK, {"type": "transition", "elements": {}}),
        "ArrayFieldError",
        "elements",
    ),
    "capitalised element": (moengage(moengage_customer(type="Customer")), "ValueError", "elements[0].type"),
    "no customer": (moengage(moengage_customer(customer_id=...)), "MissingAttributeError", "elements[0].customer_id"),
    "empty customer": (moengage(moengage_customer(customer_id="")), "ValueError", "elements[0].customer_id"),
    "empty actions": (moengage(moengage_event(actions=[])), "ArrayFieldError", "elements[0].actions"),
    "empty action": (
        moengage(moengage_event(moengage_action(action=""))),
        "ValueError",
        "elements[0].actions[0].action",
    ),
    "no such time": (
        moengage(moengage_event(moengage_action(current_time="2026-13-15T12:00:00Z"))),
        "ValueError",
        "elements[0].actions[0].current_time",
    ),
    "blank time": (
        moengage(moengage_event(moengage_action(user_time=" "))),
        "ValueError",
        "elements[0].actions[0].user_time",
    ),
    "device without id": (moengage(moengage_device(device_id=...)), "MissingAttributeError", "elements[0].device_id"),
    "removal of another kind": (
        moengage(moengage_customer(unset_attributes=[{"type": "like", "attr": "a"}])),
        "ValueError",
        "elements[0].unset_attributes[0].type",
    ),
    "no pairs": (_ask("/v1/customer/merge", {"merge_data": []}), "ArrayFieldError", "merge_data"),
    "51 pairs": (
        _ask("/v1/customer/merge", {"merge_data": _MERGE["merge_data"] * 51}),
        "ArrayFieldError",
        "merge_data",
    ),
    "other identity": (
        _ask("/v1/customer/delete", {**_DELETE, "identity_type": "email"}),
        "ValueError",
        "identity_type",
    ),
    "another element alone": (
        Ask("moengage", f"/v1/event/{WORKSPACE}", moengage_event(type="customer")),
        "ValueError",
        "type",
    ),
    "future event alone": (
        Ask(
            "moengage",
            f"/v1/event/{WORKSPACE}",
            moengage_event(moengage_action(), moengage_action(current_time="2026-03-15T12:01:00Z")),
        ),
        "ValueError",
        "actions[1].current_time",
    ),
    "message without event": (
        _ask("/v1/integrations/segment", {name: value for name, value in _MESSAGE.items() if name != "event"}),
        "MissingAttributeError",
        "event",
    ),
    "track of null": (_ask("/v1/integrations/segment", {**_MESSAGE, "user_id": None}), "TypeError", "user_id"),
    "scalar": (Ask("moengage", BULK, b"7"), "Body type is not JSON", ""),
    "nothing": (Ask("moengage", BULK, b""), "Empty request body", ""),
    "half": (Ask("moengage", BULK, b"{"), "Malformed JSON", ""),
    "too deep": (Ask("moengage", BULK, b"[" * 50_000), "Malformed JSON", ""),
    "unknown user": (_ask("/v1/customer/delete", _DELETE), "Not Found", ""),
    "workspace of another": (Ask("moengage", "/v1/customer/OTHER", {}), "InvalidParams", ""),
    "no workspace": (Ask("moengage", "/v1/transition", {}), "ParamsRequired", ""),
}


@pytest.mark.parametrize(("ask", "kind", "place"), _BREACHES.values(), ids=_BREACHES)
def test_a_breach_is_told_in_the_vendors_words(ask: Ask, kind: str, place: str) -> None:
    """Status, type and attribute are what the bridge decides by."""
    said = _refused(ask)
    error = json.loads(said.body)["error"]
    assert (said.status, error["type"], error.get("attribute", "")) == (400, kind, place)
    assert error.keys() >= {"message", "request_id"}


@pytest.mark.parametrize("element", [moengage_customer(), moengage_event()], ids=["customer", "event"])
def test_one_element_may_come_alone(element: dict[str, Any]) -> None:
    """The routes for one element take it as the whole body, and keep it as bulk does."""
    workspace = standin("moengage")
    said = Ask("moengage", f"/v1/{element['type']}/{WORKSPACE}", element).put_to(workspace)
    assert isinstance(said, Accepted), said
    assert [row["id"] for row in workspace.state(None)] == ["cust-4711"]
    assert json.loads(said.body)["status"] == "success"


def test_a_device_alone_needs_its_user() -> None:
    """It is accepted and ignored, as in bulk."""
    said = Ask("moengage", f"/v1/device/{WORKSPACE}", moengage_device()).put()
    assert isinstance(said, Accepted)
    assert [item.ignored for item in said.items] == ["unknown_user"]


def test_an_event_of_no_day_alone_is_ignored() -> None:
    """What is no time at all is refused by its form; a day that the calendar does not have is dropped."""
    element = moengage_event(moengage_action(current_time="2026-02-30T12:00:00.000Z"))
    said = Ask("moengage", f"/v1/event/{WORKSPACE}", element).put()
    assert isinstance(said, Accepted)
    assert [item.ignored for item in said.items] == ["invalid_time"]


def test_bulk_is_also_found_by_query() -> None:
    """The vendor's samples name the workspace in either place."""
    assert isinstance(_ask("/v1/transition", _BULK).put(), Accepted)


_ACCOUNTS: Final = {
    "suspended": (403, "Account Suspended"),
    "temporarily_suspended": (403, "Account Temporarily Suspended"),
    "blocked_client": (403, "BlockedClient"),
    "blacklisted": (400, "Blacklisted"),
    "secret_not_set": (409, "Conflict"),
}


@pytest.mark.parametrize("account", _ACCOUNTS)
@pytest.mark.parametrize(
    "ask", [moengage(), _ask("/v1/integrations/segment/auth", b"", method="GET")], ids=["bulk", "auth"]
)
def test_an_account_that_may_not_send_is_refused_everywhere(account: str, ask: Ask) -> None:
    """Each state has its status and its word."""
    said = _refused(ask, _workspace(account=account))
    assert (said.status, json.loads(said.body)["error"]["type"]) == _ACCOUNTS[account]


@pytest.mark.parametrize(
    ("address", "is_taken"), [("", False), ("203.0.113.9", False), ("198.51.100.7, 10.0.0.1", True)]
)
def test_an_allow_list_looks_at_the_first_address(address: str, is_taken: bool) -> None:  # noqa: FBT001 - a table
    """The refusal has a form of its own, in which the error is text."""
    said = moengage(headers={"X-Forwarded-For": address}).put_to(_workspace(allowed_addresses=("198.51.100.7",)))
    assert isinstance(said, Accepted) == is_taken
    if isinstance(said, Refused):
        assert (said.status, json.loads(said.body)["error"]) == (403, "IP Validation Required")


def test_faults_can_have_every_form_of_the_vendor() -> None:
    """The two bodies that differ are asked for by their word."""
    workspace = standin("moengage")
    address = workspace.refuse(403, "fault_status", error_type="IP Validation Required")
    assert json.loads(address.body).keys() == {"error", "message"}
    rate = workspace.refuse(429, "fault_status", error_type="Rate limit exceeded")
    assert json.loads(rate.body).keys() == {"title", "description"}


_RATES: Final[dict[str, tuple[MoEngageRates, Ask, float]]] = {
    "users": (
        MoEngageRates(users_per_minute=3),
        moengage(moengage_customer(), moengage_customer(), moengage_event()),
        60,
    ),
    "events": (MoEngageRates(events_per_minute=3), moengage(moengage_event(moengage_action(), moengage_action())), 60),
    "devices": (MoEngageRates(devices_per_minute=3), moengage(moengage_device(), moengage_device()), 60),
    "one user": (
        MoEngageRates(single_users_per_minute=1),
        Ask("moengage", f"/v1/customer/{WORKSPACE}", moengage_customer()),
        60,
    ),
    "one event": (
        MoEngageRates(single_events_per_minute=1),
        Ask("moengage", f"/v1/event/{WORKSPACE}", moengage_event()),
        60,
    ),
    "one device": (
        MoEngageRates(devices_per_minute=1),
        Ask("moengage", f"/v1/device/{WORKSPACE}", moengage_device()),
        60,
    ),
    "merges": (MoEngageRates(merges_per_minute=1), _ask("/v1/customer/merge", _MERGE), 60),
    "messages": (MoEngageRates(segment_requests_per_second=1), _ask("/v1/integrations/segment", _MESSAGE), 1),
}


@pytest.mark.parametrize(("rates", "ask", "window_s"), _RATES.values(), ids=_RATES)
def test_a_rate_is_kept_in_each_window(rates: MoEngageRates, ask: Ask, window_s: float) -> None:
    """The second request is one too many, nothing of it is counted, and the next window takes it."""
    workspace = _workspace(rates=rates)
    assert isinstance(ask.put_to(workspace), Accepted)
    said = _refused(ask, workspace)
    assert (said.status, json.loads(said.body)["error"]["type"]) == (429, "Rate Limits Exceeded")
    assert said.headers["x-ratelimit-reset"] == f"{window_s:.0f}"
    assert isinstance(ask.put_to(workspace, NOW_S + window_s), Accepted)


def test_a_rate_tells_what_is_left() -> None:
    """A smaller request may still fit."""
    workspace = _workspace(rates=MoEngageRates(events_per_minute=3))
    two, one = moengage(moengage_event(), moengage_event()), moengage()
    assert isinstance(two.put_to(workspace), Accepted)
    assert _refused(two, workspace, NOW_S + 20.5).headers == {
        "x-ratelimit-limit": "3",
        "x-ratelimit-remaining": "1",
        "x-ratelimit-reset": "40",
    }
    assert isinstance(one.put_to(workspace), Accepted)


def test_a_reset_may_be_a_moment() -> None:
    """The vendor's pages disagree, so both can be had."""
    workspace = _workspace(rates=MoEngageRates(events_per_minute=1, reset_form="epoch"))
    moengage().put_to(workspace)
    assert _refused(moengage(), workspace, NOW_S + 20).headers["x-ratelimit-reset"] == f"{NOW_S + 60:.0f}"


def test_the_rate_of_deletions_has_a_body_of_its_own() -> None:
    """Title and description stand at the top."""
    workspace = _workspace(rates=MoEngageRates(deletions_per_minute=1))
    moengage(moengage_customer()).put_to(workspace)
    ask = _ask("/v1/customer/delete", _DELETE)
    assert isinstance(ask.put_to(workspace), Accepted)
    said = _refused(ask, workspace)
    assert (said.status, json.loads(said.body)["title"]) == (429, "Rate limit exceeded")


def test_no_rate_is_kept_unless_asked_for() -> None:
    """A run of any speed passes by default; a rate that was asked for holds under light checks as well."""
    many = moengage(*[moengage_customer()] * 3)
    rates = MoEngageWorkspace(rates=MoEngageRates(users_per_minute=2))
    for checks in ("full", "light"):
        assert isinstance(many.put(SandboxSettings(checks=checks)), Accepted)
        assert isinstance(many.put(SandboxSettings(checks=checks, moengage=rates)), Refused)


def test_elements_are_counted_where_a_limit_is_set() -> None:
    """The vendor names none."""
    said = _refused(moengage(moengage_event(), moengage_event()), _workspace(element_count=1))
    assert (said.status, said.reason) == (400, "too_many_elements")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"/v1/customer/{WORKSPACE}", moengage_customer(attributes={"a": "x" * 128_000})),
        ("/v1/integrations/segment", {**_MESSAGE, "properties": {"a": "x" * 128_000}}),
    ],
)
def test_other_bodies_end_at_128_kilobytes(path: str, body: dict[str, Any]) -> None:
    """More is refused with 413 and its word; somewhat less passes."""
    said = _refused(_ask(path, body))
    assert (said.status, json.loads(said.body)["error"]["type"]) == (413, "PayloadTooLarge")


def _recorded() -> list[Any]:
    """Return the bodies of the recorded requests of Segment's own destination."""
    path = Path(__file__).parent.parent / "vectors" / "segment" / "moengage_actions.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    sent = {line["id"]: line["request"]["body"] for line in lines if line["request"] is not None}
    del sent["D231"]  # a track without a name: Segment sends it, and what MoEngage says to it is not recorded
    return [pytest.param(body, id=name) for name, body in sent.items()]


@pytest.mark.parametrize("body", _recorded())
def test_what_segment_itself_sends_is_taken(body: dict[str, Any]) -> None:
    """The recorded requests of Segment's own destination are accepted by the route that they go to."""
    assert isinstance(_ask("/v1/integrations/segment", body).put(), Accepted)
