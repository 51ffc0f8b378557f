"""When a process is started again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.operations.restarts import JITTER, Restart, next_restart
from processor.operations.settings import RestartSettings

SETTINGS = RestartSettings(
    first_wait=timedelta(seconds=1), max_wait=timedelta(seconds=60), stable_after=timedelta(seconds=120)
)


@pytest.mark.parametrize(
    ("failure_count", "ran_s", "draw", "expected"),
    [
        (0, 0.0, 0.0, Restart(wait_s=1.0, failure_count=1)),
        (1, 0.0, 0.0, Restart(wait_s=2.0, failure_count=2)),
        (5, 0.0, 0.0, Restart(wait_s=32.0, failure_count=6)),
        (6, 0.0, 0.0, Restart(wait_s=60.0, failure_count=7)),
        (6, 0.0, 1.0, Restart(wait_s=72.0, failure_count=7)),
        (6, 119.9, 0.0, Restart(wait_s=60.0, failure_count=7)),
        (6, 120.0, 0.0, Restart(wait_s=1.0, failure_count=1)),
    ],
)
def test_wait_doubles_to_its_cap_and_starts_over_after_a_stable_run(
    failure_count: int, ran_s: float, draw: float, expected: Restart
) -> None:
    """Each failure in a row doubles the wait up to the largest; a stable run forgets the failures before it."""
    actual = next_restart(SETTINGS, exit_code=1, has_run=False, ran_s=ran_s, failure_count=failure_count, draw=draw)
    assert expected == actual


def test_unusable_configuration_is_not_restarted() -> None:
    """A process that exits with 2 would do so again, so it is left alone."""
    assert next_restart(SETTINGS, exit_code=2, has_run=False, ran_s=500.0, failure_count=0, draw=0.0) is None


def test_a_configuration_that_could_be_used_is_tried_again() -> None:
    """Somebody has broken it since, and may mend it: the waits are those of any failure."""
    actual = next_restart(SETTINGS, exit_code=2, has_run=True, ran_s=0.0, failure_count=2, draw=0.0)
    assert actual == Restart(wait_s=4.0, failure_count=3)


@given(failure_count=st.integers(0, 10_000), draw=st.floats(0, 1), exit_code=st.sampled_from([-9, -15, 0, 1, 3]))
def test_wait_is_always_bounded(failure_count: int, draw: float, exit_code: int) -> None:
    """However often a process failed, its wait is positive and at most the cap plus the jitter."""
    restart = next_restart(
        SETTINGS, exit_code=exit_code, has_run=False, ran_s=0.0, failure_count=failure_count, draw=draw
    )
    assert restart is not None
    assert 1.0 <= restart.wait_s <= 60.0 * (1 + JITTER)
