"""How far a process is with what an operator wants of its destination. A decider: what goes on in, a phase out."""

from __future__ import annotations

from enum import Enum
from typing import assert_never

from msgspec import Struct

from processor.delivery.gate import Stop
from processor.source.orders import Wanted


class Phase(Enum):
    """What an operator's order has come to."""

    RUNNING = "running"
    PAUSING = "pausing"
    """Nothing more is started; what is on its way is waited for."""
    PAUSED = "paused"
    """Nothing is on its way, and everything that is done is committed. What was read and not sent waits."""
    DRAINING = "draining"
    """Nothing more is read; what was read is delivered."""
    DRAINED = "drained"
    """Everything that was read is done and committed."""

    @property
    def is_final(self) -> bool:
        """Say whether all that an order to stop asks for is done."""
        return self in (Phase.PAUSED, Phase.DRAINED)


class Work(Struct, frozen=True):
    """What goes on in a process."""

    is_reading: bool
    """Whether the consumer thread may still hand over records, or some that it did are not mapped yet."""
    record_count: int
    """Records that were read and are not done."""
    request_count: int
    has_open_letters: bool
    is_committed: bool
    """Whether the broker has the offset of everything that is done."""


def stop_of(wanted: Wanted) -> Stop:
    """Return what is stopped so that the destination does what is wanted."""
    match wanted:
        case Wanted.RUNNING:
            return Stop.NOTHING
        case Wanted.DRAINED:
            return Stop.READING
        case Wanted.PAUSED:
            return Stop.ALL
        case unknown:
            assert_never(unknown)


def phase_of(wanted: Wanted, work: Work) -> Phase:
    """Return how far it is."""
    is_at_rest = not work.is_reading and not work.request_count and not work.has_open_letters and work.is_committed
    match wanted:
        case Wanted.RUNNING:
            return Phase.RUNNING
        case Wanted.PAUSED:
            return Phase.PAUSED if is_at_rest else Phase.PAUSING
        case Wanted.DRAINED:
            return Phase.DRAINED if is_at_rest and not work.record_count else Phase.DRAINING
        case unknown:
            assert_never(unknown)
