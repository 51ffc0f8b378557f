"""MoEngage's data APIs in cloud mode, as the contract describes them.

Bulk, merge, delete, both credential routes and the private route of Segment's own destination.

Source: MoEngage's OpenAPI at commit 0adc5260 and Data API overview; Segment's action-destinations at commit 970a17ee.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from processor.sandbox.moengage_elements import Bulk, items_of
from processor.sandbox.settings import SandboxSettings
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
    mark_number,
    mark_text,
)

_ACCEPTED = (
    b'{"status":"success","message":"Your request has been accepted and will be processed soon.","request_id":"%s"}'
)
_MAX_MERGE_PAIRS = 50
_ERROR_TYPES: Mapping[int, str] = {
    400: "ValueError",
    401: "Authentication required",
    403: "Account Suspended",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "PayloadTooLarge",
    415: "MediaTypeError",
    429: "Rate Limits Exceeded",
}
_Text = Annotated[str, Meta(pattern=r"\S")]
_PLACE = re.compile(r"`\$\.?([^`]*)`$")


class _Pair(Struct, forbid_unknown_fields=True):
    merged_user: _Text
    retained_user: _Text


class _Merge(Struct, forbid_unknown_fields=True):
    merge_data: Annotated[list[_Pair], Meta(min_length=1)]


class _Delete(Struct, forbid_unknown_fields=True):
    identity_type: Literal["customer_id"]
    identity_value: _Text


class _Credentials(Struct):
    app_id: str
    app_secret: str
    source: str = ""
    region: str = ""


class _Context(Struct, forbid_unknown_fields=True):
    app: dict[str, Raw]
    os: dict[str, Raw]
    library: dict[str, Raw]


class _Message(Struct, forbid_unknown_fields=True, kw_only=True):
    """What Segment's own destination sends: envelope keys in snake_case, the user's keys untouched."""

    type: _Text
    context: _Context
    timestamp: _Text | UnsetType = UNSET
    user_id: str | UnsetType | None = UNSET
    anonymous_id: str | UnsetType | None = UNSET
    event: _Text | UnsetType = UNSET
    properties: Marks = NO_MARKS
    traits: Marks = NO_MARKS
    update_existing_only: bool = False


class MoEngageStandIn(Vendor):
    """One workspace, and the users it has heard of."""

    name = "moengage"

    def __init__(self, settings: SandboxSettings) -> None:
        """Accept the keys and keep the limits of `settings`."""
        keys = settings.keys
        self._workspace = keys.moengage_workspace_id
        self._passwords = frozenset(keys.moengage_api_keys)
        self._full = settings.checks == "full"
        self._gzip = settings.moengage_gzip
        self._users: set[str] = set()
        self._request_count = 0
        self._bulk_decoder = msgspec.json.Decoder(Bulk)
        bulk, other = settings.limits.moengage_bulk_bytes, settings.limits.moengage_other_bytes
        self._routes = {
            f"/v1/transition/{self._workspace}": self._made("bulk", bulk, self._bulk),
            "/v1/customer/merge": self._made("merge", other, self._merge, query="app_id"),
            "/v1/customer/delete": self._made("delete", other, self._delete, query="app_id"),
            "/v1/integrations/authentication": self._made("authentication", other, self._authenticate),
            "/v1/integrations/segment": self._made("segment", other, self._message, query="appId", private=True),
            "/v1/integrations/segment/auth": self._made(
                "segment_auth", other, self._welcome, query="appId", private=True, method="GET"
            ),
        }

    def _made(
        self, endpoint: str, limit: int, check: Check, *, query: str = "", private: bool = False, method: str = "POST"
    ) -> Route:
        return Route(endpoint, limit, check, method, self._gzip, {"query": query, "private": private})

    def route(self, path: str) -> Route | None:
        """Return the route at this path. A bulk path of another workspace leads here too, to be refused by its key."""
        found = self._routes.get(path)
        if found is None and path.startswith("/v1/transition/"):
            found = self._routes[f"/v1/transition/{self._workspace}"]
        return found

    def refuse(
        self, status: int, reason: str, message: str = "", *, error_type: str | None = None, attribute: str = ""
    ) -> Refused:
        """Return a refusal in MoEngage's form; `error_type` is its word for it, by default that of the status."""
        kind = _ERROR_TYPES.get(status, "ServerError") if error_type is None else error_type
        error = {"type": kind, "message": message or kind, "request_id": self._request_id()}
        if attribute:
            error["attribute"] = attribute
        return Refused(status, reason, msgspec.json.encode({"status": "fail", "error": error}))

    def stranger(self, route: Route, head: Head) -> Refused | None:
        """Refuse wrong Basic credentials, a missing or foreign `MOE-APPKEY` and a wrong workspace in path or query."""
        if route.endpoint != "authentication" and not self._is_known(head.headers.get("Authorization", "")):
            return self.refuse(401, "wrong_key")
        if not route.facts["private"]:
            app_key = head.headers.get("MOE-APPKEY")
            if app_key is None:
                return self.refuse(401, "missing_app_key", "MOE-APPKEY is missing")
            if app_key != self._workspace:
                return self.refuse(409, "foreign_app_key", "MOE-APPKEY and credentials differ")
        if route.endpoint == "bulk" and head.path != f"/v1/transition/{self._workspace}":
            return self.refuse(400, "foreign_workspace", error_type="InvalidParams")
        return self._misdirected(route.facts["query"], head.query)

    def media(self, route: Route, head: Head) -> Refused | None:
        """Refuse a missing content type with 400 and a wrong one with 415, as the overview says."""
        if route.method == "GET":
            return None
        if "Content-Type" not in head.headers:
            return self.refuse(400, "missing_content_type", error_type="Missing header value")
        return super().media(route, head)

    def _misdirected(self, name: str, query: Mapping[str, str]) -> Refused | None:
        if not name or query.get(name) == self._workspace:
            return None
        kind = "ParamsRequired" if name not in query else "InvalidParams"
        return self.refuse(400, "workspace_parameter", f"{name} must name the workspace", error_type=kind)

    def _is_known(self, authorization: str) -> bool:
        scheme, _, text = authorization.partition(" ")
        try:
            user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return scheme.lower() == "basic" and user == self._workspace and password in self._passwords

    def _bulk(self, head: Head, body: bytes) -> Accepted | Refused:
        findings: list[str] = []
        try:
            elements = self._bulk_decoder.decode(body).elements
            items = [item for one in elements for item in items_of(one, head.now_s, findings, full=self._full)]
        except msgspec.DecodeError as error:
            return self._misshapen(body, error)
        self._users.update(item.user for item in items if item.user is not None and not item.ignored)
        return Accepted(items, self._success(), 200, findings)

    def _merge(self, head: Head, body: bytes) -> Accepted | Refused:  # noqa: ARG002 - the head was judged before
        try:
            pairs = msgspec.json.decode(body, type=_Merge).merge_data
        except msgspec.DecodeError as error:
            return self._misshapen(body, error)
        if len(pairs) > _MAX_MERGE_PAIRS:
            return self.refuse(400, "too_many_pairs", error_type="ArrayFieldError", attribute="merge_data")
        items = [Item("merge", pair.merged_user, pair.retained_user, None, self._unmergeable(pair)) for pair in pairs]
        return Accepted(items, b'{"status":"success","operation":"created"}')

    def _unmergeable(self, pair: _Pair) -> str:
        """Return why a pair is skipped without a word: only two different registered users can be merged."""
        if pair.merged_user == pair.retained_user:
            return "same_user"
        return "" if {pair.merged_user, pair.retained_user} <= self._users else "unknown_user"

    def _delete(self, head: Head, body: bytes) -> Accepted | Refused:  # noqa: ARG002 - the head was judged before
        try:
            user = msgspec.json.decode(body, type=_Delete).identity_value
        except msgspec.DecodeError as error:
            return self._misshapen(body, error)
        if user not in self._users:
            return self.refuse(400, "unknown_user", error_type="Not Found")
        self._users.discard(user)
        return Accepted([Item("delete", None, user)], self._success())

    def _authenticate(self, head: Head, body: bytes) -> Accepted | Refused:  # noqa: ARG002 - the head was judged before
        try:
            asked = msgspec.json.decode(body, type=_Credentials)
        except msgspec.DecodeError as error:
            return self._misshapen(body, error)
        if asked.app_id != self._workspace or asked.app_secret not in self._passwords:
            return self.refuse(401, "wrong_key")
        return Accepted([], self._success())

    def _message(self, head: Head, body: bytes) -> Accepted | Refused:  # noqa: ARG002 - the head was judged before
        try:
            message = msgspec.json.decode(body, type=_Message)
        except msgspec.DecodeError as error:
            return self._misshapen(body, error)
        if message.type == "track" and message.event is UNSET:
            return self.refuse(400, "missing_event", error_type="MissingAttributeError", attribute="event")
        marks = message.properties if message.traits is NO_MARKS else message.traits
        user = mark_text(message.user_id) or mark_text(message.anonymous_id)
        return Accepted([Item(message.type, mark_text(marks.ledger_id), user, mark_number(marks.seq))], b"{}")

    def _welcome(self, head: Head, body: bytes) -> Accepted | Refused:  # noqa: ARG002 - credentials were all it asks
        return Accepted([], b"{}")

    def _misshapen(self, body: bytes, error: msgspec.DecodeError) -> Refused:
        if not body:
            return self.refuse(400, "empty_body", error_type="Empty request body")
        if not isinstance(error, msgspec.ValidationError):
            return self.refuse(400, "malformed_json", str(error), error_type="Malformed JSON")
        kind, place = _named(str(error))
        return self.refuse(400, "invalid_body", str(error), error_type=kind, attribute=place)

    def _success(self) -> bytes:
        return _ACCEPTED.replace(b"%s", self._request_id().encode())

    def _request_id(self) -> str:
        self._request_count += 1
        return f"rq-{self._request_count}"


def _named(message: str) -> tuple[str, str]:
    """Return MoEngage's word for a complaint of the form check, and the attribute it is about."""
    found = _PLACE.search(message)
    place = found.group(1) if found else ""
    if "missing required field" in message:
        return "MissingAttributeError", place
    if "unknown field" in message:
        return "AttributeError", place
    if message.startswith("Expected `array`"):
        return "ArrayFieldError", place
    if (
        message.startswith(("Expected `object`", "Expected `str`", "Expected `bool`", "Expected `int`"))
        and "`, got" in message
    ):
        return "TypeError", place
    return "ValueError", place
