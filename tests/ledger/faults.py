"""Whether what was to go wrong in an end-to-end run went wrong: a run without its faults proves nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from processor.sandbox.faults import Drop, Fault, Refuse, Status, Throttle
from tests.ledger.evidence import Disturbance, Evidence, Sample


def hits(happened: Mapping[str, int], vendor: str) -> dict[str, int]:
    """Return how often each kind of fault hit a vendor's requests, over all its endpoints."""
    found: dict[str, int] = defaultdict(int)
    for path, count in happened.items():
        owner, _, kind = path.split("/")
        if owner == vendor:
            found[kind] += count
    return dict(found)


def missing_faults(evidence: Evidence, faults: Iterable[Fault], happened: Mapping[str, int]) -> list[str]:
    """Return what was planned and did not happen, each as a sentence that begins with the vendor."""
    kinds = {_kind(fault) for fault in faults if not isinstance(fault, Refuse)}
    return [
        f"{vendor}: {problem}"
        for vendor in evidence.samples
        for problem in (
            *(f"no {kind} has hit" for kind in sorted(kinds - hits(happened, vendor).keys())),
            *_missing_refusals(evidence, vendor),
            *_missing_moves(evidence, vendor),
        )
    ]


def _kind(fault: Fault) -> str:
    """Return the name under which the stand-ins count a fault."""
    match fault:
        case Drop():
            return f"{fault.kind}_{fault.when}"
        case Status() | Throttle():
            return f"{fault.kind}_{fault.status}"
        case _:
            return fault.kind


def _missing_refusals(evidence: Evidence, vendor: str) -> Iterator[str]:
    """Yield refused events that never stood alone in a refused request: their letters would rest on nothing."""
    alone = {
        line.guilty for line in evidence.lines if line.vendor == vendor and line.result == "refused" and line.count == 1
    }
    for event_id in sorted(evidence.refused.keys() - alone):
        yield f"{event_id} was never refused alone"


def _missing_moves(evidence: Evidence, vendor: str) -> Iterator[str]:
    """Yield disturbances that moved nothing, and kills of processes that had nothing to do."""
    samples = evidence.samples[vendor]
    for count, disturbance in enumerate(evidence.disturbances[vendor]):
        if disturbance.kind == "start":
            continue
        before = [one for one in samples if one.disturbance_count <= count and one.owners][-1:]
        after = [one for one in samples if one.disturbance_count > count and one.is_settled][:1]
        if not before or not after or before[0].owners == after[0].owners:
            yield f"no partition was seen to move after {disturbance}"
        if disturbance.kind == "kill" and not (before and _is_busy(evidence, before[0], disturbance)):
            yield f"nothing was left to do for the process of {disturbance}"


def _is_busy(evidence: Evidence, sample: Sample, kill: Disturbance) -> bool:
    """Return whether a process owned records that were not committed when it was killed."""
    return any(
        sample.owners.get(made.partition) == kill.process and made.offset >= sample.committed.get(made.partition, 0)
        for made in evidence.made
    )
