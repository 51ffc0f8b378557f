"""What an event of each call costs at each vendor, in one run: `python -m benchmarks.calls`.

Bytes of a record in, compressed requests out, without Kafka and sockets. Everything is timed in turn, round by round,
so that a machine whose speed changes changes it for all lines of the table.
"""

from __future__ import annotations

import gc
import json
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.stages import NOW_MS, SETTINGS
from benchmarks.work import ROOT, standard_event

sys.path.insert(0, str(ROOT))

from processor.app import COLLECTOR_THRESHOLD
from processor.delivery.compress import gzip
from processor.delivery.offsets import OffsetTracker
from processor.delivery.parcel import Parcel
from processor.delivery.schedule import Schedule, effective_endpoints
from processor.delivery.settings import DeliverySettings
from processor.destinations import destination_class
from processor.destinations.base import Destination
from processor.destinations.plan import Plan
from processor.model import Mapped, Record
from processor.pipeline.mapper import RUN_COUNT
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings

COUNT = 1_000
ROUNDS = 31
USERS = 2_000
SWITCHES: dict[str, dict[str, Any]] = {
    "moesif": {"alias_mode": "merge_anonymous"},
    "moengage": {
        "page_events": True,
        "screen_events": True,
        "group_attributes": True,
        "alias": "merge",
        "delete_users": True,
    },
}
"""What lets a vendor take every call that it has a use for; by default some are skipped."""
PROPERTIES = {"name": "Plans", "category": "Pricing", "path": "/plans", "title": "Plans and pricing", "trial": True}
PERSON = {
    "email": "zoe@orchard.example",
    "firstName": "Zoë",
    "lastName": "Ng",
    "plan": "team",
    "seats": 3,
    "beta": True,
}
COMPANY = {"name": "Orchard", "website": "https://www.orchard.example", "industry": "fruit", "employees": 41}
CALLS: dict[str, dict[str, Any]] = {
    "track": {},
    "page": {"name": "Plans", "category": "Pricing", "properties": PROPERTIES},
    "screen": {"name": "Plans", "category": "Pricing", "properties": PROPERTIES},
    "identify": {"traits": PERSON},
    "group": {"groupId": "org-7", "traits": COMPANY},
    "alias": {"previousId": "old"},
    "delete": {},
}
"""What an event of a call says beside what all say; ids get the user's behind them, so that nobody owns all events."""


def main() -> None:
    """Measure every call at every vendor and print a table in microseconds per event."""
    works = [Work(vendor, call) for vendor in SETTINGS for call in CALLS]
    gc.freeze()  # as the bridge does: what lives for ever is not looked at again
    gc.set_threshold(COLLECTOR_THRESHOLD, 20, 50)
    rounds = [[work.costs() for work in works] for _ in range(ROUNDS)]
    print("| vendor | call | comes to | to payloads us | to requests us | both us |")
    print("|---|---|---|---|---|---|")
    for work, costs in zip(works, zip(*rounds, strict=True), strict=True):
        mapped_us, sent_us = (statistics.median(one) for one in zip(*costs, strict=True))
        both_us = statistics.median(map(sum, costs))
        print(f"| {work.vendor} | {work.call} | {work.outcome} | {mapped_us:.1f} | {sent_us:.1f} | {both_us:.1f} |")


class Work:
    """Records of one call, and what one vendor makes of them."""

    def __init__(self, vendor: str, call: str) -> None:
        """Compile the presets, with every call switched on that the vendor has a use for."""
        self.vendor = vendor
        self.call = call
        self._destination = _destination(vendor)
        self._plan = Plan.compile(self._destination, "default")
        self._decoder = Decoder(DecodeSettings())
        self._records = _records(call)
        self._settings = DeliverySettings()
        self.outcome = _outcome(self._mapped()[0])

    def costs(self) -> tuple[float, float]:
        """Return the microseconds of CPU per event from bytes to payloads, and from there to requests that are done."""
        mapped: list[Mapped] = []
        mapped_us = _cost(lambda: mapped.extend(self._mapped()))
        return mapped_us, _cost(lambda: self._send(mapped))

    def _mapped(self) -> list[Mapped]:
        """Return what the events come to: the pipeline's own work, run by run."""
        mapped: list[Mapped] = []
        for start in range(0, len(self._records), RUN_COUNT):
            records = self._records[start : start + RUN_COUNT]
            decoded, _, has_plain_keys = self._decoder.decode_run(records, self._plan.needs)
            events = [one for found in decoded if isinstance(found, list) for one in found]
            mapped += self._plan.map_all(events, NOW_MS, has_plain_keys=has_plain_keys)
        return mapped

    def _send(self, mapped: Sequence[Mapped]) -> None:
        """Put payloads into lanes, cut, join and compress requests of them, and settle what they hold."""
        schedule = Schedule(effective_endpoints(self._destination, self._settings), self._settings)
        partition = OffsetTracker().assign(("t", 0), 0)
        sequence = 0
        for record, one in zip(self._records, mapped, strict=True):
            entry = partition.track(record, 1000)
            entry.open_count = len(one.payloads)
            for payload in one.payloads:
                sequence += 1
                schedule.add(Parcel(payload, entry, sequence, 0.0))
        while (batch := schedule.next(1e9)[0]) is not None:
            endpoint = schedule.endpoints[batch.endpoint_name]
            body = endpoint.envelope.join([parcel.payload.body for parcel in batch.parcels], NOW_MS)
            if endpoint.gzip:
                gzip(body)
            schedule.delivered(batch.parcels)
            schedule.free(batch, batch.lane_keys())
            for parcel in batch.parcels:
                parcel.entry.open_count -= 1
        partition.advance()
        assert not partition.entries, "something was not sent"


def _destination(vendor: str) -> Destination:
    """Return a destination of a vendor that takes every call it has a use for."""
    kind = destination_class(vendor)
    settings = SETTINGS[vendor] | SWITCHES.get(vendor, {})
    return kind.create(vendor, kind.settings_model.model_validate(settings, context={"plain_secrets": True}))


def _records(call: str) -> list[Record]:
    """Return records of one call, of many users; but for what the call is about they are the standard event."""
    random_ = random.Random(1)  # noqa: S311 - made-up data
    records = []
    for offset in range(COUNT):
        user = f"u-{random_.randrange(USERS)}"
        event = json.loads(standard_event(offset, user, random_))
        if call != "track":
            del event["event"], event["properties"]
        own = {name: f"{value}-{user}" if name.endswith("Id") else value for name, value in CALLS[call].items()}
        value = json.dumps(event | own | {"type": call}, separators=(",", ":"), ensure_ascii=False).encode()
        records.append(Record("t", 0, offset, NOW_MS, value=value))
    return records


def _outcome(mapped: Mapped) -> str:
    """Return what one event comes to: payloads by endpoint, or why there are none."""
    if mapped.payloads:
        counts = Counter(payload.endpoint for payload in mapped.payloads)
        return ", ".join(f"{count} {endpoint}" for endpoint, count in counts.items())
    return (mapped.skipped[0] if mapped.skipped else mapped.rejected[0]).reason


def _cost(work: Callable[[], object]) -> float:
    """Return the microseconds of CPU per event that some work takes."""
    started = time.process_time()
    work()
    return (time.process_time() - started) / COUNT * 1e6


if __name__ == "__main__":
    main()
