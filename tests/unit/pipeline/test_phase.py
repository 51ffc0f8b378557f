"""How far a process is with an order, case by case."""

from __future__ import annotations

from itertools import product

import pytest

from processor.delivery.gate import Stop
from processor.pipeline.phase import Phase, Work, phase_of, stop_of
from processor.source.orders import Wanted

REST = Work(is_reading=False, record_count=0, request_count=0, has_open_letters=False, is_committed=True)
WAITING = Work(is_reading=False, record_count=5, request_count=0, has_open_letters=False, is_committed=True)


@pytest.mark.parametrize(
    ("wanted", "stop"),
    [(Wanted.RUNNING, Stop.NOTHING), (Wanted.DRAINED, Stop.READING), (Wanted.PAUSED, Stop.ALL)],
)
def test_what_is_stopped(wanted: Wanted, stop: Stop) -> None:
    """A pause stops both, a drain only the reading."""
    assert stop_of(wanted) is stop


@pytest.mark.parametrize(
    ("wanted", "work", "phase"),
    [
        (Wanted.RUNNING, REST, Phase.RUNNING),
        (Wanted.PAUSED, REST, Phase.PAUSED),
        (Wanted.PAUSED, WAITING, Phase.PAUSED),
        (Wanted.DRAINED, REST, Phase.DRAINED),
        (Wanted.DRAINED, WAITING, Phase.DRAINING),
    ],
)
def test_what_waits_unsent_keeps_a_destination_from_being_drained_and_not_from_being_paused(
    wanted: Wanted, work: Work, phase: Phase
) -> None:
    """That is the difference between the two."""
    assert phase_of(wanted, work) is phase


@pytest.mark.parametrize(
    ("is_reading", "request_count", "has_open_letters", "is_committed"),
    [each for each in product([False, True], [0, 1], [False, True], [False, True]) if each != (False, 0, False, True)],
)
def test_nothing_is_said_to_be_done_before_it_is(
    is_reading: bool,  # noqa: FBT001 - a table
    request_count: int,
    has_open_letters: bool,  # noqa: FBT001 - as above
    is_committed: bool,  # noqa: FBT001 - as above
) -> None:
    """Whatever is still read, on its way, unwritten or uncommitted keeps both phases from being final."""
    work = Work(is_reading, 0, request_count, has_open_letters, is_committed)
    assert phase_of(Wanted.PAUSED, work) is Phase.PAUSING
    assert phase_of(Wanted.DRAINED, work) is Phase.DRAINING


def test_final_phases_are_those_of_orders_to_stop() -> None:
    """A running destination has nothing to say to an order."""
    assert {phase for phase in Phase if phase.is_final} == {Phase.PAUSED, Phase.DRAINED}
