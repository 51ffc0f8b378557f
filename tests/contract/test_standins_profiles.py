"""What Moveo One and Moesif know after what they took in: repeats count once, the last value wins, profiles merge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.sandbox.settings import SandboxSettings
from processor.sandbox.vendor import Accepted, Vendor
from tests.standin_requests import (
    NOW_S,
    Ask,
    moesif,
    moesif_action,
    moesif_company,
    moesif_request,
    moesif_user,
    moveo,
    moveo_event,
    standin,
)

_UUID: Final = "0f3c1b52-6d7e-4a10-9b1c-2e5d8f7a4c3"


def _after(*asks: Ask, settings: SandboxSettings | None = None) -> Vendor:
    """Return a stand-in that took all of these in."""
    vendor = standin(asks[0].vendor, settings)
    for ask in asks:
        said = ask.put_to(vendor)
        assert isinstance(said, Accepted), said
    return vendor


def _state(vendor: Vendor, user: str | None = None) -> list[dict[str, Any]]:
    return [json.loads(msgspec.json.encode(line)) for line in vendor.state(user)]


def _one(vendor: Vendor, user: str) -> dict[str, Any]:
    (line,) = _state(vendor, user)
    return line


def _part(line: Mapping[str, Any], *names: str) -> list[Any]:
    return [line.get(name) for name in names]


def test_moveo_keeps_traits_by_key_and_events_in_order() -> None:
    """The last value of a trait wins, a trait that is not named stays, groups are kept apart."""
    one = moveo_event(type="identify", event=..., properties=..., messageId="i-1", traits={"plan": "free", "n": 1.0})
    two = moveo_event(type="identify", event=..., properties=..., messageId="i-2", traits={"plan": {"name": "team"}})
    group = moveo_event(type="group", event=..., properties=..., messageId="g-1", groupId="org-7", traits={"size": 4})
    assert _state(_after(moveo(one, moveo_event()), moveo(two, group))) == [
        {
            "kind": "user",
            "id": "u-501",
            "traits": {"plan": {"name": "team"}, "n": 1.0},
            "groups": {"org-7": {"size": 4}},
            "call_counts": {"identify": 2, "track": 1, "group": 1},
            "message_ids": ["i-1", "m-1", "i-2", "g-1"],
            "repeat_count": 0,
        }
    ]


def test_moveo_counts_a_message_once() -> None:
    """The vendor's claim: a batch sent again, whole or in other company, changes nothing."""
    late = moveo_event(type="identify", event=..., properties=..., messageId="i-1", traits={"plan": "team"})
    again = moveo_event(type="identify", event=..., properties=..., messageId="i-1", traits={"plan": "free"})
    line = _one(_after(moveo(moveo_event(), late), moveo(moveo_event()), moveo(again)), "u-501")
    assert _part(line, "traits", "call_counts", "message_ids", "repeat_count") == [
        {"plan": "team"},
        {"track": 1, "identify": 1},
        ["m-1", "i-1"],
        2,
    ]


@pytest.mark.parametrize("number", [b"1e400", b"1" * 5_000, b"12345678901234567890.10"], ids=["1e400", "long", "exact"])
def test_numbers_read_back_as_they_were_written(number: bytes) -> None:
    """A stand-in takes any number in, and what it shows is what was sent, byte for byte."""
    bag = b'{"n":' + number + b',"in":{"n":[' + number + b"]}}"
    time = b'"2026-03-15T12:00:00.000Z"'
    times = b'"timestamp":' + time + b',"originalTimestamp":' + time + b',"sentAt":' + time
    event = b'{"type":"identify","messageId":"m-1","userId":"u-1",' + times + b',"traits":' + bag + b"}"
    user = b'[{"user_id":"u-1","metadata":' + bag + b"}]"
    for ask in (Ask("moveo", moveo().path, b'{"events":[' + event + b"]}"), Ask("moesif", "/v1/users/batch", user)):
        (line,) = _after(ask).state("u-1")
        assert bag in msgspec.json.encode(line)


def test_moveo_keeps_visitors_apart_from_users() -> None:
    """An id may be a user's and a visitor's: both are shown, each with what is its own."""
    vendor = _after(moveo(moveo_event(userId="x"), moveo_event(userId=..., anonymousId="x", messageId="m-2")))
    assert [_part(line, "kind", "message_ids") for line in _state(vendor, "x")] == [
        ["user", ["m-1"]],
        ["anonymous", ["m-2"]],
    ]
    assert _state(vendor, "y") == []


def test_moveo_lists_the_newest_ids() -> None:
    """The list is bounded; the counts are not."""
    events = [moveo_event(messageId=f"m-{number}") for number in range(5)]
    line = _one(_after(moveo(*events), settings=SandboxSettings(state_event_count=2)), "u-501")
    assert _part(line, "message_ids", "call_counts") == [["m-3", "m-4"], {"track": 5}]


@pytest.mark.parametrize(
    "ask",
    [
        moveo(*[moveo_event(userId=f"u-{number}", messageId=f"m-{number}") for number in range(3)]),
        moesif("users", *[moesif_user(user_id=f"u-{number}") for number in range(3)]),
    ],
    ids=["moveo", "moesif"],
)
def test_a_state_that_forgot_somebody_says_so(ask: Ask) -> None:
    """Whoever compares states has to know that one is not whole."""
    vendor = _after(ask, settings=SandboxSettings(state_user_count=2))
    assert ([line["id"] for line in _state(vendor)], vendor.state_is_complete) == (["u-1", "u-2"], False)
    assert _after(ask).state_is_complete


@pytest.mark.parametrize("ask", [moveo(), moesif("users", moesif_user())], ids=["moveo", "moesif"])
def test_light_checks_keep_nothing(ask: Ask) -> None:
    """Benchmarks pay for no state."""
    assert _state(_after(ask, settings=SandboxSettings(checks="light"))) == []


def test_moesif_merges_a_users_updates() -> None:
    """Keys that are not named stay, objects merge, lists and nulls replace, tokens are a set, ids are one value."""
    first = moesif_user(
        company_id="org-7",
        session_token="s-1",
        campaign={"utm_source": "news", "gclid": "g"},
        metadata={"plan": "free", "address": {"city": "Zug", "zip": "6300"}, "tags": ["a", "b"], "phone": "1"},
    )
    second = moesif_user(
        company_id="org-8",
        session_token="s-2",
        modified_time="2026-03-15T11:59:59.000Z",
        campaign={"utm_source": "ads"},
        metadata={"address": {"city": "Bern"}, "tags": ["c"], "phone": None},
    )
    again = moesif_user(session_token="s-1", modified_time=..., metadata=...)
    assert _one(_after(*[moesif("users", each) for each in (first, second, again)]), "u-501") == {
        "kind": "user",
        "id": "u-501",
        "company_id": "org-8",
        "modified_time": "2026-03-15T12:00:00.000Z",
        "campaign": {"utm_source": "ads", "gclid": "g"},
        "metadata": {"plan": "free", "address": {"city": "Bern", "zip": "6300"}, "tags": ["c"], "phone": None},
        "anonymous_ids": [],
        "session_tokens": ["s-1", "s-2"],
        "action_count": 0,
        "late_count": 0,
        "transaction_ids": [],
        "repeat_count": 0,
    }


def test_moesif_merges_a_companys_updates() -> None:
    """Companies are kept like users, apart from them."""
    vendor = _after(
        moesif("companies", moesif_company(metadata={"size": 4, "name": "Orchard"})),
        moesif("companies", moesif_company(company_domain="orchard.example", metadata={"size": 5})),
        Ask("moesif", "/v1/companies", moesif_company(company_id="org-8", ip_address="203.0.113.9")),
        moesif("users", moesif_user(user_id="org-7")),
    )
    user, company = _state(vendor, "org-7")
    assert _part(company, "kind", "company_domain", "metadata") == [
        "company",
        "orchard.example",
        {"size": 5, "name": "Orchard"},
    ]
    assert _part(user, "kind", "metadata") == ["user", {"plan": "free"}]
    assert _part(_one(vendor, "org-8"), "kind", "ip_address") == ["company", "203.0.113.9"]


def test_moesif_makes_a_visitor_part_of_the_user() -> None:
    """The update that names both ids merges the profiles; the user's own values stay, later actions are the user's."""
    visit = moesif_action(user_id=..., anonymous_id="anon-19", company_id=..., transaction_id=f"{_UUID}1")
    before = Ask(
        "moesif", "/v1/users", {"anonymous_id": "anon-19", "metadata": {"plan": "none", "first": {"page": "/"}}}
    )
    vendor = _after(before, moesif("actions", visit))
    assert [line["kind"] for line in _state(vendor)] == ["anonymous"]
    known = moesif_user(metadata={"plan": "team", "first": {"mail": "x"}})
    link = moesif_user(anonymous_id="anon-19", metadata=...)
    later = {**visit, "transaction_id": f"{_UUID}2"}
    for ask in (moesif("users", known), moesif("users", link), moesif("actions", later, visit)):
        assert isinstance(ask.put_to(vendor), Accepted)
    (line,) = _state(vendor)
    assert line == _one(vendor, "u-501") == _one(vendor, "anon-19")
    assert _part(line, "kind", "metadata", "anonymous_ids", "transaction_ids", "repeat_count") == [
        "user",
        {"plan": "team", "first": {"mail": "x", "page": "/"}},
        ["anon-19"],
        [f"{_UUID}1", f"{_UUID}2"],
        1,
    ]


def test_moesif_gives_a_visitor_to_the_user_who_came_last() -> None:
    """One browser, two people: what comes after the second one is the second one's."""
    names = [moesif_user(user_id=user, anonymous_id="anon-19") for user in ("u-1", "u-2")]
    visit = moesif_action(user_id=..., anonymous_id="anon-19", company_id=...)
    vendor = _after(moesif("users", names[0]), moesif("users", names[1]), moesif("actions", visit))
    assert [_one(vendor, user)["action_count"] for user in ("u-1", "u-2")] == [0, 1]


def test_moesif_counts_a_transaction_once() -> None:
    """For the user and the company of an action alike, across batches and routes; without an id each one counts."""
    action = moesif_action()
    nameless = moesif_action(transaction_id=...)
    vendor = _after(
        moesif("actions", action, action), Ask("moesif", "/v1/actions", action), moesif("actions", nameless, nameless)
    )
    for id_ in ("u-501", "org-7"):
        assert _part(_one(vendor, id_), "action_count", "repeat_count", "transaction_ids") == [
            3,
            2,
            [action["transaction_id"]],
        ]


def test_moesif_takes_address_and_agent_from_the_last_action() -> None:
    """Only where no update said them; an action without an address stamps the caller's on its user."""
    vendor = _after(moesif("actions", moesif_action()))
    assert _part(_one(vendor, "u-501"), "ip_address", "user_agent_string") == ["203.0.113.9", "DemoBrowser/9"]
    bare = moesif_action(request={"uri": "https://shop.example/"}, transaction_id=...)
    assert isinstance(moesif("actions", bare).put_to(vendor, peer="192.0.2.1"), Accepted)
    assert _part(_one(vendor, "u-501"), "ip_address") == ["192.0.2.1"]
    assert isinstance(moesif("users", moesif_user(ip_address="198.51.100.7")).put_to(vendor), Accepted)
    assert _part(_one(vendor, "u-501"), "ip_address") == ["198.51.100.7"]


def test_moesif_counts_late_actions() -> None:
    """More than five minutes old is late, which is taken in all the same."""
    times = ["2026-03-15T11:55:00.000Z", "2026-03-15T11:54:59.999Z", "2026-03-15T11:54:00"]
    actions = [moesif_action(request=moesif_request(time=time), transaction_id=...) for time in (*times, ...)]
    assert _part(_one(_after(moesif("actions", *actions)), "u-501"), "action_count", "late_count") == [4, 2]


_METADATA = st.dictionaries(
    st.sampled_from(["plan", "size", "place"]),
    st.none() | st.integers() | st.text(max_size=3) | st.dictionaries(st.sampled_from("ab"), st.integers()),
)
_UPDATES = st.lists(
    st.tuples(st.sampled_from(["u-1", "u-2", None]), st.sampled_from(["a-1", "a-2"]), _METADATA), max_size=12
)


def _plain_merge(old: Any, new: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _plain_merge(old.get(key), value) for key, value in new.items()}}
    return new


def _expected(updates: list[tuple[str | None, str, dict[str, Any]]]) -> dict[str, Any]:
    """Return the metadata of everybody by a slow and plain reading of the rules."""
    known: dict[str, Any] = {}
    owners: dict[str, str] = {}
    for user, visitor, metadata in updates:
        owner = owners.get(visitor, visitor) if user is None else user
        if user is not None:
            known[user] = _plain_merge(known.pop(visitor, {}), known.get(user, {}))
            owners[visitor] = user
        known[owner] = _plain_merge(known.get(owner, {}), metadata)
    return known


@given(_UPDATES)
def test_moesif_ends_in_the_state_that_the_rules_give(updates: list[tuple[str | None, str, dict[str, Any]]]) -> None:
    """Whatever updates of users and visitors come, a slow reading of the rules knows the same of everybody."""
    vendor = standin("moesif")
    for user, visitor, metadata in updates:
        update = {"anonymous_id": visitor, "metadata": metadata, **({} if user is None else {"user_id": user})}
        assert isinstance(Ask("moesif", "/v1/users", update).put_to(vendor, NOW_S), Accepted)
    assert {line["id"]: line["metadata"] for line in _state(vendor)} == _expected(updates)
