"""What is sent to Moesif for one event, written from its contract: nothing, or up to two operations in order."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from tests.reference import moesif_values as values

Members = dict[str, Any]
Operation = tuple[Literal["action", "user", "company"], Members]

TYPES: Final = frozenset({"track", "page", "screen", "identify", "group", "alias"})
_NAMES_IN_INTEGRATIONS: Final = ("Moesif API Analytics", "moesif-api-analytics")
_DAY_MS: Final = 86_400_000
_MOST_BYTES: Final = 1_000_000
_TIMES: Final = ("timestamp", "originalTimestamp", "receivedAt", "sentAt")
_GROUP_PATHS: Final = ("context.groupId", "context.traits.company.id")
_URI_PATHS: Final = {
    "track": ("context.page.url", "properties.url"),
    "page": ("properties.url", "context.page.url"),
    "screen": ("context.page.url",),
}
_RENAMED_TRAITS: Final = {
    "firstName": "first_name",
    "lastName": "last_name",
    "avatar": "photo_url",
    "username": "user_name",
}
_CAMPAIGN: Final = {
    "source": "utm_source",
    "medium": "utm_medium",
    "name": "utm_campaign",
    "term": "utm_term",
    "content": "utm_content",
}


@dataclass(frozen=True)
class Settings:
    """The settings of the destination that this reference knows; all others stand at their defaults."""

    default_uri: str = "https://segment.invalid/"
    page_name_mode: Literal["named", "generic"] = "named"
    max_event_age_days: int = 30
    anonymous_identify: Literal["skip", "send"] = "skip"


class Arrival(NamedTuple):
    """The record that an event came in (time, topic, partition and offset), and when it is judged."""

    record_ms: int
    coordinates: tuple[str, int, int]
    now_ms: int


@dataclass
class Outcome:
    """What becomes of an event: operations to send in order, or the reason why there are none."""

    operations: list[Operation] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    dropped: str = ""
    dead_letter: str = ""


def outcome(event: object, arrival: Arrival, settings: Settings) -> Outcome:
    """Return what becomes of a decoded JSON value, checked in the order of 4.9."""
    if not isinstance(event, dict):
        return Outcome(dead_letter="not_an_object")
    type_ = values.text(event.get("type"))
    if type_ is None:
        return Outcome(dead_letter="missing_type")
    type_ = type_.strip().lower()
    if type_ not in TYPES:
        return Outcome(dead_letter="unknown_type")
    if not _is_admitted(event.get("integrations")):
        return Outcome(dropped="integration_disabled")
    if type_ == "alias":
        return Outcome(dropped="alias_unsupported")
    reading = _Reading(values.as_utf8(event), arrival, settings)
    match type_:
        case "identify":
            found = reading.identify()
        case "group":
            found = reading.group()
        case _:
            found = reading.action(type_)
    is_too_large = any(len(_compact(members)) > _MOST_BYTES for _, members in found.operations)
    return Outcome(dead_letter="event_too_large") if is_too_large else found


def _is_admitted(integrations: object) -> bool:
    """Return whether the event's `integrations` let it through to Moesif (Segment contract, 1.6)."""
    if not isinstance(integrations, dict):
        return True
    named = [integrations[name] for name in _NAMES_IN_INTEGRATIONS if integrations.get(name) is not None]
    if any(value is False for value in named):
        return False
    if not named:
        return integrations.get("All") is not False
    return any(value or isinstance(value, dict | list) for value in named)  # JavaScript takes empty ones for true


def _compact(members: Members) -> bytes:
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


class _Reading:
    """One event being read."""

    def __init__(self, event: Members, arrival: Arrival, settings: Settings) -> None:
        self._event = event
        self._arrival = arrival
        self._settings = settings
        self._warnings: list[str] = []
        self._user_id = values.first_id(event, "userId")
        self._anonymous_id = values.first_id(event, "anonymousId")

    def action(self, type_: str) -> Outcome:
        """Return the action that a track (4.1), page or screen (4.2) is."""
        name = values.first_id(self._event, "event") if type_ == "track" else self._view_action_name(type_)
        if name is None:
            return Outcome(dead_letter="missing_event_name")
        company_id = values.first_id(self._event, *_GROUP_PATHS)
        if not (self._user_id or self._anonymous_id or company_id):
            return Outcome(dead_letter="no_identity")
        time_ms = self._time_ms()
        age_days = self._settings.max_event_age_days
        if age_days and self._arrival.now_ms - time_ms > age_days * _DAY_MS:
            return Outcome(dead_letter="event_too_old")
        request = {
            "time": values.written_time(time_ms),
            "uri": self._uri(type_),
            "ip_address": self._address(),
            "user_agent_string": values.text(values.at(self._event, "context.userAgent")),
        }
        action = {
            "transaction_id": self._transaction_id(),
            "action_name": name,
            "user_id": self._user_id,
            "anonymous_id": None if self._user_id else self._anonymous_id,
            "company_id": company_id,
            "request": _known(request),
            "metadata": self._bag("properties") if type_ == "track" else self._view_metadata(),
        }
        return self._sent(("action", action))

    def identify(self) -> Outcome:
        """Return the user update that an identify is (4.3)."""
        is_sent = self._anonymous_id and self._settings.anonymous_identify == "send"
        if not (self._user_id or is_sent):
            return Outcome(dropped="identify_without_user_id")
        user = {
            "user_id": self._user_id,
            "anonymous_id": self._anonymous_id,
            "company_id": values.first_id(self._event, "traits.company.id", *_GROUP_PATHS),
            "modified_time": values.written_time(self._time_ms()),
            "ip_address": self._address(),
            "user_agent_string": values.text(values.at(self._event, "context.userAgent")),
            "campaign": self._campaign(),
            "metadata": _renamed(self._bag("traits")),
        }
        return self._sent(("user", user))

    def group(self) -> Outcome:
        """Return the company update that a group is, and the link of its user (4.4)."""
        company_id = values.first_id(self._event, "groupId")
        if company_id is None:
            return Outcome(dead_letter="missing_group_id")
        time = values.written_time(self._time_ms())
        company = {
            "company_id": company_id,
            "company_domain": self._company_domain(),
            "modified_time": time,
            "ip_address": self._address(),
            "campaign": self._campaign(),
            "metadata": self._bag("traits"),
        }
        if self._user_id is None:
            return self._sent(("company", company))
        link = {"user_id": self._user_id, "company_id": company_id, "modified_time": time}
        return self._sent(("company", company), ("user", link))

    def _sent(self, *operations: Operation) -> Outcome:
        return Outcome([(kind, _known(members)) for kind, members in operations], self._warnings)

    def _time_ms(self) -> int:
        """Return the event's time: the first of its times that is one, at last the record's (4.8)."""
        for source in _TIMES:
            found = values.time_ms(self._event.get(source))
            if found is not None:
                if source != "timestamp":
                    self._warnings.append(f"timestamp_from_{source}")
                return found
        self._warnings.append("timestamp_from_record")
        return self._arrival.record_ms

    def _transaction_id(self) -> str:
        """Return the id by which Moesif knows a repeat of the action (7)."""
        message_id = values.first_id(self._event, "messageId")
        if message_id is not None:
            return values.transaction_id(message_id)
        self._warnings.append("synthetic_message_id")
        topic, partition, offset = self._arrival.coordinates
        return values.transaction_id(f"kafka:{topic}:{partition}:{offset}")

    def _uri(self, type_: str) -> str:
        """Return where it happened: the first absolute uri, else the one of the settings."""
        candidates = (values.absolute_uri(values.at(self._event, path)) for path in _URI_PATHS[type_])
        return next((uri for uri in candidates if uri is not None), self._settings.default_uri)

    def _address(self) -> str | None:
        """Return the device's address, none with a warning where it is no address."""
        said = values.at(self._event, "context.ip")
        found = values.address(said)
        if said is not None and found is None:
            self._warnings.append("bad_ip")
        return found

    def _bag(self, name: str) -> Members | None:
        """Return properties or traits as they are, None where there are none."""
        bag = self._event.get(name)
        if bag is not None and not isinstance(bag, dict):
            self._warnings.append(f"{name}_not_object")
            return None
        return bag or None

    def _view_names(self) -> Members:
        """Return category and name of a page or screen, as far as it has them; left open: numbers are text here too."""
        return _known({key: values.first_id(self._event, key, f"properties.{key}") for key in ("category", "name")})

    def _view_action_name(self, type_: str) -> str:
        """Return what a page or screen is called as an action."""
        names, what = self._view_names().values(), type_.capitalize()
        if not names or self._settings.page_name_mode == "generic":
            return f"Loaded a {what}"
        return " ".join(["Viewed", *names, what])

    def _view_metadata(self) -> Members | None:
        """Return the properties of a page or screen, with its category and name where they have no such keys."""
        return self._view_names() | (self._bag("properties") or {}) or None

    def _company_domain(self) -> str | None:
        """Return the domain by which Moesif looks a company up: the first trait that has one."""
        names = ("domain", "company_domain", "website")
        found = (values.domain(values.at(self._event, f"traits.{name}")) for name in names)
        return next((domain for domain in found if domain is not None), None)

    def _campaign(self) -> Members | None:
        """Return where the visit comes from (4.6), None where nothing says so."""
        # Left open: numbers are text here too, and a referrer that is no uri is sent without a host.
        said = {name: values.first_id(self._event, f"context.campaign.{key}") for key, name in _CAMPAIGN.items()}
        return _known(said | self._referrer() | {"gclid": self._gclid()}) or None

    def _referrer(self) -> Members:
        """Return the page that led here and its host, nothing where it is of the same site."""
        referrer = values.first_id(self._event, "context.page.referrer", "context.referrer.url")
        here = values.text(values.at(self._event, "context.page.url"))
        site = values.site(referrer or "")
        if site is None:
            return {"referrer": referrer}
        return (
            {}
            if here is not None and values.site(here) == site
            else {"referrer": referrer, "referring_domain": site[1]}
        )

    def _gclid(self) -> str | None:
        """Return Google's click id, from the page's search or else from its address."""
        search, url = (values.text(values.at(self._event, f"context.page.{name}")) or "" for name in ("search", "url"))
        return values.query_value(f"?{search.removeprefix('?')}", "gclid") or values.query_value(url, "gclid")


def _known(members: Members) -> Members:
    """Return members without those that are None."""
    return {name: value for name, value in members.items() if value is not None}


def _renamed(traits: Members | None) -> Members | None:
    """Return traits with the names that Moesif reserves; where its own name is there too, that one wins."""
    if traits is None:
        return None
    return {
        _RENAMED_TRAITS.get(name, name): value
        for name, value in traits.items()
        if _RENAMED_TRAITS.get(name) not in traits
    }
