"""The judgement of an end-to-end run: what was lost, added, committed too early, swapped or repeated without a cause.

Pure, so that tests can show that it finds each of these: evidence in, sentences out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from processor.sandbox.events import Fate
from processor.sandbox.ledger import Line
from tests.ledger.evidence import Evidence, Letter, Made, Moment, Sample
from tests.ledger.repeats import repeat_problems

ENDPOINTS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "moveo": defaultdict(lambda: frozenset({"events"})),
    "moesif": defaultdict(
        lambda: frozenset({"actions"}), identify=frozenset({"users"}), group=frozenset({"companies", "users"})
    ),
    "moengage": defaultdict(lambda: frozenset({"bulk"})),
}
"""Where an event that is delivered must be taken in, by vendor and category."""

REASONS: Mapping[str, str] = {
    "invalid_json": "invalid_json",
    "not_an_object": "not_an_object",
    "null_value": "null_value",
    "missing_type": "missing_type",
    "unknown_type": "unknown_type",
    "blank_event_name": "missing_event_name",
    "oversized": "event_too_large",
}
"""The reason that must stand in the letter of a record that is bad by itself, by category."""

PLANNED_REFUSALS = frozenset({"fault_status", "fault_throttle", "chosen_item"})
"""What the stand-ins refuse because they were told to; any other refusal is a breach of the vendor's contract."""

NEVER = 2**62


class Done(NamedTuple):
    """From when on a record was done: with this line of the stand-ins' record, or with so many letters written."""

    order: int = 0
    letter_count: int = 0


NOT_DONE = Done(NEVER, NEVER)


def judge(evidence: Evidence) -> list[str]:
    """Return everything that went wrong, each as a sentence that begins with the vendor."""
    return [f"{vendor}: {problem}" for vendor in evidence.samples for problem in _problems(evidence, vendor)]


def _problems(evidence: Evidence, vendor: str) -> Iterator[str]:
    """Yield what went wrong at one vendor."""
    lines = evidence.accepted(vendor)
    letters = evidence.letters_of(vendor)
    yield from _strangers(evidence, vendor, lines, letters)
    done: dict[Made, Done] = {}
    for made, at_endpoints, own_letters in _gathered(evidence, lines, letters):
        fate = evidence.fate(made, vendor)
        yield from _fate_problems(evidence, vendor, made, fate, at_endpoints, own_letters)
        done[made] = _done(fate, ENDPOINTS[vendor][made.category], at_endpoints, own_letters)
    yield from _commit_problems(done, evidence.samples[vendor])
    yield from _order_problems(evidence, lines)
    yield from repeat_problems(evidence, vendor)


def _strangers(evidence: Evidence, vendor: str, lines: Iterable[Line], letters: Iterable[Letter]) -> Iterator[str]:
    """Yield what was taken in or written that no record accounts for, and requests that broke the contract."""
    records = evidence.records_by_id()
    places = {(made.partition, made.offset) for made in evidence.made}
    for line in lines:
        if line.id not in records:
            yield f"{line.id} was taken in at {line.endpoint}, but was never made"
    for letter in letters:
        if (letter.partition, letter.offset) not in places:
            yield f"{letter} is about a record that was never made"
    for line in evidence.lines:
        if line.vendor == vendor and line.result == "refused" and line.reason not in PLANNED_REFUSALS:
            yield f"a request to {line.endpoint} was refused: {line.status} {line.reason}"


def _gathered(
    evidence: Evidence, lines: Iterable[Line], letters: Iterable[Letter]
) -> Iterator[tuple[Made, Mapping[str, list[Line]], list[Letter]]]:
    """Yield each record with its acceptances by endpoint and its letters."""
    records = evidence.records_by_id()
    by_record: dict[Made, dict[str, list[Line]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        if line.id in records:
            by_record[records[line.id]][line.endpoint].append(line)
    by_place: dict[tuple[int, int], list[Letter]] = defaultdict(list)
    for letter in letters:
        by_place[letter.partition, letter.offset].append(letter)
    for made in evidence.made:
        yield made, by_record.get(made, {}), by_place.get((made.partition, made.offset), [])


def _fate_problems(
    evidence: Evidence,
    vendor: str,
    made: Made,
    fate: Fate,
    at_endpoints: Mapping[str, Sequence[Line]],
    letters: Sequence[Letter],
) -> Iterator[str]:
    """Yield how what became of a record differs from what should have become of it."""
    endpoints = ENDPOINTS[vendor][made.category] if fate == "delivered" else frozenset()
    for endpoint in sorted(endpoints - at_endpoints.keys()):
        yield f"{made} is lost: {endpoint} never took it in"
    for endpoint in sorted(at_endpoints.keys() - endpoints):
        yield f"{made} is {fate}, yet {endpoint} took it in"
    if (fate == "dead_lettered") != bool(letters):
        yield f"{made} is {fate}, and its letters are {letters}"
    expected = evidence.refused.get(made.event_id or "", REASONS.get(made.category))
    for letter in letters:
        if letter.reason != expected:
            yield f"the letter of {made} says {letter.reason}, not {expected}"


def _done(
    fate: Fate, endpoints: Iterable[str], at_endpoints: Mapping[str, Sequence[Line]], letters: Sequence[Letter]
) -> Done:
    """Return from when on a record was done: its letter written, or its last payload taken in and that answered.

    An acceptance whose answer was cut proves nothing to the bridge, so nothing may rest on it.
    """
    if fate == "skipped":
        return Done()
    if fate == "dead_lettered":
        return Done(letter_count=letters[0].position + 1) if letters else NOT_DONE
    answered = [
        next((line.order for line in at_endpoints.get(endpoint, ()) if line.answer == "sent"), NEVER)
        for endpoint in endpoints
    ]
    return Done(order=max(answered))


class _Log(NamedTuple):
    """One partition: its offsets in order, and when everything below each of them was done (one more at the end)."""

    offsets: list[int]
    done_below: list[Done]

    def needs(self, committed: int) -> Done:
        """Return from when on every record below an offset was done."""
        return self.done_below[bisect_left(self.offsets, committed)]


def _logs(done: Mapping[Made, Done]) -> dict[int, _Log]:
    """Return every partition's log."""
    by_partition: dict[int, list[tuple[int, Done]]] = defaultdict(list)
    for made, when in done.items():
        by_partition[made.partition].append((made.offset, when))
    logs = {}
    for partition, records in by_partition.items():
        records.sort()
        below = accumulate((when for _, when in records), _later, initial=Done())
        logs[partition] = _Log([offset for offset, _ in records], list(below))
    return logs


def _later(one: Done, other: Done) -> Done:
    """Return when both were done."""
    return Done(max(one.order, other.order), max(one.letter_count, other.letter_count))


def _commit_problems(done: Mapping[Made, Done], samples: Sequence[Sample]) -> Iterator[str]:
    """Yield where an offset was committed past an unfinished record, moved backwards, or did not reach the end."""
    logs = _logs(done)
    for sample in samples:
        for partition, committed in sample.committed.items():
            if not _is_covered(logs[partition].needs(committed), sample.moment):
                yield f"offset {committed} of {partition} was committed past an unfinished record at {sample.moment}"
    for before, after in pairwise(samples):
        for partition, committed in before.committed.items():
            if after.committed.get(partition, 0) < committed:
                yield f"the offset of {partition} went back from {committed} to {after.committed.get(partition)}"
    ends = {partition: log.offsets[-1] + 1 for partition, log in logs.items()}
    if not samples or samples[-1].committed != ends:
        yield f"committed at the end is {samples[-1].committed if samples else None}, not {ends}"


def _is_covered(needed: Done, moment: Moment) -> bool:
    """Return whether what a commit rests on was done by then."""
    return needed.order <= moment.order and needed.letter_count <= moment.letter_count


def _order_problems(evidence: Evidence, lines: Sequence[Line]) -> Iterator[str]:
    """Yield events that one endpoint took in before an older one of the same user and partition.

    First acceptances must come in the partition's order. So must last ones: what is repeated after a crash is repeated
    to its end, or the vendor would be left with the older state of the user.
    """
    yield from _swaps(evidence, lines, "first")
    yield from _swaps(evidence, list(reversed(lines)), "last")


def _swaps(evidence: Evidence, lines: Iterable[Line], which: str) -> Iterator[str]:
    """Yield the swaps among the first acceptances of these lines; read backwards, offsets must fall."""
    records = evidence.records_by_id()
    seen: set[tuple[str, Made]] = set()
    latest: dict[tuple[str, str, int], int] = {}
    for line in lines:
        made = records.get(line.id or "")
        if made is None or (line.endpoint, made) in seen:
            continue
        seen.add((line.endpoint, made))
        lane = (line.endpoint, line.user or "", made.partition)
        before = latest.get(lane, made.offset)
        if (made.offset < before) if which == "first" else (made.offset > before):
            yield f"{line.user} at {line.endpoint}: {which} of offset {made.offset} of {made.partition} behind {before}"
        latest[lane] = made.offset
