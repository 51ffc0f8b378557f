"""What each stage of the hot path costs per event, without Kafka or sockets: `python -m benchmarks.stages`."""

from __future__ import annotations

import gc
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.work import ROOT, standard_event

sys.path.insert(0, str(ROOT))

from processor.app import COLLECTOR_THRESHOLD
from processor.delivery.batches import Batch
from processor.delivery.compress import gzip
from processor.delivery.offsets import OffsetTracker
from processor.delivery.parcel import Parcel
from processor.delivery.schedule import Schedule, effective_endpoints
from processor.delivery.settings import DeliverySettings
from processor.destinations import destination_class
from processor.destinations.base import Destination
from processor.destinations.plan import Plan
from processor.model import Payload, Record
from processor.pipeline.mapper import RUN_COUNT
from processor.source.decode import DecodedRun, Decoder
from processor.source.decode_settings import DecodeSettings

COUNT = 5_000
ROUNDS = 9
NOW_MS = 1_796_000_000_000
SETTINGS: dict[str, dict[str, Any]] = {
    "moveo": {"api_key": "example-key"},
    "moesif": {"application_id": "example-key"},
    "moengage": {"api_id": "WKSPACE7EXAMPLE", "api_key": "example-key", "region": "DC_03"},
}


def main() -> None:
    """Measure every vendor and print a table in microseconds per event."""
    print("| vendor | decode | gates, trigger, mapping, build, encode | lanes | cut, join, compress | settle |")
    print("|---|---|---|---|---|---|")
    for vendor in SETTINGS:
        print(f"| {vendor} | " + " | ".join(f"{one:.1f}" for one in stages(vendor)) + " |")


def stages(vendor: str) -> list[float]:
    """Return the median cost of each stage in microseconds."""
    kind = destination_class(vendor)
    settings = kind.settings_model.model_validate(SETTINGS[vendor], context={"plain_secrets": True})
    destination = kind.create(vendor, settings)
    plan = Plan.compile(destination, "default")
    decoder = Decoder(DecodeSettings())
    random_ = random.Random(1)  # noqa: S311 - made-up data
    records = [
        Record("t", 0, offset, NOW_MS, value=standard_event(offset, f"u-{random_.randrange(2000)}", random_))
        for offset in range(COUNT)
    ]
    gc.freeze()  # as the bridge does: what lives for ever is not looked at again
    gc.set_threshold(COLLECTOR_THRESHOLD, 20, 50)
    rounds = [_Pass(destination, plan, decoder, records).costs() for _ in range(ROUNDS)]
    return [statistics.median(costs) for costs in zip(*rounds, strict=True)]


class _Pass:
    """One pass of all records through all stages; each stage takes what the one before left."""

    def __init__(self, destination: Destination, plan: Plan, decoder: Decoder, records: list[Record]) -> None:
        """Start with nothing decoded."""
        delivery = DeliverySettings()
        self._plan = plan
        self._decoder = decoder
        self._records = records
        self._schedule = Schedule(effective_endpoints(destination, delivery), delivery)
        self._partition = OffsetTracker().assign(("t", 0), 0)
        self._runs: list[DecodedRun] = []
        self._payloads: list[Payload] = []
        self._batches: list[Batch] = []

    def costs(self) -> list[float]:
        """Return the microseconds of CPU per event that each stage takes."""
        return [_cost(stage) for stage in (self._decode, self._map, self._queue, self._cut, self._settle)]

    def _decode(self) -> None:
        runs = (self._records[start : start + RUN_COUNT] for start in range(0, len(self._records), RUN_COUNT))
        self._runs = [self._decoder.decode_run(run, self._plan.needs) for run in runs]

    def _map(self) -> None:
        for decoded, _, has_plain_keys in self._runs:
            events = [one for found in decoded if isinstance(found, list) for one in found]
            for mapped in self._plan.map_all(events, NOW_MS, has_plain_keys=has_plain_keys):
                self._payloads += mapped.payloads

    def _queue(self) -> None:
        for sequence, (payload, record) in enumerate(zip(self._payloads, self._records, strict=True)):
            self._schedule.add(Parcel(payload, self._partition.track(record, 1000), sequence, 0.0))

    def _cut(self) -> None:
        while (batch := self._schedule.next(1e9)[0]) is not None:
            endpoint = self._schedule.endpoints[batch.endpoint_name]
            gzip(endpoint.envelope.join([parcel.payload.body for parcel in batch.parcels], NOW_MS))
            self._batches.append(batch)

    def _settle(self) -> None:
        for batch in self._batches:
            self._schedule.delivered(batch.parcels)
            self._schedule.free(batch, batch.lane_keys())
            for parcel in batch.parcels:
                parcel.entry.open_count -= 1
            self._partition.advance()


def _cost(stage: Callable[[], None]) -> float:
    """Return the microseconds of CPU per event that a stage takes."""
    started = time.process_time()
    stage()
    return (time.process_time() - started) / COUNT * 1e6


if __name__ == "__main__":
    main()
