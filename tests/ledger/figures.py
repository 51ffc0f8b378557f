"""What an end-to-end run came to, in figures for its report."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from tests.ledger.evidence import Evidence
from tests.ledger.faults import hits
from tests.ledger.repeats import account_of
from tests.ledger.scenario import Scenario


class VendorFigures(Struct, frozen=True):
    """One vendor's part of a run.

    `repeat_count` and `repeat_bound` are records that were repeated after kills and rebalances, and the most that may
    be; `lost_answer_count` are payloads that were repeated behind an answer that was cut. `faults` are requests that
    were hit, by kind.
    """

    vendor: str
    accepted_count: int
    letter_count: int
    kill_count: int
    join_count: int
    leave_count: int
    faults: dict[str, int]
    repeat_count: int
    repeat_bound: int
    lost_answer_count: int
    sample_count: int


class RunFigures(Struct, frozen=True):
    """A whole run; it was judged before, so nothing was lost in it."""

    seed: int
    event_count: int
    user_count: int
    partition_count: int
    processes_per_vendor: int
    window_count: int
    duration_s: float
    vendors: list[VendorFigures]


def figures(
    evidence: Evidence, scenario: Scenario, happened: Mapping[str, int], seed: int, duration_s: float
) -> RunFigures:
    """Return the figures of a run."""
    return RunFigures(
        seed,
        len(evidence.made),
        scenario.user_count,
        scenario.partition_count,
        scenario.processes_per_vendor,
        scenario.window_count,
        round(duration_s, 1),
        [_vendor_figures(evidence, happened, vendor) for vendor in evidence.samples],
    )


def _vendor_figures(evidence: Evidence, happened: Mapping[str, int], vendor: str) -> VendorFigures:
    """Return the figures of one vendor; a process that takes a killed one's place is no rebalance of its own."""
    account = account_of(evidence, vendor)
    kinds = [disturbance.kind for disturbance in evidence.disturbances[vendor]]
    kill_count = kinds.count("kill")
    return VendorFigures(
        vendor=vendor,
        accepted_count=len(evidence.accepted(vendor)),
        letter_count=len(evidence.letters_of(vendor)),
        kill_count=kill_count,
        join_count=kinds.count("join") - kill_count,
        leave_count=kinds.count("leave"),
        faults=hits(happened, vendor),
        repeat_count=sum(len(places) for _, places, _ in account.by_unrest),
        repeat_bound=sum(bound for _, _, bound in account.by_unrest),
        lost_answer_count=len(account.lost_answers),
        sample_count=len(evidence.samples[vendor]),
    )
