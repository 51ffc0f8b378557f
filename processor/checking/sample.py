"""What the newest records of a topic say about order: whether they have keys, and where each user's events lie."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from processor.destinations.text import id_text
from processor.model import Record

MAX_USER_COUNT: Final = 20_000
"""Most users of a topic that a sample remembers, each as a number; a record may hold thousands of events."""

_HELP: Final = "docs/destinations/kafka.md says how to key them"

Users = Callable[[Record], Iterable[str]]
"""Gives the users of the events in a record."""


class Sample:
    """Counts of a topic's records. Neither a record nor a user is kept."""

    def __init__(self, topic: str) -> None:
        """Nothing has been seen."""
        self._topic = topic
        self._count = self._unkeyed_count = 0
        self._partitions: dict[int, int] = {}
        self._spread: set[int] = set()

    def add(self, record: Record, users: Iterable[str]) -> None:
        """Count a record of this topic with the users of its events."""
        self._count += 1
        self._unkeyed_count += record.key is None
        for user in users:
            number = hash(user)
            if len(self._partitions) >= MAX_USER_COUNT and number not in self._partitions:
                continue
            if self._partitions.setdefault(number, record.partition) != record.partition:
                self._spread.add(number)

    def warnings(self) -> Iterator[str]:
        """Yield what keeps each user's events from being delivered in their order."""
        newest = f"topic {self._topic}: of its newest {self._count} records"
        if self._unkeyed_count:
            share = self._unkeyed_count / self._count
            yield f"{newest} {self._unkeyed_count} ({share:.0%}) have no key, so no partition is a user's own; {_HELP}"
        if self._spread:
            yield (
                f"{newest} those of {len(self._spread)} users of {len(self._partitions)} lie in several partitions, "
                f"between which there is no order; {_HELP}"
            )


def users_of(events: Iterable[Any]) -> Iterator[str]:
    """Yield who each event is of: its user, or before there is one its anonymous visitor.

    Ids are read as destinations read them: what is none of somebody, such as a number beyond all bounds, is nobody's.
    """
    for event in events:
        if isinstance(event, dict):
            user = id_text(event.get("userId")) or id_text(event.get("anonymousId"))
            if user is not None:
                yield user
