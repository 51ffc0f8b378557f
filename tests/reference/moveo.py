"""What Moveo One knows after a run of events: each message once, the last value of each trait.

Source: docs/sandbox.md under Repeats and State, for Moveo One documents no way to read anything back.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.reference.moveo_mapping import Record, Sent, Settings, sent

LISTED_COUNT = 1_000
"""Ids of messages that the state of a person lists, the newest."""


@dataclass
class Person:
    """A user, or a visitor whom nobody has named."""

    traits: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    call_counts: Counter[str] = field(default_factory=Counter)
    message_ids: list[str] = field(default_factory=list)
    repeat_count: int = 0


class Reference:
    """What Moveo One should know in the end, written down event by event."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - the fields of `Settings`
        """Start with nobody known."""
        self._settings = Settings(**settings)
        self._people: dict[tuple[str, str], Person] = {}
        self._seen: set[str] = set()

    def take(self, event: object, record_ms: int, coordinates: tuple[str, int, int], now_ms: int) -> None:  # noqa: ARG002 - see below
        """Write down what one event of a record, at its topic, partition and offset, makes Moveo One know.

        `now_ms` would be its `sentAt`, of which nothing is known later.
        """
        result = sent(event, Record(*coordinates, record_ms), self._settings)
        if isinstance(result, Sent):
            self._accept(result.event)

    def state(self) -> list[dict[str, Any]]:
        """Return a line for each user and visitor, as the stand-in's state is read back."""
        return [
            {
                "kind": kind,
                "id": id_,
                "traits": person.traits,
                "groups": person.groups,
                "call_counts": dict(person.call_counts),
                "message_ids": person.message_ids[-LISTED_COUNT:],
                "repeat_count": person.repeat_count,
            }
            for (kind, id_), person in self._people.items()
        ]

    def _accept(self, event: dict[str, Any]) -> None:
        """Learn from an event, unless its message has come before."""
        whose = ("user", event["userId"]) if "userId" in event else ("anonymous", event["anonymousId"])
        person = self._people.setdefault(whose, Person())
        if event["messageId"] in self._seen:
            person.repeat_count += 1
            return
        self._seen.add(event["messageId"])
        person.message_ids.append(event["messageId"])
        person.call_counts[event["type"]] += 1
        traits = event.get("traits", {})
        if event["type"] == "identify":
            person.traits.update(traits)
        if event["type"] == "group":
            person.groups.setdefault(event["groupId"], {}).update(traits)
