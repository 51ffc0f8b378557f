"""A stand-in that cannot disagree proves nothing: every check refuses what it is there to refuse."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from processor.sandbox.settings import SandboxKeys, SandboxLimits, SandboxSettings
from processor.sandbox.vendor import Accepted, Refused
from tests.standin_requests import (
    BULK,
    KEYS,
    NOW_S,
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

_LIGHT = SandboxSettings(checks="light")
_GOOD = {
    "moveo": moveo(),
    "moveo, compressed": moveo(compressed=True),
    "moveo, day without a time": moveo(moveo_event(timestamp="2026-03-15", originalTimestamp="2026-03-15")),
    "moveo, time in short": moveo(moveo_event(timestamp="20260315T115930Z", originalTimestamp="20260315T115930Z")),
    "moveo, blanks around a time": moveo(moveo_event(timestamp=" 2026-W11-7 ", originalTimestamp=" 2026-W11-7 ")),
    "moesif actions": moesif("actions", moesif_action()),
    "moesif actions, compressed": moesif("actions", moesif_action(), compressed=True),
    "moesif users": moesif("users", moesif_user(campaign={"utm_source": "news"})),
    "moesif companies": moesif("companies", moesif_company()),
    "moesif one action": Ask("moesif", "/v1/actions", moesif_action()),
    "moesif one user": Ask("moesif", "/v1/users", moesif_user()),
    "moesif one company": Ask("moesif", "/v1/companies", moesif_company()),
    "moesif, address of version 6": moesif("users", moesif_user(ip_address="2001:db8::1")),
    "moesif, time without zone": moesif("actions", moesif_action(request=moesif_request(time="2026-03-15T11:59:30"))),
    "moengage": moengage(moengage_customer(), moengage_device(), moengage_event()),
    "moengage, several actions": moengage(moengage_event(moengage_action(), moengage_action())),
}


def _refusal(ask: Ask, settings: SandboxSettings | None = None) -> tuple[int, str]:
    said = ask.put(settings)
    assert isinstance(said, Refused), said
    return said.status, said.reason


@pytest.mark.parametrize("ask", _GOOD.values(), ids=_GOOD)
@pytest.mark.parametrize("settings", [SandboxSettings(), _LIGHT], ids=["full", "light"])
def test_good_requests_pass(ask: Ask, settings: SandboxSettings) -> None:
    """What the cases below spoil in one place is accepted unspoiled, by full and by light checks."""
    said = ask.put(settings)
    assert isinstance(said, Accepted), said
    assert list(said.findings) == []


_BAD_EVENTS: dict[str, dict[str, Any]] = {
    "no message id": {"messageId": ...},
    "blank message id": {"messageId": " "},
    "no time": {"timestamp": ...},
    "two times": {"originalTimestamp": "2026-03-15T11:00:00.000Z"},
    "time that nobody can read": {"timestamp": "yesterday", "originalTimestamp": "yesterday"},
    "seconds as text": {"timestamp": "1773576000", "originalTimestamp": "1773576000"},
    "month that there is not": {"timestamp": "2026-13-01", "originalTimestamp": "2026-13-01"},
    "numeric name": {"type": "page", "event": ..., "name": 7},
    "numeric previous id": {"type": "alias", "event": ..., "properties": ..., "previousId": 7},
    "no sentAt": {"sentAt": ...},
    "sentAt without milliseconds": {"sentAt": "2026-03-15T12:00:00Z"},
    "numeric user": {"userId": 7},
    "blank user": {"userId": " "},
    "null user": {"userId": None},
    "nobody": {"userId": ..., "anonymousId": ...},
    "blank event name": {"event": " "},
    "no event name": {"event": ...},
    "properties are a list": {"properties": []},
    "properties are null": {"properties": None},
    "context is text": {"context": "x"},
    "upper-case type": {"type": "Track"},
    "unknown type": {"type": "delete"},
    "key that is not forwarded": {"receivedAt": "2026-03-15T12:00:00.000Z"},
    "traits on a track": {"traits": {}},
    "group without id": {"type": "group", "event": ..., "properties": ...},
}


@pytest.mark.parametrize("changes", _BAD_EVENTS.values(), ids=_BAD_EVENTS)
def test_moveo_refuses_a_bad_event(changes: dict[str, Any]) -> None:
    """One bad event has its whole request refused with 400."""
    status, _ = _refusal(moveo(moveo_event(), moveo_event(**changes)))
    assert status == 400


_BAD_ITEMS: dict[str, tuple[str, dict[str, Any]]] = {
    "action without name": ("actions", moesif_action(action_name=...)),
    "action with blank name": ("actions", moesif_action(action_name=" ")),
    "action without request": ("actions", moesif_action(request=...)),
    "action without uri": ("actions", moesif_action(request=moesif_request(uri=...))),
    "relative uri": ("actions", moesif_action(request=moesif_request(uri="/pricing"))),
    "bad address": ("actions", moesif_action(request=moesif_request(ip_address="203.0.113"))),
    "day that there is not": ("actions", moesif_action(request=moesif_request(time="2026-02-30T11:59:00.000Z"))),
    "time before the first": ("users", moesif_user(modified_time="0001-01-01T00:00:00+10:00")),
    "unreadable time of a user": ("users", moesif_user(modified_time="2026-03-15")),
    "blank agent": ("users", moesif_user(user_agent_string=" ")),
    "address that is no text": ("users", moesif_user(ip_address=7)),
    "blank campaign": ("companies", moesif_company(campaign={"utm_source": ""})),
    "unreadable time": ("actions", moesif_action(request=moesif_request(time="yesterday"))),
    "31 days old": ("actions", moesif_action(request=moesif_request(time="2026-02-12T11:59:00.000Z"))),
    "transaction id that is no UUID": ("actions", moesif_action(transaction_id="m-1")),
    "upper-case transaction id": ("actions", moesif_action(transaction_id="0F3C1B52-6D7E-4A10-9B1C-2E5D8F7A4C31")),
    "numeric user of an action": ("actions", moesif_action(user_id=501)),
    "null user of an action": ("actions", moesif_action(user_id=None)),
    "metadata is a list": ("actions", moesif_action(metadata=[])),
    "unknown key": ("actions", moesif_action(campaign={})),
    "user without id": ("users", moesif_user(user_id=...)),
    "anonymous user in a batch": ("users", moesif_user(user_id=..., anonymous_id="anon-19")),
    "bad address of a user": ("users", moesif_user(ip_address="localhost")),
    "unknown campaign key": ("users", moesif_user(campaign={"source": "news"})),
    "company without id": ("companies", moesif_company(company_id=...)),
    "domain without a dot": ("companies", moesif_company(company_domain="lindenhof")),
    "user agent of a company": ("companies", moesif_company(user_agent_string="x")),
}


@pytest.mark.parametrize(("endpoint", "item"), _BAD_ITEMS.values(), ids=_BAD_ITEMS)
def test_moesif_refuses_a_bad_item(endpoint: str, item: dict[str, Any]) -> None:
    """One bad item has its whole batch refused with 400."""
    status, _ = _refusal(moesif(endpoint, item))
    assert status == 400


_BAD_ELEMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "no customer": (moengage_event(customer_id=...), "MissingAttributeError"),
    "numeric customer": (moengage_event(customer_id=7), "TypeError"),
    "no actions": (moengage_event(actions=[]), "ArrayFieldError"),
    "actions are no list": (moengage_event(actions={}), "ArrayFieldError"),
    "blank action": (moengage_event(moengage_action(action=" ")), "ValueError"),
    "unknown platform": (moengage_event(moengage_action(platform="symbian")), "ValueError"),
    "offset out of range": (moengage_event(moengage_action(user_timezone_offset=60_000)), "ValueError"),
    "flag that is no text": (moengage_event(moengage_action(real_time_action=True)), "TypeError"),
    "unknown key": (moengage_event(anonymous_id="anon-19"), "AttributeError"),
    "attributes are a list": (moengage_customer(attributes=[]), "TypeError"),
    "attributes are null": (moengage_event(moengage_action(attributes=None)), "TypeError"),
    "flag of a customer is text": (moengage_customer(update_existing_only="false"), "TypeError"),
    "capitalised type": (moengage_customer(type="Customer"), "ValueError"),
    "device without a token": (moengage_device(attributes={"platform": "iOS"}), "MissingAttributeError"),
    "device of unknown platform": (moengage_device(attributes={"platform": "x", "push_id": "t"}), "ValueError"),
}


@pytest.mark.parametrize(("element", "error_type"), _BAD_ELEMENTS.values(), ids=_BAD_ELEMENTS)
def test_moengage_refuses_a_bad_element_in_its_own_words(element: dict[str, Any], error_type: str) -> None:
    """One bad element has the whole request refused with 400 and MoEngage's word for the mistake."""
    said = moengage(moengage_customer(), element).put()
    assert isinstance(said, Refused), said
    body = json.loads(said.body)
    assert (said.status, body["status"], body["error"]["type"]) == (400, "fail", error_type)
    assert body["error"].keys() >= {"message", "request_id"}


_BODIES = {
    "no JSON": b"{",
    "empty": b"",
    "text": b'"x"',
    "nothing in it": b"{}",
    "lone surrogate": b'{"events":["\\ud800"]}',
}


@pytest.mark.parametrize("body", _BODIES.values(), ids=_BODIES)
@pytest.mark.parametrize("settings", [SandboxSettings(), _LIGHT], ids=["full", "light"])
@pytest.mark.parametrize(
    ("vendor", "path"),
    [
        ("moveo", "/api/analytic/external/segment-destination"),
        *(("moesif", f"/v1/{name}/batch") for name in ("actions", "users", "companies")),
        ("moengage", BULK),
    ],
)
def test_bodies_that_are_none_are_refused(vendor: str, path: str, settings: SandboxSettings, body: bytes) -> None:
    """Broken JSON, and JSON of another shape, are refused with 400, by light checks as well."""
    assert _refusal(Ask(vendor, path, body), settings)[0] == 400


@pytest.mark.parametrize("settings", [SandboxSettings(), _LIGHT], ids=["full", "light"])
@pytest.mark.parametrize(
    "ask",
    [
        Ask("moveo", moveo().path, b'{"events":[{"context":' + b"[" * 50_000),
        Ask("moesif", "/v1/actions/batch", b'[{"metadata":' + b"[" * 50_000),
    ],
    ids=["moveo", "moesif"],
)
def test_a_body_that_is_nested_too_deeply_is_refused(ask: Ask, settings: SandboxSettings) -> None:
    """It is a mistake of the sender and no accident of the stand-in."""
    assert _refusal(ask, settings)[0] == 400


@pytest.mark.parametrize("path", ["/v1/actions/batch", "/v1/users/batch", "/v1/companies/batch"])
def test_moesif_refuses_an_empty_batch(path: str) -> None:
    """A batch of nothing is a mistake of the sender."""
    assert _refusal(Ask("moesif", path, [])) == (400, "invalid_body")


@pytest.mark.parametrize(
    ("body", "error_type"), [(b"", "Empty request body"), (b"{", "Malformed JSON"), (b"[]", "TypeError")]
)
def test_moengage_tells_broken_bodies_apart(body: bytes, error_type: str) -> None:
    """The words that decide how a 400 is read are those of the contract."""
    said = Ask("moengage", BULK, body).put()
    assert isinstance(said, Refused)
    assert json.loads(said.body)["error"]["type"] == error_type


_STRANGERS: dict[str, tuple[Ask, int]] = {
    "moveo, wrong key": (moveo(headers={"Authorization": "other"}), 401),
    "moveo, no key": (moveo(headers={"Authorization": ""}), 401),
    "moveo, key behind a scheme": (moveo(headers={"Authorization": "Bearer moveo-example-key"}), 401),
    "moveo, key that may not write": (moveo(headers={"Authorization": "moveo-example-forbidden-key"}), 403),
    "moesif, subscription ended": (
        moesif("users", moesif_user(), headers={"X-Moesif-Application-Id": "moesif-example-unpaid-application-id"}),
        402,
    ),
    "moesif, key that may not write": (
        moesif("users", moesif_user(), headers={"X-Moesif-Application-Id": "moesif-example-forbidden-application-id"}),
        403,
    ),
    "moesif, wrong key": (moesif("users", moesif_user(), headers={"X-Moesif-Application-Id": "other"}), 401),
    "moesif, no key": (moesif("users", moesif_user(), headers={"X-Moesif-Application-Id": ""}), 401),
    "moengage, no credentials": (moengage(headers={"Authorization": ""}), 401),
    "moengage, not base64": (moengage(headers={"Authorization": "Basic %%%"}), 401),
    "moengage, wrong scheme": (
        moengage(headers={"Authorization": KEYS["moengage"]["Authorization"].replace("Basic", "Bearer")}),
        401,
    ),
    "moengage, wrong password": (
        moengage(headers={"Authorization": "Basic " + base64.b64encode(f"{WORKSPACE}:x".encode()).decode()}),
        401,
    ),
    "moengage, no app key": (moengage(headers={"MOE-APPKEY": ""}), 401),
    "moengage, foreign app key": (moengage(headers={"MOE-APPKEY": "OTHER"}), 409),
    "moengage, foreign workspace": (Ask("moengage", "/v1/transition/OTHER", b"{}"), 400),
    "moengage, no workspace in the query": (Ask("moengage", "/v1/customer/merge", b"{}"), 400),
    "moengage, wrong workspace in the query": (
        Ask("moengage", "/v1/customer/merge", b"{}", query={"app_id": "x"}),
        400,
    ),
}


@pytest.mark.parametrize(("ask", "status"), _STRANGERS.values(), ids=_STRANGERS)
@pytest.mark.parametrize("settings", [SandboxSettings(), _LIGHT], ids=["full", "light"])
def test_wrong_credentials_are_refused(ask: Ask, status: int, settings: SandboxSettings) -> None:
    """Wrong and missing keys are refused in the vendor's way, whatever the checks."""
    assert _refusal(ask, settings)[0] == status


def test_every_configured_key_is_accepted() -> None:
    """A key can be rotated: the old and the new one are both taken."""
    settings = SandboxSettings(keys=SandboxKeys(moveo_api_keys=("old", "new")))
    for key in ("old", "new"):
        assert isinstance(moveo(headers={"Authorization": key}).put(settings), Accepted)
    assert _refusal(moveo(), settings) == (401, "wrong_key")


_MEDIA: dict[str, tuple[Ask, int]] = {
    "moveo, no content type": (moveo(headers={"Content-Type": ""}), 415),
    "moveo, form": (moveo(headers={"Content-Type": "application/x-www-form-urlencoded"}), 415),
    "moveo, unknown encoding": (moveo(headers={"Content-Encoding": "br"}), 415),
    "moveo, not gzip": (moveo(headers={"Content-Encoding": "gzip"}), 400),
    "moesif, form": (moesif("users", moesif_user(), headers={"Content-Type": "text/plain"}), 415),
    "moesif, answer that is no JSON": (moesif("users", moesif_user(), headers={"Accept": "text/xml"}), 406),
    "moengage, no content type": (moengage(headers={"Content-Type": ""}), 400),
    "moengage, text": (moengage(headers={"Content-Type": "text/plain"}), 415),
    "moengage, compressed": (moengage(compressed=True), 415),
}


@pytest.mark.parametrize(("ask", "status"), _MEDIA.values(), ids=_MEDIA)
def test_wrong_media_are_refused(ask: Ask, status: int) -> None:
    """Content types and encodings that a vendor does not take are refused with the status it uses."""
    assert _refusal(ask)[0] == status


def test_a_charset_beside_the_content_type_is_fine() -> None:
    """The vendors' own clients send one."""
    assert isinstance(moveo(headers={"Content-Type": "application/json; charset=utf-8"}).put(), Accepted)


def test_truncated_gzip_is_refused() -> None:
    """Half a compressed body is not taken for a short one."""
    whole = moveo(compressed=True)
    half = Ask("moveo", whole.path, whole.content[:-12], headers={"Content-Encoding": "gzip"})
    assert _refusal(half) == (400, "bad_gzip")


def test_moengage_takes_gzip_only_where_it_is_switched_on() -> None:
    """The test-only switch of the contract has its counterpart here."""
    assert isinstance(moengage(compressed=True).put(SandboxSettings(moengage_gzip=True)), Accepted)


@pytest.mark.parametrize(
    "ask", [moveo(compressed=True), moesif("users", moesif_user(), compressed=True)], ids=["moveo", "moesif"]
)
def test_gzip_may_be_switched_off(ask: Ask) -> None:
    """Whether every server of a vendor takes it is not documented: a sender has to cope with a 415."""
    settings = SandboxSettings(moveo_gzip=False, moesif_gzip=False)
    assert _refusal(ask, settings) == (415, "content_encoding")
    assert isinstance(ask.put(), Accepted)


@pytest.mark.parametrize("ask", [moveo(), moesif("users", moesif_user())], ids=["moveo", "moesif"])
def test_a_rate_is_kept_where_one_is_set(ask: Ask) -> None:
    """Above it requests are refused until the next second, which the answer names; a wrong key does not count."""
    limits = SandboxLimits(moveo_requests_per_s=2, moesif_requests_per_s=2)
    vendor = standin(ask.vendor, SandboxSettings(limits=limits))
    stranger = Ask(ask.vendor, ask.path, ask.body, headers={"Authorization": "", "X-Moesif-Application-Id": ""})
    said = [each.put_to(vendor, NOW_S + 0.25) for each in (ask, stranger, ask, ask)]
    assert [answer.status for answer in said if isinstance(answer, Refused)] == [401, 429]
    last = said[-1]
    assert isinstance(last, Refused)
    assert last.headers == {"Retry-After": "1"}
    assert isinstance(ask.put_to(vendor, NOW_S + 1.0), Accepted)


def _padded(size: int) -> dict[str, Any]:
    """Return a Moveo event of exactly this size without its `sentAt`."""
    bare = len(json.dumps(moveo_event(sentAt=..., properties={"p": ""}), separators=(",", ":")))
    return moveo_event(properties={"p": "x" * (size - bare)})


def test_moveo_counts_an_event_without_its_stamp() -> None:
    """An event of exactly the limit passes, one byte more is refused; `sentAt` does not count."""
    assert isinstance(moveo(_padded(32_000)).put(), Accepted)
    assert _refusal(moveo(_padded(32_001))) == (413, "event_too_large")


def test_sizes_are_judged_before_compression() -> None:
    """A body that is small only when compressed is too large, whoever compressed it."""
    settings = SandboxSettings(limits=SandboxLimits(moveo_request_bytes=2_000))
    assert _refusal(moveo(_padded(1_990), compressed=True), settings) == (413, "request_too_large")
    assert _refusal(moveo(_padded(1_990)), settings) == (413, "request_too_large")


def test_moveo_counts_events_where_a_limit_is_set() -> None:
    """The count has no limit unless one is configured."""
    many = moveo(*[moveo_event()] * 3)
    assert isinstance(many.put(), Accepted)
    settings = SandboxSettings(limits=SandboxLimits(moveo_event_count=2))
    assert _refusal(many, settings) == (400, "too_many_events")


def test_moesif_lets_a_large_profile_pass_alone() -> None:
    """The limit of profile batches is about batches; a single record may be larger, up to the limit of one."""
    large = moesif_user(metadata={"note": "x" * 300_000})
    assert isinstance(moesif("users", large).put(), Accepted)
    assert _refusal(moesif("users", large, moesif_user())) == (413, "request_too_large")
    huge = moesif_user(metadata={"note": "x" * 1_000_000})
    assert _refusal(moesif("users", huge)) == (413, "request_too_large")


def test_moesif_refuses_a_large_action_inside_a_small_batch() -> None:
    """A megabyte is the limit of one action, not of the batch."""
    huge = moesif_action(metadata={"note": "x" * 1_000_000})
    assert _refusal(moesif("actions", huge)) == (413, "event_too_large")
    half = moesif_action(metadata={"note": "x" * 600_000})
    assert isinstance(moesif("actions", half, half).put(), Accepted)


def test_moengage_refuses_a_large_bulk_body() -> None:
    """The documented hundred kilobytes are kept."""
    element = moengage_customer(attributes={f"a{number}": "x" * 500 for number in range(200)})
    assert _refusal(moengage(element)) == (413, "request_too_large")


@pytest.mark.parametrize(("vendor", "path"), [("moveo", moveo().path), ("moengage", BULK), ("moesif", "/v1/users")])
def test_other_methods_are_refused(vendor: str, path: str) -> None:
    """A route answers only its own method."""
    assert _refusal(Ask(vendor, path, b"", method="PUT"))[0] == 405


def test_unknown_paths_have_no_route() -> None:
    """A path that a vendor does not have is none of its routes."""
    assert [standin(name).route("/v1/events") for name in ("moveo", "moesif", "moengage")] == [None, None, None]
