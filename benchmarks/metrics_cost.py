"""What metrics cost: the same events through the pipeline with them and without, in pairs.

`python -m benchmarks.metrics_cost [--pairs N] [--slices N] [--vendor NAME]`

Decoder, plan, ledger, dispatcher and event loop are those of the bridge; Kafka and sockets are left out, so the share
of metrics is larger here than in a process. With metrics everything is counted, the event loop is sampled, and after as
many events as a second brings at full load a report is made, carried as JSON and rendered as Prometheus text: a scrape
fifteen times as often as usual.
The runs of a pair go in short slices in turn, one without metrics, one with them, and one with a scrape in its middle,
so that a machine whose speed changes changes all. What metrics cost is the median of the differences between
neighbours, and of what a scrape adds, with all that follows from it, its share: one is for many slices.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

import msgspec

from benchmarks.stages import SETTINGS
from benchmarks.uncounted import UncountedLedger, UncountedTally
from benchmarks.work import MAIN_ENDPOINTS, ROOT, standard_event

sys.path.insert(0, str(ROOT))

from processor.app import COLLECTOR_THRESHOLD
from processor.delivery.dispatcher import Dispatcher
from processor.delivery.gate import GateState
from processor.delivery.schedule import effective_endpoints, window_count
from processor.delivery.settings import DeliverySettings, EndpointLimits
from processor.destinations import destination_class
from processor.destinations.plan import Plan
from processor.model import Answer, Record
from processor.operations.clock import SystemClock
from processor.operations.metrics import Exporter
from processor.operations.status import StatusReport
from processor.operations.tally import Tally
from processor.pipeline import Pipeline, PipelineSettings
from processor.pipeline.ledger import Ledger
from processor.pipeline.report import Marks, status_report
from processor.pipeline.samples import Samples
from processor.source.decode import Decoder
from processor.source.decode_settings import DecodeSettings
from processor.source.intake import size_bytes
from processor.source.membership import Membership
from processor.source.window import Window
from tests.fake_stages import FakeConsumer, FakeLetters

PARTITIONS = 12
USERS = 5_000
READ_COUNT = 500
LATENCY_S = 0.01
MAX_WAIT_MS = 10
BATCH_COUNT = 100
LOOK_S = 0.002
SLICE_COUNT = 2_000
SCRAPE_COUNT = 20_000
PAIRS = 10
ANSWERS = {
    "moveo": Answer(200),
    "moesif": Answer(201),
    "moengage": Answer(200, body=b'{"status":"success","message":"Your request has been accepted"}'),
}


class Way(Enum):
    """How a slice is run."""

    OFF = "without metrics"
    COUNTED = "with metrics"
    SCRAPED = "with metrics and a scrape"


class Interval(NamedTuple):
    """The median of paired differences, and between which two of them it lies with so much confidence."""

    median: float
    low: float
    high: float
    confidence: float


def main() -> None:
    """Measure and print."""
    options = _options()
    records = _records(SLICE_COUNT)
    gc.freeze()  # as the bridge does: what lives for ever is not looked at again
    gc.set_threshold(COLLECTOR_THRESHOLD, 20, 50)
    _pair(options.vendor, records, 2)  # not measured: caches fill
    differences = []
    print("| pair | without us | more with them us | difference % |")
    print("|---|---|---|---|")
    for pair in range(1, options.pairs + 1):
        off_us, more_us = _pair(options.vendor, records, options.slices)
        differences.append(more_us / off_us * 100)
        print(f"| {pair} | {off_us:.2f} | {more_us:+.2f} | {differences[-1]:+.2f} |", flush=True)
    found = interval(differences)
    print(
        f"\nMedian difference {found.median:+.2f} %; with {found.confidence:.1%} confidence "
        f"between {found.low:+.2f} % and {found.high:+.2f} % of CPU."
    )


def _pair(vendor: str, records: Sequence[Record], slice_count: int) -> tuple[float, float]:
    """Return the microseconds of CPU per event of a run without metrics, and how many more one with them takes.

    Slices are compared with their neighbours in time, since the machine changes its speed within a pair.
    """
    slices_us: dict[Way, list[float]] = {way: [] for way in Way}
    for number in range(slice_count):
        for way in reversed(Way) if number % 2 else Way:
            slices_us[way].append(asyncio.run(_run(vendor, records, way)))
    counting_us = _median_more(slices_us[Way.OFF], slices_us[Way.COUNTED])
    scraping_us = _median_more(slices_us[Way.COUNTED], slices_us[Way.SCRAPED]) * SLICE_COUNT / SCRAPE_COUNT
    return statistics.median(slices_us[Way.OFF]), counting_us + scraping_us


def _median_more(less: Sequence[float], more: Sequence[float]) -> float:
    return statistics.median(one - other for other, one in zip(less, more, strict=True))


def interval(differences: Sequence[float]) -> Interval:
    """Return the narrowest interval of two order statistics that holds the median with at least 95 % confidence.

    It supposes nothing of how the differences are spread: the number of those below the median is that of heads in
    as many throws of a coin. With fewer than six pairs there is none, and the whole range stands for it.
    """
    ordered = sorted(differences)
    count = len(ordered)
    rank = max((rank for rank in range(1, count // 2 + 1) if confidence(count, rank) >= 0.95), default=1)
    return Interval(statistics.median(ordered), ordered[rank - 1], ordered[-rank], confidence(count, rank))


def confidence(count: int, rank: int) -> float:
    """Return how surely the median lies between the values of this rank from below and from above."""
    outcomes = 1.0
    tail = 0.0
    for heads in range(rank):
        tail += outcomes
        outcomes = outcomes * (count - heads) / (heads + 1)
    return float(1 - 2 * tail / 2**count)


class _Vendor:
    """Takes every request after a moment."""

    def __init__(self, answer: Answer) -> None:
        """Answer so."""
        self._answer = answer

    async def send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes,
        deadline_s: float,
        set_out: Callable[[], None],
    ) -> Answer:
        """Take one."""
        del method, url, headers, content, deadline_s
        set_out()
        await asyncio.sleep(LATENCY_S)
        return self._answer


async def _run(vendor: str, records: Sequence[Record], way: Way) -> float:
    """Return the microseconds of CPU per event of one slice."""
    is_counted = way is not Way.OFF
    kind = destination_class(vendor)
    settings = kind.settings_model.model_validate(SETTINGS[vendor], context={"plain_secrets": True})
    destination = kind.create(vendor, settings)
    limits = {name: EndpointLimits(max_wait_ms=MAX_WAIT_MS) for name in destination.endpoints}
    limits[MAIN_ENDPOINTS[vendor]] = EndpointLimits(max_wait_ms=MAX_WAIT_MS, max_batch_count=BATCH_COUNT)
    delivery = DeliverySettings(max_in_flight=32, endpoints=limits)
    window = Window(window_count(delivery, effective_endpoints(destination, delivery)), delivery.max_window_bytes)
    ledger = Ledger(Tally(), window) if is_counted else UncountedLedger(UncountedTally(), window)
    clock, consumer = SystemClock(), FakeConsumer()
    parts = Plan.compile(destination, "default"), Decoder(DecodeSettings()), ledger, window, clock
    pipeline = Pipeline(PipelineSettings(vendor, "1.0", 1.0), *parts)
    dispatcher = Dispatcher(destination, delivery, _Vendor(ANSWERS[vendor]), pipeline, clock)
    pipeline.connect(dispatcher, FakeLetters(), consumer)
    pipeline.inbox.put_assigned({("events", number): 0 for number in range(PARTITIONS)})
    tasks = [asyncio.create_task(pipeline.run())]
    samples = Samples(lambda: dispatcher.state() is GateState.THROTTLED)
    if is_counted:
        tasks.append(asyncio.create_task(samples.run()))
    scrape = _scraping(pipeline, samples) if way is Way.SCRAPED else tuple
    started_s = time.process_time()
    await _feed(pipeline, window, records, scrape)
    cost_us = (time.process_time() - started_s) / len(records) * 1e6
    assert sum(consumer.stored.values()) == len(records), "something was not delivered"
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await dispatcher.close()
    return cost_us


async def _feed(pipeline: Pipeline, window: Window, records: Sequence[Record], scrape: Callable[[], object]) -> None:
    """Hand the records over as there is room for them, and scrape in their middle; return when all are done."""
    for start in range(0, len(records), READ_COUNT):
        while window.room_count < READ_COUNT:  # noqa: ASYNC110 - as the consumer thread does, it looks again
            await asyncio.sleep(LOOK_S)
        portion = list(records[start : start + READ_COUNT])
        window.add(len(portion), sum(map(size_bytes, portion)))
        pipeline.inbox.put_records(portion, {})
        if start == len(records) // 2:
            scrape()
        await asyncio.sleep(0)
    while window.count:
        assert pipeline.failure is None, pipeline.failure
        await asyncio.sleep(LOOK_S)


def _scraping(pipeline: Pipeline, samples: Samples) -> Callable[[], object]:
    """Return what makes a report, carries it as a supervised process does, and renders it."""
    marks = Marks()
    marks.ends = {("events", number): 10**6 for number in range(PARTITIONS)}
    marks.committed = {("events", number): 0 for number in range(PARTITIONS)}
    marks.retention_ms = {"events": 604_800_000}

    def read() -> dict[str, StatusReport]:
        report = status_report(pipeline, "one", "moesif", "0" * 12, marks, Membership(), is_stopping=False)
        report["gauges"]["event_loop_delay_s"] = samples.event_loop_delay_s
        return {"one": msgspec.json.decode(msgspec.json.encode(report))}

    return Exporter(read).render


def _records(count: int) -> list[Record]:
    """Return standard events of many users, spread over partitions by user, made just now."""
    random_ = random.Random(1)  # noqa: S311 - made-up data
    now_ms = SystemClock().wall_ms()
    offsets = [0] * PARTITIONS
    records = []
    for index in range(count):
        number = random_.randrange(USERS)
        partition = number % PARTITIONS
        value = standard_event(index, f"u-{number}", random_)
        records.append(Record("events", partition, offsets[partition], now_ms, b"u", value))
        offsets[partition] += 1
    return records


def _options() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="runs with and without, in turn")
    parser.add_argument("--slices", type=int, default=130, help=f"slices of a run, of {SLICE_COUNT} events each")
    parser.add_argument("--vendor", choices=sorted(SETTINGS), default="moveo", help="who takes the events")
    return parser.parse_args()


if __name__ == "__main__":
    main()
