"""Moesif's Collector API, as the contract describes it.

Source: Moesif's API documentation at commit 41da5cf and its clients. Bodies of answers are not documented; the error
bodies here are invented.
"""

from __future__ import annotations

import datetime as dt
import socket
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from processor.sandbox.settings import SandboxSettings
from processor.sandbox.vendor import (
    NO_MARKS,
    Accepted,
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

_MAX_AGE = dt.timedelta(days=30)
_Text = Annotated[str, Meta(pattern=r"\S")]
_Uuid = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
_Uri = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9+.-]*://[^/\s]")]
_Domain = Annotated[str, Meta(pattern=r"^[^A-Z\s]+\.[^A-Z\s]+$")]


class _Strict(Struct, gc=False, forbid_unknown_fields=True, kw_only=True):
    """A form that names every field of its page; any other key is a mistake of the sender."""


class _Request(_Strict):
    uri: _Uri
    time: dt.datetime | UnsetType = UNSET
    ip_address: str | UnsetType = UNSET
    user_agent_string: _Text | UnsetType = UNSET
    verb: _Text | UnsetType = UNSET


class _Action(_Strict):
    action_name: _Text
    request: _Request
    transaction_id: _Uuid | UnsetType = UNSET
    session_token: _Text | UnsetType = UNSET
    user_id: _Text | UnsetType = UNSET
    anonymous_id: _Text | UnsetType = UNSET
    company_id: _Text | UnsetType = UNSET
    subscription_id: _Text | UnsetType = UNSET
    metadata: Marks = NO_MARKS


class _Campaign(_Strict):
    utm_source: _Text | UnsetType = UNSET
    utm_medium: _Text | UnsetType = UNSET
    utm_campaign: _Text | UnsetType = UNSET
    utm_term: _Text | UnsetType = UNSET
    utm_content: _Text | UnsetType = UNSET
    referrer: _Text | UnsetType = UNSET
    referring_domain: _Text | UnsetType = UNSET
    gclid: _Text | UnsetType = UNSET


class _Profile(_Strict):
    session_token: _Text | UnsetType = UNSET
    modified_time: dt.datetime | UnsetType = UNSET
    ip_address: str | UnsetType = UNSET
    campaign: _Campaign | UnsetType = UNSET
    metadata: Marks = NO_MARKS


class _User(_Profile):
    user_id: _Text | UnsetType = UNSET
    anonymous_id: _Text | UnsetType = UNSET
    company_id: _Text | UnsetType = UNSET
    user_agent_string: _Text | UnsetType = UNSET


class _Company(_Profile, kw_only=True):
    company_id: _Text
    company_domain: _Domain | UnsetType = UNSET


class _Light(Struct, gc=False):
    transaction_id: Any = None
    user_id: Any = None
    anonymous_id: Any = None
    company_id: Any = None
    modified_time: dt.datetime | UnsetType = UNSET
    metadata: Marks = NO_MARKS


_CALLS: dict[str, tuple[str, type[Struct]]] = {
    "actions": ("action", _Action),
    "users": ("user", _User),
    "companies": ("company", _Company),
}


class MoesifStandIn(Vendor):
    """Single and batch routes for actions, users and companies."""

    name = "moesif"

    def __init__(self, settings: SandboxSettings) -> None:
        """Accept the keys and keep the limits of `settings`."""
        self._keys = frozenset(settings.keys.moesif_application_ids)
        self._limits = settings.limits
        self._light = settings.checks == "light"
        self._raws = msgspec.json.Decoder(list[Raw])
        self._routes: dict[str, Route] = {}
        for endpoint in _CALLS:
            self._routes[f"/v1/{endpoint}"] = self._made(endpoint, batch=False)
            self._routes[f"/v1/{endpoint}/batch"] = self._made(endpoint, batch=True)

    def _made(self, endpoint: str, *, batch: bool) -> Route:
        call, form = _CALLS[endpoint]
        form = _Light if self._light else form
        decoder: msgspec.json.Decoder[Any] = (
            msgspec.json.Decoder(Annotated[list[form], Meta(min_length=1)])  # type: ignore[valid-type]
            if batch
            else msgspec.json.Decoder(form)
        )
        limit = self._limits.moesif_actions_bytes if batch and endpoint == "actions" else self._limits.moesif_item_bytes

        def check(head: Head, body: bytes) -> Accepted | Refused:
            try:
                decoded = decoder.decode(body)
                refusal = self._oversized(endpoint, body) if batch else None
            except msgspec.DecodeError as error:
                return self.refuse(400, "invalid_body", str(error))
            items = decoded if batch else [decoded]
            return refusal or self._judged(call, items, head.now_s, batch=batch)

        return Route(endpoint, limit if batch else self._limits.moesif_item_bytes, check)

    def route(self, path: str) -> Route | None:
        """Return the route at this path."""
        return self._routes.get(path)

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
        """Refuse a wrong or missing application id."""
        if head.headers.get("X-Moesif-Application-Id") in self._keys:
            return None
        return self.refuse(401, "wrong_key", "application id wrong or missing")

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

    def _judged(self, call: str, forms: Sequence[Any], now_s: float, *, batch: bool) -> Accepted | Refused:
        if not self._light:
            refusal = self._contradiction(call, forms, now_s, batch=batch)
            if refusal is not None:
                return refusal
        items = [_item(call, form) for form in forms]
        return Accepted(items, b"{}", 201, () if self._light or call == "action" else _repeated(call, items))

    def _contradiction(self, call: str, forms: Sequence[Any], now_s: float, *, batch: bool) -> Refused | None:
        oldest = dt.datetime.fromtimestamp(now_s, dt.UTC) - _MAX_AGE
        for index, form in enumerate(forms):
            problem = _action_problem(form, oldest) if call == "action" else _profile_problem(call, form, batch=batch)
            if problem is not None:
                return self.refuse(400, problem, f"at item {index}")
        return None


def _action_problem(action: _Action, oldest: dt.datetime) -> str | None:
    request = action.request
    if request.ip_address is not UNSET and not _is_address(request.ip_address):
        return "bad_ip_address"
    if request.time is not UNSET and _utc(request.time) < oldest:
        return "action_too_old"
    return None


def _profile_problem(call: str, profile: Any, *, batch: bool) -> str | None:  # noqa: ANN401 - a user or a company
    if profile.ip_address is not UNSET and not _is_address(profile.ip_address):
        return "bad_ip_address"
    if call == "user" and profile.user_id is UNSET and (batch or profile.anonymous_id is UNSET):
        return "missing_user_id"
    return None


def _utc(time: dt.datetime) -> dt.datetime:
    return time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time


def _is_address(text: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, text)
        except (OSError, ValueError):
            continue
        return True
    return False


def _item(call: str, form: Any) -> Item:  # noqa: ANN401 - any of the forms
    marks = form.metadata
    user = form.company_id if call == "company" else mark_text(form.user_id) or mark_text(form.anonymous_id)
    own_id = mark_text(form.transaction_id) if call == "action" else _update_id(user, form)
    return Item(call, mark_text(marks.ledger_id) or own_id, mark_text(user), mark_number(marks.seq))


def _update_id(of: Any, profile: Any) -> str | None:  # noqa: ANN401 - a user or a company, and its id
    """Return whom an update is about and of when it is: Moesif gives updates no id. None for one without a time."""
    if profile.modified_time is UNSET:
        return None
    time = _utc(profile.modified_time).astimezone(dt.UTC)
    return f"{of}@{time.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def _repeated(call: str, items: Sequence[Item]) -> list[str]:
    """Return a finding for each id that stands twice in a batch, where the order of the two is not known."""
    users = Counter(item.user for item in items)
    return [f"repeated_{call}_in_batch"] * sum(count - 1 for count in users.values())
