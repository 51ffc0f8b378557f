"""What is known about an end-to-end run without asking the bridge: plain values, which the judge reads.

Order in time needs no clock. The stand-ins number what they take in before they answer, and the dead-letter topic has
offsets of its own. A look at the group's offsets notes both numbers after the answer has come: what was committed by
then rests on records that are below them, or on nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from processor.sandbox.events import EXPECTED, Fate
from processor.sandbox.ledger import Line


class Made(NamedTuple):
    """A record of the topic: where it lies, of which category it is, and the id of its event, where it holds one.

    `link_id` is how the stand-ins know the link of a user to a company, which carries no id of the event.
    """

    partition: int
    offset: int
    category: str
    event_id: str | None
    link_id: str | None = None


class Letter(NamedTuple):
    """A dead letter: its offset in the dead-letter topic, the vendor, the record's place, and the reason given."""

    position: int
    vendor: str
    partition: int
    offset: int
    reason: str


class Moment(NamedTuple):
    """How far everything had come: lines of the stand-ins' record, and letters in the dead-letter topic."""

    order: int
    letter_count: int


class Sample(NamedTuple):
    """One look at a group from outside. `moment` and `at_s` (monotonic) were read after the cluster had answered.

    `owners` names the process of each partition, and is empty while the group is being rebalanced. The group is
    settled when its members are the very processes that are to run, and they own every partition between them;
    `disturbance_count` is how much had been done to it before the look began.
    """

    moment: Moment
    at_s: float
    committed: Mapping[int, int]
    owners: Mapping[int, str]
    is_settled: bool
    disturbance_count: int


class Disturbance(NamedTuple):
    """Something that moves partitions from one process to another, noted just before it was done."""

    kind: Literal["start", "kill", "join", "leave"]
    process: str
    moment: Moment
    at_s: float


@dataclass(frozen=True)
class Evidence:
    """Everything that the judgement rests on; `samples` and `disturbances` by vendor, in order of time."""

    made: Sequence[Made]
    refused: Mapping[str, str]
    """The reason that must stand in the letter of an event that the vendors refuse, by the event's id."""
    lines: Sequence[Line]
    letters: Sequence[Letter]
    samples: Mapping[str, Sequence[Sample]]
    disturbances: Mapping[str, Sequence[Disturbance]]
    window_count: int
    """The most records that a process may have read and not committed."""

    def fate(self, made: Made, vendor: str) -> Fate:
        """Return what must become of a record at a vendor."""
        if made.event_id is not None and made.event_id in self.refused:
            return "dead_lettered"
        return EXPECTED[made.category][vendor]

    def accepted(self, vendor: str) -> list[Line]:
        """Return what a vendor took in, in order."""
        return [line for line in self.lines if line.vendor == vendor and line.result == "accepted"]

    def letters_of(self, vendor: str) -> list[Letter]:
        """Return the dead letters of a vendor, in order."""
        return [letter for letter in self.letters if letter.vendor == vendor]

    def records_by_id(self) -> dict[str, Made]:
        """Return the records by the ids under which the stand-ins take in what they come to."""
        by_event = {made.event_id: made for made in self.made if made.event_id is not None}
        return by_event | {made.link_id: made for made in self.made if made.link_id is not None}
