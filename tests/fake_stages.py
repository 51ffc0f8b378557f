"""The stages around a pipeline, as fakes with behaviour: a decoder, a plan, a dead-letter topic, a consumer thread."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, cast

from processor.delivery.dead_letter_form import DeadLetter
from processor.delivery.dispatcher import Dispatcher
from processor.delivery.offsets import Key
from processor.delivery.settings import DeliverySettings
from processor.destinations.base import Destination, Endpoint
from processor.destinations.plan import Plan
from processor.destinations.privacy import Privacy
from processor.errors import TransientError
from processor.model import Mapped, Needs, Payload, Record, Rejected, Skipped
from processor.operations.tally import Tally
from processor.pipeline import Pipeline, PipelineSettings
from processor.pipeline.ledger import Ledger
from processor.source.decode import Decoded, DecodedRun, SchemaNeeded
from processor.source.intake import size_bytes
from processor.source.window import Window
from tests.parcels import START_MS
from tests.simulation import FakeDestination, FakeVendor, LoopClock, endpoint

KEY = ("events", 0)


def run_of(decode: Callable[[Record], Decoded], records: Sequence[Record]) -> DecodedRun:
    """Return what records hold, one by one, as a decoder does that knows nothing of their keys."""
    decoded: list[Decoded] = []
    try:
        for record in records:
            decoded.append(decode(record))  # noqa: PERF401 - what came before the exception counts
    except SchemaNeeded as needed:
        return DecodedRun(decoded, needed.schema_id)
    return DecodedRun(decoded)


class FakeDecoder:
    """Reads JSON; a value that names a schema needs it fetched first, from a registry that may be down."""

    def __init__(self) -> None:
        """Know no schema; the registry answers."""
        self.schemas: set[int] = set()
        self.fetches: list[int] = []
        self.is_registry_down = False

    def decode(self, record: Record) -> Decoded:
        """Return the events of a record."""
        value = json.loads(record.value or b"null")
        if value is None:
            return Rejected("null_value")
        if value == []:
            return Skipped("empty_batch")
        if isinstance(value, dict) and value.get("schema", 0) not in {0, *self.schemas}:
            raise SchemaNeeded(value["schema"])
        return [(record, one) for one in (value if isinstance(value, list) else [value])]

    def decode_run(self, records: Sequence[Record], needs: Needs | None) -> DecodedRun:
        """Return what records hold, all of it."""
        del needs
        return run_of(self.decode, records)

    async def fetch(self, schema_id: int) -> None:
        """Load a schema."""
        self.fetches.append(schema_id)
        if self.is_registry_down:
            raise TransientError("registry.example refuses", safe="registry refuses")
        self.schemas.add(schema_id)


class FakePlan:
    """Maps an event as it says itself: so many payloads of a lane, skipped, rejected, or a bug."""

    def __init__(self, mapping_hash: str = "0123456789ab") -> None:
        """Start numbering payloads."""
        self.hash = mapping_hash
        self.needs: Needs | None = None
        self.letter_privacy: Privacy | None = None
        self.destination: Destination | None = None
        self.ids: dict[int, list[int]] = {}
        self._count = 0

    def map_all(
        self, values: Sequence[tuple[Record, dict[str, Any]]], now_ms: int, *, has_plain_keys: bool
    ) -> list[Mapped]:
        """Return what each event asks for."""
        del now_ms, has_plain_keys
        return [self._map(value, record) for record, value in values]

    def _map(self, value: dict[str, Any], record: Record) -> Mapped:
        if value.get("bug"):
            raise ZeroDivisionError("a bug")
        payloads = [self._payload(value, record) for _ in range(value.get("count", 1))]
        skipped = [Skipped(reason) for reason in value.get("skipped", ())]
        rejected = [Rejected(reason, subscription="presets") for reason in value.get("rejected", ())]
        return Mapped(payloads, skipped, rejected)

    def _payload(self, value: dict[str, Any], record: Record) -> Payload:
        """Return one payload; its id is its number over the whole test."""
        self._count += 1
        self.ids.setdefault(record.offset, []).append(self._count)
        lane = value.get("lane", f"u{record.offset}")
        body = json.dumps({"id": self._count, "lanes": [lane]}).encode()
        warnings = tuple(value.get("warnings", ()))
        return Payload("act", "actions", body, (lane,), "presets", value.get("dedupe_id"), warnings)


class FakeLetters:
    """A dead-letter topic that acknowledges at once, or when the test says so."""

    def __init__(self) -> None:
        """Acknowledge at once."""
        self.letters: list[DeadLetter] = []
        self.waiting: list[Callable[[], None]] = []
        self.is_slow = False

    def send(self, letter: DeadLetter, acknowledged: Callable[[], None]) -> None:
        """Take a letter."""
        self.letters.append(letter)
        self.waiting.append(acknowledged)
        if not self.is_slow:
            self.acknowledge()

    def acknowledge(self) -> None:
        """Say that the broker has everything."""
        waiting, self.waiting = self.waiting, []
        for acknowledged in waiting:
            asyncio.get_running_loop().call_soon(acknowledged)

    @property
    def reasons(self) -> list[str]:
        """Return the reasons of all letters."""
        return [letter.reason for letter in self.letters]


class FakeConsumer:
    """What the pipeline told the consumer thread."""

    def __init__(self) -> None:
        """Nothing was told."""
        self.stores: list[dict[Key, int]] = []
        self.holds: list[bool] = []
        self.blocks: list[set[Key]] = []

    @property
    def stored(self) -> dict[Key, int]:
        """Return the latest offset of each partition."""
        return {key: offset for offsets in self.stores for key, offset in offsets.items()}

    def store(self, offsets: dict[Key, int]) -> None:
        """Keep it."""
        self.stores.append(offsets)

    def hold(self, is_held: bool) -> None:  # noqa: FBT001 - as the consumer thread has it
        """Keep it."""
        self.holds.append(is_held)

    def block(self, partitions: set[Key]) -> None:
        """Keep it."""
        self.blocks.append(partitions)


class Bench:
    """A running pipeline with fakes around it. To be used as a context in a loop of virtual time."""

    def __init__(
        self,
        *,
        vendor: FakeVendor | None = None,
        settings: DeliverySettings | None = None,
        limits: Endpoint | None = None,
        is_delivering: bool = True,
        drain_s: float = 20.0,
    ) -> None:
        """Put the parts together."""
        self.vendor = FakeVendor() if vendor is None else vendor
        self.decoder, self.plan = FakeDecoder(), FakePlan()
        self.letters, self.consumer = FakeLetters(), FakeConsumer()
        self.window = Window(1000, 1_000_000)
        self.clock = LoopClock()
        self.pipeline = Pipeline(
            PipelineSettings("fake", "1.0", drain_s, is_delivering=is_delivering),
            cast("Plan", self.plan),
            self.decoder,
            Ledger(Tally(), self.window),
            self.window,
            self.clock,
        )
        destination = FakeDestination([endpoint() if limits is None else limits])
        delivery = DeliverySettings() if settings is None else settings
        self.dispatcher = Dispatcher(destination, delivery, self.vendor, self.pipeline, self.clock)
        self.pipeline.connect(self.dispatcher, self.letters, self.consumer)
        self.offsets: dict[int, int] = {}
        self.run: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start, owning partition 0 from its beginning."""
        self.run = asyncio.create_task(self.pipeline.run())
        self.assign(0)
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything."""
        await self.dispatcher.close()
        if self.run is not None:
            self.run.cancel()
            await asyncio.gather(self.run, return_exceptions=True)

    def assign(self, partition: int) -> None:
        """Assign a partition at its next offset."""
        self.pipeline.inbox.put_assigned({("events", partition): self.offsets.setdefault(partition, 0)})

    def read(self, *values: Any, partition: int = 0, end: bool = False) -> None:  # noqa: ANN401 - any JSON values
        """Hand over records with these values, and the end behind them if asked."""
        records = []
        for value in values:
            offset = self.offsets.setdefault(partition, 0)
            self.offsets[partition] = offset + 1
            records.append(Record("events", partition, offset, START_MS, b"k", json.dumps(value).encode()))
        self.window.add(len(records), sum(size_bytes(record) for record in records))
        ends = {("events", partition): self.offsets[partition] + 3} if end else {}
        self.pipeline.inbox.put_records(records, ends)

    @property
    def counts(self) -> dict[str, int]:
        """Return the records by outcome."""
        records = self.pipeline.ledger.tally.report()["records"]
        names = ("delivered", "skipped", "dead_lettered", "released")
        sums = {name: sum(records[name].values()) for name in names}  # type: ignore[literal-required]
        return {name: count for name, count in sums.items() if count}

    @property
    def adds_up(self) -> bool:
        """Return whether the counts agree with the books, and the window with what is unfinished or unopened."""
        ledger = self.pipeline.ledger
        in_books = sum(len(partition.entries) for partition in ledger.tracker)
        return ledger.tally.agrees(ledger.outstanding_count) and self.window.count == in_books + len(
            self.pipeline.inbox
        )
