"""The actions that update users and companies: of identify, group and alias.

Source: contract of Moesif, sections 4.3 to 4.6; https://github.com/Moesif/apidocs at `41da5cf`,
`source/includes/collector-api/_users-api.md`, `_companies-api.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from processor.destinations.addresses import domain_of
from processor.destinations.base import Action, Field
from processor.destinations.forms import IP, TEXT, Form, candidates
from processor.destinations.moesif.campaign import FIELD as CAMPAIGN
from processor.destinations.moesif.campaign import read_campaign
from processor.destinations.moesif.reading import (
    DAY_MS,
    NO_IDENTITY,
    finished,
    first_id,
    put_agent,
    put_ip,
    put_texts,
    read_bag,
)
from processor.destinations.moesif.settings import MoesifSettings
from processor.destinations.text import BLANKS, id_text
from processor.destinations.times import find_time, iso_ms
from processor.model import Built, Event, Payload, Record, Rejected, Skipped

USERS: Final = "users"
ANONYMOUS_USERS: Final = "anonymous_users"
"""Updates without a user go one by one: a batch is not documented to take them, and would fail as a whole."""
COMPANIES: Final = "companies"

_WITHOUT_USER: Final = Skipped("identify_without_user_id")
_EXPIRED: Final = Skipped("event_expired")
_MISSING_GROUP_ID: Final = Rejected("missing_group_id", "the company has no usable id")
_TRAITS_NOT_OBJECT: Final = "traits_not_object"
_RENAMED: Final = {
    "firstName": "first_name",
    "lastName": "last_name",
    "avatar": "photo_url",
    "username": "user_name",
}
"""Segment's reserved traits and Moesif's keys for them; where both are present, Moesif's key wins."""

_TIME: Final = Field(
    "time",
    "datetime",
    "When it was so, sent as `modified_time` in UTC with milliseconds. Where it cannot be read, the event's other "
    "times and then the record's follow.",
    default={"@path": "$.timestamp"},
)
_IP: Final = Field(
    "ip_address",
    "string",
    "The person's IPv4 or IPv6 address; anything else is left out with the warning `bad_ip`.",
    default={"@path": "$.context.ip"},
    form=IP,
)
_TRAITS_DEFAULT: Final = {"@path": "$.traits"}


def make_updates(settings: MoesifSettings) -> tuple[Action, ...]:
    """Return the three actions that update users and companies."""
    return (
        Action(
            "updateUser",
            "Update the profile of a user.",
            _USER_FIELDS,
            _UserUpdate(settings).build,
            (USERS, ANONYMOUS_USERS),
            (("user_id", "anonymous_id") if settings.anonymous_identify == "send" else ("user_id",),),
        ),
        Action(
            "updateCompany",
            "Update the profile of a company and link a user to it.",
            _COMPANY_FIELDS,
            _CompanyUpdate(settings).build,
            (COMPANIES, USERS),
        ),
        Action(
            "mergeAnonymousUser",
            "Merge a visitor's profile into a user's.",
            _MERGE_FIELDS,
            _Merge(settings).build,
            (USERS,),
        ),
    )


_USER_FIELDS: Final = (
    Field("user_id", "string", "The user; numbers become text, blank is none.", default={"@path": "$.userId"}),
    Field(
        "anonymous_id",
        "string",
        "The visitor, sent beside the user where `send_anonymous_id` is on; this merges the two profiles.",
        default={"@path": "$.anonymousId"},
    ),
    Field(
        "company_id",
        "any",
        "The user's company, or a list of candidates of which the first usable one is taken; numbers become text.",
        default=[
            {"@path": "$.traits.company.id"},
            {"@path": "$.context.groupId"},
            {"@path": "$.context.traits.company.id"},
        ],
        form=candidates(TEXT),
    ),
    Field("session_token", "string", "A token by which Moesif ties API calls to the user."),
    _TIME,
    _IP,
    Field("user_agent_string", "string", "The person's user agent.", default={"@path": "$.context.userAgent"}),
    CAMPAIGN,
    Field(
        "metadata",
        "object",
        "Traits. `firstName`, `lastName`, `avatar` and `username` become `first_name`, `last_name`, `photo_url` and "
        "`user_name`; all else stays. Empty or null: left out. Not an object: left out with a warning.",
        default=_TRAITS_DEFAULT,
    ),
)


class _Update:
    """What updates have in common: the largest size, and the age from which they are skipped, zero for none."""

    __slots__ = ("_max_age_ms", "_max_bytes")

    def __init__(self, settings: MoesifSettings) -> None:
        """Keep what every event needs."""
        self._max_bytes = settings.max_event_bytes
        self._max_age_ms = settings.max_update_age_days * DAY_MS

    def _is_old(self, epoch_ms: int, now_ms: int) -> bool:
        """Return whether an update of this time would overwrite what is newer, by the settings."""
        return 0 < self._max_age_ms < now_ms - epoch_ms

    def _payload(
        self, action: str, endpoint: str, item: dict[str, Any], lanes: tuple[str, ...], warnings: tuple[str, ...]
    ) -> Payload | Rejected:
        """Return a finished update, or that it is too large."""
        body = finished(item, self._max_bytes)
        return body if isinstance(body, Rejected) else Payload(action, endpoint, body, lanes, "", None, warnings)


class _UserUpdate(_Update):
    """Builds user updates."""

    __slots__ = ("_anonymous_alone", "_send_anonymous_id")

    def __init__(self, settings: MoesifSettings) -> None:
        """Keep what every event needs."""
        super().__init__(settings)
        self._anonymous_alone = settings.anonymous_identify == "send"
        self._send_anonymous_id = settings.send_anonymous_id

    def build(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:
        """Return the update of one event, or why there is none (see `destinations.base.Build`)."""
        user_id, anonymous_id = id_text(fields.get("user_id")), id_text(fields.get("anonymous_id"))
        if user_id is None and not self._anonymous_alone:
            return _WITHOUT_USER
        if user_id is None and anonymous_id is None:
            return NO_IDENTITY
        _, epoch_ms, time_warning = find_time(fields.get("time"), event, record)
        if self._is_old(epoch_ms, now_ms):
            return _EXPIRED
        item: dict[str, Any] = {}
        if user_id is not None:
            item["user_id"] = user_id
        if anonymous_id is not None and (user_id is None or self._send_anonymous_id):
            item["anonymous_id"] = anonymous_id
        company_id = first_id(_real_companies(fields.get("company_id"), event))
        if company_id is not None:
            item["company_id"] = company_id
        put_texts(item, fields, ("session_token",))
        warnings = _put_circumstances(item, fields, epoch_ms, time_warning)
        put_agent(item, fields)
        metadata, bag_warnings = read_bag(fields.get("metadata"), _TRAITS_NOT_OBJECT)
        if metadata:
            item["metadata"] = _renamed(metadata)
        endpoint = ANONYMOUS_USERS if user_id is None else USERS
        return self._payload("updateUser", endpoint, item, self._lanes(user_id, anonymous_id), warnings + bag_warnings)

    def _lanes(self, user_id: str | None, anonymous_id: str | None) -> tuple[str, ...]:
        """Return the profiles whose order an update must keep.

        The visitor's profile is one of them only where updates of visitors are sent at all: some senders give all their
        events one constant anonymous id, and a lane of it would put everybody's updates in a single row.
        """
        known = (user_id, anonymous_id) if self._anonymous_alone else (user_id,)
        return tuple(dict.fromkeys(lane for lane in known if lane is not None))


def _real_companies(candidates: Any, event: Event) -> Any:  # noqa: ANN401 - any JSON value
    """Return candidates without a first one that is not an id but the `company` of the traits, which is 0.

    A path walks through 0 and gives it for the id in it; a company that is no object has none (contract, 4.3).
    """
    if type(candidates) is not list or candidates[:1] != [0]:
        return candidates
    traits = event.get("traits")
    is_company = isinstance(traits, dict) and traits.get("company") == 0
    return candidates[1:] if is_company else candidates


def _put_circumstances(
    item: dict[str, Any], fields: Mapping[str, Any], epoch_ms: int, warning: str | None
) -> tuple[str, ...]:
    """Put time, address and campaign into an update, and return the warnings that they raise."""
    item["modified_time"] = iso_ms(epoch_ms)
    warnings = put_ip(item, fields)
    campaign = read_campaign(fields.get("campaign"))
    if campaign:
        item["campaign"] = campaign
    return warnings if warning is None else (*warnings, warning)


def _renamed(traits: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return traits under Moesif's keys: the same object when there is nothing to rename."""
    if _RENAMED.keys().isdisjoint(traits):
        return traits
    return {_RENAMED.get(key, key): value for key, value in traits.items() if _RENAMED.get(key) not in traits}


_COMPANY_FIELDS: Final = (
    Field(
        "company_id",
        "any",
        "The company, or a list of candidates of which the first usable one is taken; numbers become text.",
        required=True,
        default=[{"@path": "$.groupId"}],
        form=candidates(TEXT),
    ),
    Field(
        "user_id",
        "string",
        "The user to link to the company, in an update of its own; Moesif keeps one company per user. Switched off by "
        "`group_links_user`.",
        default={"@path": "$.userId"},
    ),
    Field(
        "company_domain",
        "any",
        "The company's domain, which turns enrichment on, or a list of candidates (domains or addresses) of which the "
        "first one with a dot is taken: lower case, without `www.`.",
        default=[
            {"@path": "$.traits.domain"},
            {"@path": "$.traits.company_domain"},
            {"@path": "$.traits.website"},
        ],
        form=candidates(Form("a domain or address with a dot", lambda value: _first_domain(value) is not None)),
    ),
    Field("session_token", "string", "A token by which Moesif ties API calls to the company."),
    _TIME,
    _IP,
    CAMPAIGN,
    Field(
        "metadata",
        "object",
        "Traits, unchanged. Empty or null: left out. Not an object: left out with a warning.",
        default=_TRAITS_DEFAULT,
    ),
)


class _CompanyUpdate(_Update):
    """Builds company updates and the links of users to them."""

    __slots__ = ("_links_user",)

    def __init__(self, settings: MoesifSettings) -> None:
        """Keep what every event needs."""
        super().__init__(settings)
        self._links_user = settings.group_links_user

    def build(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:
        """Return the update of one event and the link of its user, or why there is none."""
        company_id = first_id(fields.get("company_id"))
        if company_id is None:
            return _MISSING_GROUP_ID
        _, epoch_ms, time_warning = find_time(fields.get("time"), event, record)
        if self._is_old(epoch_ms, now_ms):
            return _EXPIRED
        item: dict[str, Any] = {"company_id": company_id}
        domain = _first_domain(fields.get("company_domain"))
        if domain is not None:
            item["company_domain"] = domain
        put_texts(item, fields, ("session_token",))
        warnings = _put_circumstances(item, fields, epoch_ms, time_warning)
        metadata, bag_warnings = read_bag(fields.get("metadata"), _TRAITS_NOT_OBJECT)
        if metadata:
            item["metadata"] = metadata
        company = self._payload("updateCompany", COMPANIES, item, (company_id,), warnings + bag_warnings)
        user_id = id_text(fields.get("user_id")) if self._links_user else None
        if user_id is None or isinstance(company, Rejected):
            return company
        link = {"user_id": user_id, "company_id": company_id, "modified_time": item["modified_time"]}
        linked = self._payload("updateCompany", USERS, link, (user_id,), ())
        return linked if isinstance(linked, Rejected) else (company, linked)


def _first_domain(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return the first domain of a list of candidates, or of a single one."""
    for candidate in value if isinstance(value, list) else (value,):
        domain = domain_of(candidate.strip(BLANKS)) if isinstance(candidate, str) else None
        if domain is not None:
            return domain
    return None


_MERGE_FIELDS: Final = (
    Field(
        "user_id", "string", "The user who stays; numbers become text.", required=True, default={"@path": "$.userId"}
    ),
    Field(
        "anonymous_id",
        "string",
        "The visitor who was the user; right only where this is an anonymous id.",
        required=True,
        default={"@path": "$.previousId"},
    ),
    _TIME,
)


class _Merge(_Update):
    """Builds merges of visitors into users, of any age: an old one takes nothing back."""

    __slots__ = ()

    def build(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:  # noqa: ARG002 - merges have no age
        """Return the merge of one event, or why there is none (see `destinations.base.Build`)."""
        user_id, anonymous_id = id_text(fields.get("user_id")), id_text(fields.get("anonymous_id"))
        if user_id is None or anonymous_id is None:
            return NO_IDENTITY
        _, epoch_ms, warning = find_time(fields.get("time"), event, record)
        item = {"user_id": user_id, "anonymous_id": anonymous_id, "modified_time": iso_ms(epoch_ms)}
        lanes = tuple(dict.fromkeys((user_id, anonymous_id)))
        return self._payload("mergeAnonymousUser", USERS, item, lanes, () if warning is None else (warning,))
