"""What the stand-ins read from a request that they take, what they answer, and what they would silently lose."""

from __future__ import annotations

import json
from typing import Any

import pytest

from processor.sandbox.settings import SandboxLimits, SandboxSettings
from processor.sandbox.vendor import Accepted, Item, Refused, Vendor
from tests.standin_requests import (
    WORKSPACE,
    Ask,
    moengage,
    moengage_action,
    moengage_customer,
    moengage_device,
    moengage_event,
    moesif,
    moesif_action,
    moesif_company,
    moesif_request,
    moesif_user,
    moveo,
    moveo_event,
    standin,
)

_BOTH = pytest.mark.parametrize("settings", [SandboxSettings(), SandboxSettings(checks="light")], ids=["full", "light"])


def _accepted(ask: Ask, settings: SandboxSettings | None = None) -> Accepted:
    said = ask.put(settings)
    assert isinstance(said, Accepted), said
    return said


@_BOTH
def test_moveo_items_carry_id_user_and_order(settings: SandboxSettings) -> None:
    """Id, user and the mark that counts a user's events are read, from traits where a call has no properties."""
    group = moveo_event(
        type="group", event=..., properties=..., groupId="g", userId=..., traits={"seq": 9, "ledger_id": "L9"}
    )
    alias = moveo_event(type="alias", event=..., properties=...)
    said = _accepted(moveo(moveo_event(), group, alias), settings)
    assert said.items == [
        Item("track", "m-1", "u-501", 4),
        Item("group", "L9", "anon-19", 9),
        Item("alias", "m-1", "u-501"),
    ]
    assert (said.status, json.loads(said.body)) == (200, {"accepted": 3})


@_BOTH
def test_moesif_items_carry_id_user_and_order(settings: SandboxSettings) -> None:
    """An action's own id is its transaction id, an update's whom and when it is about; the mark wins over both."""
    own_id = moesif_action()["transaction_id"]
    marked = moesif_action(metadata={"seq": 5, "ledger_id": "L5"}, user_id=..., anonymous_id="anon-19")
    said = _accepted(moesif("actions", moesif_action(), marked), settings)
    assert said.items == [Item("action", own_id, "u-501", 4), Item("action", "L5", "anon-19", 5)]
    assert said.status == 201
    assert _accepted(moesif("users", moesif_user()), settings).items == [
        Item("user", f"u-501@{moesif_user()['modified_time']}", "u-501")
    ]
    assert _accepted(moesif("companies", moesif_company()), settings).items == [Item("company", None, "org-7")]


@_BOTH
def test_moengage_items_are_actions_customers_and_devices(settings: SandboxSettings) -> None:
    """Each action of an event element is an item of its own."""
    second = moengage_action(attributes={"segment_message_id": "m-2", "seq": 5})
    said = _accepted(
        moengage(moengage_customer(), moengage_device(), moengage_event(moengage_action(), second)), settings
    )
    assert said.items == [
        Item("customer", None, "cust-4711", 3),
        Item("device", "dev-12", "cust-4711"),
        Item("event", None, "cust-4711", 4),
        Item("event", "m-2", "cust-4711", 5),
    ]
    assert json.loads(said.body)["status"] == "success"


@pytest.mark.parametrize("mark", [None, "", 7, [], {}], ids=str)
def test_marks_that_are_none_are_left_out(mark: Any) -> None:  # noqa: ANN401 - any JSON value
    """A mark of another type is the event's own business: it is neither an id nor an error."""
    said = _accepted(moveo(moveo_event(properties={"ledger_id": mark, "seq": True})))
    assert said.items == [Item("track", "m-1", "u-501")]


_FINDINGS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "long name": (moengage_customer(attributes={"a" * 201: 1}), ["name_too_long"]),
    "long text": (moengage_customer(attributes={"a": "x" * 513}), ["text_too_long"]),
    "long list": (moengage_customer(attributes={"a": [1] * 51}), ["list_too_long"]),
    "mixed list": (moengage_customer(attributes={"a": [1, "x"]}), ["mixed_list"]),
    "null in a list": (moengage_customer(attributes={"a": [None]}), ["mixed_list"]),
    "long text in a list": (moengage_customer(attributes={"a": ["x" * 513]}), ["text_too_long"]),
    "null": (moengage_customer(attributes={"a": None}), ["null_value"]),
    "time with offset": (moengage_customer(attributes={"a": "2026-01-02T03:04:05+01:00"}), ["time_with_offset"]),
    "blocked name": (moengage_customer(attributes={"id": "x"}), ["blocked_name"]),
    "reserved name": (moengage_customer(attributes={"Source": "x"}), ["reserved_name"]),
    "reserved stem": (moengage_customer(attributes={"user_attribute_old_id": "x"}), ["reserved_name"]),
    "reserved prefix": (moengage_customer(attributes={"moe_x": 1}), ["reserved_prefix"]),
    "command": (moengage_customer(attributes={"addValueToArrayField": 1}), ["command_name"]),
    "allowed prefix": (moengage_customer(attributes={"moe_unsubscribe": True}), []),
    "reserved name of an event": (moengage_event(moengage_action(attributes={"source": "x"})), []),
    "many attributes": (
        moengage_event(moengage_action(attributes={f"a{number}": 1 for number in range(101)})),
        ["too_many_attributes"],
    ),
    "long event name": (moengage_event(moengage_action(action="x" * 201)), ["event_name_too_long"]),
    "period": (moengage_event(moengage_action(action="a.b")), ["period_in_event_name"]),
    "system without TV": (moengage_event(moengage_action(moe_os_type="tvOS")), ["os_type_without_tv"]),
    "system of a TV": (moengage_event(moengage_action(moe_os_type="tvOS", platform="TV")), []),
    "whole and broken numbers": (moengage_customer(attributes={"a": [1, 2.5]}), []),
    "exactly at the limits": (moengage_customer(attributes={"a" * 200: "x" * 512, "b": ["y"] * 50}), []),
}


@pytest.mark.parametrize(("element", "findings"), _FINDINGS.values(), ids=_FINDINGS)
def test_moengage_notes_what_the_platform_would_alter(element: dict[str, Any], findings: list[str]) -> None:
    """The request is accepted, as it would be, and what would be cut or renamed is named."""
    said = _accepted(moengage(element))
    assert (list(said.findings), said.items[0].ignored) == (findings, "")


_IGNORED: dict[str, tuple[dict[str, Any], str]] = {
    "junk id": (moengage_customer(customer_id="Guest"), "invalid_customer_id"),
    "one character": (moengage_customer(customer_id="x"), "invalid_customer_id"),
    "blanks around": (moengage_device(customer_id=" cust "), "invalid_customer_id"),
    "future": (moengage_event(moengage_action(current_time="2026-03-15T12:01:00.000Z")), "future_event"),
    "future without zone": (moengage_event(moengage_action(current_time="2026-03-15T12:01:00")), "future_event"),
    "future and junk": (
        moengage_event(moengage_action(current_time="2026-03-15T12:01:00.000Z"), customer_id="null"),
        "invalid_customer_id",
    ),
    "reserved event name": (moengage_event(moengage_action(action="moe_x")), "reserved_event_name"),
    "no time": (moengage_event(moengage_action(current_time=...)), ""),
    "just now": (moengage_event(moengage_action(current_time="2026-03-15T12:00:00.000Z")), ""),
}


@pytest.mark.parametrize(("element", "reason"), _IGNORED.values(), ids=_IGNORED)
def test_moengage_says_yes_to_what_it_ignores(element: dict[str, Any], reason: str) -> None:
    """A 200 proves nothing: what the platform drops afterwards is answered as accepted and marked as ignored."""
    assert [item.ignored for item in _accepted(moengage(element)).items] == [reason]


def test_light_checks_look_for_nothing() -> None:
    """Benchmarks pay for reading marks and no more."""
    element = moengage_customer(customer_id="guest", attributes={"id": None, "seq": 1})
    said = _accepted(moengage(element), SandboxSettings(checks="light"))
    assert (said.findings, said.items) == ([], [Item("customer", None, "guest", 1)])


def test_moesif_notes_two_updates_of_one_user_in_a_batch() -> None:
    """Their order inside a batch is not known, so the contract keeps them apart."""
    said = _accepted(moesif("users", moesif_user(), moesif_user(user_id="u-2"), moesif_user()))
    assert list(said.findings) == ["repeated_user_in_batch"]
    assert list(_accepted(moesif("companies", moesif_company(), moesif_company())).findings) == [
        "repeated_company_in_batch"
    ]


def test_moesif_notes_a_value_of_another_type() -> None:
    """A key keeps the JSON type that it had first, at every depth and in lists, apart for users and companies."""
    vendor = standin("moesif")
    first = moesif("users", moesif_user(metadata={"plan": "free", "size": 4, "place": {"zip": "6300"}, "tags": ["a"]}))
    same = moesif("users", moesif_user(metadata={"plan": None, "size": 4.5, "place": {"city": 7}, "tags": "b"}))
    other = moesif("users", moesif_user(metadata={"plan": 1, "place": {"zip": 6300}, "tags": ["c", True]}))
    apart = moesif("companies", moesif_company(metadata={"plan": 1, "size": "large"}))
    found = []
    for ask in (first, same, other, apart):
        said = ask.put_to(vendor)
        assert isinstance(said, Accepted)
        found.append(list(said.findings))
    assert found == [[], [], ["metadata_type_conflict"] * 3, []]


def test_moesif_notes_an_address_with_too_many_query_keys() -> None:
    """Five hundred are documented; names that repeat are one key, and what stands behind `#` is none."""
    for count, findings in ((500, []), (501, ["too_many_query_keys"])):
        query = "&".join(f"k{number}=1" for number in range(count))
        uri = f"https://shop.example/?k0=1&{query}#k600=1&k601"
        said = _accepted(moesif("actions", moesif_action(request=moesif_request(uri=uri))))
        assert list(said.findings) == findings


@pytest.mark.parametrize(
    ("changes", "findings"),
    [
        ({"user_id": ..., "company_id": ...}, ["action_of_nobody"]),
        ({"user_id": ..., "company_id": "org-7"}, []),
        ({"user_id": ..., "anonymous_id": "anon-19"}, []),
        ({"anonymous_id": "anon-19"}, ["visitor_beside_user"]),
    ],
)
def test_moesif_notes_whose_an_action_is(changes: dict[str, Any], findings: list[str]) -> None:
    """An action is of a user, a visitor or a company; a visitor is named only where there is no user."""
    assert list(_accepted(moesif("actions", moesif_action(**changes))).findings) == findings


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (moesif("users", moesif_user(ip_address="localhost")), "invalid_ip_address"),
        (moesif("actions", moesif_action(request=moesif_request(ip_address="203.0.113"))), "invalid_ip_address"),
        (Ask("moesif", "/v1/users", moesif_user(user_id=...)), "no_identity"),
        (moveo(moveo_event(userId=..., anonymousId=...)), "no_identity"),
    ],
)
def test_a_refusal_names_what_is_wrong(ask: Ask, reason: str) -> None:
    """A bad address is not taken for a missing id."""
    said = ask.put()
    assert isinstance(said, Refused)
    assert (said.status, said.reason) == (400, reason)


@pytest.mark.parametrize(("days", "is_taken"), [(30, False), (60, True), (None, True)])
def test_an_account_may_be_opened_for_backfill(days: int | None, is_taken: bool) -> None:  # noqa: FBT001 - a table
    """Then Moesif takes actions of any age, as a bridge with `max_event_age_days: 0` sends them."""
    old = moesif("actions", moesif_action(request=moesif_request(time="2026-02-01T00:00:00.000Z")))
    said = old.put(SandboxSettings(limits=SandboxLimits(moesif_action_age_days=days)))
    assert isinstance(said, Accepted) is is_taken


def test_moesif_shows_what_clients_sample_by() -> None:
    """Both routes want the key, answer 200 and take nothing in."""
    for path, body in (("/v1/config", {"sample_rate": 100}), ("/v1/rules", [])):
        said = _accepted(Ask("moesif", path, b"", method="GET", headers={"Content-Type": ""}))
        assert (said.status, said.items, json.loads(said.body)) == (200, [], body)
        stranger = Ask("moesif", path, b"", method="GET", headers={"X-Moesif-Application-Id": "other"}).put()
        assert isinstance(stranger, Refused)
        assert stranger.status == 401


def test_moesifs_encryption_proxy_has_the_same_routes() -> None:
    """Below `/collector` a batch is taken in like elsewhere."""
    said = _accepted(Ask("moesif", "/collector/v1/users/batch", [moesif_user()]))
    assert [item.user for item in said.items] == ["u-501"]


def _workspace(path: str, body: Any, **asked: Any) -> Ask:  # noqa: ANN401 - any JSON value
    return Ask("moengage", path, body, query={"app_id": WORKSPACE, "appId": WORKSPACE}, **asked)


def _known(*users: str) -> Vendor:
    """Return a workspace that has heard of these users."""
    workspace = standin("moengage")
    said = moengage(*[moengage_customer(customer_id=user) for user in users]).put_to(workspace)
    assert isinstance(said, Accepted)
    return workspace


def test_only_known_and_different_users_are_merged() -> None:
    """Other pairs are skipped without a word, and the answer is the same."""
    pairs = [("old-1", "new-1"), ("old-1", "old-1"), ("nobody", "new-1")]
    body = {"merge_data": [{"merged_user": old, "retained_user": new} for old, new in pairs]}
    said = _workspace("/v1/customer/merge", body).put_to(_known("old-1", "new-1"))
    assert isinstance(said, Accepted)
    assert [item.ignored for item in said.items] == ["", "same_user", "unknown_user"]
    assert json.loads(said.body) == {"status": "success", "operation": "created"}


def test_a_merge_takes_fifty_pairs() -> None:
    """The fifty-first is too many."""
    pair = {"merged_user": "old-1", "retained_user": "new-1"}
    assert isinstance(_workspace("/v1/customer/merge", {"merge_data": [pair] * 50}).put(), Accepted)
    said = _workspace("/v1/customer/merge", {"merge_data": [pair] * 51}).put()
    assert isinstance(said, Refused)
    assert (said.status, json.loads(said.body)["error"]["type"]) == (400, "ArrayFieldError")


def test_a_user_is_deleted_once() -> None:
    """The second deletion finds nobody, in the vendor's words."""
    workspace = _known("cust-1")
    ask = _workspace("/v1/customer/delete", {"identity_type": "customer_id", "identity_value": "cust-1"})
    assert isinstance(ask.put_to(workspace), Accepted)
    said = ask.put_to(workspace)
    assert isinstance(said, Refused)
    assert (said.status, json.loads(said.body)["error"]["type"]) == (400, "Not Found")


def test_the_credential_routes_tell_right_from_wrong() -> None:
    """Both answer 200 to the right key and 401 to a wrong one, and deliver nothing."""
    right = {"app_id": WORKSPACE, "app_secret": "moengage-example-key", "source": "test", "region": "03"}
    said = _workspace("/v1/integrations/authentication", right).put()
    assert isinstance(said, Accepted)
    assert said.items == []
    wrong = _workspace("/v1/integrations/authentication", {**right, "app_secret": "x"}).put()
    assert isinstance(wrong, Refused)
    assert wrong.status == 401
    probe = _workspace("/v1/integrations/segment/auth", b"", method="GET", headers={"MOE-APPKEY": ""})
    assert isinstance(probe.put(), Accepted)
    stranger = _workspace("/v1/integrations/segment/auth", b"", method="GET", headers={"Authorization": "Basic eA=="})
    said = stranger.put()
    assert isinstance(said, Refused)
    assert said.status == 401


_MESSAGE = {
    "type": "track",
    "user_id": "cust-8020",
    "anonymous_id": "anon-9f2",
    "event": "Trailer Watched",
    "context": {"app": {}, "os": {"name": "Android"}, "library": {}},
    "properties": {"trailerLength": 95, "seq": 2, "ledger_id": "L2"},
    "timestamp": "2026-02-01T08:15:30.500Z",
    "update_existing_only": False,
}


def test_the_private_route_takes_segments_own_message() -> None:
    """It is read like the others, and its user may be anonymous."""
    said = _workspace("/v1/integrations/segment", _MESSAGE).put()
    assert isinstance(said, Accepted)
    assert (said.items, said.body) == ([Item("track", "L2", "cust-8020", 2)], b"{}")
    anonymous = {**_MESSAGE, "type": "identify", "user_id": None, "traits": {"seq": 3}}
    del anonymous["event"], anonymous["properties"]
    said = _workspace("/v1/integrations/segment", anonymous).put()
    assert isinstance(said, Accepted)
    assert said.items == [Item("identify", None, "anon-9f2", 3)]


@pytest.mark.parametrize(
    "message",
    [
        {key: value for key, value in _MESSAGE.items() if key != "event"},
        {key: value for key, value in _MESSAGE.items() if key != "context"},
        {**_MESSAGE, "userId": "cust-8020"},
        {**_MESSAGE, "user_id": 7},
        {**_MESSAGE, "properties": []},
    ],
    ids=["no event", "no context", "camelCase envelope", "numeric user", "properties are a list"],
)
def test_the_private_route_refuses_other_envelopes(message: dict[str, Any]) -> None:
    """The envelope is Segment's, key by key."""
    assert isinstance(_workspace("/v1/integrations/segment", message).put(), Refused)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/customer/merge", {"merge_data": []}),
        ("/v1/customer/merge", {"merge_data": [{"merged_user": "a"}]}),
        ("/v1/customer/delete", {"identity_type": "email", "identity_value": "x"}),
        ("/v1/customer/delete", {}),
        ("/v1/integrations/authentication", {}),
    ],
)
def test_other_routes_refuse_other_shapes(path: str, body: dict[str, Any]) -> None:
    """Every route looks at its body."""
    said = _workspace(path, body).put()
    assert isinstance(said, Refused)
    assert said.status == 400
