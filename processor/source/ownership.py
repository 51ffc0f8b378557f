"""What this process owns at the moment: which partitions, how far they are read, and which of them stand still."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from processor.source.partitions import Offsets, Partition


class Change(NamedTuple):
    """Partitions to pause and to resume so that what is wanted becomes true."""

    pause: set[Partition]
    resume: set[Partition]


class Ownership:
    """Partitions that the group gave us, and those among them that are read. Consumer thread only.

    A partition is *owned* from the assignment on, and *open* once its position is known and committed; in between it
    waits and is not assigned to the client at all, so that nothing of it can be read by accident.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self.owned: set[Partition] = set()
        self.topic_ids: dict[Partition, str] = {}
        self.positions: Offsets = {}
        self.paused: set[Partition] = set()

    @property
    def open(self) -> AbstractSet[Partition]:
        """Return the partitions that are read."""
        return self.topic_ids.keys()

    @property
    def waiting(self) -> set[Partition]:
        """Return the partitions whose position is not known yet."""
        return self.owned - self.open

    def begin(self, offsets: Mapping[Partition, int], topic_ids: Mapping[str, str]) -> None:
        """Count partitions as open, read from these offsets on."""
        for partition, offset in offsets.items():
            self.topic_ids[partition] = topic_ids[partition[0]]
            self.positions[partition] = offset

    def end(self, partitions: Iterable[Partition]) -> set[Partition]:
        """Count partitions as not read any more; return those that were."""
        ended = {partition for partition in partitions if partition in self.topic_ids}
        for partition in ended:
            del self.topic_ids[partition]
            del self.positions[partition]
        self.paused -= ended
        return ended

    def advance(self, positions: Mapping[Partition, int]) -> None:
        """Count these as the next offsets to read."""
        self.positions.update(positions)

    def storable(self, offsets: Mapping[Partition, int]) -> Offsets:
        """Return those offsets that may be committed: of open partitions, and not beyond what was read.

        A wish that was on its way while its partition was taken away and given back is thereby recognised.
        """
        return {
            partition: offset
            for partition, offset in offsets.items()
            if partition in self.positions and offset <= self.positions[partition]
        }

    def change(self, wanted: AbstractSet[Partition]) -> Change:
        """Return what to do so that exactly the `wanted` partitions are paused; it counts as done."""
        target = wanted & self.open
        change = Change(set(target - self.paused), self.paused - target)
        self.paused = set(target)
        return change

    def restate(self, partitions: AbstractSet[Partition], wanted: AbstractSet[Partition]) -> Change:
        """Return what to say for partitions that are new to the client: the wanted state of each; it counts as done.

        A pause survives a rebalance in the client, so a state that is not stated may be that of an earlier life.
        """
        pause = set(partitions & wanted)
        self.paused = (self.paused - partitions) | pause
        return Change(pause, set(partitions - wanted))
