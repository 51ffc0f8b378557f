"""What the bridge sends to MoEngage for one event: sections 3, 5 and 8 of its contract, bulk mode, classic profile."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from tests.reference.javascript import trimmed
from tests.reference.moengage_attributes import attributes_of_event, attributes_of_user, short_address
from tests.reference.moengage_names import LONGEST_NAME, snake_case
from tests.reference.moengage_values import (
    LONGEST_TEXT,
    iso_of_ms,
    mended,
    read_ms,
    sent_value,
    text_of,
)

CALLS: Final = frozenset({"track", "identify", "page", "screen", "group", "alias", "delete"})
INTEGRATION_NAMES: Final = ("MoEngage", "Moengage (Actions)")
TIMES: Final = ("timestamp", "originalTimestamp", "receivedAt", "sentAt")
CLOCK_MARGIN_MS: Final = 5 * 60 * 1000
LARGEST_OFFSET_S: Final = 54_000
NOBODY: Final = frozenset(
    {
        *("unknown", "guest", "null", "0", "1", "2", "-1", "-2", "true", "false", "none", "na", "n/a", "(empty)"),
        *("id", "uid", "userid", "user_id", "customer_id", "user_attribute_unique_id", "dummy_seller_code"),
    }
)
"""Ids that MoEngage refuses."""
PLATFORMS: Final = {"ios": "iOS", "ipados": "iOS", "watchos": "iOS", "android": "ANDROID", "tvos": "TV"}
BROWSER_LIBRARIES: Final = frozenset({"analytics.js", "analytics-next"})


@dataclass(frozen=True)
class Settings:
    """What section 8 of the contract names, as far as this reference follows it; the rates say only how fast."""

    api_id: str = "WKSPACE7EXAMPLE"
    key_case: Literal["snake", "preserve"] = "snake"
    real_time_action: bool = True
    project_name: str | None = None
    device_elements: bool = False
    page_events: bool = False
    screen_events: bool = False
    group_attributes: bool = False
    alias: Literal["drop", "merge"] = "drop"
    delete_users: bool = False
    max_request_bytes: int = 95_000
    users_per_minute: int = 10_000
    events_per_minute: int = 30_000


class NotSent(Exception):  # noqa: N818 - a word for an outcome, not an error
    """An event is not sent: `outcome` is `dropped` or `dead_letter`."""

    def __init__(self, outcome: Literal["dropped", "dead_letter"], reason: str) -> None:
        """Keep what the golden cases name."""
        super().__init__(reason)
        self.outcome, self.reason = outcome, reason


def what_is_sent(event: object, record_ms: int, now_ms: int, settings: Settings) -> dict[str, Any]:
    """Return what comes of an event in the words of the golden cases, and `warnings`.

    That is `elements` of a bulk request, or a `request` of its own, or a reason under `dropped` or `dead_letter`.
    """
    warnings: list[str] = []
    try:
        sent = _Call(mended(event), record_ms, now_ms, settings, warnings).sent()
    except NotSent as not_sent:
        return {not_sent.outcome: not_sent.reason, "warnings": []}
    return {**sent, "warnings": warnings}


class _Call:
    """One event on its way to MoEngage."""

    def __init__(self, event: Any, record_ms: int, now_ms: int, settings: Settings, warnings: list[str]) -> None:  # noqa: ANN401 - any JSON value
        if not isinstance(event, dict):
            raise NotSent("dead_letter", "not_an_object")
        self.event, self.settings, self.warnings = event, settings, warnings
        self.record_ms, self.now_ms = record_ms, now_ms
        self.context = _object(event.get("context"))
        self.key_case = snake_case if settings.key_case == "snake" else str

    def sent(self) -> dict[str, Any]:
        """Return what is sent, once every check is passed, in the order of section 8."""
        call = self.event.get("type")
        call = trimmed(call).lower() if isinstance(call, str) else ""
        if not call:
            raise NotSent("dead_letter", "missing_type")
        if call not in CALLS:
            raise NotSent("dead_letter", "unknown_type")
        if not _is_admitted(self.event.get("integrations")):
            raise NotSent("dropped", "integration_disabled")
        if not self._is_switched_on(call):
            raise NotSent("dropped", "unsupported_type")
        self.user = _user(self.event.get("userId"))
        sent: dict[str, Any] = getattr(self, call)()
        for element in sent.get("elements", ()):
            body = {"type": "transition", "elements": [element]}
            size = len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())
            if size > self.settings.max_request_bytes:
                raise NotSent("dead_letter", "event_too_large")
        return sent

    def _is_switched_on(self, call: str) -> bool:
        on = {
            "page": self.settings.page_events,
            "screen": self.settings.screen_events,
            "group": self.settings.group_attributes,
            "alias": self.settings.alias == "merge",
            "delete": self.settings.delete_users,
        }
        return on.get(call, True)

    # The calls, one after the other: sections 3.1 to 3.7.

    def track(self) -> dict[str, Any]:
        """Return an event by the name that the track has."""
        name = text_of(self.event.get("event"))
        if name is None:
            raise NotSent("dead_letter", "missing_event_name")
        name = name.replace(".", "_")
        # Whether case counts is left open; as with reserved words it does not.
        name = f"segment_{name}" if name.lower().startswith("moe_") else name
        return self._event(name[:LONGEST_NAME], self._bag("properties"), {})

    def page(self) -> dict[str, Any]:
        """Return an event by the name that all pages have."""
        return self._viewed("Page Viewed")

    def screen(self) -> dict[str, Any]:
        """Return an event by the name that all screens have."""
        return self._viewed("Screen Viewed")

    def _viewed(self, name: str) -> dict[str, Any]:
        bag = self._bag("properties")
        bag |= {key: short_address(bag[key]) for key in ("url", "referrer") if key in bag}
        # A property that is null is left open: it is as good as absent.
        labels = {key: sent_value(text_of(self.event.get(key))) for key in ("name", "category") if bag.get(key) is None}
        return self._event(name, bag, _without_nothing(labels))

    def _event(self, name: str, bag: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
        if self.settings.project_name is not None:
            own = {"moe_project_name": self.settings.project_name} | own
        at_ms = self._time_ms()
        action = {
            "action": name,
            "attributes": attributes_of_event(bag, own, self.key_case),
            **self._platform(),
            # The one member of the context that a preset's `@path` reads and not the action itself.
            "app_version": text_of(_walked(self.event, "context", "app", "version")),
            "current_time": iso_of_ms(at_ms),
            "user_timezone_offset": self._offset_s(at_ms),
            "real_time_action": "true" if self.settings.real_time_action else None,
        }
        device_id = self._text("device", "id") if self.settings.device_elements else None
        return {"elements": [self._element("event", device_id=device_id, actions=[_without_nothing(action)])]}

    def identify(self) -> dict[str, Any]:
        """Return the user, and behind it the device if it can be pushed to."""
        traits = self._bag("traits")
        own_id = text_of(traits.get("id"))
        if own_id is not None and trimmed(own_id) != self.user:
            self.warnings.append("traits_id_differs")
        device = self._device() if self.settings.device_elements else []
        merged = _object(self.context.get("traits")) | traits
        return {"elements": [self._customer(attributes_of_user(merged, self.key_case)), *device]}

    def group(self) -> dict[str, Any]:
        """Return the user with what is known of the group."""
        group_id = text_of(self.event.get("groupId"))
        if group_id is None:
            raise NotSent("dead_letter", "missing_group_id")
        attributes = attributes_of_user(self._bag("traits"), self.key_case, "group_")
        # How the id is brought to text is left open: trimmed as a user's is, and never read as an address or a time.
        return {"elements": [self._customer(attributes | {"group_id": trimmed(group_id)[:LONGEST_TEXT]})]}

    def alias(self) -> dict[str, Any]:
        """Return the merge of two users."""
        previous = text_of(self.event.get("previousId"))
        if previous is None:
            raise NotSent("dead_letter", "missing_previous_id")
        previous = trimmed(previous)
        if previous == self.user:
            raise NotSent("dropped", "alias_same_id")
        _refuse_nobody(previous)  # left open by the contract, but whom MoEngage refuses it cannot merge either
        return self._request("merge", {"merge_data": [{"merged_user": previous, "retained_user": self.user}]})

    def delete(self) -> dict[str, Any]:
        """Return the deletion of a user."""
        return self._request("delete", {"identity_type": "customer_id", "identity_value": self.user})

    # What the calls are made of: section 3.0.

    def _customer(self, attributes: dict[str, Any]) -> dict[str, Any]:
        return self._element("customer", update_existing_only=False, attributes=attributes)

    def _device(self) -> list[dict[str, Any]]:
        token = self._text("device", "token")
        platform = self._platform().get("platform")
        if token is None or platform is None:
            return []
        attributes = {
            "platform": platform,
            "push_id": token,
            "model": self._text("device", "model"),
            "os_version": self._text("os", "version"),
            "app_version": self._text("app", "version"),
        }
        advertising_name = {"ANDROID": "moe_gaid", "iOS": "idfv"}.get(platform)
        if advertising_name is not None:
            attributes[advertising_name] = self._text("device", "advertisingId")
        device_id = self._text("device", "id") or token
        return [self._element("device", device_id=device_id, attributes=_without_nothing(attributes))]

    def _element(self, kind: str, **members: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
        return {"type": kind, "customer_id": self.user, **_without_nothing(members)}

    def _request(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        address = f"/v1/customer/{path}?app_id={self.settings.api_id}"
        return {"request": {"method": "POST", "path": address, "body": body}}

    def _bag(self, name: str) -> dict[str, Any]:
        bag = self.event.get(name)
        if bag is not None and not isinstance(bag, dict):
            self.warnings.append(f"{name}_not_object")
        return _object(bag)

    def _text(self, part: str, name: str) -> str | None:
        """Return a member of a part of the context as text."""
        return text_of(_object(self.context.get(part)).get(name))

    def _time_ms(self) -> int:
        times = [(name, read_ms(self.event.get(name))) for name in TIMES]
        source, at_ms = next(((name, at) for name, at in times if at is not None), ("record", self.record_ms))
        if at_ms > self.now_ms + CLOCK_MARGIN_MS:
            source, received_ms = "receivedAt", dict(times)["receivedAt"]
            if received_ms is None or received_ms > self.now_ms:
                raise NotSent("dead_letter", "future_timestamp")
            at_ms = received_ms
        if source != TIMES[0]:
            self.warnings.append(f"timestamp_from_{source}")
        return min(at_ms, self.now_ms)

    def _offset_s(self, at_ms: int) -> int | None:
        zone = self.context.get("timezone")
        if not isinstance(zone, str):
            return None
        try:
            offset = dt.datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)).utcoffset()
        except (OSError, ValueError, KeyError):
            return None
        offset_s = int(offset.total_seconds()) if offset is not None else LARGEST_OFFSET_S + 1
        return offset_s if abs(offset_s) <= LARGEST_OFFSET_S else None

    def _platform(self) -> dict[str, str]:
        for text in (self._text("device", "type"), self._text("os", "name")):
            name = trimmed(text or "").lower()
            if name in PLATFORMS:
                return {"platform": PLATFORMS[name]} | ({"moe_os_type": "tvOS"} if name == "tvos" else {})
        # A device of which nothing is known is left open: it is none.
        is_page = self._text("page", "url") is not None and not _object(self.context.get("device"))
        return {"platform": "web"} if is_page or self._text("library", "name") in BROWSER_LIBRARIES else {}


def _is_admitted(integrations: object) -> bool:
    """Return whether an event is meant for MoEngage: section 1.6 of the Segment contract."""
    switches = _object(integrations)
    named = [switches[name] for name in INTEGRATION_NAMES if switches.get(name) is not None]
    if any(value is False for value in named):
        return False
    if any(value is True or isinstance(value, dict) for value in named):
        return True
    if named:
        return any(isinstance(value, list) or bool(value) for value in named)  # as JavaScript takes it
    return switches.get("All") is not False


def _user(user_id: object) -> str:
    """Return whom an event is about."""
    text = text_of(user_id)
    if text is None:
        raise NotSent("dropped", "missing_user_id")
    user = trimmed(text)
    _refuse_nobody(user)
    return user


def _refuse_nobody(user: str) -> None:
    """Stop at an id that MoEngage refuses."""
    if len(user) == 1 or user.lower() in NOBODY:
        raise NotSent("dropped", "invalid_user_id")


def _object(value: object) -> dict[str, Any]:
    """Return a value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def _walked(value: Any, *names: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return what a path of Segment's mapping language leads to: through 0 to 0 (section 2.2 of its contract)."""
    for name in names:
        if not isinstance(value, dict):
            return value if value == 0 else None
        value = value.get(name)
    return value


def _without_nothing(members: dict[str, Any]) -> dict[str, Any]:
    """Return what is there."""
    return {name: value for name, value in members.items() if value is not None and value != {}}
