"""Moesif's Collector API, as the contract describes it.

Source: Moesif's API documentation at commit 41da5cf and its clients. Bodies of answers are not documented; the error
bodies here are invented.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from processor.sandbox.moesif_state import MoesifState, instant
from processor.sandbox.moesif_types import KeyTypes
from processor.sandbox.rates import Rate
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.shapes import Breach, read, shape
from processor.sandbox.vendor import (
    NO_MARKS,
    Accepted,
    Check,
    Head,
    Item,
    Marks,
    Refused,
    Route,
    Vendor,
    largest,
    mark_number,
    mark_text,
)

_MAX_QUERY_KEYS = 500
_PROXY = "/collector"
"""Where Moesif's encryption proxy serves the same routes."""

_CALLS = {"actions": "action", "users": "user", "companies": "company"}
_READINGS = {"config": b'{"sample_rate":100}', "rules": b"[]"}
_Form = Mapping[str, Any]


class _Light(Struct, gc=False):
    transaction_id: Any = None
    user_id: Any = None
    anonymous_id: Any = None
    company_id: Any = None
    modified_time: dt.datetime | UnsetType = UNSET
    metadata: Marks = NO_MARKS


class MoesifStandIn(Vendor):
    """Single and batch routes for actions, users and companies, and the two that clients read their settings from."""

    name = "moesif"

    def __init__(self, settings: SandboxSettings) -> None:
        """Accept the keys and keep the limits of `settings`."""
        keys = settings.keys
        self._keys = frozenset(keys.moesif_application_ids)
        self._refused_keys = {
            **dict.fromkeys(keys.moesif_unpaid_application_ids, (402, "unpaid", "the subscription has ended")),
            **dict.fromkeys(keys.moesif_forbidden_application_ids, (403, "forbidden_key", "not allowed")),
        }
        self._limits = settings.limits
        most = settings.limits.moesif_requests_per_s
        self.rate = None if most is None else Rate(most)
        self._state = MoesifState(settings)
        self._types = {call: KeyTypes() for call in _CALLS.values()}
        self._raws = msgspec.json.Decoder(list[Raw])
        make = self._full if settings.checks == "full" else self._light
        self._routes: dict[str, Route] = {}
        for endpoint in _CALLS:
            for path, batch in ((f"/v1/{endpoint}", False), (f"/v1/{endpoint}/batch", True)):
                limit, check = self._limit(endpoint, batch=batch), make(endpoint, batch=batch)
                self._routes[path] = Route(endpoint, limit, check, takes_gzip=settings.moesif_gzip)
        for endpoint, body in _READINGS.items():
            self._routes[f"/v1/{endpoint}"] = Route(endpoint, 0, _reading(body), "GET")

    def _limit(self, endpoint: str, *, batch: bool) -> int:
        """Return the largest body; that of several profiles is judged by the check, as one alone may be larger."""
        limits = self._limits
        return limits.moesif_actions_bytes if batch and endpoint == "actions" else limits.moesif_item_bytes

    def route(self, path: str) -> Route | None:
        """Return the route at this path, which the encryption proxy has as well."""
        return self._routes.get(path.removeprefix(_PROXY))

    def refuse(
        self,
        status: int,
        reason: str,
        message: str = "",
        *,
        error_type: str | None = None,  # noqa: ARG002 - only MoEngage sorts its errors by a word
    ) -> Refused:
        """Return a refusal; the vendor documents no body, so this one is made up."""
        return Refused(status, reason, msgspec.json.encode({"msg": f"{reason}: {message}" if message else reason}))

    def stranger(self, route: Route, head: Head) -> Refused | None:  # noqa: ARG002 - every route takes the same key
        """Refuse a wrong or missing application id, one whose subscription has ended and one that may not write."""
        key = head.headers.get("X-Moesif-Application-Id", "")
        if key in self._keys:
            return None
        return self.refuse(*self._refused_keys.get(key, (401, "wrong_key", "application id wrong or missing")))

    def media(self, route: Route, head: Head) -> Refused | None:
        """Refuse a request that wants another answer than JSON, as the error page says, and a body that is none."""
        accept = head.headers.get("Accept", "*/*")
        if not any(kind in accept for kind in ("*/*", "application/*", "application/json")):
            return self.refuse(406, "not_acceptable", "answers are JSON")
        return None if route.method == "GET" else super().media(route, head)

    def state(self, user: str | None) -> Iterable[dict[str, Any]]:
        """Yield users, visitors that are known by an anonymous id alone, and companies."""
        return self._state.shown(user)

    @property
    def state_is_complete(self) -> bool:
        """Return whether nobody had to be forgotten."""
        return self._state.is_complete

    def _light(self, endpoint: str, *, batch: bool) -> Check:
        """Return a check that reads what the record needs."""
        call = _CALLS[endpoint]
        form: Any = Annotated[list[_Light], Meta(min_length=1)] if batch else _Light
        decoder = msgspec.json.Decoder(form)

        def check(head: Head, body: bytes) -> Accepted | Refused:  # noqa: ARG001 - the head was judged before
            try:
                decoded = decoder.decode(body)
                refusal = self._oversized(endpoint, body) if batch else None
            except (msgspec.DecodeError, RecursionError) as error:
                return self.refuse(400, "invalid_body", str(error))
            if refusal is not None:
                return refusal
            return Accepted([_light_item(call, each) for each in (decoded if batch else [decoded])], b"{}", 201)

        return check

    def _full(self, endpoint: str, *, batch: bool) -> Check:
        """Return a check of everything."""
        call = _CALLS[endpoint]
        judge = shape("moesif", endpoint if batch else call)

        def check(head: Head, body: bytes) -> Accepted | Refused:
            try:
                decoded = read(body)
            except ValueError as error:
                return self.refuse(400, "invalid_json", str(error))
            breach = judge(decoded)
            if breach is not None:
                return self.refuse(400, _reason(breach), breach.text)
            forms = decoded if batch else [decoded]
            refusal = self._oversized(endpoint, body) if batch else None
            refusal = refusal or self._untimely(call, forms, head.now_s)
            return self._taken(call, forms, body, head) if refusal is None else refusal

        return check

    def _taken(self, call: str, forms: Sequence[_Form], body: bytes, head: Head) -> Accepted:
        items = [_item(call, form) for form in forms]
        findings = _doubtful(forms) if call == "action" else _repeated(call, items)

        def store() -> None:
            conflicts = sum(self._types[call].conflict_count(form.get("metadata", {})) for form in forms)
            findings.extend(["metadata_type_conflict"] * conflicts)
            self._state.store(call, forms, body, head)

        return Accepted(items, b"{}", 201, findings, store)

    def _oversized(self, endpoint: str, body: bytes) -> Refused | None:
        """Refuse what is too large; only a body that may hold it is looked at twice."""
        item_limit, profiles_limit = self._limits.moesif_item_bytes, self._limits.moesif_profiles_bytes
        if len(body) <= min(item_limit, profiles_limit):
            return None
        raws = self._raws.decode(body)
        if endpoint != "actions" and len(raws) > 1 and len(body) > profiles_limit:
            return self.refuse(413, "request_too_large", f"more than {profiles_limit} bytes")
        if largest(raws) > item_limit:
            return self.refuse(413, "event_too_large", f"an item of more than {item_limit} bytes")
        return None

    def _untimely(self, call: str, forms: Sequence[_Form], now_s: float) -> Refused | None:
        """Refuse a day that there is not, and an action that is too old."""
        days = self._limits.moesif_action_age_days
        oldest = None if days is None else dt.datetime.fromtimestamp(now_s, dt.UTC) - dt.timedelta(days=days)
        for index, form in enumerate(forms):
            text = form["request"].get("time") if call == "action" else form.get("modified_time")
            try:
                time = None if text is None else instant(text)
            except ValueError as error:
                return self.refuse(400, "invalid_time", f"{error} - at item {index}")
            if call == "action" and time is not None and oldest is not None and time < oldest:
                return self.refuse(400, "action_too_old", f"at item {index}")
        return None


def _reason(breach: Breach) -> str:
    """Return why a body is refused; the schema lets choose between two ids, and between two forms of an address."""
    return "no_identity" if breach.keyword == "anyOf" and breach.steps[:1] != ["ip_address"] else breach.reason


def _reading(body: bytes) -> Callable[[Head, bytes], Accepted | Refused]:
    return lambda _head, _body: Accepted([], body)


def _item(call: str, form: _Form) -> Item:
    marks = form.get("metadata", {})
    user = form["company_id"] if call == "company" else form.get("user_id", form.get("anonymous_id"))
    modified = form.get("modified_time")
    time = None if modified is None else instant(modified)
    own_id = form.get("transaction_id") if call == "action" else _update_id(user, time)
    return Item(call, mark_text(marks.get("ledger_id")) or own_id, user, mark_number(marks.get("seq")))


def _light_item(call: str, form: _Light) -> Item:
    marks, time = form.metadata, None if form.modified_time is UNSET else _utc(form.modified_time)
    user = form.company_id if call == "company" else mark_text(form.user_id) or mark_text(form.anonymous_id)
    own_id = mark_text(form.transaction_id) if call == "action" else _update_id(user, time)
    return Item(call, mark_text(marks.ledger_id) or own_id, mark_text(user), mark_number(marks.seq))


def _utc(time: dt.datetime) -> dt.datetime:
    return time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time.astimezone(dt.UTC)


def _update_id(of: Any, time: dt.datetime | None) -> str | None:  # noqa: ANN401 - a user's or a company's id
    """Return whom an update is about and of when it is: Moesif gives updates no id. None for one without a time."""
    if time is None:
        return None
    return f"{of}@{time.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def _repeated(call: str, items: Sequence[Item]) -> list[str]:
    """Return a finding for each id that stands twice in a batch, where the order of the two is not known."""
    users = Counter(item.user for item in items)
    return [f"repeated_{call}_in_batch"] * sum(count - 1 for count in users.values())


def _doubtful(actions: Sequence[_Form]) -> list[str]:
    """Return a finding for each action of nobody, of a user and a visitor at once, or with too long a query."""
    findings = _long_queries(actions)
    for action in actions:
        if "user_id" in action:
            findings.extend(["visitor_beside_user"] * ("anonymous_id" in action))
        elif "anonymous_id" not in action and "company_id" not in action:
            findings.append("action_of_nobody")
    return findings


def _long_queries(actions: Sequence[_Form]) -> list[str]:
    """Return a finding for each address with more query parameters than the limits page names."""
    uris = (action["request"]["uri"] for action in actions)
    many = [uri for uri in uris if uri.count("&") >= _MAX_QUERY_KEYS and _query_key_count(uri) > _MAX_QUERY_KEYS]
    return ["too_many_query_keys"] * len(many)


def _query_key_count(uri: str) -> int:
    query = uri.partition("?")[2].partition("#")[0]
    return len({pair.partition("=")[0] for pair in query.split("&") if pair})
