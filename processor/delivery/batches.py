"""The payloads of one request, from the cut to the last verdict: retrying, halving, isolating.

A batch keeps its lanes busy until every parcel of it is settled. When it is halved, the halves become batches of their
own where no lane runs through both; where one does, the first half goes first and the second waits, or a user's order
would break.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

from processor.delivery.parcel import Parcel

_numbers = count(1)


class Batch:
    """Parcels that share a request, and what their attempts came to so far.

    `behind` are parts that wait until `parcels` are settled, the next one last. `failure_count` counts failures in a
    row for the backoff, `holding_count` the latest of them in a row that would hold the destination in the end;
    `lonely_failure_count` are those with successes of other batches in between, and `is_lonely` says whether the last
    one was. `failed_at_s` is when the one parcel last failed in a way that may be its own fault, None when something
    else came after that. `is_lone` marks a payload that went alone because much waits to be sent again;
    `is_alone` a batch beside which nothing was on its way or could be sent when its answer came.
    """

    __slots__ = (
        "behind",
        "endpoint_name",
        "failed_at_s",
        "failure_count",
        "holding_count",
        "is_alone",
        "is_isolating",
        "is_lone",
        "is_lonely",
        "is_plain",
        "is_probe",
        "lonely_failure_count",
        "number",
        "parcels",
        "successes_seen",
        "wake_s",
    )

    def __init__(
        self, endpoint_name: str, parcels: list[Parcel], *, is_isolating: bool = False, is_lone: bool = False
    ) -> None:
        """Start with parcels that were just cut, or with a part of another batch."""
        self.number = next(_numbers)
        self.endpoint_name = endpoint_name
        self.parcels = parcels
        self.behind: list[list[Parcel]] = []
        self.failed_at_s: float | None = None
        self.failure_count = 0
        self.holding_count = 0
        self.lonely_failure_count = 0
        self.successes_seen: int | None = None
        self.is_isolating = is_isolating
        self.is_alone = False
        self.is_lone = is_lone
        self.is_lonely = False
        self.is_plain = False
        self.is_probe = False
        self.wake_s = float("-inf")

    def __len__(self) -> int:
        """Return how many payloads the next request holds."""
        return len(self.parcels)

    @property
    def sequence(self) -> int:
        """Return the number of the oldest parcel, by which due batches are ordered."""
        return self.parcels[0].sequence

    def unsettled(self) -> list[Parcel]:
        """Return all parcels that are not settled, in lane order."""
        parcels = list(self.parcels)
        for part in reversed(self.behind):
            parcels += part
        return parcels

    def note_failure(self, success_count: int) -> None:
        """Count a failure; `success_count` is the destination's so far, which tells whether others got through."""
        self.failure_count += 1
        self.is_lonely = self.successes_seen is not None and success_count > self.successes_seen
        self.lonely_failure_count += self.is_lonely
        self.successes_seen = success_count

    def drop_unowned(self) -> list[Parcel]:
        """Take out the parcels whose partition was lost or is being given up; return them."""
        return self.take_out(lambda parcel: not parcel.may_start)

    def take_out(self, is_taken_out: Callable[[Parcel], bool]) -> list[Parcel]:
        """Take out parcels; return them, in lane order."""
        dropped = [parcel for parcel in self.unsettled() if is_taken_out(parcel)]
        if dropped:
            parts = [[p for p in part if not is_taken_out(p)] for part in (*self.behind, self.parcels)]
            parts = [part for part in parts if part]
            self.parcels = parts.pop() if parts else []
            self.behind = parts
        return dropped

    def lane_keys(self) -> set[str]:
        """Return the keys of the lanes that the batch keeps busy."""
        return {key for parcel in self.unsettled() for key in parcel.payload.lanes}

    def advance(self) -> bool:
        """Go on to the part that waited behind the settled one; return whether there is one."""
        if not self.behind:
            self.parcels = []
            return False
        self.parcels = self.behind.pop()
        self.failure_count = self.lonely_failure_count = 0
        self.failed_at_s = self.successes_seen = None
        return True

    def split(self, *, is_isolating: bool) -> Batch | None:
        """Halve the batch, the larger half first.

        Returns:
            The second half as a batch of its own, or None where a lane runs through both halves, so that the second
            waits behind the first in this batch.
        """
        at, is_clean = split_point(self.parcels)
        first, second = self.parcels[:at], self.parcels[at:]
        self.parcels = first
        self.is_isolating = is_isolating
        self.failure_count = self.lonely_failure_count = 0
        if is_clean and not self.behind:
            other = Batch(self.endpoint_name, second, is_isolating=is_isolating)
            other.successes_seen = self.successes_seen
            other.is_plain = self.is_plain
            return other
        self.behind.append(second)
        return None


def split_point(parcels: Sequence[Parcel]) -> tuple[int, bool]:
    """Return where to halve, and whether no lane runs through both halves.

    The larger half comes first. A place between lanes is preferred, the one nearest to the middle; a batch of one lane
    is halved in the middle.
    """
    middle = (len(parcels) + 1) // 2
    last: dict[str, int] = {}
    for index, parcel in enumerate(parcels):
        for key in parcel.payload.lanes:
            last[key] = index
    clean: list[int] = []
    reach = -1
    for index, parcel in enumerate(parcels[:-1]):
        reach = max(reach, *(last[key] for key in parcel.payload.lanes))
        if reach == index:
            clean.append(index + 1)
    if not clean:
        return middle, False
    return min(clean, key=lambda at: (abs(at - middle), -at)), True
