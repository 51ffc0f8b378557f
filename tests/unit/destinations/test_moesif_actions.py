"""Moesif's actions: custom actions of track, page and screen, updates of users and companies."""

from __future__ import annotations

from typing import Any

import pytest

from processor.config.secret import PLAIN_SECRETS
from processor.destinations import vector_result
from processor.destinations.moesif.destination import MoesifDestination
from processor.destinations.moesif.settings import MoesifSettings
from processor.destinations.plan import DEFAULT, Plan
from processor.model import Payload, Record
from tests.golden_cases import NOW, RECORD, REQUIRED

NOW_MS = 1_773_576_000_000
DAY_MS = 86_400_000
KEY = REQUIRED["moesif"]
TIME = "2026-03-15T11:59:30.250Z"
BASE = {"messageId": "m-1", "anonymousId": "anon-19", "userId": "u-501", "timestamp": TIME}
TRACK = {**BASE, "type": "track", "event": "Cart Opened"}
IDENTIFY = {**BASE, "type": "identify"}
GROUP = {**BASE, "type": "group", "groupId": "org-7"}


def _result(event: dict[str, Any], **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - any setting
    """Return what the presets make of an event."""
    return vector_result("moesif", event, KEY | settings, RECORD, NOW)


def _only(event: dict[str, Any], **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - any setting
    """Return the one record that an event gives."""
    (operation,) = _result(event, **settings)["ops"]
    (record,) = operation.values()
    assert isinstance(record, dict)
    return record


def _payloads(event: dict[str, Any], **settings: Any) -> list[Payload]:  # noqa: ANN401 - any setting
    """Return the payloads of an event."""
    model = MoesifSettings.model_validate(KEY | settings, context={PLAIN_SECRETS: True})
    plan = Plan.compile(MoesifDestination("moesif", model), DEFAULT)
    return plan.map(event, Record("t", 0, 0, NOW_MS), NOW_MS).payloads


@pytest.mark.parametrize(
    ("changes", "settings", "expected"),
    [
        ({"event": "", "userId": None, "anonymousId": None}, {}, {"dead_letter": "missing_event_name"}),
        ({"userId": None, "anonymousId": None, "timestamp": 0}, {}, {"dead_letter": "no_identity"}),
        ({"timestamp": NOW_MS - 30 * DAY_MS - 1}, {}, {"dead_letter": "event_too_old"}),
        ({"type": "page", "timestamp": NOW_MS - 31 * DAY_MS}, {}, {"dead_letter": "event_too_old"}),
        ({"timestamp": NOW_MS - DAY_MS // 2 - 1}, {"max_event_age_days": 0.5}, {"dead_letter": "event_too_old"}),
        ({"properties": {"b": "x" * 1_000_000}}, {}, {"dead_letter": "event_too_large"}),
        ({"properties": {"b": "x" * 1_000_000}, "timestamp": 0}, {}, {"dead_letter": "event_too_old"}),
        ({"type": "identify", "userId": " "}, {}, {"dropped": "identify_without_user_id"}),
        ({"type": "identify", "userId": None, "anonymousId": None}, {}, {"dropped": "identify_without_user_id"}),
        (
            {"type": "identify", "userId": None, "anonymousId": None},
            {"anonymous_identify": "send"},
            {"dead_letter": "no_identity"},
        ),
        ({"type": "group", "groupId": True, "traits": {}}, {}, {"dead_letter": "missing_group_id"}),
        ({"type": "alias", "previousId": None}, {"alias_mode": "merge_anonymous"}, {"dead_letter": "no_identity"}),
    ],
)
def test_order_of_checks(changes: dict[str, Any], settings: dict[str, Any], expected: dict[str, Any]) -> None:
    """An event with several faults ends by the first one in the contract's order."""
    assert _result(TRACK | changes, **settings) == expected | {"warnings": []}


@pytest.mark.parametrize("timestamp", [NOW_MS - 30 * DAY_MS, NOW_MS + DAY_MS])
def test_age_limit_itself_passes(timestamp: int) -> None:
    """Only what is older than the limit is refused; a time ahead is no age."""
    assert "action_name" in _only(TRACK | {"timestamp": timestamp})


def test_largest_record_passes() -> None:
    """A record of exactly a million bytes is sent, one more is not."""
    (small,) = _payloads(TRACK | {"properties": {"b": "ü"}})
    fitting = "ü" + "x" * (1_000_000 - len(small.body))

    (payload,) = _payloads(TRACK | {"properties": {"b": fitting}})
    assert len(payload.body) == 1_000_000
    assert not _payloads(TRACK | {"properties": {"b": fitting + "x"}})


def test_group_whose_company_is_too_large_sends_nothing() -> None:
    """The link of a user makes no sense without the company, so the whole event is refused."""
    assert _result(GROUP | {"traits": {"b": "x" * 1_000_000}}) == {"dead_letter": "event_too_large", "warnings": []}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"user_id": "u-501", "anonymous_id": None}),
        ({"userId": ""}, {"user_id": None, "anonymous_id": "anon-19"}),
        (
            {"userId": None, "anonymousId": None, "context": {"groupId": "org-7"}},
            {"user_id": None, "anonymous_id": None, "company_id": "org-7"},
        ),
        ({"context": {"groupId": " ", "traits": {"company": {"id": 7.0}}}}, {"company_id": "7"}),
        ({"context": {"groupId": "org-7", "traits": {"company": {"id": 8}}}}, {"company_id": "org-7"}),
        ({"context": {"traits": {"company": "Orchard"}}}, {"company_id": None}),
        ({"event": 404}, {"action_name": "404"}),
        ({"properties": None}, {"metadata": None}),
        ({"properties": {"a": None}}, {"metadata": {"a": None}}),
    ],
)
def test_fields_of_an_action(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    """Each field by its row of the contract; None stands for a key that is left out."""
    action = _only(TRACK | changes)

    assert {name: action.get(name) for name in expected} == expected
    assert {name for name, value in expected.items() if value is None}.isdisjoint(action)


@pytest.mark.parametrize(
    ("context", "properties", "uri"),
    [
        ({"page": {"url": "https://a.example/"}}, {"url": "https://b.example/"}, "https://a.example/"),
        ({"page": {"url": "/cart"}}, {"url": "https://b.example/"}, "https://b.example/"),
        ({"page": {"url": 7}}, {"url": None}, "https://segment.invalid/"),
        ({"page": []}, "text", "https://segment.invalid/"),
    ],
)
def test_uri_of_a_track(context: Any, properties: Any, uri: str) -> None:  # noqa: ANN401 - any JSON value
    """The page's address, else that of the properties, else the default; only absolute ones."""
    assert _only(TRACK | {"context": context, "properties": properties})["request"]["uri"] == uri


@pytest.mark.parametrize(
    ("event_type", "uri"),
    [("page", "https://b.example/"), ("screen", "https://a.example/")],
)
def test_uri_of_a_view(event_type: str, uri: str) -> None:
    """A page is where its properties say; a screen's properties are not asked."""
    event = TRACK | {"context": {"page": {"url": "https://a.example/"}}, "properties": {"url": "https://b.example/"}}

    assert _only(event | {"type": event_type})["request"]["uri"] == uri


@pytest.mark.parametrize(
    ("ip", "settings", "sent", "warnings"),
    [
        ("203.0.113.9", {}, "203.0.113.9", []),
        ("203.0.113.900", {}, None, ["bad_ip"]),
        ("", {}, None, ["bad_ip"]),
        (7, {}, None, ["bad_ip"]),
        (None, {}, None, []),
        (None, {"missing_ip_value": "0.0.0.0"}, "0.0.0.0", []),
        ("x", {"missing_ip_value": "0.0.0.0"}, "0.0.0.0", ["bad_ip"]),
        ("203.0.113.9", {"missing_ip_value": "0.0.0.0"}, "203.0.113.9", []),
    ],
)
def test_address_of_a_person(ip: Any, settings: dict[str, Any], sent: str | None, warnings: list[str]) -> None:  # noqa: ANN401 - any JSON value
    """Only an address is sent as one; a placeholder stands in for actions when the settings name it."""
    event = TRACK | {"context": {"ip": ip, "userAgent": " "}}
    result = _result(event, **settings)

    assert result["ops"][0]["action"]["request"].get("ip_address") == sent
    assert result["warnings"] == warnings
    assert "user_agent_string" not in result["ops"][0]["action"]["request"]


def test_placeholder_is_not_for_profiles() -> None:
    """A profile without an address keeps its last one at Moesif."""
    assert "ip_address" not in _only(IDENTIFY, missing_ip_value="0.0.0.0")


@pytest.mark.parametrize(
    ("changes", "name", "metadata"),
    [
        ({"name": "Pricing", "category": "Shop"}, "Viewed Shop Pricing Page", {"name": "Pricing", "category": "Shop"}),
        ({"name": "Pricing"}, "Viewed Pricing Page", {"name": "Pricing"}),
        ({"category": "Shop", "name": " "}, "Viewed Shop Page", {"category": "Shop"}),
        ({}, "Loaded a Page", None),
        ({"properties": {"name": "In"}}, "Viewed In Page", {"name": "In"}),
        ({"name": "Top", "properties": {"name": "In"}}, "Viewed Top Page", {"name": "In"}),
        ({"name": "Top", "properties": {"name": None}}, "Viewed Top Page", {"name": None}),
        (
            {"name": "Top", "category": "Shop", "properties": {"name": "In"}},
            "Viewed Shop Top Page",
            {"name": "In", "category": "Shop"},
        ),
        ({"name": 7, "properties": "text"}, "Viewed 7 Page", {"name": "7"}),
        ({"type": "screen", "name": "Home"}, "Viewed Home Screen", {"name": "Home"}),
        ({"type": "screen"}, "Loaded a Screen", None),
    ],
)
def test_names_of_views(changes: dict[str, Any], name: str, metadata: dict[str, Any] | None) -> None:
    """Views are called by category and name, the event's own before its properties'; both go to the metadata."""
    action = _only({**BASE, "type": "page"} | changes)

    assert action["action_name"] == name
    assert action.get("metadata") == metadata


def test_generic_names_keep_the_metadata() -> None:
    """One name for all screens, and the name of each still readable."""
    action = _only({**BASE, "type": "screen", "name": "Home"}, page_name_mode="generic")

    assert (action["action_name"], action["metadata"]) == ("Loaded a Screen", {"name": "Home"})


@pytest.mark.parametrize(
    ("traits", "metadata"),
    [
        (
            {"firstName": "Kai", "lastName": "Ng", "avatar": "https://x.example/a", "username": "kai", "email": "k@x"},
            {
                "first_name": "Kai",
                "last_name": "Ng",
                "photo_url": "https://x.example/a",
                "user_name": "kai",
                "email": "k@x",
            },
        ),
        ({"first_name": None, "firstName": "Kai"}, {"first_name": None}),
        ({"photo_url": "a", "avatar": "b", "createdAt": 1}, {"photo_url": "a", "createdAt": 1}),
        ({"address": {"firstName": "x"}, "plan": None}, {"address": {"firstName": "x"}, "plan": None}),
        ({}, None),
        (None, None),
    ],
)
def test_traits_of_a_user(traits: Any, metadata: dict[str, Any] | None) -> None:  # noqa: ANN401 - any JSON value
    """Reserved traits get Moesif's keys, which win where both are present; nothing nested is touched."""
    event = IDENTIFY | {"traits": traits}
    before = dict(traits) if traits else traits

    assert _only(event).get("metadata") == metadata
    assert event["traits"] == before


def test_company_of_a_user() -> None:
    """The trait's company wins over the context's."""
    context = {"groupId": "org-8", "traits": {"company": {"id": "org-9"}}}

    assert _only(IDENTIFY | {"traits": {"company": {"id": "org-7"}}, "context": context})["company_id"] == "org-7"
    assert _only(IDENTIFY | {"context": context})["company_id"] == "org-8"


@pytest.mark.parametrize("company", ["Orchard", "", 7, 0, False, [], [{"id": "org-7"}], None])
def test_trait_that_is_no_company(company: Any) -> None:  # noqa: ANN401 - any JSON value
    """A company that is no object gives no id, the context's counts, and it stays as it is (contract, 4.3)."""
    user = _only(IDENTIFY | {"traits": {"company": company}, "context": {"groupId": "org-8"}})

    assert (user["company_id"], user["metadata"]) == ("org-8", {"company": company})


@pytest.mark.parametrize("bag", ["", 0, 0.0, False, "x", 7, [], None])
@pytest.mark.parametrize("event", [TRACK, IDENTIFY, GROUP, BASE | {"type": "page", "name": "Home"}])
def test_bag_that_is_no_object_has_no_members(event: dict[str, Any], bag: Any) -> None:  # noqa: ANN401 - any JSON value
    """An event says as much as without it, and of properties and traits it is said (contract, 4.1 to 4.4)."""
    spoilt = event | {"context": bag, "properties": bag, "traits": bag}
    result, plain = _result(spoilt), _result(event)
    name = "traits" if event["type"] in {"identify", "group"} else "properties"

    assert result["ops"] == plain["ops"]
    assert result["warnings"] == ([] if bag is None else [f"{name}_not_object"])
    assert spoilt == event | {"context": bag, "properties": bag, "traits": bag}


@pytest.mark.parametrize("bag", ["", 0, False, "x", []])
@pytest.mark.parametrize("event", [TRACK, IDENTIFY, BASE | {"type": "page", "name": "Home"}])
def test_bag_of_the_context_that_is_no_object_has_no_members(event: dict[str, Any], bag: Any) -> None:  # noqa: ANN401 - as above
    """So it is for the objects of the context, and for the company of its traits."""
    good = {"ip": "192.0.2.7", "groupId": "org-8"}
    for spoilt in (dict.fromkeys(("campaign", "page", "referrer", "traits"), bag), {"traits": {"company": bag}}):
        assert _result(event | {"context": good | spoilt}) == _result(event | {"context": good})
    without_group = {"ip": "192.0.2.7", "traits": {"company": bag}}
    assert _result(event | {"context": without_group}) == _result(event | {"context": {"ip": "192.0.2.7"}})


@pytest.mark.parametrize(
    ("changes", "settings", "endpoint", "lanes", "ids"),
    [
        ({}, {}, "users", ("u-501",), {"user_id": "u-501", "anonymous_id": "anon-19"}),
        ({}, {"send_anonymous_id": False}, "users", ("u-501",), {"user_id": "u-501"}),
        (
            {},
            {"anonymous_identify": "send"},
            "users",
            ("u-501", "anon-19"),
            {"user_id": "u-501", "anonymous_id": "anon-19"},
        ),
        (
            {"anonymousId": "u-501"},
            {"anonymous_identify": "send"},
            "users",
            ("u-501",),
            {"user_id": "u-501", "anonymous_id": "u-501"},
        ),
        (
            {"userId": None},
            {"anonymous_identify": "send", "send_anonymous_id": False},
            "anonymous_users",
            ("anon-19",),
            {"anonymous_id": "anon-19"},
        ),
    ],
)
def test_identities_of_a_user_update(
    changes: dict[str, Any], settings: dict[str, Any], endpoint: str, lanes: tuple[str, ...], ids: dict[str, str]
) -> None:
    """Which ids an update carries, where it goes and what it must stay behind."""
    (payload,) = _payloads(IDENTIFY | changes, **settings)
    update = _only(IDENTIFY | changes, **settings)

    assert (payload.endpoint, payload.lanes) == (endpoint, lanes)
    assert {name: value for name, value in update.items() if name.endswith("_id")} == ids


def test_group_updates_the_company_and_links_the_user() -> None:
    """Two operations, the company first; the link holds nothing else, and warnings are raised once."""
    event = GROUP | {
        "timestamp": None,
        "traits": {"website": "https://www.Orchard.example/x"},
        "context": {"userAgent": "x"},
    }
    company, link = _payloads(event)

    assert (company.endpoint, company.lanes) == ("companies", ("org-7",))
    assert (link.endpoint, link.lanes, link.warnings) == ("users", ("u-501",), ())
    assert _result(event) == {
        "ops": [
            {
                "company": {
                    "company_id": "org-7",
                    "company_domain": "orchard.example",
                    "modified_time": RECORD["time"],
                    "metadata": {"website": "https://www.Orchard.example/x"},
                }
            },
            {"user": {"user_id": "u-501", "company_id": "org-7", "modified_time": RECORD["time"]}},
        ],
        "warnings": ["timestamp_from_record"],
    }


def test_group_alone() -> None:
    """Without a user, or with the link switched off, only the company is updated."""
    assert _only(GROUP | {"userId": None})["company_id"] == "org-7"
    assert _only(GROUP | {"groupId": 31}, group_links_user=False)["company_id"] == "31"


@pytest.mark.parametrize(
    ("traits", "domain"),
    [
        ({"domain": " WWW.Orchard.example "}, "orchard.example"),
        ({"domain": "orchard", "company_domain": "b.example"}, "b.example"),
        ({"domain": 7, "website": "c.example/about"}, "c.example"),
        ({"domain": ["orchard.example"]}, None),
        ({"website": "https://localhost/"}, None),
    ],
)
def test_domain_of_a_company(traits: dict[str, Any], domain: str | None) -> None:
    """The first candidate that is a domain, in lower case and without `www.`."""
    assert _only(GROUP | {"traits": traits, "userId": None}).get("company_domain") == domain


def test_alias_merges_on_request() -> None:
    """The opt-in mode sends the merge that the browser client would cause, behind both identities' events."""
    event = {**BASE, "type": "alias", "previousId": "anon-18"}

    (payload,) = _payloads(event, alias_mode="merge_anonymous")
    merge = {"user_id": "u-501", "anonymous_id": "anon-18", "modified_time": TIME}
    assert _result(event, alias_mode="merge_anonymous") == {"ops": [{"user": merge}], "warnings": []}
    assert payload.lanes == ("u-501", "anon-18")
    assert _result(event | {"timestamp": None}, alias_mode="merge_anonymous")["warnings"] == ["timestamp_from_record"]


def test_campaign_of_an_update() -> None:
    """Campaign, referrer and click id are read from the context of identify and group, not of actions."""
    context = {
        "campaign": {"source": "news", "medium": " ", "name": 2026, "term": None},
        "page": {"url": "https://shop.example/?gclid=G%2B1", "search": "", "referrer": "https://blog.example:8443/9"},
    }
    campaign = {
        "utm_source": "news",
        "utm_campaign": "2026",
        "referrer": "https://blog.example:8443/9",
        "referring_domain": "blog.example:8443",
        "gclid": "G+1",
    }

    assert _only(IDENTIFY | {"context": context})["campaign"] == campaign
    assert _only(GROUP | {"context": context, "userId": None})["campaign"] == campaign
    assert "campaign" not in _only(TRACK | {"context": context})


def test_repeats_have_one_transaction_id() -> None:
    """The same event gives the same id, another message another one."""
    first, again = (_only(TRACK)["transaction_id"] for _ in range(2))

    assert first == again != _only(TRACK | {"messageId": "m-2"})["transaction_id"]
