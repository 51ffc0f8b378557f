"""What MoEngage does with what it has accepted: it keeps it, alters it or drops it, and says nothing of either.

A request that is refused is the lesser evil: a 200 proves nothing here. What is dropped is named with its reason in the
record and in the state.

Source: MoEngage's OpenAPI at commit 0adc5260, its Data API overview and its policies, as of 2026.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from processor.sandbox.moengage_attributes import Kept, Names, kept_of_event, kept_of_user
from processor.sandbox.moengage_limits import FairUse
from processor.sandbox.moengage_settings import MoEngageWorkspace
from processor.sandbox.moengage_users import Users
from processor.sandbox.vendor import Item, mark_number, mark_text

CLOCK_TOLERANCE_S = 5.0
_MAX_NAME_CHARS = 200
_JUNK_IDS = frozenset(
    {
        *("unknown", "guest", "null", "0", "1", "true", "false", "user_attribute_unique_id", "(empty)", "na", "n/a"),
        *("dummy_seller_code", "user_id", "id", "customer_id", "uid", "userid", "none", "-2", "-1", "2", ""),
    }
)
"""Written from the vendor's page a second time: what the connector refuses must not decide what its judge refuses."""
_Json = Mapping[str, Any]


class _Moment(Struct):
    """One request while it is taken in: when it came, and what is made of it."""

    now_s: float
    items: list[Item]
    findings: list[str]


class Workspace:
    """The users of a workspace and everything that was dropped on the way to them."""

    def __init__(self, settings: MoEngageWorkspace, user_count: int, keep_count: int) -> None:
        """Start with nobody; keep so many users, and of events and of drops `keep_count` each."""
        self.users = Users(user_count, keep_count)
        self._settings = settings
        self._names = Names()
        self._fair_use = FairUse(settings.fair_use)
        self._ignored: dict[str, list[dict[str, Any]]] = {}
        self._ignored_left = keep_count
        self._has_unlisted = False
        self._elements: Mapping[str, Callable[[_Json, _Moment], None]] = {
            "customer": self._customer,
            "event": self._event,
            "device": self._device,
        }

    def take(self, elements: Sequence[_Json], now_s: float, findings: list[str]) -> list[Item]:
        """Take elements in, in the order of the list, and return what became of each item."""
        moment = _Moment(now_s, [], findings)
        for element in elements:
            self._elements[element["type"]](element, moment)
        return moment.items

    def take_message(self, message: _Json, now_s: float, findings: list[str]) -> list[Item]:
        """Take a message of Segment's own route in. Attributes are kept as they come: no page says otherwise."""
        moment = _Moment(now_s, [], findings)
        call, bag = message["type"], _bag_of(message)
        registered, anonymous = message.get("user_id") or "", message.get("anonymous_id") or ""
        user = registered or anonymous
        reason = self._unwelcome(user, now_s, is_anonymous=not registered) if user else ""
        if not reason and message.get("update_existing_only") and not self.users.has(user, is_anonymous=not registered):
            reason = "unknown_user"
        item = _item(call, user or None, bag, reason)
        self._note(item, moment)
        if user and not reason:
            met = self.users.met(user, is_anonymous=not registered)
            if call == "identify":
                self.users.set_attributes(met, bag, ())
            else:
                self.users.add_event(met, _event_row(message.get("event", ""), item, bag, message, ("timestamp",)))
        return moment.items

    @property
    def is_complete(self) -> bool:
        """Return whether nothing had to be left out of the state to stay within bounds."""
        return self.users.is_complete and not self._has_unlisted

    def merge(self, pairs: Sequence[_Json], findings: list[str]) -> list[Item]:
        """Merge what can be merged and skip the rest without a word."""
        moment = _Moment(0.0, [], findings)
        for pair in pairs:
            merged, retained = pair["merged_user"], pair["retained_user"]
            item = Item("merge", merged, retained, None, self._unmergeable(merged, retained))
            self._note(item, moment)
            if not item.ignored:
                self.users.merge(merged, retained)
        return moment.items

    def rows(self, user: str | None) -> Iterator[dict[str, Any]]:
        """Yield an object for each user, and one for each id of which something was dropped."""
        yield from self.users.rows(user)
        for name in list(self._ignored) if user is None else [user]:
            if name in self._ignored:
                yield {"kind": "ignored", "id": name, "ignored": self._ignored[name]}

    def _customer(self, element: _Json, moment: _Moment) -> None:
        user, bag = element["customer_id"], element.get("attributes", {})
        reason = self._unwelcome(user, moment.now_s)
        if not reason and element.get("update_existing_only") and self.users.find(user) is None:
            reason = "unknown_user"
        item = _item("customer", user, bag, reason)
        self._note(item, moment)
        if not reason:
            kept = kept_of_user(bag, self._settings, self._names)
            self.users.set_attributes(self.users.met(user), kept.attributes, element.get("unset_attributes", ()))
            self._note_attributes(kept, item, moment)

    def _event(self, element: _Json, moment: _Moment) -> None:
        user = element["customer_id"]
        for action in element["actions"]:
            bag = action.get("attributes", {})
            reason = self._unwelcome(user, moment.now_s) or self._unwanted(action, moment.now_s)
            item = _item("event", user, bag, reason)
            self._note(item, moment)
            if not reason:
                kept = kept_of_event(bag, self._settings, self._names)
                details = {**action, **({"device_id": element["device_id"]} if "device_id" in element else {})}
                row = _event_row(_event_name(action["action"]), item, kept.attributes, details, _ACTION_DETAILS)
                self.users.add_event(self.users.met(user), row)
                moment.findings.extend(_action_findings(action))
                self._note_attributes(kept, item, moment)

    def _device(self, element: _Json, moment: _Moment) -> None:
        user, device_id = element["customer_id"], element["device_id"]
        reason = self._unwelcome(user, moment.now_s) or self._unattachable(user, device_id)
        item = Item("device", device_id, user, None, reason)
        self._note(item, moment)
        if not reason:
            dropped = self.users.set_device(user, device_id, element["attributes"])
            self._note_attributes(Kept({}, dropped, []), item, moment)

    def _unwelcome(self, user: str, now_s: float, *, is_anonymous: bool = False) -> str:
        """Return why nothing of this user is taken in; an item that gets past the id counts for fair use."""
        if not is_anonymous and is_junk(user):
            return "invalid_customer_id"
        known = None if is_anonymous else self.users.find(user)
        if known is not None and known.is_blocked:
            return "user_blocked"
        return "over_fair_use" if self._fair_use.is_blocked(user, now_s) else ""

    def _unwanted(self, action: _Json, now_s: float) -> str:
        """Return why an action is dropped."""
        try:
            seconds = seconds_of(action.get("current_time", 0))
        except ValueError:
            return "invalid_time"
        if seconds > now_s + CLOCK_TOLERANCE_S:
            return "future_event"
        name = _event_name(action["action"])
        if name.startswith("moe_"):
            return "reserved_event_name"
        names = self._names
        return "" if names.take(names.events, name, self._settings.event_name_count) else "event_name_quota"

    def _unattachable(self, user: str, device_id: str) -> str:
        """Return why a device is dropped: it needs a user, and one too many blocks the user's data from then on."""
        known = self.users.find(user)
        if known is None:
            return "unknown_user"
        if device_id not in known.devices and len(known.devices) >= self._settings.device_count:
            known.is_blocked = True
            return "too_many_devices"
        return ""

    def _unmergeable(self, merged: str, retained: str) -> str:
        """Return why a pair is skipped: only two different registered users can be merged."""
        if self._settings.has_identity_resolution:
            return "identity_resolution"
        if merged == retained:
            return "same_user"
        known = self.users.find(merged) is not None and self.users.find(retained) is not None
        return "" if known else "unknown_user"

    def _note(self, item: Item, moment: _Moment) -> None:
        moment.items.append(item)
        if item.ignored:
            moment.findings.append(item.ignored)
            self._remember(item, "")

    def _note_attributes(self, kept: Kept, of: Item, moment: _Moment) -> None:
        """List what was dropped of an item that was taken in, an item each; what was altered is counted alone."""
        moment.findings.extend(kept.altered)
        for name, reason in kept.dropped:
            moment.findings.append(reason)
            dropped = Item("attribute", None, of.user, of.seq, reason)
            moment.items.append(dropped)
            self._remember(Item(of.call, of.id, of.user, of.seq, reason), name)

    def _remember(self, item: Item, attribute: str) -> None:
        if self._ignored_left <= 0:
            self._has_unlisted = True
            return
        self._ignored_left -= 1
        row: dict[str, Any] = {"call": item.call, "reason": item.ignored}
        details = {"id": item.id, "seq": item.seq, "attribute": attribute or None}
        row.update({name: value for name, value in details.items() if value is not None})
        self._ignored.setdefault(item.user or "", []).append(row)


_ACTION_DETAILS = (
    *("current_time", "user_time", "user_timezone_offset", "platform", "moe_os_type", "app_version"),
    *("real_time_action", "device_id"),
)


def is_junk(customer_id: str) -> bool:
    """Return whether an id is never a user: on the block list in any case, of one character, or with blanks around."""
    text = customer_id.strip()
    return len(text) < 2 or text != customer_id or text.lower() in _JUNK_IDS  # noqa: PLR2004 - "more than one character"


def seconds_of(time: str | int) -> float:
    """Return a time of an action as seconds since 1970; without a zone it is UTC.

    Raises:
        ValueError: When there is no such day.
    """
    if isinstance(time, int) or time.isdigit():
        return float(time)
    moment = dt.datetime.fromisoformat(time)
    return (moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment).timestamp()


def asked_of(elements: Sequence[_Json]) -> list[Item]:
    """Return an item for each thing that elements ask for, before anybody has looked at it."""
    return [item for element in elements for item in _asked(element)]


def message_asked(message: _Json) -> Item:
    """Return the item of a message of Segment's own route."""
    user = message.get("user_id") or message.get("anonymous_id") or None
    return _item(message["type"], user, _bag_of(message), "")


def _asked(element: _Json) -> list[Item]:
    user = element["customer_id"]
    match element["type"]:
        case "customer":
            return [_item("customer", user, element.get("attributes", {}), "")]
        case "device":
            return [Item("device", element["device_id"], user)]
        case _:
            return [_item("event", user, action.get("attributes", {}), "") for action in element["actions"]]


def _item(call: str, user: str | None, bag: _Json, ignored: str) -> Item:
    own_id = mark_text(bag.get("ledger_id"))
    if own_id is None and call == "event":
        own_id = mark_text(bag.get("segment_message_id"))
    return Item(call, own_id, user, mark_number(bag.get("seq")), ignored)


def _bag_of(message: _Json) -> _Json:
    bag: _Json = message["traits"] if "traits" in message else message.get("properties", {})
    return bag


def _event_name(name: str) -> str:
    """Return an event's name as the platform shows it."""
    return name[:_MAX_NAME_CHARS].replace(".", " ")


def _event_row(name: str, item: Item, bag: _Json, details: _Json, wanted: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = {"call": item.call, "action": name, "attributes": bag}
    if item.id is not None:
        row["id"] = item.id
    row.update({key: details[key] for key in wanted if key in details})
    return row


def _action_findings(action: _Json) -> Iterator[str]:
    if len(action["action"]) > _MAX_NAME_CHARS:
        yield "event_name_too_long"
    if "." in action["action"]:
        yield "period_in_event_name"
    if "moe_os_type" in action and action.get("platform") != "TV":
        yield "os_type_without_tv"
