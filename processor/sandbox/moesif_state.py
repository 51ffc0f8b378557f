"""What Moesif knows of users, companies and visitors by what it took in.

Updates merge recursively: keys that are not named stay, named ones win, objects merge, lists and nulls replace. An
update that names a user and an anonymous id makes the visitor's profile part of the user's, whose own values stay.
Session tokens are added to a set. What is not documented is decided here: updates count in the order in which they
arrive, whatever their `modified_time`, and a visitor who became a user stays it until another user names the same id.

Source: Moesif/apidocs at commit 41da5cf, `_users-api.md`, `_companies-api.md`; moesif-browser-js at commit e7140a9.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from processor.sandbox.profiles import Members, Profiles, Seen, lay_under, merge_members
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.vendor import Head

_LATE_S = 300.0
_Item = Mapping[str, Any]


class _Profile:
    """A user, a company, or a visitor that is known by an anonymous id alone."""

    def __init__(self, kind: str, id_: str, keep_count: int) -> None:
        self.kind, self.id = kind, id_
        self.members: Members = {}
        self.anonymous_ids: dict[str, None] = {}
        self.session_tokens: dict[str, None] = {}
        self.action_count = self.late_count = self.repeat_count = 0
        self.transaction_ids: deque[str] = deque(maxlen=keep_count)
        self.activity: dict[str, Any] = {}

    def swallow(self, visitor: _Profile) -> None:
        """Make a visitor's profile part of this one: what came later, and what is the user's own, wins."""
        lay_under(self.members, visitor.members)
        self.activity = {**visitor.activity, **self.activity}
        self.session_tokens |= visitor.session_tokens
        self.action_count += visitor.action_count
        self.late_count += visitor.late_count
        self.repeat_count += visitor.repeat_count
        self.transaction_ids = deque([*visitor.transaction_ids, *self.transaction_ids], self.transaction_ids.maxlen)

    def shown(self) -> dict[str, Any]:
        """Return it for a reader; what an update did not say is taken from the last activity."""
        return {
            "kind": self.kind,
            "id": self.id,
            **self.activity,
            **self.members,
            "anonymous_ids": list(self.anonymous_ids),
            "session_tokens": list(self.session_tokens),
            "action_count": self.action_count,
            "late_count": self.late_count,
            "transaction_ids": list(self.transaction_ids),
            "repeat_count": self.repeat_count,
        }


class MoesifState:
    """The profiles, the transaction ids by which a repeat is known, and who became whom."""

    def __init__(self, settings: SandboxSettings) -> None:
        """Keep as much as `settings` says."""
        self._seen = Seen(settings.dedupe_count)
        self._raws = msgspec.json.Decoder(list[dict[str, Raw]])
        self._users, self._visitors, self._companies = (
            self._made(settings, kind) for kind in ("user", "anonymous", "company")
        )
        self._identified: Profiles[list[str]] = Profiles(settings.state_user_count, lambda _: [])
        """The user that each anonymous id belongs to, in a list of one."""

    def _made(self, settings: SandboxSettings, kind: str) -> Profiles[_Profile]:
        events = settings.state_event_count
        return Profiles(settings.state_user_count, lambda id_: _Profile(kind, id_, events))

    @property
    def is_complete(self) -> bool:
        """Return whether nobody had to be forgotten."""
        return all(each.is_complete for each in (self._users, self._visitors, self._companies, self._identified))

    def store(self, call: str, items: Sequence[_Item], body: bytes, head: Head) -> None:
        """Take in the items of a body that was found right; `items` are the same as `body` holds."""
        if call == "action":
            for action in items:
                self._act(action, head)
            return
        raws = self._raws.decode(body if body.lstrip()[:1] == b"[" else b"[" + body + b"]")
        for item, raw in zip(items, raws, strict=True):
            if call == "company":
                self._update(self._companies.touch(item["company_id"]), item, raw, head)
            else:
                self._update(self._person(item), item, raw, head)

    def shown(self, id_: str | None) -> Iterator[dict[str, Any]]:
        """Yield everybody, or whom this id belongs to: a user, also by an anonymous id, a visitor, a company."""
        if id_ is None:
            yield from (each.shown() for kept in (self._users, self._visitors, self._companies) for each in kept)
            return
        owner = self._owner(id_)
        found = self._users.find(id_), self._users.find(owner) if owner else None, self._visitors.find(id_)
        yield from (each.shown() for each in dict.fromkeys((*found, self._companies.find(id_))) if each is not None)

    def _owner(self, anonymous_id: str) -> str | None:
        found = self._identified.find(anonymous_id)
        return found[0] if found else None

    def _person(self, update: _Item) -> _Profile:
        """Return whom an update is about, with the visitor's profile in it where it names one."""
        user_id, anonymous_id = update.get("user_id"), update.get("anonymous_id")
        if user_id is None:
            return self._visitor(str(anonymous_id))
        user = self._users.touch(user_id)
        if anonymous_id is not None:
            visitor = self._visitors.remove(anonymous_id)
            if visitor is not None:
                user.swallow(visitor)
            self._identified.touch(anonymous_id)[:] = [user_id]
            user.anonymous_ids[anonymous_id] = None
        return user

    def _visitor(self, anonymous_id: str) -> _Profile:
        owner = self._owner(anonymous_id)
        return self._visitors.touch(anonymous_id) if owner is None else self._users.touch(owner)

    def _update(self, profile: _Profile, item: _Item, raw: dict[str, Raw], head: Head) -> None:
        for name in ("user_id" if profile.kind != "company" else "company_id", "anonymous_id", "session_token"):
            raw.pop(name, None)
        merge_members(profile.members, raw)
        if "session_token" in item:
            profile.session_tokens[item["session_token"]] = None
        if "modified_time" not in item:
            profile.members["modified_time"] = _iso(head.now_s)

    def _act(self, action: _Item, head: Head) -> None:
        """Count an action with its user or visitor and with its company, once by its transaction id."""
        transaction_id = action.get("transaction_id")
        is_repeat = transaction_id is not None and self._seen.is_repeat(transaction_id)
        for profile in self._actors(action):
            if is_repeat:
                profile.repeat_count += 1
                continue
            profile.action_count += 1
            profile.late_count += _is_late(action, head.now_s)
            if transaction_id is not None:
                profile.transaction_ids.append(transaction_id)
            if profile.kind != "company":
                profile.activity = _activity(action["request"], head)

    def _actors(self, action: _Item) -> Iterator[_Profile]:
        if "user_id" in action:
            yield self._users.touch(action["user_id"])
        elif "anonymous_id" in action:
            yield self._visitor(action["anonymous_id"])
        if "company_id" in action:
            yield self._companies.touch(action["company_id"])


def _activity(request: _Item, head: Head) -> dict[str, Any]:
    """Return what an action tells of its user; without an address Moesif takes the caller's."""
    agent = request.get("user_agent_string")
    return {
        "ip_address": request.get("ip_address", head.peer),
        **({} if agent is None else {"user_agent_string": agent}),
    }


def _is_late(action: _Item, now_s: float) -> bool:
    time = action["request"].get("time")
    return time is not None and instant(time).timestamp() < now_s - _LATE_S


def instant(text: str) -> dt.datetime:
    """Return a time in UTC, in which it is taken to be when it has no zone.

    Raises:
        ValueError: When it names a day that there is not, or one before the first of the calendar or after its last.
    """
    time = dt.datetime.fromisoformat(text)
    try:
        return time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time.astimezone(dt.UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from error


def _iso(now_s: float) -> str:
    text = dt.datetime.fromtimestamp(now_s, dt.UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"
