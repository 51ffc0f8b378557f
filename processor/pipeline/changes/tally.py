"""Adds up what changes between two configurations. Pure; its size does not grow with the number of events.

Each record goes through the pipeline's own decoder and both plans, at the same time on the same clock: the record's
own, so that events from a year ago are judged as they were then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from processor.destinations.base import Destination
from processor.destinations.plan import Plan
from processor.destinations.text import decode, encode
from processor.mapping.values import ABSENT, Json
from processor.model import Mapped, Payload, Record
from processor.pipeline.changes.fields import Kind, cut, field_changes, pattern
from processor.pipeline.preview import mapped_record
from processor.source.decode import Decoder

MAX_PLACES: Final = 2000
"""Places of payloads that are counted apart; events whose keys are ids would else make as many as they like."""
MAX_SHOWN_CHARS: Final = 200
"""Length at which a value of an example is cut."""

_DELIVERED: Final = "delivered"


class Side(NamedTuple):
    """One of the two configurations: the destination, its plan, and what reads records for it."""

    destination: Destination
    plan: Plan
    decoder: Decoder


class Numbered(NamedTuple):
    """A record and how a person finds it: `line 3`, `events[0]@12`."""

    at: str
    record: Record


class Place(NamedTuple):
    """What kind of change, of payloads of which action, where in them; an empty path is the payload itself."""

    action: str
    path: str
    kind: Kind


class Example(NamedTuple):
    """One change: where its record is, and both values as JSON text, None where nothing is."""

    at: str
    old: str | None
    new: str | None


@dataclass(slots=True)
class Tallied:
    """How often something has changed, with the first few examples."""

    count: int = 0
    examples: list[Example] = field(default_factory=list)

    def add(self, at: str, old: Json | bytes, new: Json | bytes, limit: int) -> None:
        """Count one change. Its values, JSON or written as such already, are kept only while examples are wanted."""
        self.count += 1
        if len(self.examples) < limit:
            self.examples.append(Example(at, _written(old), _written(new)))


@dataclass(slots=True)
class Changes:
    """Everything that changes.

    Attributes:
        example_limit: How many examples are kept of each change.
        record_count: Records that were compared.
        changed_record_count: Those of them that end otherwise or come to other payloads.
        old_outcomes: How often each outcome was with the old configuration: `delivered`, `skipped: <reason>`,
            `dead-lettered: <reason>`.
        new_outcomes: The same with the new one.
        outcomes: Records by outcome before and after, where the two differ.
        payload_count: Payloads that both configurations make, changed or not.
        changed_payload_count: Those of them that are not the same.
        payloads: Payloads that only one of them makes; their places have no path.
        fields: Members of bodies that differ.
        uncounted: Changes at places beyond `MAX_PLACES`.
    """

    example_limit: int = 3
    record_count: int = 0
    changed_record_count: int = 0
    old_outcomes: Counter[str] = field(default_factory=Counter)
    new_outcomes: Counter[str] = field(default_factory=Counter)
    outcomes: dict[tuple[str, str], Tallied] = field(default_factory=dict)
    payload_count: int = 0
    changed_payload_count: int = 0
    payloads: dict[Place, Tallied] = field(default_factory=dict)
    fields: dict[Place, Tallied] = field(default_factory=dict)
    uncounted: int = 0

    @property
    def is_empty(self) -> bool:
        """Return whether nothing changes."""
        return self.changed_record_count == 0


def compare(old: Side, new: Side, records: Iterable[Numbered], *, example_limit: int = 3) -> Changes:
    """Return what changes for these records between two configurations. They are read once."""
    changes = Changes(example_limit)
    for at, record in records:
        now_ms = record.timestamp_ms
        before, after = (mapped_record(side.plan, side.decoder, record, now_ms) for side in (old, new))
        changes.record_count += 1
        is_changed = _add_outcomes(changes, at, before, after)
        is_changed |= _add_payloads(changes, at, _made(old, before, now_ms), _made(new, after, now_ms))
        changes.changed_record_count += is_changed
    return changes


def outcome(mapped: Mapped) -> str:
    """Return how a record ends, with the first reason: dead-lettered if any part of it is, else delivered if any is."""
    if mapped.rejected:
        return f"dead-lettered: {mapped.rejected[0].reason}"
    if mapped.payloads:
        return _DELIVERED
    return f"skipped: {mapped.skipped[0].reason}" if mapped.skipped else "skipped"


def _add_outcomes(changes: Changes, at: str, before: Mapped, after: Mapped) -> bool:
    """Count how a record ends on both sides; return whether that differs."""
    old, new = outcome(before), outcome(after)
    changes.old_outcomes[old] += 1
    changes.new_outcomes[new] += 1
    if old == new:
        return False
    changes.outcomes.setdefault((old, new), Tallied()).add(at, old, new, changes.example_limit)
    return True


_Key = tuple[str, str, int]
"""Action, endpoint and position among payloads of these: what is compared with what."""


def _made(side: Side, mapped: Mapped, now_ms: int) -> dict[_Key, bytes]:
    """Return the payloads of one side as they stand in a request."""
    uses: Counter[tuple[str, str]] = Counter()
    made: dict[_Key, bytes] = {}
    for payload in mapped.payloads:
        labels = (payload.action, payload.endpoint)
        made[*labels, uses[labels]] = _body(side, payload, now_ms)
        uses[labels] += 1
    return made


def _body(side: Side, payload: Payload, now_ms: int) -> bytes:
    return side.destination.item(payload, now_ms)


def _add_payloads(changes: Changes, at: str, before: dict[_Key, bytes], after: dict[_Key, bytes]) -> bool:
    """Count the payloads of a record that differ; return whether any does."""
    is_changed = False
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key, ABSENT), after.get(key, ABSENT)
        if old is ABSENT or new is ABSENT:
            is_changed = True
            place = Place(key[0], "", "added" if old is ABSENT else "removed")
            _tally(changes, changes.payloads, place, (at, old, new))
        else:
            changes.payload_count += 1
            is_changed |= old != new and _add_fields(changes, at, key[0], decode(old), decode(new))
    return is_changed


def _add_fields(changes: Changes, at: str, action: str, old: Json, new: Json) -> bool:
    """Count the members of a body that differ; return whether any does: the order of members is no difference."""
    found = list(field_changes(old, new))
    for change in found:
        place = Place(action, pattern(change.path), change.kind)
        _tally(changes, changes.fields, place, (at, change.old, change.new))
    changes.changed_payload_count += bool(found)
    return bool(found)


def _tally(changes: Changes, table: dict[Place, Tallied], place: Place, example: tuple[str, Json, Json]) -> None:
    """Count a change at its place, unless there are too many places already."""
    if place not in table and len(table) >= MAX_PLACES:
        changes.uncounted += 1
    else:
        table.setdefault(place, Tallied()).add(*example, changes.example_limit)


def _written(value: Json | bytes) -> str | None:
    """Return a value of an example as JSON text, None where nothing is, cut where it is long."""
    if value is ABSENT:
        return None
    return cut((value if isinstance(value, bytes) else encode(value)).decode(), MAX_SHOWN_CHARS)
