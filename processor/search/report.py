"""Where an event is, as people read it and as programs do. Nothing of the event itself is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from processor.search.letters import Letter
from processor.search.whereabouts import NOT_YET, Copy, Fate, Whereabouts, outcome_text


def as_json(found: Whereabouts) -> dict[str, Any]:
    """Return the answer as a JSON object."""
    return {
        "message_id": found.message_id,
        "since": found.since,
        "found": found.is_found,
        "copies": [_copy_json(one) for one in found.copies],
        "dead_letters": [_letter_json(one) for one in found.letters],
        "has_dead_letter_topic": found.has_letter_topic,
        "untold": list(found.untold),
    }


def text_lines(found: Whereabouts, letters_topic: str) -> Iterator[str]:
    """Yield the answer as lines."""
    if not found.is_found:
        yield f"{found.message_id}: not found since {found.since}, neither as an event nor as a dead letter"
    for copy in found.copies:
        topic, partition, offset, index = copy.found.place
        part = f", event {index} of a batch body" if copy.found.known_by.is_part else ""
        yield f"{topic}[{partition}] at offset {offset}, written {_time(copy.found.known_by.timestamp_ms)}{part}"
        for fate in copy.fates:
            yield f"  {fate.destination}: {_progress_text(fate)}; by the mapping of now: {outcome_text(fate)}"
    for letter in found.letters:
        yield _letter_text(letter)
    if found.copies and not found.letters:
        reason = "is among its dead letters" if found.has_letter_topic else "can be: it does not exist"
        yield f"{letters_topic}: none of them {reason}"


def _progress_text(fate: Fate) -> str:
    """Return how far a destination is with a copy."""
    if fate.progress != NOT_YET:
        progress = fate.progress if fate.committed is None else f"{fate.progress} (committed {fate.committed})"
        return progress if fate.begun_ms is None else f"{progress}, {_before(fate.begun_ms)}"
    committed = "nothing committed" if fate.committed is None else f"committed {fate.committed}"
    paused = "" if fate.paused_by is None else f", paused by {fate.paused_by}"
    return f"{fate.progress} ({committed}, {fate.ahead_count} records before it){paused}"


def _before(begun_ms: int) -> str:
    """Return what it means that a copy is older than its destination's start."""
    return f"but written before {_time(begun_ms)}, when it began, or was set to begin: perhaps it was never read"


def _letter_text(letter: Letter) -> str:
    status = "" if letter.status is None else f" (status {letter.status})"
    when = "" if letter.time_ms is None else f", {_time(letter.time_ms)}"
    message = f": {letter.message}" if letter.message else ""
    topic, partition, offset = letter.source
    whose = " (one letter for the whole batch body)" if letter.is_of_batch else ""
    return (
        f"dead letter of {letter.destination} at {letter.topic}[{letter.partition}] offset {letter.offset}{when}, for "
        f"{topic}[{partition}] offset {offset}{whose}: {letter.reason}{status}{message}"
    )


def _copy_json(copy: Copy) -> dict[str, Any]:
    topic, partition, offset, index = copy.found.place
    return {
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "timestamp_ms": copy.found.known_by.timestamp_ms,
        "event_index": index if copy.found.known_by.is_part else None,
        "undecodable": copy.found.reason or None,
        "destinations": {
            fate.destination: {
                "progress": fate.progress,
                "committed": fate.committed,
                "records_before_it": fate.ahead_count,
                "paused_by": fate.paused_by,
                "start_ms": fate.begun_ms,
                "sends": list(fate.sent),
                "skipped": fate.skipped,
                "rejected": fate.rejected,
            }
            for fate in copy.fates
        },
    }


def _letter_json(letter: Letter) -> dict[str, Any]:
    topic, partition, offset = letter.source
    return {
        "destination": letter.destination,
        "reason": letter.reason,
        "message": letter.message,
        "status": letter.status,
        "subscription": letter.subscription or None,
        "time_ms": letter.time_ms,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "source": {"topic": topic, "partition": partition, "offset": offset},
        "is_of_batch_body": letter.is_of_batch,
    }


def _time(time_ms: int) -> str:
    """Return a moment as people write it."""
    if time_ms < 0:
        return "at an unknown time"
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
