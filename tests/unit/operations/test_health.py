"""What makes a destination alive and ready, decided from values."""

from __future__ import annotations

import pytest

from processor.operations.health import ALL, not_alive, not_ready, serves, turns, without_partitions
from processor.operations.status import StatusReport
from processor.source.membership import Membership

OUTSIDE = Membership()
STANDBY = Membership(is_member=True, has_joined=True)
WAITING = Membership(is_member=True, has_joined=True, owned_count=2)
READING = Membership(is_member=True, has_joined=True, owned_count=2, has_opened=True)
THROWN_OUT = Membership(has_joined=True, has_opened=True)
THROWN_OUT_OF_STANDBY = Membership(has_joined=True)

GOOD = StatusReport(state="running", reason="", ready=True, alive=True)
STANDING = StatusReport(state="running", reason="", ready=True, alive=False)
HELD = StatusReport(state="held", reason="http_401", ready=True, alive=True)
STARTING = StatusReport(state="starting", reason="joining", ready=False, alive=True)


@pytest.mark.parametrize(
    ("age_s", "expected"), [(None, True), (0.0, True), (300.0, True), (300.1, False), (1e9, False)]
)
def test_a_loop_turns_until_it_is_older_than_its_limit(age_s: float | None, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """The limit itself still counts, and a loop that was never started stands for nothing."""
    assert expected is turns(age_s, 300.0)


@pytest.mark.parametrize(
    ("membership", "expected"),
    [
        (OUTSIDE, ("starting", "joining")),
        (WAITING, ("starting", "start_waiting")),
        (STANDBY, ("standby", "no_partitions")),
        (THROWN_OUT, ("starting", "joining")),
        (THROWN_OUT_OF_STANDBY, ("starting", "joining")),
    ],
)
def test_why_nothing_is_read(membership: Membership, expected: tuple[str, str]) -> None:
    """Being let in by the group, being given partitions, and finding their start are three different waits."""
    assert expected == without_partitions(membership)


@pytest.mark.parametrize(
    ("membership", "is_reading", "is_stopping", "expected"),
    [
        (OUTSIDE, False, False, False),
        (WAITING, False, False, False),
        (STANDBY, False, False, True),
        (READING, True, False, True),
        (READING, False, False, True),
        (THROWN_OUT, False, False, True),
        (THROWN_OUT_OF_STANDBY, False, False, True),
        (OUTSIDE, True, False, True),
        (READING, True, True, False),
        (STANDBY, False, True, False),
        (OUTSIDE, False, True, False),
    ],
)
def test_who_takes_part_in_the_work(
    membership: Membership,
    is_reading: bool,  # noqa: FBT001 - a column of the table
    is_stopping: bool,  # noqa: FBT001 - a column of the table
    expected: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """A process too many is ready, one that never got in or to a start is not, and nobody is who drains."""
    assert expected is serves(membership, is_reading=is_reading, is_stopping=is_stopping)


def test_a_process_that_stands_alone_answers_for_its_poll_loops() -> None:
    """Each destination whose consumer thread stands is named; state and hold have nothing to do with it."""
    failing = not_alive(
        {"a": GOOD, "b": STANDING, "c": HELD, "d": {}}, is_supervised=False, event_loop_age_s=0.0, limit_s=60.0
    )
    assert failing == {"b": {"state": "running", "reason": "poll_loop_stands"}}


def test_an_event_loop_that_stood_is_told() -> None:
    """It concerns the process as a whole, beside whatever else stands."""
    failing = not_alive({"a": GOOD}, is_supervised=False, event_loop_age_s=60.5, limit_s=60.0)
    assert failing == {ALL: {"state": "", "reason": "event_loop_stands"}}


def test_a_supervisor_is_alive_as_long_as_it_answers() -> None:
    """It restarts its own processes; restarting it would touch the others."""
    assert not_alive({"b": STANDING}, is_supervised=True, event_loop_age_s=1e6, limit_s=60.0) == {}


def test_who_is_not_ready_is_named_with_its_reason() -> None:
    """A hold and a loop that stands do not make unready; a process that says nothing yet is starting."""
    failing = not_ready({"a": GOOD, "b": HELD, "c": STANDING, "d": STARTING, "e": {}})
    assert failing == {
        "d": {"state": "starting", "reason": "joining"},
        "e": {"state": "starting", "reason": ""},
    }
