"""What MoEngage's stand-in knows of its users: the last write wins, and nothing of a refused request is there."""

from __future__ import annotations

from typing import Any, Final

import httpx
import msgspec
import pytest

from processor.sandbox.faults import Refuse
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.standins import StandIns
from processor.sandbox.vendor import Accepted, Vendor
from tests.standin_requests import (
    WORKSPACE,
    Ask,
    moengage,
    moengage_action,
    moengage_customer,
    moengage_device,
    moengage_event,
    standin,
)

_CONTEXT: Final[dict[str, Any]] = {"app": {}, "os": {}, "library": {}}


def _put(workspace: Vendor, *asks: Ask) -> None:
    for ask in asks:
        said = ask.put_to(workspace)
        assert isinstance(said, Accepted), said


def _state(workspace: Vendor, user: str | None = None) -> list[dict[str, Any]]:
    """Return the state as it goes over the admin route."""
    text = msgspec.json.Encoder().encode_lines(workspace.state(user))
    return msgspec.json.Decoder(dict[str, Any]).decode_lines(text)


def _known(workspace: Vendor, user: str = "cust-4711") -> dict[str, Any]:
    (row,) = _state(workspace, user)
    return row


def _customer(user: str = "cust-4711", **attributes: Any) -> Ask:  # noqa: ANN401 - any JSON value
    return moengage(moengage_customer(customer_id=user, attributes=attributes))


def _event(user: str, own_id: str, **changes: Any) -> Ask:  # noqa: ANN401 - any JSON value
    action = moengage_action(attributes={"ledger_id": own_id}, **changes)
    return moengage(moengage_event(action, customer_id=user))


def _device(user: str, device_id: str, **attributes: str) -> Ask:
    bag = {"platform": "ANDROID", "push_id": "tok-1", **attributes}
    return moengage(moengage_device(customer_id=user, device_id=device_id, attributes=bag))


def _query(path: str, body: Any) -> Ask:  # noqa: ANN401 - any JSON value
    return Ask("moengage", path, body, query={"app_id": WORKSPACE, "appId": WORKSPACE})


def _merge(*pairs: tuple[str, str]) -> Ask:
    data = [{"merged_user": old, "retained_user": new} for old, new in pairs]
    return _query("/v1/customer/merge", {"merge_data": data})


def _delete(user: str) -> Ask:
    return _query("/v1/customer/delete", {"identity_type": "customer_id", "identity_value": user})


def _message(**members: Any) -> Ask:  # noqa: ANN401 - any JSON value
    return _query("/v1/integrations/segment", {"context": _CONTEXT, **members})


def _is_complete(workspace: Vendor) -> bool:
    return workspace.state_is_complete


def _ids(row: dict[str, Any]) -> list[str]:
    return [event["id"] for event in row["events"]]


def test_the_last_write_of_each_attribute_wins() -> None:
    """Attributes that an update does not name stay; the creation time is written once."""
    workspace = standin("moengage")
    _put(workspace, _customer(plan="free", city="Bern", created_time="2026-01-01"))
    _put(workspace, _customer(plan="team", created_time="2026-02-02", cr_t="2026-03-03"))
    assert _known(workspace) == {
        "kind": "user",
        "id": "cust-4711",
        "status": "active",
        "attributes": {"plan": "team", "city": "Bern", "created_time": "2026-01-01", "cr_t": "2026-03-03"},
        "events": [],
        "devices": {},
    }


def test_attributes_are_removed_in_two_ways() -> None:
    """An empty list removes a list and nothing else; a removal beats what is set beside it."""
    workspace = standin("moengage")
    _put(workspace, _customer(tags=["a"], plan="free", City="Bern", home="Astor", town="x"))
    _put(workspace, _customer(tags=[], plan=[], other=[]))
    rules = [
        {"type": "equals", "attr": "home"},
        {"type": "equals", "attr": "city", "case_sensitive": False},
        {"type": "equals", "attr": "Town", "case_sensitive": True},
    ]
    _put(workspace, moengage(moengage_customer(attributes={"home": "Rex", "a": 1}, unset_attributes=rules)))
    assert _known(workspace)["attributes"] == {"plan": "free", "town": "x", "a": 1}


def test_events_stand_in_the_order_of_arrival_and_repeats_stand_twice() -> None:
    """MoEngage drops no repeated event; what an event carries is kept as it was sent."""
    workspace = standin("moengage")
    _put(workspace, _event("cust-1", "e-2"), _event("cust-1", "e-1"), _event("cust-1", "e-2"))
    _put(workspace, moengage(moengage_event(moengage_action(), customer_id="cust-2", device_id="dev-1")))
    assert _ids(_known(workspace, "cust-1")) == ["e-2", "e-1", "e-2"]
    assert _known(workspace, "cust-2")["events"] == [
        {
            "call": "event",
            "action": "Seat Reserved",
            "attributes": {"seat_row": 12, "seq": 4},
            "current_time": "2026-03-15T11:59:30.250Z",
            "user_timezone_offset": 3600,
            "platform": "web",
            "real_time_action": "true",
            "device_id": "dev-1",
        }
    ]


def test_an_event_of_somebody_new_makes_a_user() -> None:
    """Unlike a customer element for known users only, an event creates whom it is about."""
    workspace = standin("moengage")
    known_only = moengage(moengage_customer(update_existing_only=True, attributes={"plan": "free"}))
    _put(workspace, known_only, _event("cust-4711", "e-1"), known_only)
    (user, ignored) = _state(workspace, "cust-4711")
    assert (user["attributes"], _ids(user)) == ({"plan": "free"}, ["e-1"])
    assert ignored["ignored"] == [{"call": "customer", "reason": "unknown_user"}]


def test_elements_are_taken_in_the_order_of_their_list() -> None:
    """A device finds the user that was made before it in the same request."""
    workspace = standin("moengage")
    _put(
        workspace,
        moengage(
            moengage_customer(),
            moengage_device(),
            moengage_device(attributes={"platform": "ANDROID", "push_id": "tok-0901"}),
        ),
    )
    assert _known(workspace)["devices"] == {
        "dev-12": {"platform": "ANDROID", "push_id": "tok-0901", "model": "Pixel 9"}
    }


@pytest.mark.parametrize("shared", [{"push_id": "tok-1"}, {"push_id": "tok-2", "moe_gaid": "g-1"}])
def test_a_token_in_use_takes_the_older_device_away(shared: dict[str, str]) -> None:
    """Whoever has it: a phone that changes hands belongs to its new owner alone."""
    workspace = standin("moengage")
    _put(workspace, _customer("cust-1"), _customer("cust-2"))
    _put(workspace, _device("cust-1", "dev-1", moe_gaid="g-1"), _device("cust-2", "dev-2", **shared))
    assert _known(workspace, "cust-1")["devices"] == {}
    assert list(_known(workspace, "cust-2")["devices"]) == ["dev-2"]


def test_a_token_that_was_given_up_is_free() -> None:
    """A device that has a new token is not taken away for its old one."""
    workspace = standin("moengage")
    _put(workspace, _customer("cust-1"), _customer("cust-2"))
    _put(workspace, _device("cust-1", "dev-1"), _device("cust-1", "dev-1", push_id="tok-2"))
    _put(workspace, _device("cust-2", "dev-2"))
    assert (list(_known(workspace, "cust-1")["devices"]), list(_known(workspace, "cust-2")["devices"])) == (
        ["dev-1"],
        ["dev-2"],
    )


def test_a_merge_gives_everything_to_the_retained_user() -> None:
    """Its own attributes win, events keep the order of arrival, and devices move with their tokens."""
    workspace = standin("moengage")
    _put(
        workspace, _customer("old-1", plan="free", city="Bern"), _event("old-1", "e-1"), _customer("new-1", plan="team")
    )
    _put(
        workspace, _event("new-1", "e-2"), _event("old-1", "e-3"), _device("old-1", "dev-1"), _merge(("old-1", "new-1"))
    )
    retained, merged = _known(workspace, "new-1"), _known(workspace, "old-1")
    assert (retained["attributes"], _ids(retained)) == ({"plan": "team", "city": "Bern"}, ["e-1", "e-2", "e-3"])
    assert (list(retained["devices"]), retained["merged_from"]) == (["dev-1"], ["old-1"])
    assert (merged["status"], merged["merged_into"], merged["events"], merged["devices"]) == ("merged", "new-1", [], {})
    _put(workspace, _customer("cust-3"), _device("cust-3", "dev-3"))
    assert _known(workspace, "new-1")["devices"] == {}


def test_a_merge_is_neither_repeated_nor_passed_on() -> None:
    """The merged one is nobody any more, so that a chain ends; data makes a user of it again."""
    workspace = standin("moengage")
    _put(workspace, _customer("old-1", a=1), _customer("new-1", b=1), _customer("last-1", c=1))
    said = _merge(("old-1", "new-1"), ("old-1", "last-1"), ("new-1", "last-1")).put_to(workspace)
    assert isinstance(said, Accepted)
    assert [item.ignored for item in said.items] == ["", "unknown_user", ""]
    last, skipped = _state(workspace, "last-1")
    assert last["attributes"] == {"a": 1, "b": 1, "c": 1}
    assert skipped["ignored"] == [{"call": "merge", "reason": "unknown_user", "id": "old-1"}]
    _put(workspace, _customer("old-1", d=1))
    back = _state(workspace, "old-1")[0]
    assert (back["status"], back["attributes"], back["merged_into"]) == ("active", {"d": 1}, "new-1")


def test_identity_resolution_switches_merging_off() -> None:
    """Every pair is skipped, and the answer is the same."""
    settings = SandboxSettings.model_validate({"moengage": {"has_identity_resolution": True}})
    workspace = standin("moengage", settings)
    _put(workspace, _customer("old-1"), _customer("new-1"))
    said = _merge(("old-1", "new-1")).put_to(workspace)
    assert isinstance(said, Accepted)
    assert [item.ignored for item in said.items] == ["identity_resolution"]


def test_a_deleted_user_is_known_to_have_been() -> None:
    """Nothing else is left; data that comes afterwards starts anew."""
    workspace = standin("moengage")
    _put(workspace, _customer("cust-1", a=1), _event("cust-1", "e-1"), _device("cust-1", "dev-1"), _delete("cust-1"))
    gone = _known(workspace, "cust-1")
    assert (gone["status"], gone["attributes"], gone["events"], gone["devices"]) == ("deleted", {}, [], {})
    _put(workspace, _customer("cust-1", b=1), _customer("cust-2"), _device("cust-2", "dev-2"))
    back = _known(workspace, "cust-1")
    assert (back["status"], back["attributes"]) == ("active", {"b": 1})


def test_messages_of_segments_route_reach_users_and_anonymous_ones() -> None:
    """A registered id goes first; an anonymous user is another one than a registered one of the same name."""
    workspace = standin("moengage")
    _put(workspace, _message(type="identify", user_id="cust-1", anonymous_id="anon-1", traits={"homeCinema": "Astor"}))
    _put(workspace, _message(type="identify", user_id=None, anonymous_id="cust-1", traits={"homeCinema": "Rex"}))
    _put(workspace, _message(type="track", user_id="cust-1", event="A.B", properties={"n": None}, timestamp="t"))
    _put(workspace, _message(type="page", anonymous_id="cust-1", properties={}))
    registered, anonymous = _state(workspace, "cust-1")
    assert (registered["kind"], registered["attributes"]) == ("user", {"homeCinema": "Astor"})
    assert registered["events"] == [{"call": "track", "action": "A.B", "attributes": {"n": None}, "timestamp": "t"}]
    assert (anonymous["kind"], anonymous["attributes"]) == ("anonymous", {"homeCinema": "Rex"})
    assert anonymous["events"] == [{"call": "page", "action": "", "attributes": {}}]


def test_a_message_for_known_users_only_finds_anonymous_ones() -> None:
    """Whoever was heard of once is known."""
    workspace = standin("moengage")
    message = {"type": "identify", "anonymous_id": "anon-1", "traits": {"a": 1}}
    _put(workspace, _message(**message, update_existing_only=True))
    assert [row["kind"] for row in _state(workspace)] == ["ignored"]
    _put(workspace, _message(**message), _message(**{**message, "traits": {"a": 2}}, update_existing_only=True))
    assert _state(workspace)[0]["attributes"] == {"a": 2}


def test_memory_is_bounded() -> None:
    """Later events are counted and left out, and the row says so, as does the vendor as a whole."""
    workspace = standin("moengage", SandboxSettings(keep_count=2))
    _put(workspace, _event("cust-1", "e-0"), _event("cust-1", "e-1"))
    assert _is_complete(workspace)
    _put(workspace, _event("cust-1", "e-2"))
    row = _known(workspace, "cust-1")
    assert (_ids(row), row["left_out_count"], _is_complete(workspace)) == (["e-0", "e-1"], 1, False)


def test_the_user_who_was_quiet_longest_is_forgotten() -> None:
    """A token of somebody forgotten is free, and drops beyond the bound make the state incomplete as well."""
    workspace = standin("moengage", SandboxSettings(state_user_count=2))
    _put(workspace, _customer("cust-1"), _device("cust-1", "dev-1"), _customer("cust-2"), _customer("cust-1"))
    assert _is_complete(workspace)
    _put(workspace, _customer("cust-3"), _customer("cust-4"), _device("cust-4", "dev-4"))
    assert [row["id"] for row in _state(workspace)] == ["cust-3", "cust-4"]
    assert not _is_complete(workspace)
    quiet = standin("moengage", SandboxSettings(keep_count=0))
    _put(quiet, _customer("guest"))
    assert not _is_complete(quiet)


def test_light_checks_keep_nothing() -> None:
    """Benchmarks pay for no state; merges and deletions are taken at their word."""
    workspace = standin("moengage", SandboxSettings(checks="light"))
    _put(workspace, _customer("cust-1", a=1), _merge(("cust-1", "cust-2")), _delete("cust-1"))
    _put(workspace, _message(type="identify", user_id="cust-1", traits={"a": 1}))
    assert _state(workspace) == []


def test_a_request_that_a_fault_refuses_leaves_nothing_behind() -> None:
    """Over HTTP, from the request to the state: the refused half is not there, the accepted half is."""
    with StandIns() as vendors, httpx.Client(base_url=vendors.url) as client:
        vendors.set_faults(Refuse(ids=frozenset({"e-2"}), status=400))
        statuses = [
            client.post(ask.path, content=ask.content, headers=ask.all_headers).status_code
            for ask in (_event("cust-1", "e-1"), _event("cust-1", "e-2"), _event("guest", "e-3"))
        ]
        assert statuses == [200, 400, 200]
        assert [_ids(row) for row in vendors.state("moengage", "cust-1")] == [["e-1"]]
        assert [(line.id, line.result, line.reason) for line in vendors.lines("moengage")] == [
            ("e-1", "accepted", ""),
            (None, "refused", "chosen_item"),
            ("e-3", "ignored", "invalid_customer_id"),
        ]
        assert vendors.counts()["findings"] == {"moengage/bulk/invalid_customer_id": 1}
