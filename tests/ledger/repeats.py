"""Repeats of an end-to-end run: each needs a cause that was seen, and no cause explains more than the window.

A repeat is explained by an answer that was cut behind the acceptance, or by a partition that moved from one process to
another in between. Partitions move only while the group is unsettled: from something that was done to it until an
outside reader saw it settled again. What was seen committed is never repeated, whatever happens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from processor.sandbox.ledger import Line
from tests.ledger.evidence import Disturbance, Evidence, Letter, Made, Moment, Sample

COMMIT_LAG_S = 1.0
"""What was done so long before a process died is committed: the commit interval, and room for a busy machine."""

Place = tuple[int, int]
"""Partition and offset of a record."""


class Unrest(NamedTuple):
    """A time in which partitions may have moved; what was done to a group before it had settled again is one unrest."""

    disturbances: Sequence[Disturbance]
    start: Moment
    end: Moment | None
    """None when the group never settled."""
    owners: frozenset[str]
    """The processes that were seen to own a partition before the group settled; each may have a window to repeat."""

    def may_explain(self, repeat: Repeat) -> bool:
        """Return whether the partition may have moved between the two times."""
        began: int = getattr(self.start, repeat.counted_in)
        ended: int = repeat.before if self.end is None else getattr(self.end, repeat.counted_in)
        return repeat.after > began and repeat.before <= ended


class Repeat(NamedTuple):
    """What was taken in or written as a letter twice in a row: `before` and `after` count lines or letters."""

    place: Place
    what: str
    counted_in: Literal["order", "letter_count"]
    before: int
    after: int
    is_answer_lost: bool
    """Whether the bridge could not know of the one before."""


class Account(NamedTuple):
    """The repeats of one vendor by their cause."""

    lost_answers: list[Repeat]
    by_unrest: list[tuple[Unrest, frozenset[Place], int]]
    """Each unrest with the records that were repeated because of it, and the most that may be."""
    unexplained: list[Repeat]


def repeat_problems(evidence: Evidence, vendor: str) -> Iterator[str]:
    """Yield repeats that nothing explains, that are too many, or that were committed before."""
    account = account_of(evidence, vendor)
    for repeat in account.unexplained:
        yield f"{repeat.what} was repeated without a cause: {repeat.counted_in} {repeat.before} and {repeat.after}"
    for unrest, places, bound in account.by_unrest:
        if unrest.end is None:
            yield f"the group never settled after {unrest.disturbances[-1]}"
        if len(places) > bound:
            yield f"{len(places)} records were repeated after {unrest.disturbances[0]}, more than {bound}"
    yield from _committed_again(evidence, vendor)


def account_of(evidence: Evidence, vendor: str) -> Account:
    """Return the repeats of a vendor by their cause; of several unrests the last one that may be it."""
    unrests = unrests_of(evidence.disturbances[vendor], evidence.samples[vendor])
    account = Account([], [], [])
    places: dict[int, set[Place]] = defaultdict(set)
    for repeat in (*_repeated_lines(evidence, vendor), *_repeated_letters(evidence, vendor)):
        causes = [index for index, unrest in enumerate(unrests) if unrest.may_explain(repeat)]
        if repeat.is_answer_lost:
            account.lost_answers.append(repeat)
        elif causes:
            places[causes[-1]].add(repeat.place)
        else:
            account.unexplained.append(repeat)
    for index, unrest in enumerate(unrests):
        account.by_unrest.append((unrest, frozenset(places[index]), _bound(evidence, vendor, unrest)))
    return account


def unrests_of(disturbances: Sequence[Disturbance], samples: Sequence[Sample]) -> list[Unrest]:
    """Return when a group was unsettled, in order of time."""
    unrests: list[Unrest] = []
    first = 0
    for count in range(1, len(disturbances) + 1):
        settled = next((one for one in samples if one.disturbance_count == count and one.is_settled), None)
        if settled is not None or count == len(disturbances):
            unrests.append(_unrest(disturbances[first:count], samples, settled))
            first = count
    return unrests


def _unrest(disturbances: Sequence[Disturbance], samples: Sequence[Sample], settled: Sample | None) -> Unrest:
    """Return one unrest with the owners that were seen just before it and in it."""
    start = disturbances[0].moment
    before = [one for one in samples if one.moment.order <= start.order and one.owners][-1:]
    until = samples.index(settled) if settled is not None else len(samples)
    during = [one for one in samples[:until] if one.moment.order > start.order]
    owners = frozenset(owner for one in (*before, *during) for owner in one.owners.values())
    return Unrest(disturbances, start, None if settled is None else settled.moment, owners)


def _bound(evidence: Evidence, vendor: str, unrest: Unrest) -> int:
    """Return the most records that an unrest may repeat.

    Each process that gave partitions up has at most its window to repeat. One that was killed could not commit either
    what it had finished in its last moments.
    """
    kills = [one for one in unrest.disturbances if one.kind == "kill"]
    last_moments = sum(_last_moment_count(evidence, vendor, kill) for kill in kills)
    return evidence.window_count * max(1, len(unrest.owners)) + last_moments


def _last_moment_count(evidence: Evidence, vendor: str, kill: Disturbance) -> int:
    """Return how much a process may have had taken in just before it was killed, from the partitions that it owned."""
    earlier = [one for one in evidence.samples[vendor] if one.moment.order <= kill.moment.order]
    seen = [one.owners for one in earlier if one.owners]
    owned = {partition for partition, owner in seen[-1].items() if owner == kill.process} if seen else set()
    committed = [one.moment.order for one in earlier if one.at_s <= kill.at_s - COMMIT_LAG_S]
    since = committed[-1] if committed else 0
    records = evidence.records_by_id()
    return sum(
        since < line.order <= kill.moment.order
        and (made := records.get(line.id or "")) is not None
        and made.partition in owned
        for line in evidence.accepted(vendor)
    )


def _repeated_lines(evidence: Evidence, vendor: str) -> Iterator[Repeat]:
    """Yield what an endpoint took in twice."""
    records = evidence.records_by_id()
    latest: dict[tuple[str, Made], Line] = {}
    for line in evidence.accepted(vendor):
        made = records.get(line.id or "")
        if made is None:
            continue
        earlier = latest.get((line.endpoint, made))
        if earlier is not None:
            what = f"{made} at {line.endpoint}"
            place = (made.partition, made.offset)
            yield Repeat(place, what, "order", earlier.order, line.order, earlier.answer == "lost")
        latest[line.endpoint, made] = line


def _repeated_letters(evidence: Evidence, vendor: str) -> Iterator[Repeat]:
    """Yield letters that are in the dead-letter topic twice."""
    latest: dict[Place, Letter] = {}
    for letter in evidence.letters_of(vendor):
        place = (letter.partition, letter.offset)
        if place in latest:
            counts = (latest[place].position + 1, letter.position + 1)
            yield Repeat(place, f"the letter of {place}", "letter_count", *counts, is_answer_lost=False)
        latest[place] = letter


def _committed_again(evidence: Evidence, vendor: str) -> Iterator[str]:
    """Yield what was taken in or written although an outside reader had seen its offset committed before."""
    records = evidence.records_by_id()
    samples = evidence.samples[vendor]
    taken = [(line.order, made) for line in evidence.accepted(vendor) if (made := records.get(line.id or ""))]
    lines = [(order, (made.partition, made.offset)) for order, made in taken]
    for order, place, offset in _behind(lines, samples, "order"):
        yield f"line {order} takes in {place}, though {offset} was seen committed before"
    letters = [(one.position + 1, (one.partition, one.offset)) for one in evidence.letters_of(vendor)]
    for count, place, offset in _behind(letters, samples, "letter_count"):
        yield f"letter {count} is about {place}, though {offset} was seen committed before"


def _behind(
    done: Sequence[tuple[int, Place]], samples: Sequence[Sample], counted_in: Literal["order", "letter_count"]
) -> Iterator[tuple[int, Place, int]]:
    """Yield what was done to records below the offset that was committed by then, with that offset."""
    committed: dict[int, int] = {}
    waiting = list(reversed(samples))
    for count, place in done:
        while waiting and getattr(waiting[-1].moment, counted_in) < count:
            for partition, offset in waiting.pop().committed.items():
                committed[partition] = max(offset, committed.get(partition, 0))
        offset = committed.get(place[0], 0)
        if place[1] < offset:
            yield count, place, offset
