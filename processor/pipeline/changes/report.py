"""What changes, for people and for programs. Renders only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from processor.pipeline.changes.tally import Changes, Place, Tallied


def exit_code(changes: Changes) -> int:
    """Return 0 when nothing changes, else 1."""
    return 0 if changes.is_empty else 1


def text_lines(changes: Changes) -> Iterator[str]:
    """Yield the report for a person, what happens most often first."""
    yield f"{_counted(changes.record_count, 'record')} compared, of which {changes.changed_record_count} change"
    for (old, new), tallied in _by_count(changes.outcomes):
        yield f"outcome: {old} -> {new}: {_counted(tallied.count, 'record')}"
        yield from (f"  {example.at}" for example in tallied.examples)
    for place, tallied in _by_count(changes.payloads):
        yield f"payloads {place.kind}: {place.action}: {tallied.count}"
        yield from _examples(tallied)
    if changes.changed_payload_count:
        yield f"payloads changed: {changes.changed_payload_count} of {changes.payload_count}"
    for place, tallied in _by_count(changes.fields):
        yield f"{place.kind}: {place.action}: {place.path}: {tallied.count}"
        yield from _examples(tallied)
    if changes.uncounted:
        yield f"and {changes.uncounted} changes at further places"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _examples(tallied: Tallied) -> Iterator[str]:
    """Yield a line for each example."""
    for example in tallied.examples:
        if example.old is None or example.new is None:
            yield f"  {example.at}: {example.new if example.old is None else example.old}"
        else:
            yield f"  {example.at}: {example.old} -> {example.new}"


def _by_count(table: Mapping[Any, Tallied]) -> list[tuple[Any, Tallied]]:
    """Return the entries of a table, the largest count first, then by name."""
    return sorted(table.items(), key=lambda entry: (-entry[1].count, entry[0]))


def as_json(changes: Changes) -> dict[str, Any]:
    """Return the report for a program. Values of examples are JSON text, cut where they are long."""
    return {
        "records": changes.record_count,
        "changed_records": changes.changed_record_count,
        "outcomes": {"old": dict(changes.old_outcomes), "new": dict(changes.new_outcomes)},
        "changed_outcomes": [
            {"old": old, "new": new, "count": tallied.count, "at": [example.at for example in tallied.examples]}
            for (old, new), tallied in _by_count(changes.outcomes)
        ],
        "payloads": changes.payload_count,
        "changed_payloads": changes.changed_payload_count,
        "payloads_of_one_side": [_entry(place, tallied) for place, tallied in _by_count(changes.payloads)],
        "fields": [_entry(place, tallied) for place, tallied in _by_count(changes.fields)],
        "uncounted": changes.uncounted,
    }


def _entry(place: Place, tallied: Tallied) -> dict[str, Any]:
    """Return one place for a program; only members of bodies have a path."""
    path = {"path": place.path} if place.path else {}
    examples = [example._asdict() for example in tallied.examples]
    return {"action": place.action, **path, "change": place.kind, "count": tallied.count, "examples": examples}
