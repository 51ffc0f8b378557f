"""Who hears from the consumer thread."""

from __future__ import annotations

from typing import Protocol

from processor.errors import ProcessorError
from processor.model import Record
from processor.source.notices import Notice
from processor.source.partitions import Offsets, Partition


class Listener(Protocol):
    """Called on the consumer thread, in the order in which things happen; only `revoked` may wait.

    Records of a partition come only between `assigned` and `revoked` or `lost` of it, in offset order, and the first
    one has at least the offset that `assigned` named. Offsets may have gaps (compaction, transactions).
    """

    def assigned(self, partitions: Offsets) -> None:
        """These partitions are ours from now on, read from these offsets."""

    def hand_over(self, records: list[Record], ends: Offsets) -> None:
        """Records were read; they are counted in the window already.

        `ends` are ends of partitions that were reached: with nothing outstanding below, such an end is committable
        even though no record precedes it directly.
        """

    def revoked(self, partitions: set[Partition]) -> Offsets:
        """These partitions go to another process, or we stop: finish what is on the wire and release the rest.

        Returns the offsets to commit for them. May wait as long as the drain budget; the thread stores them, and the
        client commits them before the partitions are given away.
        """

    def lost(self, partitions: set[Partition]) -> None:
        """These partitions are ours no longer, and nothing of them may be committed: cancel and release."""

    def failed(self, error: ProcessorError) -> None:
        """The source has stopped for good. Nothing is stored from now on; the process must end."""

    def said(self, notice: Notice) -> None:
        """Something is worth a count, and unless it is a repeat a log line."""
