"""Whether a destination is alive and ready, and what it is doing while it reads nothing.

Decided from values alone. Alive: only a restart could help where it is not. Ready: its configuration works and it is
not on its way out; a vendor that is down, a hold, a throttle and a pause change nothing about that, because taking a
process out of service would help nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from processor.operations.status import State, StatusReport, is_alive, is_ready
from processor.source.membership import Membership

POLL_LOOP_STANDS: Final = "poll_loop_stands"
EVENT_LOOP_STANDS: Final = "event_loop_stands"
JOINING: Final = "joining"
START_WAITING: Final = "start_waiting"
NO_PARTITIONS: Final = "no_partitions"

ALL: Final = "*"
"""Stands for the process as a whole among the names of destinations; none is called so."""

Failing = dict[str, dict[str, str]]
"""What is not well: by destination its state, and the reason as a code."""


def turns(age_s: float | None, limit_s: float) -> bool:
    """Return whether a loop turned within `limit_s`; one that was never started has nothing to turn for."""
    return age_s is None or age_s <= limit_s


def without_partitions(membership: Membership) -> tuple[State, str]:
    """Return state and reason of a process that reads no partition.

    More processes than partitions is a wish, not a fault: the one too many stands by.
    """
    if not membership.is_member:
        return "starting", JOINING
    if membership.owned_count:
        return "starting", START_WAITING
    return "standby", NO_PARTITIONS


def serves(membership: Membership, *, is_reading: bool, is_stopping: bool) -> bool:
    """Return whether a process takes its part in the work: it reads, has read, or stands by as a member of the group.

    One that never got into the group, or not to a start, is not ready: its configuration may be wrong, and a rolling
    update must stop there. One that has read before stays ready when partitions are taken or Kafka is away.
    """
    if is_stopping:
        return False
    return is_reading or membership.has_opened or (membership.has_joined and not membership.owned_count)


def not_alive(
    reports: Mapping[str, StatusReport], *, is_supervised: bool, event_loop_age_s: float, limit_s: float
) -> Failing:
    """Return what only a restart of this process can help; nothing while it works.

    Somebody inside restarts the processes of a supervisor, so it is alive as long as it answers: restarting everything
    for one destination would touch the others. Who stands alone answers for both its loops.
    """
    if is_supervised:
        return {}
    failing = {
        name: {"state": report.get("state", "starting"), "reason": POLL_LOOP_STANDS}
        for name, report in reports.items()
        if not is_alive(report)
    }
    if not turns(event_loop_age_s, limit_s):
        failing[ALL] = {"state": "", "reason": EVENT_LOOP_STANDS}
    return failing


def not_ready(reports: Mapping[str, StatusReport]) -> Failing:
    """Return the destinations that take no part in the work, each with its own state and reason."""
    return {
        name: {"state": report.get("state", "starting"), "reason": report.get("reason", "")}
        for name, report in reports.items()
        if not is_ready(report)
    }
