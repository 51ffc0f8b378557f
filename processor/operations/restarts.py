"""Whether and when a destination's process is started again.

Decides from exit codes and times that are passed in; the supervisor acts.
"""

from __future__ import annotations

from dataclasses import dataclass

from processor.operations.settings import RestartSettings

EXIT_CONFIGURATION = 2
"""The exit code of a process whose configuration cannot be used: one that never ran would not run another time."""

JITTER = 0.2
"""Share by which a wait may grow, so that processes that died together do not come back together."""

LARGEST_DOUBLING = 32
"""Doublings beyond this cannot matter, and would overflow a float."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Start again after `wait_s` seconds; `failure_count` failures in a row led here."""

    wait_s: float
    failure_count: int


def next_restart(
    settings: RestartSettings, *, exit_code: int, has_run: bool, ran_s: float, failure_count: int, draw: float
) -> Restart | None:
    """Return when to start again a process that ended without being asked to, or None when never.

    Args:
        settings: Waits and the time after which a run counts as stable.
        exit_code: How it ended; negative is the number of the signal that killed it.
        has_run: Whether it, or one before it, could use the configuration. Then somebody has changed that since, and
            may mend it.
        ran_s: How long it had run.
        failure_count: Failures in a row before this one.
        draw: A random number from 0 to 1, for the jitter.
    """
    if exit_code == EXIT_CONFIGURATION and not has_run:
        return None
    earlier_count = 0 if ran_s >= settings.stable_after.total_seconds() else failure_count
    doubled_s = settings.first_wait.total_seconds() * 2.0 ** min(earlier_count, LARGEST_DOUBLING)
    wait_s = min(doubled_s, settings.max_wait.total_seconds())
    return Restart(wait_s=wait_s * (1 + JITTER * draw), failure_count=earlier_count + 1)
