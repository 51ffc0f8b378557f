"""A payload on its way to a vendor."""

from __future__ import annotations

from msgspec import Struct

from processor.delivery.offsets import Entry
from processor.model import Payload


class Parcel(Struct, gc=False):
    """A payload, the entry of its record, and what its attempts came to.

        `sequence` numbers parcels in the order they were taken in and never changes; `waiting_since_s` is the monotonic
    time of that moment. `attempt_count` counts requests, whatever their answers; `retry_count` only those whose answer
    was to try again. `lonely_s` adds up how long the parcel kept failing alone while others succeeded. `is_counted`
    says that fair use has let it pass. `refused_in` is the number of the guard's hold in which the vendor refused it
    alone and it was kept all the same. `dedupe_digest` belongs to the dedupe window.
    """

    payload: Payload
    entry: Entry
    sequence: int
    waiting_since_s: float
    attempt_count: int = 0
    retry_count: int = 0
    lonely_s: float = 0.0
    is_counted: bool = False
    refused_in: int | None = None
    dedupe_digest: bytes | None = None

    @property
    def size_bytes(self) -> int:
        """Return the bytes of the body as stored."""
        return len(self.payload.body)

    @property
    def may_start(self) -> bool:
        """Return whether a new attempt is allowed: the partition is owned and not being given up."""
        partition = self.entry.partition
        return partition.is_owned and not partition.is_leaving
