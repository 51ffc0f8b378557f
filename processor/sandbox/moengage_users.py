"""What a MoEngage workspace knows of its users, last write wins: attributes, events, devices, merges and deletions.

What the vendor leaves open is decided here: elements are taken in the order of their list, a merged user's data fills
the gaps of the retained one, and a deletion is at once.

Source: MoEngage's Data API overview and OpenAPI at commit 0adc5260.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

_CREATED_ONCE = ("created_time", "cr_t")
_DEVICE_ATTRIBUTES = frozenset({"platform", "push_id", "model", "os_version", "app_version", "moe_gaid", "idfv"})
_UNIQUE_ATTRIBUTES = ("push_id", "moe_gaid", "idfv")
_FOREIGN_ID: Mapping[str, str] = {"iOS": "moe_gaid", "ANDROID": "idfv"}


class User(Struct, gc=False):
    """One user. Events are kept as JSON behind the order of their arrival, so that merged ones can be put in order."""

    status: str = "active"
    is_anonymous: bool = False
    attributes: dict[str, Any] = {}
    events: list[tuple[int, bytes]] = []
    devices: dict[str, dict[str, Any]] = {}
    merged_into: str = ""
    merged_from: list[str] = []
    left_out_count: int = 0
    is_blocked: bool = False


class Users:
    """The users of one workspace. An anonymous user shares no name with a registered one.

    `is_complete` says whether users or events had to be left out to stay within bounds.
    """

    def __init__(self, user_count: int, event_count: int) -> None:
        """Keep so many users, those that were heard of last, and so many events, the first ones."""
        self._users: OrderedDict[tuple[bool, str], User] = OrderedDict()
        self._device_of: dict[tuple[str, Any], tuple[str, str]] = {}
        """The user and device that have a token or advertising id: of every device that is known, and of no other."""
        self._event_count = 0
        self._most_users, self._most_events = user_count, event_count
        self.is_complete = True

    def find(self, user: str) -> User | None:
        """Return a registered user who was neither merged into another nor deleted, or who came back afterwards."""
        found = self._users.get((False, user))
        return found if found is not None and found.status == "active" else None

    def has(self, user: str, *, is_anonymous: bool) -> bool:
        """Return whether this user exists."""
        found = self._users.get((is_anonymous, user))
        return found is not None and found.status == "active"

    def met(self, user: str, *, is_anonymous: bool = False) -> User:
        """Return this user, made where there is none; one who was merged or deleted starts anew."""
        key = (is_anonymous, user)
        found = self._users.get(key)
        if found is None:
            found = self._users[key] = User(is_anonymous=is_anonymous)
            self._make_room()
        else:
            self._users.move_to_end(key)
        found.status = "active"
        return found

    def _make_room(self) -> None:
        if len(self._users) > self._most_users:
            _, forgotten = self._users.popitem(last=False)
            self._free(*forgotten.devices.values())
            self.is_complete = False

    def set_attributes(self, user: User, attributes: Mapping[str, Any], unset: Sequence[Mapping[str, Any]]) -> None:
        """Write these over what is known; an empty list removes a list, and `unset` beats what is set beside it."""
        known = user.attributes
        for name, value in attributes.items():
            if name in _CREATED_ONCE and name in known:
                continue
            if value == [] and type(value) is list:
                if type(known.get(name)) is list:
                    del known[name]
                continue
            known[name] = value
        for rule in unset:
            for name in _named(known, rule):
                del known[name]

    def add_event(self, user: User, event: Mapping[str, Any]) -> None:
        """Put an event behind the others: none is known again, and none replaces another."""
        self._event_count += 1
        if self._event_count > self._most_events:
            user.left_out_count += 1
            self.is_complete = False
        else:
            user.events.append((self._event_count, msgspec.json.encode(event)))

    def set_device(self, name: str, device_id: str, attributes: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Write a device of a known user, and return what of it is not taken in, with reasons.

        A token or advertising id that is in use by another device takes that device away, whoever has it.
        """
        foreign = _FOREIGN_ID.get(attributes["platform"], "")
        dropped = [
            (key, "foreign_device_attribute" if key == foreign else "unknown_device_attribute")
            for key in attributes
            if key == foreign or key not in _DEVICE_ATTRIBUTES
        ]
        left_out = {key for key, _ in dropped}
        kept = {key: value for key, value in attributes.items() if key not in left_out}
        for unique in _UNIQUE_ATTRIBUTES:
            if unique in kept:
                self._move_device((unique, kept[unique]), (name, device_id))
        devices = self._users[(False, name)].devices
        before = devices.get(device_id, {})
        devices[device_id] = {**before, **kept}
        for unique in _UNIQUE_ATTRIBUTES:
            if unique in before and before[unique] != devices[device_id][unique]:
                del self._device_of[unique, before[unique]]
        return dropped

    def _move_device(self, token: tuple[str, Any], owner: tuple[str, str]) -> None:
        """Give a token or advertising id to this device; the one that had it goes, and what else it had is free."""
        before = self._device_of.get(token)
        if before is not None and before != owner:
            self._free(self._users[(False, before[0])].devices.pop(before[1]))
        self._device_of[token] = owner

    def _free(self, *devices: Mapping[str, Any]) -> None:
        """Forget whose the tokens and advertising ids of devices are that are no longer there."""
        for device in devices:
            for unique in _UNIQUE_ATTRIBUTES:
                if unique in device:
                    del self._device_of[unique, device[unique]]

    def merge(self, merged: str, retained: str) -> None:
        """Give everything of one known user to another, whose own attributes win."""
        old, new = self._users[(False, merged)], self._users[(False, retained)]
        new.attributes = {**old.attributes, **new.attributes}
        new.events = sorted([*old.events, *new.events])
        new.left_out_count += old.left_out_count
        for device_id, device in old.devices.items():
            self._free(device)
            if device_id not in new.devices:
                new.devices[device_id] = device
                owner = (retained, device_id)
                self._device_of |= {
                    (unique, device[unique]): owner for unique in _UNIQUE_ATTRIBUTES if unique in device
                }
        new.merged_from.append(merged)
        self._users[(False, merged)] = User("merged", merged_into=retained, merged_from=old.merged_from)

    def delete(self, user: str) -> None:
        """Forget everything of a known user but that there was one."""
        self._free(*self._users[(False, user)].devices.values())
        self._users[(False, user)] = User("deleted")

    def rows(self, user: str | None) -> Iterator[dict[str, Any]]:
        """Yield an object a user, of this id where one is given."""
        keys = list(self._users) if user is None else [(False, user), (True, user)]
        for key in keys:
            if key in self._users:
                yield _row(key[1], self._users[key])


def _named(known: Mapping[str, Any], rule: Mapping[str, Any]) -> list[str]:
    """Return the known attributes that a removal names."""
    wanted = rule["attr"]
    if rule.get("case_sensitive", True):
        return [wanted] if wanted in known else []
    return [name for name in known if name.lower() == wanted.lower()]


def _row(name: str, user: User) -> dict[str, Any]:
    row: dict[str, Any] = {
        "kind": "anonymous" if user.is_anonymous else "user",
        "id": name,
        "status": user.status,
        "attributes": user.attributes,
        "events": [Raw(event) for _, event in user.events],
        "devices": user.devices,
    }
    if user.merged_into:
        row["merged_into"] = user.merged_into
    if user.merged_from:
        row["merged_from"] = user.merged_from
    if user.left_out_count:
        row["left_out_count"] = user.left_out_count
    if user.is_blocked:
        row["is_blocked"] = True
    return row
