"""The whole answer to "where is my event": its copies, what became of each at each destination, its dead letters."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from typing import Final, NamedTuple

from processor.building import build_plan
from processor.destinations.plan import Plan
from processor.errors import BrokerError
from processor.lag.figures import OFFSETS_LOST
from processor.lag.places import Look, Onlooker, Place
from processor.model import Mapped, Record
from processor.search.letters import Letter, letters_of
from processor.search.needle import Needle
from processor.search.scan import Found, readers, scan
from processor.settings import Settings
from processor.source.clients import Clients, KafkaClients, MakeClients
from processor.source.deadline import Deadline
from processor.source.founding import Step
from processor.source.start import LATEST
from processor.source.time_range import time_range

LOOK_S: Final = 20.0
"""Longest time that the cluster may take to say where destinations stand."""

PASSED: Final = "passed"
"""The destination has committed past it: it was delivered, skipped or dead-lettered, or lies before its start."""
NOT_YET: Final = "not yet"
"""The destination will come to it, or is at work on it."""
BEFORE_START: Final = "before start"
"""The destination has not begun, and would begin behind it."""
NOT_READ: Final = "not read"
"""The topic is none of the file's: no destination reads it."""

Counted = Callable[[Iterable[Record], int], Iterable[Record]]
"""Hands records on and tells how far it is; the number is how many there are at most."""


class Fate(NamedTuple):
    """What became of one copy at one destination, and what its mapping of today makes of it.

    `ahead_count` says how many records the destination has to do before it, where it has to. `sent` names actions.
    `paused_by` tells the operator who has paused or drained the destination, and why; None where nobody has.
    `begun_ms` is from when on the destination reads, as last said, where a copy that it has passed is older.
    """

    destination: str
    progress: str
    committed: int | None
    ahead_count: int | None
    sent: tuple[str, ...] = ()
    skipped: str | None = None
    rejected: str | None = None
    paused_by: str | None = None
    begun_ms: int | None = None


class Copy(NamedTuple):
    """One copy, and its fate at each destination that reads it."""

    found: Found
    fates: Sequence[Fate]


class Whereabouts(NamedTuple):
    """Everything that was found. `has_letter_topic` is false where there is no dead-letter topic to look through."""

    message_id: str
    since: str
    copies: Sequence[Copy]
    letters: Sequence[Letter]
    has_letter_topic: bool
    untold: Sequence[str]

    @property
    def is_found(self) -> bool:
        """Say whether there is a copy or a letter."""
        return bool(self.copies or self.letters)


def whereabouts(
    settings: Settings,
    message_id: str,
    since: str,
    topics: Sequence[str],
    counted: Counted,
    *,
    make_clients: MakeClients = KafkaClients,
) -> Whereabouts:
    """Return where the event is.

    Args:
        settings: Those of the file; no secret but Kafka's and those of schema registries is needed.
        message_id: The event's `messageId`.
        since: `earliest`, or the time from which records are looked through, with its zone.
        topics: Where to look; those of the file where none is named.
        counted: Goes over the records and tells how far it is.
        make_clients: Gives the Kafka clients of a group; the real ones unless given.

    Raises:
        BrokerError: Kafka cannot be reached, a topic does not exist, or a right is missing.
        ConfigError: A destination cannot be compiled.
        TransientError: A schema registry cannot be asked.
    """
    needle, how = Needle(message_id), readers(settings.destinations)
    names = list(settings.destinations)
    clients = make_clients(settings.kafka, settings.group_id(names[0]))
    span = time_range(clients, topics or settings.kafka.topics, since, LATEST)
    found = list(scan(counted(span.records(), span.most), needle, how))
    with closing(Onlooker(settings, names, make_clients)) as onlooker:
        look = onlooker.look(Deadline.after(LOOK_S))  # after the records: what was committed meanwhile counts
    plans = _Plans(settings)
    copies = [Copy(one, [_fate(one, name, look, plans) for name in one.destinations]) for one in found]
    letters, has_topic = _letters(settings, clients, since, needle, found, counted)
    return Whereabouts(message_id, since, copies, letters, has_topic, look.untold)


def _letters(
    settings: Settings, clients: Clients, since: str, needle: Needle, found: Sequence[Found], counted: Counted
) -> tuple[list[Letter], bool]:
    """Return the letters of the event, and whether there is a topic for them."""
    try:
        span = time_range(clients, [settings.dead_letters.topic], since, LATEST)
    except BrokerError as error:
        if error.code != "UNKNOWN_TOPIC_OR_PART":
            raise
        return [], False
    records = counted(span.records(), span.most)
    return list(letters_of(records, needle, found, readers(settings.destinations))), True


class _Plans:
    """What each destination makes of an event by the file as it is now; compiled when first asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._plans: dict[str, Plan] = {}

    def mapped(self, name: str, found: Found, now_ms: int) -> Mapped:
        """Return what a destination makes, at some time, of a copy that was decoded."""
        if name not in self._plans:
            _, self._plans[name] = build_plan(name, self._settings.destinations[name])
        (mapped,) = self._plans[name].map_all([(found.known_by, found.event)], now_ms)
        return mapped


def _fate(found: Found, name: str, look: Look, plans: _Plans) -> Fate:
    """Return what became of a copy at a destination."""
    record = found.known_by
    partition = (record.topic, record.partition)
    place = next((one for one in look.places[name] if one.partition == partition), None)
    fate = Fate(name, *_progress(record.offset, place), paused_by=look.paused_by(name))
    is_passed = fate.progress == PASSED
    if is_passed:
        fate = fate._replace(begun_ms=_begun_ms(record, place))
    if found.event is None:
        return fate._replace(rejected=found.reason)
    # What is behind was sent while it was young; what is to come may have become too old.
    mapped = plans.mapped(name, found, record.timestamp_ms if is_passed else time.time_ns() // 1_000_000)
    return fate._replace(
        sent=tuple(payload.action for payload in mapped.payloads),
        skipped=mapped.skipped[0].reason if mapped.skipped and not mapped.payloads and not mapped.rejected else None,
        rejected=mapped.rejected[0].reason if mapped.rejected else None,
    )


def _begun_ms(record: Record, place: Place | None) -> int | None:
    """Return from when on the destination reads, where the record is older than that."""
    begun_ms = None if place is None else place.begun_ms
    return begun_ms if begun_ms is not None and 0 <= record.timestamp_ms < begun_ms else None


def _progress(offset: int, place: Place | None) -> tuple[str, int | None, int | None]:
    """Return how far a destination is with an offset, what it has committed, and how many records come first."""
    if place is None:
        return NOT_READ, None, None
    if place.position is None:
        return OFFSETS_LOST, None, None
    if place.committed is not None and place.committed > offset:
        return PASSED, place.committed, None
    if place.step is Step.FOUND and place.position > offset:
        return BEFORE_START, None, None
    return NOT_YET, place.committed, max(0, offset - place.position)


def outcome_text(fate: Fate) -> str:
    """Return what a destination makes of an event, in words."""
    if fate.rejected is not None:
        return f"dead letter, {fate.rejected}"
    if fate.skipped is not None:
        return f"skipped, {fate.skipped}"
    return f"sends {', '.join(fate.sent)}" if fate.sent else "nothing"
