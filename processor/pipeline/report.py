"""What a pipeline says about itself, as plain values for the status page, metrics and the demo."""

from __future__ import annotations

import os
from collections.abc import Mapping

from processor import __version__
from processor.delivery.gate import GateState
from processor.delivery.offsets import Key
from processor.operations.status import PartitionReport, State, StatusReport, process_report
from processor.pipeline.pipeline import Pipeline
from processor.pipeline.schemas import SCHEMA_HOLD


class Marks:
    """Where each owned partition's log ends and what the broker has committed, as last asked."""

    def __init__(self) -> None:
        """Start knowing nothing."""
        self.ends: Mapping[Key, int] = {}
        self.committed: Mapping[Key, int] = {}


def status_report(
    pipeline: Pipeline, name: str, type_: str, mapping_hash: str, marks: Marks, *, is_stopping: bool
) -> StatusReport:
    """Return the report of a pipeline at this moment."""
    state, reason = _state(pipeline, is_stopping=is_stopping)
    dispatcher, ledger = pipeline.dispatcher, pipeline.ledger
    return StatusReport(
        destination=name,
        type=type_,
        state=state,
        reason=reason,
        ready=not is_stopping and state != "starting",
        alive=True,
        version=__version__,
        mapping_hash=mapping_hash,
        tally=ledger.tally.report(),
        partitions=_partitions(pipeline, marks),
        gauges={
            "in_flight_requests": dispatcher.in_flight_count,
            "concurrency_limit": dispatcher.gate.limit,
            "retrying_batches": dispatcher.schedule.retrying_count,
            "outstanding_records": ledger.outstanding_count,
            "refused_of_latest": dispatcher.guard.refused_count,
        },
        process=process_report(os.getpid()),
        details={
            "gate": dispatcher.state().value,
            "last_delivery_ms": pipeline.last_delivery_ms,
            "hold": None if dispatcher.gate.hold is None else dispatcher.gate.hold.message,
        },
    )


def _state(pipeline: Pipeline, *, is_stopping: bool) -> tuple[State, str]:
    """Return the state and why it is not `running`."""
    if is_stopping:
        return "stopping", ""
    if pipeline.schemas.problem is not None:
        return "held", SCHEMA_HOLD
    hold = pipeline.dispatcher.gate.hold
    if hold is not None:
        return "held", hold.reason
    if not len(pipeline.ledger.tracker):
        return "starting", "no_partitions"
    gate = pipeline.dispatcher.state()
    return "running", gate.value if gate in {GateState.CIRCUIT_OPEN, GateState.THROTTLED} else ""


def _partitions(pipeline: Pipeline, marks: Marks) -> list[PartitionReport]:
    """Return one line for each owned partition."""
    wall_ms = pipeline.wall_ms()
    return [
        PartitionReport(
            topic=partition.key[0],
            partition=partition.key[1],
            committed=marks.committed.get(partition.key),
            end=marks.ends.get(partition.key),
            lag=_lag(marks, partition.key),
            time_lag_s=pipeline.ledger.time_lag_s(partition.key, wall_ms),
        )
        for partition in pipeline.ledger.tracker
    ]


def _lag(marks: Marks, key: Key) -> int | None:
    """Return the end of the log minus committed, where both are known."""
    end, committed = marks.ends.get(key), marks.committed.get(key)
    return None if end is None or committed is None else max(0, end - committed)
