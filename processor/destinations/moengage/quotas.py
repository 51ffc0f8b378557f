"""How many names of a workspace's quotas this process has used so far, for metrics.

MoEngage blocks or rejects names beyond its quotas without a word, so their number has to be watched here.

Source: MoEngage's data tracking policy and its page on object data types; contract, sections 5.2 and 5.4.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_MAX_COUNT: Final = 2_000
"""Beyond every quota of MoEngage's (1,024 at most); from there on a larger number would say nothing more."""


class Names:
    """Different names, counted up to a bound."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        """Start with none."""
        self._seen: set[str] = set()

    def __len__(self) -> int:
        """Return how many different names there were."""
        return len(self._seen)

    def note(self, name: str) -> None:
        """Count a name, once."""
        if name not in self._seen and len(self._seen) < _MAX_COUNT:
            self._seen.add(name)

    def note_all(self, names: Iterable[str]) -> None:
        """Count several names, each once."""
        if len(self._seen) < _MAX_COUNT:
            self._seen.update(names)


class Quotas:
    """The names that count towards the quotas of a workspace."""

    def __init__(self, *, has_objects: bool) -> None:
        """Start with none; `has_objects` says whether attributes may be objects, which have quotas of their own."""
        self.event_names = Names()
        self.user_attributes = Names()
        self.user_objects = Names()
        self.event_objects = Names()
        self._has_objects = has_objects

    def gauges(self) -> dict[str, float]:
        """Return how many there were of each kind, by the name of their metric."""
        found = {"distinct_event_names": self.event_names, "distinct_user_attributes": self.user_attributes}
        if self._has_objects:
            found |= {"distinct_user_objects": self.user_objects, "distinct_event_objects": self.event_objects}
        return {name: len(names) for name, names in found.items()}
