"""The actions that send custom actions: of track, page and screen.

Source: contract of Moesif, sections 4.1 and 4.2; https://github.com/Moesif/apidocs at `41da5cf`,
`source/includes/collector-api/_actions-api.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from processor.destinations.base import Action, Field
from processor.destinations.forms import ADDRESS, IP, TEXT, candidates
from processor.destinations.ids import message_uuid
from processor.destinations.moesif.reading import (
    DAY_MS,
    NO_IDENTITY,
    finished,
    first_id,
    first_uri,
    put_agent,
    put_ip,
    put_texts,
    read_bag,
)
from processor.destinations.moesif.settings import MoesifSettings
from processor.destinations.text import id_text
from processor.destinations.times import find_time, iso_ms
from processor.model import Built, Event, Payload, Record, Rejected

ENDPOINT: Final = "actions"

ACTIONS_WITHOUT_IP: Final = "actions_without_ip"
"""Moesif takes the sender's address for one that is missing: this program's, on whatever it delivers."""
LATE_ACTIONS: Final = "late_actions"
COUNTERS: Final = frozenset({ACTIONS_WITHOUT_IP, LATE_ACTIONS})

_LATE_MS: Final = 300_000
"""Age from which an action may miss Moesif's deadlines of billing and alerting.

Source: https://github.com/Moesif/apidocs at `41da5cf`, `source/includes/_errors.md`.
"""
_MISSING_EVENT_NAME: Final = Rejected("missing_event_name", "the action has no name")
_TOO_OLD: Final = Rejected("event_too_old", "the event is older than max_event_age_days")
_PROPERTIES_NOT_OBJECT: Final = "properties_not_object"
_IDENTITY: Final = (("user_id", "anonymous_id", "company_id"),)
_EXTRA_IDS: Final = ("subscription_id", "session_token")

_COMPANY_ID: Final = Field(
    "company_id",
    "any",
    "The company, or a list of candidates of which the first usable one is taken; numbers become text.",
    default=[{"@path": "$.context.groupId"}, {"@path": "$.context.traits.company.id"}],
    form=candidates(TEXT),
)
_METADATA: Final = Field(
    "metadata",
    "object",
    "Properties of the action, nulls inside kept. Empty or null: left out. Not an object: left out with a warning. "
    "Moesif keeps the JSON type that a key had first.",
    default={"@path": "$.properties"},
)
_COMMON: Final = (
    Field(
        "transaction_id",
        "string",
        "Id by which Moesif recognises repeats; a text that is no UUID becomes the UUIDv5 of it. Default: the event's "
        "`messageId`, else one made from the record's coordinates.",
        default={"@path": "$.messageId"},
        is_id=True,
    ),
    Field("user_id", "string", "The user; numbers become text, blank is none.", default={"@path": "$.userId"}),
    Field(
        "anonymous_id",
        "string",
        "The visitor, sent only when there is no user. An action needs a user, a visitor or a company.",
        default={"@path": "$.anonymousId"},
    ),
    _COMPANY_ID,
    Field("subscription_id", "string", "Only where a company holds several subscriptions to one plan."),
    Field("session_token", "string", "A token by which Moesif ties API calls to the user."),
    Field(
        "time",
        "datetime",
        "When it happened, sent in UTC with milliseconds. Where it cannot be read, the event's other times and then "
        "the record's follow.",
        default={"@path": "$.timestamp"},
    ),
    Field(
        "ip_address",
        "string",
        "The person's IPv4 or IPv6 address; anything else is left out with the warning `bad_ip`. Without one Moesif "
        "takes the sender's address.",
        default={"@path": "$.context.ip"},
        form=IP,
    ),
    Field("user_agent_string", "string", "The person's user agent.", default={"@path": "$.context.userAgent"}),
    _METADATA,
)
_CATEGORY: Final = Field(
    "category",
    "any",
    "Category of the page or screen, or a list of candidates; also put into `metadata` when absent there.",
    default=[{"@path": "$.category"}, {"@path": "$.properties.category"}],
    form=candidates(TEXT),
)
_NAME: Final = Field(
    "name",
    "any",
    "Name of the page or screen, or a list of candidates; also put into `metadata` when absent there.",
    default=[{"@path": "$.name"}, {"@path": "$.properties.name"}],
    form=candidates(TEXT),
)


def _uri(*paths: str) -> Field:
    """Return the field of the page address with these default candidates."""
    return Field(
        "uri",
        "any",
        "Address of the page, or a list of candidates of which the first absolute one is taken; else `default_uri`.",
        default=[{"@path": path} for path in paths],
        form=candidates(ADDRESS),
    )


@dataclass(frozen=True, slots=True)
class View:
    """The wording of views of one kind."""

    noun: str
    generic: str

    def action_name(self, category: str | None, name: str | None) -> str:
        """Return what a view is called by what is known of it."""
        if category is None and name is None:
            return self.generic
        return " ".join(part for part in ("Viewed", category, name, self.noun) if part is not None)


PAGE: Final = View("Page", "Loaded a Page")
SCREEN: Final = View("Screen", "Loaded a Screen")


def _whom(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the ids of whom an action is about: the user, else the visitor, and the company; the first is the lane.

    It is empty when nobody is known.
    """
    whom = {}
    user_id = id_text(fields.get("user_id"))
    if user_id is not None:
        whom["user_id"] = user_id
    elif (anonymous_id := id_text(fields.get("anonymous_id"))) is not None:
        whom["anonymous_id"] = anonymous_id
    company_id = first_id(fields.get("company_id"))
    if company_id is not None:
        whom["company_id"] = company_id
    return whom


class _Sender:
    """Builds custom actions. The order of checks is the contract's: required field, identity, age, size."""

    __slots__ = ("_default_uri", "_is_named", "_max_age_ms", "_max_bytes", "_missing_ip", "_slug", "_view")

    def __init__(self, slug: str, settings: MoesifSettings, view: View | None = None) -> None:
        """Keep what every event needs; without a `view` the mapping names the action."""
        self._slug = slug
        self._view = view
        self._is_named = settings.page_name_mode == "named"
        self._default_uri = settings.default_uri
        self._missing_ip = settings.missing_ip_value
        self._max_age_ms = settings.max_event_age_days * DAY_MS
        self._max_bytes = settings.max_event_bytes

    def build(self, fields: Mapping[str, Any], event: Event, record: Record, now_ms: int) -> Built:
        """Return the action of one event, or why there is none (see `destinations.base.Build`)."""
        metadata, bag_warnings = read_bag(fields.get("metadata"), _PROPERTIES_NOT_OBJECT)
        if self._view is None:
            name = id_text(fields.get("action_name"))
        else:
            name, metadata = self._view_of(self._view, fields, metadata)
        if name is None:
            return _MISSING_EVENT_NAME
        whom = _whom(fields)
        if not whom:
            return NO_IDENTITY
        _, epoch_ms, time_warning = find_time(fields.get("time"), event, record)
        age_ms = now_ms - epoch_ms
        if 0 < self._max_age_ms < age_ms:
            return _TOO_OLD
        transaction_id, id_warning = message_uuid(fields.get("transaction_id"), event, record)
        item: dict[str, Any] = {"transaction_id": transaction_id, "action_name": name, **whom}
        put_texts(item, fields, _EXTRA_IDS)
        item["request"], ip_warnings = self._request(fields, epoch_ms)
        if metadata:
            item["metadata"] = metadata
        body = finished(item, self._max_bytes)
        if isinstance(body, Rejected):
            return body
        warnings = bag_warnings + ip_warnings
        if age_ms > _LATE_MS:
            warnings += (LATE_ACTIONS,)
        if time_warning is not None:
            warnings += (time_warning,)
        if id_warning is not None:
            warnings += (id_warning,)
        lane = next(iter(whom.values()))
        return Payload(self._slug, ENDPOINT, body, (lane,), "", None, warnings)

    def _request(self, fields: Mapping[str, Any], epoch_ms: int) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the circumstances of an action, and the warnings that they raise."""
        request = {"time": iso_ms(epoch_ms), "uri": first_uri(fields.get("uri"), self._default_uri)}
        warnings = put_ip(request, fields)
        if "ip_address" not in request:
            if self._missing_ip is None:
                warnings += (ACTIONS_WITHOUT_IP,)
            else:
                request["ip_address"] = self._missing_ip
        put_agent(request, fields)
        return request, warnings

    def _view_of(
        self, view: View, fields: Mapping[str, Any], metadata: Mapping[str, Any]
    ) -> tuple[str, Mapping[str, Any]]:
        """Return the name of a view, and its properties with name and category added where they are absent."""
        known = {key: text for key in ("name", "category") if (text := first_id(fields.get(key))) is not None}
        added = {**known, **metadata} if not known.keys() <= metadata.keys() else metadata
        if not self._is_named:
            return view.generic, added
        return view.action_name(known.get("category"), known.get("name")), added


def make_sends(settings: MoesifSettings) -> tuple[Action, ...]:
    """Return the three actions that send custom actions."""
    action_name = Field(
        "action_name", "string", "What happened; numbers become text.", required=True, default={"@path": "$.event"}
    )
    track_uri = _uri("$.context.page.url", "$.properties.url")
    page_uri = _uri("$.properties.url", "$.context.page.url")
    return (
        _action("sendAction", "Send what a user did.", settings, (action_name, track_uri), None),
        _action("sendPageView", "Send a page view as an action.", settings, (_CATEGORY, _NAME, page_uri), PAGE),
        _action(
            "sendScreenView",
            "Send a screen view as an action.",
            settings,
            (_CATEGORY, _NAME, _uri("$.context.page.url")),
            SCREEN,
        ),
    )


def _action(slug: str, description: str, settings: MoesifSettings, own: tuple[Field, ...], view: View | None) -> Action:
    """Return one action: its own fields, then those that all have."""
    return Action(slug, description, own + _COMMON, _Sender(slug, settings, view).build, (ENDPOINT,), _IDENTITY)
