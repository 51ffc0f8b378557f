"""What Moesif should know in the end, worked out from the events one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.reference.moesif_mapping import Arrival, Members, Settings, outcome

_LISTED_ACTION_COUNT: Final = 1_000
"""Of so many actions, the newest, a line lists the ids."""
_KEY_OF: Final[Mapping[str, str]] = {"user": "user_id", "anonymous": "anonymous_id", "company": "company_id"}
_WHOSE: Final = ("user", "anonymous")

Who = tuple[str, str]
"""A kind (`user`, `anonymous` or `company`) and an id."""


@dataclass
class _Profile:
    """What is known of a user, a visitor or a company."""

    members: Members = field(default_factory=dict)
    seen: Members = field(default_factory=dict)
    """Address and user agent of the last action, for where no update says them."""
    anonymous_ids: list[str] = field(default_factory=list)
    transaction_ids: list[str] = field(default_factory=list)
    repeat_count: int = 0

    def absorb(self, visitor: _Profile) -> None:
        """Take in a visitor who is this user: what the user says of itself stays."""
        self.members = _merged(visitor.members, self.members)
        self.seen = visitor.seen | self.seen
        self.transaction_ids = visitor.transaction_ids + self.transaction_ids
        self.repeat_count += visitor.repeat_count

    def line(self, who: Who) -> dict[str, Any]:
        """Return the profile as it is read back."""
        kind, id_ = who
        return {
            "kind": kind,
            "id": id_,
            **self.seen,
            **self.members,
            "anonymous_ids": self.anonymous_ids,
            "session_tokens": [],
            "action_count": len(self.transaction_ids),
            "transaction_ids": self.transaction_ids[-_LISTED_ACTION_COUNT:],
            "repeat_count": self.repeat_count,
        }


class Reference:
    """What Moesif should know in the end, written down event by event.

    What the contract leaves open is as the stand-in documents it: updates count in the order of arrival, and a visitor
    stays a user until another user names the same anonymous id. The lines lack `late_count` alone, which hangs on the
    time of a request.
    """

    def __init__(self, *, caller_address: str = "127.0.0.1", **settings: Any) -> None:  # noqa: ANN401 - those of `Settings`
        """Begin with nobody known; `caller_address` is what Moesif takes for an action without an address."""
        self._settings = Settings(**settings)
        self._caller_address = caller_address
        self._profiles: dict[Who, _Profile] = {}
        self._owners: dict[str, str] = {}
        self._transaction_ids: set[str] = set()

    def take(self, event: object, record_ms: int, coordinates: tuple[str, int, int], now_ms: int) -> None:
        """Write down what a decoded JSON value says; it came in a record of this time, topic, partition and offset."""
        for kind, members in outcome(event, Arrival(record_ms, coordinates, now_ms), self._settings).operations:
            match kind:
                case "action":
                    self._act(members)
                case "user":
                    self._update_user(members)
                case "company":
                    self._update("company", members)

    def state(self) -> list[dict[str, Any]]:
        """Return a line for each user, visitor and company, in no particular order."""
        return [profile.line(who) for who, profile in self._profiles.items()]

    def _act(self, action: Members) -> None:
        """Count an action with its user or visitor, and with its company, unless it was counted before."""
        is_repeat = action["transaction_id"] in self._transaction_ids
        self._transaction_ids.add(action["transaction_id"])
        people = [self._owner(kind, action[_KEY_OF[kind]]) for kind in _WHOSE if _KEY_OF[kind] in action]
        companies = [("company", action["company_id"])] if "company_id" in action else []
        for who in people + companies:
            profile = self._profile(who)
            if is_repeat:
                profile.repeat_count += 1
            else:
                profile.transaction_ids.append(action["transaction_id"])
        if people and not is_repeat:
            self._profile(people[0]).seen = self._seen(action["request"])

    def _seen(self, request: Members) -> Members:
        """Return whence an action came; without an address of its own, from whoever sent it."""
        seen = {name: request[name] for name in ("ip_address", "user_agent_string") if name in request}
        return {"ip_address": self._caller_address} | seen

    def _update_user(self, update: Members) -> None:
        """Merge an update into a user's profile; with an anonymous id beside it, that visitor's profile too."""
        user_id, anonymous_id = update.get("user_id"), update.pop("anonymous_id", None)
        if user_id is None:
            self._update("anonymous", {"anonymous_id": anonymous_id, **update})
            return
        self._update("user", update)
        if anonymous_id is not None:
            user = self._profile(("user", user_id))
            user.absorb(self._profiles.pop(("anonymous", anonymous_id), _Profile()))
            user.anonymous_ids += [] if anonymous_id in user.anonymous_ids else [anonymous_id]
            self._owners[anonymous_id] = user_id

    def _update(self, kind: str, update: Members) -> None:
        """Merge an update into the profile of whom it is about."""
        profile = self._profile(self._owner(kind, update.pop(_KEY_OF[kind])))
        profile.members = _merged(profile.members, update)

    def _owner(self, kind: str, id_: str) -> Who:
        """Return who that is by now: a visitor who was named is the user."""
        is_named = kind == "anonymous" and id_ in self._owners
        return ("user", self._owners[id_]) if is_named else (kind, id_)

    def _profile(self, who: Who) -> _Profile:
        return self._profiles.setdefault(who, _Profile())


def _merged(old: Members, new: Members) -> Members:
    """Return old members with new ones in them: objects merge, lists and nulls replace, the rest stays."""
    merged = dict(old)
    for name, value in new.items():
        was = merged.get(name)
        merged[name] = _merged(was, value) if isinstance(was, dict) and isinstance(value, dict) else value
    return merged
