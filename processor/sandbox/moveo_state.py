"""What Moveo One knows of users by the events that it took in.

The vendor claims that it counts a `messageId` once and says nothing of profiles. Here traits are kept key by key and
the last value wins, for a user and for each of its groups, as the calls of Segment are meant.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct

from processor.sandbox.profiles import Members, Profiles, Seen
from processor.sandbox.settings import SandboxSettings


class _Event(Struct, gc=False, rename="camel"):
    type: str
    message_id: str
    user_id: str | None = None
    anonymous_id: str | None = None
    group_id: str = ""
    traits: dict[str, Raw] = {}


class _Body(Struct):
    events: list[_Event]


class _User:
    """One user, or one visitor that is known by an anonymous id alone."""

    def __init__(self, kind: str, id_: str, keep_count: int) -> None:
        self.kind, self.id = kind, id_
        self.call_counts: Counter[str] = Counter()
        self.message_ids: deque[str] = deque(maxlen=keep_count)
        self.repeat_count = 0
        self.traits: Members = {}
        self.groups: dict[str, Members] = {}

    def take(self, event: _Event) -> None:
        """Take in an event that did not come before."""
        self.call_counts[event.type] += 1
        self.message_ids.append(event.message_id)
        if event.type == "identify":
            _put(self.traits, event.traits)
        elif event.type == "group":
            _put(self.groups.setdefault(event.group_id, {}), event.traits)

    def shown(self) -> dict[str, Any]:
        """Return it for a reader."""
        return {
            "kind": self.kind,
            "id": self.id,
            "traits": self.traits,
            "groups": self.groups,
            "call_counts": dict(self.call_counts),
            "message_ids": list(self.message_ids),
            "repeat_count": self.repeat_count,
        }


def _put(into: Members, traits: dict[str, Raw]) -> None:
    into.update({name: raw.copy() for name, raw in traits.items()})


class MoveoState:
    """The users, and the message ids by which a repeat is known."""

    def __init__(self, settings: SandboxSettings) -> None:
        """Keep as much as `settings` says."""
        events = settings.state_event_count
        self._seen = Seen(settings.dedupe_count)
        self._users = Profiles(settings.state_user_count, lambda id_: _User("user", id_, events))
        self._visitors = Profiles(settings.state_user_count, lambda id_: _User("anonymous", id_, events))
        self._decoder = msgspec.json.Decoder(_Body)

    @property
    def is_complete(self) -> bool:
        """Return whether nobody had to be forgotten."""
        return self._users.is_complete and self._visitors.is_complete

    def store(self, body: bytes) -> None:
        """Take in the events of a body that was found right, the first copy of each."""
        for event in self._decoder.decode(body).events:
            users, id_ = (self._visitors, event.anonymous_id) if event.user_id is None else (self._users, event.user_id)
            user = users.touch(str(id_))
            if self._seen.is_repeat(event.message_id):
                user.repeat_count += 1
            else:
                user.take(event)

    def shown(self, id_: str | None) -> Iterator[dict[str, Any]]:
        """Yield everybody, or whom this id belongs to."""
        for users in (self._users, self._visitors):
            found = users if id_ is None else filter(None, [users.find(id_)])
            yield from (user.shown() for user in found)
