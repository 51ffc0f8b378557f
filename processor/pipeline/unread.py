"""How old the oldest record is that waits unread in a partition that stands still.

What is read tells its age by itself. While a destination is paused nothing may be read at all, and its time lag would
be that of an idle one. So the one record that would be read next is looked at from outside, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from processor.delivery.offsets import Key, Partition

MAX_COUNT: Final = 20
"""Partitions that are looked at in one go; the others follow with the next look."""


class Unread:
    """The times of records that wait unread. Event loop only."""

    def __init__(self) -> None:
        """Start knowing nothing."""
        self._stood_at: dict[Key, int] = {}
        self._times_ms: dict[Key, tuple[int, int | None]] = {}

    def wanted(self, partitions: Iterable[Partition], ends: Mapping[Key, int]) -> dict[Key, int]:
        """Return the partitions to look at, each with the offset of the record that would be read next.

        One that has moved since the last call is being read, and will tell by itself.
        """
        standing = {
            one.key: one.highest for one in partitions if not one.entries and ends.get(one.key, 0) > one.highest
        }
        still = {key: offset for key, offset in standing.items() if self._stood_at.get(key) == offset}
        self._stood_at = standing
        self._times_ms = {key: known for key, known in self._times_ms.items() if still.get(key) == known[0]}
        return dict(islice((item for item in still.items() if item[0] not in self._times_ms), MAX_COUNT))

    def learn(self, offsets: Mapping[Key, int], times_ms: Mapping[Key, int | None]) -> None:
        """Keep what the records at these offsets say."""
        self._times_ms |= {key: (offsets[key], time_ms) for key, time_ms in times_ms.items()}

    def time_ms(self, partition: Partition) -> int | None:
        """Return the time of the record that would be read next, None where nobody knows."""
        offset, time_ms = self._times_ms.get(partition.key, (None, None))
        return time_ms if offset == partition.highest and not partition.entries else None
