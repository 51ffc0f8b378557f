"""MoEngage's data APIs in cloud mode, as the contract describes them.

Bulk, the routes for one element, merge, delete, both credential routes and the private route of Segment's destination.

Source: MoEngage's OpenAPI at commit 0adc5260 and Data API overview; Segment's action-destinations at commit 970a17ee.
"""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import msgspec

from processor.sandbox.moengage_answers import (
    ACCOUNTS,
    DELETE_RATE,
    NO_ADDRESS,
    error_body,
    success_body,
    type_of,
    type_of_breach,
)
from processor.sandbox.moengage_light import Bulk, items_of
from processor.sandbox.moengage_limits import Quotas
from processor.sandbox.moengage_workspace import (
    CLOCK_TOLERANCE_S,
    Workspace,
    asked_of,
    message_asked,
    seconds_of,
)
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.shapes import Shape, read, shape
from processor.sandbox.vendor import Accepted, Check, Head, Item, Refused, Route, Vendor

_SINGLE = ("customer", "event", "device")
_FORMS = ("bulk", *_SINGLE, "merge", "delete", "authentication", "segment")


class MoEngageStandIn(Vendor):
    """One workspace, and the users it has heard of. Light checks read little and keep nothing."""

    name = "moengage"

    def __init__(self, settings: SandboxSettings) -> None:
        """Accept the keys and keep the limits of `settings`."""
        keys = settings.keys
        self._id = keys.moengage_workspace_id
        self._passwords = frozenset(keys.moengage_api_keys)
        self._gzip = settings.moengage_gzip
        self._rules = settings.moengage
        self._is_full = settings.checks == "full"
        self._quotas = Quotas(self._rules.rates)
        self._workspace = Workspace(self._rules, settings.state_user_count, settings.keep_count)
        self._request_count = 0
        self._bulk_decoder = msgspec.json.Decoder(Bulk)
        self._routes = self._all_routes(settings.limits.moengage_bulk_bytes, settings.limits.moengage_other_bytes)

    def _all_routes(self, bulk_bytes: int, other_bytes: int) -> Mapping[str, Route]:
        bulk = self._bulk if self._is_full else self._light_bulk
        made = partial(self._made, other_bytes)
        return {
            f"/v1/transition/{self._id}": self._made(bulk_bytes, "bulk", bulk),
            "/v1/transition": self._made(bulk_bytes, "bulk", bulk, query="app_id"),
            **{f"/v1/{kind}/{self._id}": made(kind, partial(self._single, kind)) for kind in _SINGLE},
            "/v1/customer/merge": made("merge", self._merge, query="app_id"),
            "/v1/customer/delete": made("delete", self._delete, query="app_id"),
            "/v1/integrations/authentication": made("authentication", self._authenticate),
            "/v1/integrations/segment": made("segment", self._message, query="appId", private=True),
            "/v1/integrations/segment/auth": made(
                "segment_auth", self._welcome, query="appId", private=True, method="GET"
            ),
        }

    def _made(
        self, limit: int, endpoint: str, check: Check, *, query: str = "", private: bool = False, method: str = "POST"
    ) -> Route:
        return Route(endpoint, limit, check, method, self._gzip, {"query": query, "private": private})

    def route(self, path: str) -> Route | None:
        """Return the route at this path. A path of another workspace leads here too, to be refused by its key."""
        found = self._routes.get(path)
        if found is None:
            family, _, workspace = path.rpartition("/")
            if workspace and family in {"/v1/transition", *(f"/v1/{kind}" for kind in _SINGLE)}:
                found = self._routes[f"{family}/{self._id}"]
        return found

    def refuse(
        self, status: int, reason: str, message: str = "", *, error_type: str | None = None, attribute: str = ""
    ) -> Refused:
        """Return a refusal in MoEngage's form; `error_type` is its word for it, by default that of the status."""
        kind = type_of(status) if error_type is None else error_type
        return Refused(status, reason, error_body(kind, message or kind, self._request_id(), attribute))

    def stranger(self, route: Route, head: Head) -> Refused | None:
        """Refuse wrong credentials, a missing or foreign `MOE-APPKEY`, a wrong workspace, and who may not send."""
        if route.endpoint != "authentication" and not self._is_known(head.headers.get("Authorization", "")):
            return self.refuse(401, "wrong_key")
        if not route.facts["private"]:
            app_key = head.headers.get("MOE-APPKEY")
            if app_key is None:
                return self.refuse(401, "missing_app_key", "MOE-APPKEY is missing")
            if app_key != self._id:
                return self.refuse(409, "foreign_app_key", "MOE-APPKEY and credentials differ")
        return self._misdirected(route, head) or self._unwelcome(head)

    def throttled(self, route: Route, head: Head) -> Refused | None:
        """Refuse a request above the rate of its route; elements of a bulk request are counted when it is read."""
        counted = {"customer": "one customer", "event": "one event"}.get(route.endpoint, route.endpoint)
        return None if route.endpoint == "bulk" else self._above({counted: 1}, head.now_s)

    def media(self, route: Route, head: Head) -> Refused | None:
        """Refuse a missing content type with 400 and a wrong one with 415, as the overview says."""
        if route.method == "GET":
            return None
        if "Content-Type" not in head.headers:
            return self.refuse(400, "missing_content_type", error_type="Missing header value")
        return super().media(route, head)

    def state(self, user: str | None) -> Iterable[dict[str, Any]]:
        """Yield each user with attributes, events in order of arrival and devices, and what was dropped by id."""
        return self._workspace.rows(user)

    @property
    def state_is_complete(self) -> bool:
        """Return whether no user, event or drop had to be left out of the state."""
        return self._workspace.is_complete

    def _above(self, counts: Mapping[str, int], now_s: float) -> Refused | None:
        exceeded = self._quotas.take(counts, now_s)
        if exceeded is None:
            return None
        kind = DELETE_RATE if "delete" in counts else None
        refused = self.refuse(429, "above_rate", f"{exceeded.most} are taken", error_type=kind)
        assert self._rules.rates is not None
        refused.headers = exceeded.headers(now_s, self._rules.rates.reset_form)
        return refused

    def _misdirected(self, route: Route, head: Head) -> Refused | None:
        name, query = route.facts["query"], head.query
        if not name:
            family, _, workspace = head.path.rpartition("/")
            if family == "/v1/integrations" or workspace == self._id:
                return None
            return self.refuse(400, "foreign_workspace", error_type="InvalidParams")
        if query.get(name) == self._id:
            return None
        kind = "ParamsRequired" if name not in query else "InvalidParams"
        return self.refuse(400, "workspace_parameter", f"{name} must name the workspace", error_type=kind)

    def _unwelcome(self, head: Head) -> Refused | None:
        """Refuse whom the account's state or its allow-list keeps out."""
        if self._rules.account != "active":
            status, kind = ACCOUNTS[self._rules.account]
            return self.refuse(status, f"account_{self._rules.account}", error_type=kind)
        allowed = self._rules.allowed_addresses
        if allowed is None or head.headers.get("X-Forwarded-For", "").partition(",")[0].strip() in allowed:
            return None
        return self.refuse(403, "address_not_allowed", "X-Forwarded-For is not on the list", error_type=NO_ADDRESS)

    def _is_known(self, authorization: str) -> bool:
        scheme, _, text = authorization.partition(" ")
        try:
            user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return scheme.lower() == "basic" and user == self._id and password in self._passwords

    def _light_bulk(self, head: Head, body: bytes) -> Accepted | Refused:
        try:
            items = [item for one in self._bulk_decoder.decode(body).elements for item in items_of(one)]
        except msgspec.DecodeError:
            refused = self._read("bulk", body)
            return refused if isinstance(refused, Refused) else self.refuse(400, "invalid_body")
        counts = {} if self._rules.rates is None else Counter(item.call for item in items)
        return self._above(counts, head.now_s) or Accepted(items, success_body(self._request_id()), 200, [])

    def _bulk(self, head: Head, body: bytes) -> Accepted | Refused:
        value = self._read("bulk", body)
        if isinstance(value, Refused):
            return value
        elements = value["elements"]
        most = self._rules.element_count
        if most is not None and len(elements) > most:
            return self.refuse(400, "too_many_elements", error_type="ArrayFieldError", attribute="elements")
        counts = Counter(element["type"] for element in elements)
        counts["event"] = sum(len(element["actions"]) for element in elements if element["type"] == "event")
        return self._above(counts, head.now_s) or self._taken(elements, head.now_s)

    def _single(self, kind: str, head: Head, body: bytes) -> Accepted | Refused:
        """Take one element as a whole body; of a future event this route says so."""
        element = self._read(kind, body)
        if isinstance(element, Refused):
            return element
        for index, action in enumerate(element.get("actions", ())):
            if _is_future(action, head.now_s):
                place = f"actions[{index}].current_time"
                return self.refuse(400, "future_event", error_type="ValueError", attribute=place)
        return self._taken([element], head.now_s)

    def _taken(self, elements: Sequence[Mapping[str, Any]], now_s: float) -> Accepted:
        findings: list[str] = []
        said = Accepted(asked_of(elements), success_body(self._request_id()), 200, findings)

        def store() -> None:
            said.items = self._workspace.take(elements, now_s, findings)

        return self._kept(said, store)

    def _kept(self, said: Accepted, store: Callable[[], None]) -> Accepted:
        """Return the acceptance with what it does to the state; light checks keep none and take it at its word."""
        if self._is_full:
            said.store = store
        return said

    def _merge(self, head: Head, body: bytes) -> Accepted | Refused:  # noqa: ARG002 - the head was judged before
        value = self._read("merge", body)
        if isinstance(value, Refused):
            return value
        pairs, findings = value["merge_data"], list[str]()
        asked = [Item("merge", pair["merged_user"], pair["retained_user"]) for pair in pairs]
        said = Accepted(asked, b'{"status":"success","operation":"created"}', 200, findings)

        def store() -> None:
            said.items = self._workspace.merge(pairs, findings)

        return self._kept(said, store)

    def _delete(self, head: Head, body: bytes) -> Accepted | Refused:  # noqa: ARG002 - the head was judged before
        value = self._read("delete", body)
        if isinstance(value, Refused):
            return value
        user, users = value["identity_value"], self._workspace.users
        if self._is_full and users.find(user) is None:
            return self.refuse(400, "unknown_user", error_type="Not Found")
        said = Accepted([Item("delete", None, user)], success_body(self._request_id()))
        return self._kept(said, lambda: users.delete(user))

    def _authenticate(self, head: Head, body: bytes) -> Accepted | Refused:  # noqa: ARG002 - the head was judged before
        asked = self._read("authentication", body)
        if isinstance(asked, Refused):
            return asked
        if asked["app_id"] != self._id or asked["app_secret"] not in self._passwords:
            return self.refuse(401, "wrong_key")
        return Accepted([], success_body(self._request_id()))

    def _message(self, head: Head, body: bytes) -> Accepted | Refused:
        message = self._read("segment", body)
        if isinstance(message, Refused):
            return message
        findings: list[str] = []
        said = Accepted([message_asked(message)], b"{}", 200, findings)

        def store() -> None:
            said.items = self._workspace.take_message(message, head.now_s, findings)

        return self._kept(said, store)

    def _welcome(self, head: Head, body: bytes) -> Accepted | Refused:  # noqa: ARG002 - credentials were all it asks
        return Accepted([], b"{}")

    def _read(self, form: str, body: bytes) -> Any:  # noqa: ANN401 - any JSON value
        """Return the body if it has this form; else the refusal of it."""
        if not body:
            return self.refuse(400, "empty_body", error_type="Empty request body")
        try:
            value = read(body)
        except ValueError as error:
            return self.refuse(400, "malformed_json", str(error), error_type="Malformed JSON")
        if type(value) not in (dict, list):
            return self.refuse(400, "invalid_body", error_type="Body type is not JSON")
        breach = _shapes()[form](value)
        if breach is None:
            return value
        kind = type_of_breach(breach)
        return self.refuse(400, "invalid_body", breach.text, error_type=kind, attribute=breach.place)

    def _request_id(self) -> str:
        self._request_count += 1
        return f"rq-{self._request_count}"


@cache
def _shapes() -> Mapping[str, Shape]:
    return {name: shape("moengage", name) for name in _FORMS}


def _is_future(action: Mapping[str, Any], now_s: float) -> bool:
    try:
        return seconds_of(action.get("current_time", 0)) > now_s + CLOCK_TOLERANCE_S
    except ValueError:
        return False
