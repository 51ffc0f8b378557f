"""Finds the triggers that hold for an event without trying them all.

Most triggers ask for a `type`, and many for an `event`. Those are looked up; only what else a trigger says is
evaluated, and only for the triggers that the lookup leaves. Order is kept: candidates stand as they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from processor.mapping.triggers.evaluate import Predicate, predicate
from processor.mapping.triggers.terms import Term, required_texts, without_decided

T = TypeVar("T")

_FIELDS: Final = ("type", "event")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[T]):
    """An item, the texts that its trigger asks for, and what is left to evaluate once they were looked up."""

    item: T
    types: frozenset[str] | None
    events: frozenset[str] | None
    test: Predicate | None


@dataclass(frozen=True, slots=True)
class _Slot(Generic[T]):
    """The candidates of one lookup. `settled` are all of them where nothing is left to evaluate."""

    candidates: tuple[tuple[T, Predicate | None], ...]
    settled: tuple[T, ...] | None


@dataclass(frozen=True, slots=True)
class _Table(Generic[T]):
    """The slots of one `type`: one for each event that a trigger names, one for all others."""

    by_event: Mapping[str, _Slot[T]]
    other: _Slot[T]


class TriggerIndex(Generic[T]):
    """Items by what their triggers ask for."""

    __slots__ = ("_by_type", "_other")

    def __init__(self, items: Iterable[tuple[T, Term]]) -> None:
        """Look at each trigger once; the index never changes afterwards."""
        entries = [_entry(item, term) for item, term in items]
        named = frozenset[str]().union(*(entry.types for entry in entries if entry.types is not None))
        self._by_type = {kind: _table([e for e in entries if e.types is None or kind in e.types]) for kind in named}
        self._other = _table([entry for entry in entries if entry.types is None])

    def matching(self, event: Mapping[str, Any]) -> Sequence[T]:
        """Return the items whose trigger holds for the event, in order."""
        kind, name = event.get("type"), event.get("event")
        table = self._by_type.get(kind, self._other) if type(kind) is str else self._other
        slot = table.by_event.get(name, table.other) if type(name) is str else table.other
        if slot.settled is not None:
            return slot.settled
        return [item for item, test in slot.candidates if test is None or test(event)]


def _entry(item: T, term: Term) -> _Entry[T]:
    """Return an item with its trigger taken apart."""
    types, events = (required_texts(term, field) for field in _FIELDS)
    decided = tuple(field for field, texts in zip(_FIELDS, (types, events), strict=True) if texts is not None)
    left = without_decided(term, decided)
    return _Entry(item, types, events, None if left is None else predicate(left))


def _table(entries: list[_Entry[T]]) -> _Table[T]:
    """Return the slots for the entries of one type."""
    named: dict[str, list[int]] = {}
    anywhere: list[int] = []
    for position, entry in enumerate(entries):
        if entry.events is None:
            anywhere.append(position)
        else:
            for name in entry.events:
                named.setdefault(name, []).append(position)
    by_event = {name: _slot(entries[i] for i in sorted([*found, *anywhere])) for name, found in named.items()}
    return _Table(by_event, _slot(entries[i] for i in anywhere))


def _slot(entries: Iterable[_Entry[T]]) -> _Slot[T]:
    """Return the candidates of one lookup."""
    candidates = tuple((entry.item, entry.test) for entry in entries)
    is_settled = all(test is None for _, test in candidates)
    return _Slot(candidates, tuple(item for item, _ in candidates) if is_settled else None)
