"""What MoEngage should know after a run of events: section 7 of its contract, and what its pages say of merges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.reference.moengage_mapping import Settings, what_is_sent

ONCE = "created_time"
"""The one attribute that is written once."""


@dataclass
class _User:
    status: str = "active"
    attributes: dict[str, Any] = field(default_factory=dict)
    events: list[tuple[int, dict[str, Any]]] = field(default_factory=list)  # each with its place among all events
    devices: dict[str, dict[str, Any]] = field(default_factory=dict)
    links: dict[str, Any] = field(default_factory=dict)

    def empty(self, status: str) -> None:
        """Forget all but what has become of the user."""
        self.status, self.attributes, self.events, self.devices = status, {}, [], {}


class Reference:
    """What MoEngage should know in the end, written down event by event."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - those of `Settings`
        """Begin with a workspace that knows nobody."""
        self._settings = Settings(**settings)
        self._users: dict[str, _User] = {}
        self._ignored: dict[str, list[dict[str, Any]]] = {}
        self._message_ids: set[str] = set()
        self._event_count = 0

    def take(self, event: object, record_ms: int, coordinates: tuple[str, int, int], now_ms: int) -> None:  # noqa: ARG002 - MoEngage gets no id that is made of them
        """Take one event in."""
        sent = what_is_sent(event, record_ms, now_ms, self._settings)
        message_id = event.get("messageId") if isinstance(event, dict) else None
        if not sent.keys() & {"elements", "request"} or message_id in self._message_ids:
            return
        if isinstance(message_id, str) and message_id.strip():
            self._message_ids.add(message_id)
        for element in sent.get("elements", ()):
            getattr(self, f"_{element['type']}")(element["customer_id"], element)
        if "request" in sent:
            body = sent["request"]["body"]
            for pair in body.get("merge_data", ()):
                self._merge(pair["merged_user"], pair["retained_user"])
            if "identity_value" in body:
                self._delete(body["identity_value"])

    def state(self) -> list[dict[str, Any]]:
        """Return a line for each user and for each id of which something was ignored."""
        users = [
            {
                "kind": "user",
                "id": id_,
                "status": user.status,
                "attributes": user.attributes,
                "events": [event for _, event in user.events],
                "devices": user.devices,
                **user.links,
            }
            for id_, user in self._users.items()
        ]
        return users + [{"kind": "ignored", "id": id_, "ignored": lines} for id_, lines in self._ignored.items()]

    def _active(self, id_: str) -> _User:
        """Return a user who gets data, and is there from then on."""
        user = self._users.setdefault(id_, _User())
        user.status = "active"
        return user

    def _known(self, id_: str) -> _User | None:
        """Return a user who is there."""
        user = self._users.get(id_)
        return user if user is not None and user.status == "active" else None

    def _ignore(self, id_: str, call: str, named: str) -> None:
        self._ignored.setdefault(id_, []).append({"call": call, "reason": "unknown_user", "id": named})

    def _customer(self, id_: str, element: dict[str, Any]) -> None:
        """Let the last value stand, but for the time of creation."""
        user = self._active(id_)
        once = {ONCE: user.attributes[ONCE]} if ONCE in user.attributes else {}
        user.attributes |= element.get("attributes", {}) | once

    def _event(self, id_: str, element: dict[str, Any]) -> None:
        """Add each action to the user's, in order of arrival."""
        device = {"device_id": element["device_id"]} if "device_id" in element else {}
        for action in element["actions"]:
            self._event_count += 1
            known = {"call": "event", "attributes": {}, **action, **device}
            self._active(id_).events.append((self._event_count, known))

    def _device(self, id_: str, element: dict[str, Any]) -> None:
        """Give a known user the device; a push token or advertising id belongs to the last device that names it."""
        owner = self._known(id_)
        if owner is None:
            self._ignore(id_, "device", element["device_id"])
            return
        attributes = element["attributes"]
        # What an update leaves out stays: the contract only says that updates can be repeated.
        own = owner.devices.pop(element["device_id"], {})
        marks = [(name, attributes[name]) for name in ("push_id", "moe_gaid", "idfv") if name in attributes]
        for user in self._users.values():
            for name, known in list(user.devices.items()):
                if any(known.get(mark) == value for mark, value in marks):
                    del user.devices[name]
        owner.devices[element["device_id"]] = own | attributes

    def _merge(self, merged_id: str, retained_id: str) -> None:
        """Give everything of a known user to another one, whose own values stand."""
        merged, retained = self._known(merged_id), self._known(retained_id)
        if merged is None or retained is None:
            self._ignore(retained_id, "merge", merged_id)
            return
        retained.attributes = merged.attributes | retained.attributes
        retained.devices = merged.devices | retained.devices
        retained.events = sorted(merged.events + retained.events, key=lambda event: event[0])
        retained.links.setdefault("merged_from", []).append(merged_id)
        merged.empty("merged")
        merged.links["merged_into"] = retained_id

    def _delete(self, id_: str) -> None:
        """Forget a known user."""
        user = self._known(id_)
        if user is not None:
            user.empty("deleted")
            user.links = {}
