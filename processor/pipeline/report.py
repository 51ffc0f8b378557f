"""What a pipeline says about itself, as plain values for the status page, metrics and the demo."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from processor import __version__
from processor.delivery.gate import GateState
from processor.delivery.offsets import Key, Partition
from processor.destinations.addresses import port_of
from processor.destinations.target import WRITTEN
from processor.operations.health import serves, without_partitions
from processor.operations.status import EndpointReport, PartitionReport, State, StatusReport, process_report
from processor.pipeline.pipeline import Pipeline
from processor.pipeline.schemas import SCHEMA_HOLD
from processor.pipeline.unread import Unread, waits_unread
from processor.source.membership import Membership


class Marks:
    """Where each owned partition's log ends and what the broker has committed, as last asked.

    `retention_ms` says by topic after which time records may be deleted, None where time alone deletes none or nobody
    may know.
    """

    def __init__(self) -> None:
        """Start knowing nothing."""
        self.ends: Mapping[Key, int] = {}
        self.committed: Mapping[Key, int] = {}
        self.retention_ms: Mapping[str, int | None] = {}
        self.unread = Unread()


def status_report(
    pipeline: Pipeline,
    name: str,
    type_: str,
    mapping_hash: str,
    marks: Marks,
    membership: Membership,
    *,
    is_stopping: bool,
) -> StatusReport:
    """Return the report of a pipeline at this moment, `alive` unless its caller knows better."""
    state, reason = _state(pipeline, membership, is_stopping=is_stopping)
    dispatcher, ledger = pipeline.dispatcher, pipeline.ledger
    return StatusReport(
        destination=name,
        type=type_,
        state=state,
        reason=reason,
        ready=serves(membership, is_reading=bool(len(pipeline.ledger.tracker)), is_stopping=is_stopping),
        alive=True,
        version=__version__,
        mapping_hash=mapping_hash,
        tally=ledger.tally.report(),
        partitions=_partitions(pipeline, marks),
        gauges={
            "circuit_open": float(dispatcher.gate.is_circuit_open),
            "in_flight_requests": dispatcher.in_flight_count,
            "concurrency_limit": dispatcher.gate.limit,
            "retrying_batches": dispatcher.schedule.retrying_count,
            "outstanding_records": ledger.outstanding_count,
            "refused_of_latest": dispatcher.guard.refused_count,
        },
        endpoints=_endpoints(pipeline),
        process=process_report(os.getpid()),
        at_ms=pipeline.wall_ms(),
        details={
            "gate": dispatcher.state().value,
            "last_delivery_ms": pipeline.last_delivery_ms,
            "hold": None if dispatcher.gate.hold is None else dispatcher.gate.hold.message,
        },
    )


def _state(pipeline: Pipeline, membership: Membership, *, is_stopping: bool) -> tuple[State, str]:
    """Return the state and why it is not `running`."""
    if is_stopping:
        return "stopping", ""
    if pipeline.schemas.problem is not None:
        return "held", SCHEMA_HOLD
    hold = pipeline.dispatcher.gate.hold
    if hold is not None:
        return "held", hold.reason
    if not len(pipeline.ledger.tracker):
        return without_partitions(membership)
    gate = pipeline.dispatcher.state()
    return "running", gate.value if gate in {GateState.CIRCUIT_OPEN, GateState.THROTTLED} else ""


def _partitions(pipeline: Pipeline, marks: Marks) -> list[PartitionReport]:
    """Return one line for each owned partition."""
    wall_ms = pipeline.wall_ms()
    return [_partition(pipeline, partition, marks, wall_ms) for partition in pipeline.ledger.tracker]


def _partition(pipeline: Pipeline, partition: Partition, marks: Marks, wall_ms: int) -> PartitionReport:
    """Return the line of one partition."""
    topic, number = key = partition.key
    committed = marks.committed.get(key)
    time_lag_s = _time_lag_s(pipeline, partition, marks, wall_ms)
    retention_ms = marks.retention_ms.get(topic)
    return PartitionReport(
        topic=topic,
        partition=number,
        committed=committed,
        end=marks.ends.get(key),
        lag=_lag(marks, key),
        time_lag_s=time_lag_s,
        uncommitted=None if committed is None else max(0, partition.highest - committed),
        retention_headroom_s=None if retention_ms is None or time_lag_s is None else retention_ms / 1000 - time_lag_s,
    )


def _time_lag_s(pipeline: Pipeline, partition: Partition, marks: Marks, wall_ms: int) -> float | None:
    """Return the age of the oldest unfinished record, read or not; None while nobody has looked how old it is.

    Nor has anybody while it is not known where the log ends: all of it may wait.
    """
    if not partition.entries and partition.key not in marks.ends:
        return None
    if waits_unread(partition, marks.ends):
        return marks.unread.age_s(partition, wall_ms)
    return pipeline.ledger.time_lag_s(partition.key, wall_ms)


def _endpoints(pipeline: Pipeline) -> dict[str, EndpointReport]:
    """Return where requests go."""
    target = pipeline.dispatcher.destination.target
    return {
        name: EndpointReport(
            method=endpoint.method,
            address=urlsplit(endpoint.url).hostname or "",
            port=port_of(urlsplit(endpoint.url)),
            topic=None if target is None else target.topic,
            success=WRITTEN if target is not None else "",
        )
        for name, endpoint in pipeline.dispatcher.schedule.endpoints.items()
    }


def _lag(marks: Marks, key: Key) -> int | None:
    """Return the end of the log minus committed, where both are known."""
    end, committed = marks.ends.get(key), marks.committed.get(key)
    return None if end is None or committed is None else max(0, end - committed)
