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


def waits_unread(partition: Partition, ends: Mapping[Key, int]) -> bool:
    """Return whether all that is left of a partition is still to be read: its age does not follow from what was."""
    return not partition.entries and ends.get(partition.key, 0) > partition.highest


class Unread:
    """The times of records that wait unread. Event loop only."""

    def __init__(self) -> None:
        """Start knowing nothing."""
        self._stood_at: dict[Key, int] = {}
        self._times_ms: dict[Key, tuple[int, int | None]] = {}
        self._seen_to: dict[Key, int] = {}

    def wanted(self, partitions: Iterable[Partition], ends: Mapping[Key, int]) -> dict[Key, int]:
        """Return the partitions to look at, each with the offset of the record that would be read next.

        One that has moved since the last call is being read, and will tell by itself.
        """
        standing = {one.key: one.highest for one in partitions if waits_unread(one, ends)}
        still = {key: offset for key, offset in standing.items() if self._stood_at.get(key) == offset}
        self._stood_at = standing
        self._times_ms = {
            key: (offset, time_ms)
            for key, (offset, time_ms) in self._times_ms.items()
            if still.get(key) == offset and (time_ms is not None or self._seen_to.get(key) == ends[key])
        }
        self._seen_to = {key: ends[key] for key in still}  # where nothing was seen, something may have come since
        return dict(islice((item for item in still.items() if item[0] not in self._times_ms), MAX_COUNT))

    def learn(self, offsets: Mapping[Key, int], times_ms: Mapping[Key, int | None]) -> None:
        """Keep what the records at these offsets say."""
        self._times_ms |= {key: (offsets[key], time_ms) for key, time_ms in times_ms.items()}

    def age_s(self, partition: Partition, wall_ms: int) -> float | None:
        """Return the age of the record that would be read next, in seconds; 0 where none can be seen there.

        None while nobody has looked.
        """
        offset, time_ms = self._times_ms.get(partition.key, (None, None))
        if offset != partition.highest:
            return None
        return 0.0 if time_ms is None else max(0, wall_ms - time_ms) / 1000
