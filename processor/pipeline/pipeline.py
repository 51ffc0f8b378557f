"""One destination at work.

The pipeline hears from the consumer thread through the inbox and from the dispatcher about outcomes. All of it but
the four methods marked so runs on the event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from processor.delivery.conclusion import Rejection
from processor.delivery.dead_letter_form import DeadLetter
from processor.delivery.dispatcher import Attempt, Clock, Dispatcher
from processor.delivery.gate import Hold
from processor.delivery.offsets import Entry, Key
from processor.delivery.parcel import Parcel
from processor.destinations.plan import Plan
from processor.errors import TransientError
from processor.model import Answer, Decision, Mapped, Outcome, Record, Rejected, Skipped
from processor.pipeline.inbox import Assigned, Inbox, Reached
from processor.pipeline.ledger import Ledger
from processor.source.decode import Decoded, SchemaNeeded
from processor.source.intake import size_bytes
from processor.source.window import Window

log = logging.getLogger(__name__)

CHUNK_COUNT = 200
"""Records mapped before the loop looks at its sockets again: a few milliseconds of work."""
SWEEP_S = 0.05
"""Pause between sweeps of the ledger while something changes; the consumer thread commits on its own interval."""
SCHEMA_RETRY_S = 2.0
DEAD_LETTERS_HOLD = "dead_letters_unwritable"
SCHEMA_HOLD = "schema_registry_unreachable"
DELIVERY_OFF = "delivery_off"
DUPLICATE = "duplicate"


class Decoder(Protocol):
    """Turns the value of a record into events."""

    def decode(self, record: Record) -> Decoded:
        """Return the events of a record, each with the record it is known by; raise SchemaNeeded for a new schema."""

    async def fetch(self, schema_id: int) -> None:
        """Load a schema. Raises TransientError while the registry cannot be reached."""


class DeadLetterSink(Protocol):
    """Takes dead letters and says when each is safe."""

    def send(self, letter: DeadLetter, acknowledged: Callable[[], None]) -> None:
        """Queue a letter; `acknowledged` is called on the loop once the broker has it."""


class Consumer(Protocol):
    """What the pipeline tells the consumer thread; none of it waits."""

    def store(self, offsets: dict[Key, int]) -> None:
        """Mark offsets for the next commit."""

    def hold(self, is_held: bool) -> None:  # noqa: FBT001 - the one thing that the command says
        """Stop or go on reading."""

    def block(self, partitions: set[Key]) -> None:
        """Read nothing from these partitions for now, and from all others again."""


class PipelineSettings(Struct, frozen=True):
    """What a pipeline needs to know beside its stages."""

    destination: str
    version: str
    drain_s: float
    is_delivering: bool = True


class Pipeline:
    """Maps records, follows their payloads, and keeps the ledger."""

    def __init__(
        self,
        settings: PipelineSettings,
        plan: Plan,
        decoder: Decoder,
        ledger: Ledger,
        window: Window,
        clock: Clock,
    ) -> None:
        """Keep the stages; `connect` brings those that report back."""
        self._settings = settings
        self._plan = plan
        self._decoder = decoder
        self._window = window
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._failure: BaseException | None = None
        self._blocked: set[Key] = set()
        self._is_reading_held = False
        self._letters: dict[Key, int] = {}
        self._letters_changed = asyncio.Event()
        self._known_partition_count = 0
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._is_stopping = False
        self._stop_deadline_s: float | None = None
        self.inbox = Inbox(self._loop)
        self.ledger = ledger
        self.schema_problem: str | None = None
        self.letters_problem: str | None = None
        self.last_delivery_ms: int | None = None

    def connect(self, dispatcher: Dispatcher, dead_letters: DeadLetterSink, consumer: Consumer) -> None:
        """Bring the parts that report back to this pipeline. Called once, before `run`."""
        self.dispatcher = dispatcher
        self._dead_letters = dead_letters
        self._consumer = consumer

    def wall_ms(self) -> int:
        """Return the wall clock in epoch milliseconds."""
        return self._clock.wall_ms()

    def fail(self, error: BaseException) -> None:
        """End the pipeline: nothing that is not stored yet will be committed."""
        if self._failure is None:
            self._failure = error
            self.inbox.nudge()

    # -- records in

    async def run(self) -> None:
        """Map what arrives until cancelled. Raises the first error after which nothing further may be committed."""
        try:
            await self._run()
        except Exception as error:
            self.fail(error)  # sweeps and answers to the consumer thread must know it as well
            raise

    async def _run(self) -> None:
        """Map what arrives until something fails."""
        while True:
            await self.inbox.wait()
            while len(self.inbox) and self._failure is None:
                needed = self._work()
                self.after_work()
                if needed is None:
                    await asyncio.sleep(0)
                else:
                    await self._load_schema(needed)
            if self._failure is not None:
                raise self._failure

    def _work(self) -> int | None:
        """Deal with a chunk of the inbox; return the id of a schema that is needed to go on."""
        now_ms = self._clock.wall_ms()
        inbox = self.inbox
        for _ in range(CHUNK_COUNT):
            match item := inbox.first():
                case None:
                    return None
                case Assigned():
                    self._assign(item)
                case Reached() if self._is_stopping:
                    pass  # records before it were left to the next owner
                case Reached():
                    for key, end in item.ends.items():
                        self.ledger.reach(key, end)
                case Record():
                    try:
                        decoded = self._decoder.decode(item)
                    except SchemaNeeded as needed:
                        return needed.schema_id
                    self._map(item, decoded, now_ms)
            inbox.drop_first()
        return None

    def after_work(self) -> None:
        """Start what has become due, and look after the consumer."""
        self._steer()
        self.dispatcher.turn()
        self._sweep_soon()

    def _map(self, record: Record, decoded: Decoded, now_ms: int) -> None:
        """Turn one record into parcels, dead letters and skips."""
        partition = self.ledger.tracker.get((record.topic, record.partition))
        if partition is None or partition.is_leaving or self._is_stopping:
            # Read just before the partition or the process went: nobody has seen it, the next owner reads it.
            self._window.settle(1, size_bytes(record))
            return
        entry = self.ledger.open(partition, record)
        if isinstance(decoded, Rejected):
            self._dead_letter(entry, record, decoded)
        elif isinstance(decoded, Skipped):
            entry.skip_reason = decoded.reason
        else:
            for known_by, event in decoded:
                self._follow(entry, known_by, self._plan.map(event, known_by, now_ms))
        self.ledger.close(entry)

    def _follow(self, entry: Entry, record: Record, mapped: Mapped) -> None:
        """Send one event's payloads on their way, and note what was left out."""
        for skipped in mapped.skipped:
            entry.skip_reason = entry.skip_reason or skipped.reason
        for rejected in mapped.rejected:
            self._dead_letter(entry, record, rejected)
        for payload in mapped.payloads:
            for warning in payload.warnings:
                self.ledger.tally.warn(warning)
            if not self._settings.is_delivering:
                entry.skip_reason = entry.skip_reason or DELIVERY_OFF
                self.ledger.tally.payload(payload.endpoint, Outcome.SKIPPED)
                continue
            entry.open_count += 1
            self.dispatcher.schedule.add(self.dispatcher.parcel(payload, entry))

    async def _load_schema(self, schema_id: int) -> None:
        """Return when a schema is known, or known not to exist; an unreachable registry holds the reading."""
        while self._failure is None:
            try:
                await self._decoder.fetch(schema_id)
            except TransientError as error:
                if self.schema_problem is None:
                    log.warning("reading is held: the schema registry cannot be reached (%s)", error.safe)
                self.schema_problem = error.safe
                await asyncio.sleep(SCHEMA_RETRY_S)
                continue
            if self.schema_problem is not None:
                log.info("reading goes on: the schema registry answers again")
            self.schema_problem = None
            return

    # -- dead letters

    def _dead_letter(
        self, entry: Entry, record: Record, rejected: Rejected, *, answer: Answer | None = None, attempt_count: int = 0
    ) -> None:
        """Write a dead letter; the record is open until the broker has it."""
        entry.open_count += 1
        entry.is_dead = True
        entry.skip_reason = rejected.reason
        letter = DeadLetter(
            record=record,
            reason=rejected.reason,
            message=rejected.message,
            destination=self._settings.destination,
            subscription=rejected.subscription,
            status=None if answer is None else answer.status,
            answer=b"" if answer is None else answer.body,
            attempt_count=attempt_count,
            version=self._settings.version,
            mapping_hash=self._plan.hash,
            time_ms=self._clock.wall_ms(),
        )
        key = entry.partition.key
        self._letters[key] = self._letters.get(key, 0) + 1

        def acknowledged() -> None:
            self._letters[key] -= 1
            self._letters_changed.set()
            self._close(entry)

        self._dead_letters.send(letter, acknowledged)

    def letters_writable(self, is_writable: bool, message: str) -> None:  # noqa: FBT001 - what the call reports
        """Hold the destination while dead letters cannot be written: nothing may be lost for want of a place."""
        self.letters_problem = None if is_writable else message
        if is_writable:
            self.dispatcher.resume(DEAD_LETTERS_HOLD)
        else:
            self.dispatcher.hold(DEAD_LETTERS_HOLD, message)

    # -- outcomes, from the dispatcher

    def delivered(self, parcels: list[Parcel]) -> None:
        """The vendor accepted these."""
        self.last_delivery_ms = self._clock.wall_ms()
        self.ledger.tally.payload(parcels[0].payload.endpoint, Outcome.DELIVERED, len(parcels))
        for parcel in parcels:
            parcel.entry.is_delivered = True
            self._close(parcel.entry)
        self._sweep_soon()

    def rejected(self, rejection: Rejection, answer: Answer) -> None:
        """This one cannot be delivered."""
        parcel = rejection.parcel
        payload = parcel.payload
        self.ledger.tally.payload(payload.endpoint, Outcome.DEAD_LETTERED)
        if parcel.entry.partition.is_owned:
            self._dead_letter(
                parcel.entry,
                parcel.entry.record,
                Rejected(rejection.reason, rejection.message, payload.subscription),
                answer=answer,
                attempt_count=parcel.attempt_count,
            )
        self._close(parcel.entry)

    def copied(self, parcels: list[Parcel]) -> None:
        """These repeat what was delivered already."""
        for parcel in parcels:
            self.ledger.tally.payload(parcel.payload.endpoint, Outcome.SKIPPED)
            parcel.entry.skip_reason = parcel.entry.skip_reason or DUPLICATE
            self._close(parcel.entry)
        self._sweep_soon()

    def released(self, parcels: list[Parcel]) -> None:
        """These are given up with their partition; their records are counted when it goes."""
        for parcel in parcels:
            self.ledger.tally.payload(parcel.payload.endpoint, Outcome.RELEASED)

    def attempted(self, attempt: Attempt) -> None:
        """A request has come to its end."""
        answer = attempt.answer
        self.ledger.tally.request(
            attempt.endpoint,
            answer.error if answer.status is None else str(answer.status),
            body_bytes=attempt.body_bytes,
            wire_bytes=attempt.wire_bytes,
            seconds=attempt.duration_s,
        )
        if attempt.verdict.decision is Decision.DELIVERED and attempt.verdict.reason and not attempt.verdict.failed:
            self.ledger.tally.warn(attempt.verdict.reason, attempt.payload_count)
        if answer.status is None and answer.sent:
            self.ledger.tally.note("unknown_outcomes")
            self.ledger.tally.note("possible_duplicates", attempt.payload_count)

    def held(self, hold: Hold) -> None:
        """The destination stopped: an operator has to look."""
        log.error("destination %s is held: %s (%s)", self._settings.destination, hold.reason, hold.message)
        self.ledger.tally.note("holds")
        self._steer()

    def resumed(self) -> None:
        """The destination goes on, unless something else still holds it."""
        log.info("destination %s goes on", self._settings.destination)
        if self.letters_problem is not None:
            self.dispatcher.hold(DEAD_LETTERS_HOLD, self.letters_problem)
        self._steer()

    def retrying(self, endpoint: str, reason: str) -> None:
        """A batch will be sent again."""
        self.ledger.tally.retry(endpoint, reason)

    def compression_off(self, endpoint: str) -> None:
        """The vendor takes an endpoint's bodies only without compression."""
        log.warning("%s: %s takes no compressed bodies; sending them plain", self._settings.destination, endpoint)

    def failed(self, error: BaseException) -> None:
        """A bug: nothing further may be committed."""
        self.fail(error)

    def _close(self, entry: Entry) -> None:
        """Settle one part of a record."""
        try:
            self.ledger.close(entry)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must end the pipeline, not a callback
            self.fail(error)
        self._sweep_soon()

    def _sweep_soon(self) -> None:
        """Sweep the ledger a moment from now, once for everything that settles until then."""
        if self._sweep_timer is None:
            self._sweep_timer = self._loop.call_later(SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        """Hand over what has become committable."""
        self._sweep_timer = None
        if self._failure is None:
            self.ledger.sweep(self._consumer.store)
            self._steer()

    def _steer(self) -> None:
        """Tell the consumer what it should read: nothing while held, no partition whose lane is overlong."""
        is_held = self._is_stopping or (self.dispatcher.gate.hold is not None and not self.dispatcher.is_idle)
        if is_held != self._is_reading_held:
            self._is_reading_held = is_held
            self._consumer.hold(is_held)
        self.dispatcher.schedule.is_hurried = not self._window.is_low
        blocked = self.dispatcher.schedule.long_lane_partitions()
        if blocked != self._blocked:
            self._blocked = blocked
            self._consumer.block(blocked)

    # -- partitions come and go

    def _assign(self, item: Assigned) -> None:
        """Own partitions from now on."""
        for key, position in item.positions.items():
            self.ledger.tracker.assign(key, position)
        self._share()

    def _share(self) -> None:
        """Take this process's part of group-wide limits."""
        count = len(self.ledger.tracker)
        self.dispatcher.set_share(count, max(count, self._known_partition_count))
        self._steer()

    def set_known_partition_count(self, count: int) -> None:
        """Note how many partitions the topics have, for the share of group-wide limits."""
        self._known_partition_count = count
        self._share()

    async def revoke(self, keys: set[Key]) -> dict[Key, int]:
        """Give up partitions in order; return their committable offsets.

        Waits only for requests and dead letters that are on the wire, at most the drain time. What is queued, sleeping
        or held is released at once.
        """
        if self._failure is not None:
            return {}
        self._leave(keys)
        try:
            await self._drain(keys)
        finally:
            offsets = self._release(keys)  # also when the consumer thread waits no longer
        return offsets if self._failure is None else {}

    async def _drain(self, keys: set[Key]) -> None:
        """Return when nothing of these partitions is on the wire, or at the deadline."""
        deadline_s = self._clock.now_s() + self._settings.drain_s
        if self._stop_deadline_s is not None:
            deadline_s = min(deadline_s, self._stop_deadline_s)
        while (requests := self.dispatcher.requests_of(keys)) and (left_s := deadline_s - self._clock.now_s()) > 0:
            await asyncio.wait(requests, timeout=left_s)
        await self._letters_written(keys, deadline_s)

    async def lose(self, keys: set[Key]) -> None:
        """Forget partitions that somebody else owns already: nothing of them is stored."""
        self._leave(keys)
        self._release(keys)
        for request in self.dispatcher.requests_of(keys):
            self.dispatcher.cancel_if_unowned(request)

    def _leave(self, keys: set[Key]) -> None:
        """Start nothing more of these partitions."""
        for key in keys:
            partition = self.ledger.tracker.get(key)
            if partition is not None:
                partition.is_leaving = True
        purged = self.inbox.purge(keys.__contains__)
        self._window.settle(len(purged), sum(size_bytes(record) for record in purged))
        self.released(self.dispatcher.drop(keys))

    def _release(self, keys: set[Key]) -> dict[Key, int]:
        """Forget partitions; return their committable offsets."""
        # Requests that failed while the partitions were leaving have put batches to sleep meanwhile.
        self.released(self.dispatcher.drop(keys))
        offsets = self.ledger.release(keys)
        for key in keys:
            self.dispatcher.schedule.dedupe.forget(key)
        self._share()
        return offsets

    async def _letters_written(self, keys: set[Key], deadline_s: float) -> None:
        """Return when no dead letter of these partitions is open, or at the deadline."""
        while any(self._letters.get(key) for key in keys) and (left_s := deadline_s - self._clock.now_s()) > 0:
            self._letters_changed.clear()
            try:
                await asyncio.wait_for(self._letters_changed.wait(), left_s)
            except TimeoutError:
                return

    async def stop(self) -> None:
        """Stop reading and send what is waiting, at most for the drain time. Offsets are stored on the way."""
        self._is_stopping = True
        deadline_s = self._stop_deadline_s = self._clock.now_s() + self._settings.drain_s
        self._steer()
        purged = self.inbox.purge(lambda _: True)
        self._window.settle(len(purged), sum(size_bytes(record) for record in purged))
        await self.dispatcher.flush(deadline_s)
        await self._letters_written(set(self._letters), deadline_s)
        self._sweep()
