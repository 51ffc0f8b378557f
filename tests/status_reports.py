"""Reports of four destinations as an operator may meet them: at work, held, slowed down, and starting again."""

from __future__ import annotations

import math
from typing import Any, Final

from processor import __version__
from processor.model import Outcome
from processor.operations.page import Page
from processor.operations.recollection import POINT_COUNT, POINT_MS
from processor.operations.status import State, StatusReport
from processor.operations.tally import Tally

PARTITION_COUNT: Final = 3
RATE: Final = 210.0
"""Records a second that a destination at work delivers."""


def tally(delivered_count: int, *, retries: int = 0, letters: int = 0, in_flight: int = 40) -> Tally:
    """Return the counts of a destination that has delivered so much."""
    counts = Tally()
    skips = {"no_subscription": delivered_count // 20, "consent_denied": delivered_count // 90, "duplicate": 12}
    counts.done(Outcome.DELIVERED, count=delivered_count)
    for reason, count in skips.items():
        counts.done(Outcome.SKIPPED, reason, count)
    if letters:
        counts.done(Outcome.DEAD_LETTERED, "no_identity", letters)
        counts.done(Outcome.DEAD_LETTERED, "http_400", letters // 3 + 1)
    for _ in range(retries):
        counts.retry("events", "http_503")
    ended = delivered_count + sum(skips.values()) + (letters + letters // 3 + 1 if letters else 0)
    counts.read(ended + in_flight, 900 * ended)
    return counts


def partitions(lag: int, time_lag_s: float, topic: str = "segment.events") -> Any:  # noqa: ANN401 - lines of a report
    """Return the partitions of a destination that is so far behind in all."""
    shares = [lag // 2, lag // 3, lag - lag // 2 - lag // 3]
    return [
        {
            "topic": topic,
            "partition": number,
            "committed": 48_120_774 + 1_311 * number,
            "end": 48_120_774 + 1_311 * number + share,
            "lag": share,
            "time_lag_s": round(time_lag_s / (number + 1), 1),
        }
        for number, share in enumerate(shares)
    ]


def report(name: str, type_: str, state: State, now_ms: int, **changes: object) -> StatusReport:
    """Return what a destination says, with changes."""
    usual: dict[str, Any] = {
        "destination": name,
        "type": type_,
        "state": state,
        "reason": "",
        "ready": True,
        "alive": True,
        "version": __version__,
        "mapping_hash": "3fa9c07e51bd",
        "at_ms": now_ms - 400,
        "tally": tally(0).report(),
        "partitions": partitions(120, 0.8),
        "gauges": {"in_flight_requests": 9, "concurrency_limit": 16, "retrying_batches": 0, "outstanding_records": 40},
        "process": {"pid": 4711, "memory_bytes": 61_000_000, "cpu_seconds": 12.5},
        "loops": {"poll_age_s": 0.04},
        "restart_count": 0,
        "details": {"gate": "flowing", "last_delivery_ms": now_ms - 700, "hold": None},
    }
    return StatusReport(**{**usual, **changes})  # type: ignore[typeddict-item]  # a test may say anything


def four(now_ms: int, age_points: int = 0) -> dict[str, StatusReport]:
    """Return four destinations as they were so many points of the history ago."""
    at_ms, age_s = now_ms - age_points * POINT_MS, age_points * POINT_MS / 1000
    swing = 1 + 0.6 * math.sin(age_points / 7) + 0.2 * math.sin(age_points / 2.3)
    held_for = max(0, 46 - age_points)
    slowed_for = max(0, 18 - age_points)
    delivered = round(RATE * (POINT_COUNT * POINT_MS / 1000 - age_s)) + 1_204_000
    return {
        "moesif-prod": report(
            "moesif-prod",
            "moesif",
            "held" if held_for else "running",
            at_ms,
            reason="http_401" if held_for else "",
            tally=tally(min(delivered, 1_435_000), letters=2).report(),
            partitions=partitions(90 + held_for * 3_150, held_for * POINT_MS / 1000 + 0.7),
            details={
                "gate": "held" if held_for else "flowing",
                "last_delivery_ms": at_ms - held_for * POINT_MS,
                "hold": "status 401" if held_for else None,
            },
        ),
        "moveo-prod": report(
            "moveo-prod",
            "moveo",
            "running",
            at_ms,
            tally=tally(delivered, retries=7 - min(5, age_points // 9), letters=4).report(),
            partitions=partitions(round(140 * swing), round(0.9 * swing, 1)),
            reload={
                "results": {"applied": 2},
                "last_result": "applied",
                "last_ms": now_ms - 930_000,
                "needs_restart": [],
            },
        ),
        "moengage-prod": report(
            "moengage-prod",
            "moengage",
            "running",
            at_ms,
            reason="throttled" if slowed_for else "",
            tally=tally(delivered // 2, retries=30 + slowed_for * 4, letters=26).report(),
            partitions=partitions(round(200 * swing) + slowed_for * 900, slowed_for * 9 + 1.2),
            details={
                "gate": "throttled" if slowed_for else "flowing",
                "last_delivery_ms": at_ms - 2_500,
                "hold": None,
            },
        ),
        "warehouse-hook": report(
            "warehouse-hook",
            "webhook",
            "standby" if age_points else "restarting",
            at_ms,
            reason="no_partitions" if age_points else "exit_1",
            ready=bool(age_points),
            tally=tally(0, in_flight=0).report(),
            partitions=[],
            restart_count=0 if age_points else 1,
        ),
    }


def remembered(page: Page, now_ms: int) -> None:
    """Let a page remember the half hour before this time."""
    for age in range(POINT_COUNT - 1, -1, -1):
        page._recollection.look(four(now_ms, age), now_ms - age * POINT_MS)
