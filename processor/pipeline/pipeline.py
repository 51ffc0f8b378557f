"""One destination at work, all of it on the event loop.

The pipeline hears from the consumer thread through the inbox, and from the dispatcher about outcomes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import assert_never

from processor.delivery.conclusion import Rejection
from processor.delivery.dispatcher import Attempt, Clock, Dispatcher
from processor.delivery.gate import Hold
from processor.delivery.offsets import Entry, Key, Partition
from processor.delivery.parcel import Parcel
from processor.delivery.settings import RateLimit
from processor.destinations.plan import Plan
from processor.model import Answer, Decision, Outcome, Record, Rejected
from processor.pipeline.inbox import Assigned, Inbox, Item, Reached, Withdrawn
from processor.pipeline.ledger import Ledger
from processor.pipeline.letters import Letters
from processor.pipeline.mapper import RUN_BYTES, RUN_COUNT, Mapper
from processor.pipeline.outage import Outage
from processor.pipeline.ports import Consumer, DeadLetterSink, Decoder, PipelineSettings
from processor.pipeline.schemas import Schemas
from processor.pipeline.steering import Steering
from processor.source.intake import size_bytes
from processor.source.window import Window

log = logging.getLogger(__name__)

CHUNK_COUNT = 200
"""Records mapped before the loop looks at its sockets again: a few milliseconds of work."""
LOOK_COUNT = 8
"""Looks in a row, so that a new connection is taken, read and answered between two chunks and not one step in each."""
SWEEP_S = 0.05
"""Pause between sweeps of the ledger while something changes; the consumer thread commits on its own interval."""
DEAD_LETTERS_HOLD = "dead_letters_unwritable"
DUPLICATE = "duplicate"


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
        self._decoder = decoder
        self.mapper = Mapper(plan, decoder, ledger, clock.now_s, is_delivering=settings.is_delivering)
        self._window = window
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._known_partition_count = 0
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._is_stopping = False
        self._stop_deadline_s: float | None = None
        self.inbox = Inbox(self._loop)
        self.ledger = ledger
        self.assigned = asyncio.Event()
        self.failure: BaseException | None = None
        self.schemas = Schemas(decoder)
        self._outage = Outage(settings.destination)
        self.letters_problem: str | None = None
        self.last_delivery_ms: int | None = None

    def connect(self, dispatcher: Dispatcher, dead_letters: DeadLetterSink, consumer: Consumer) -> None:
        """Bring the parts that report back to this pipeline. Called once, before `run`."""
        self.dispatcher = dispatcher
        self.letters = Letters(self._settings, self._decoder, dead_letters, self._clock)
        self.mapper.connect(dispatcher, self._dead_letter)
        self._consumer = consumer
        self._steering = Steering(dispatcher, consumer, self.ledger.tracker, self._window)

    def use(self, plan: Plan, rates: RateLimit) -> None:
        """Map with another plan and send at other rates from now on; what was mapped already keeps the old plan."""
        with self._failing():  # whoever calls goes on after a bug
            self.mapper.plan = plan
            self.dispatcher.limiter.set_rates(rates, plan.destination.rate_limits, self._clock.now_s())
            self.after_work()

    def wall_ms(self) -> int:
        """Return the wall clock in epoch milliseconds."""
        return self._clock.wall_ms()

    def fail(self, error: BaseException) -> None:
        """End the pipeline: nothing that is not stored yet will be committed."""
        if self.failure is None:
            self.failure = error
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
            while len(self.inbox) and self.failure is None:
                needed = self._work()
                self.after_work()
                if needed is None:
                    for _ in range(LOOK_COUNT):
                        await asyncio.sleep(0)
                else:
                    await self.schemas.load(needed, self._is_first_gone(self.inbox.first()))
            if self.failure is not None:
                raise self.failure

    def _is_first_gone(self, first: Item | None) -> Callable[[], bool]:
        """Return what tells whether nobody waits any more for what stands first: it was taken out, or all is over."""
        return lambda: self.failure is not None or self.inbox.first() is not first

    def _work(self) -> int | None:
        """Deal with a chunk of the inbox; return the id of a schema that is needed to go on."""
        now_ms = self._clock.wall_ms()
        for _ in range(CHUNK_COUNT // RUN_COUNT):
            records = self.inbox.records(RUN_COUNT, RUN_BYTES)
            if records:
                taken_count, needed = self.mapper.take(records, now_ms, is_stopping=self._is_stopping)
                self.inbox.drop(taken_count)
                if needed is not None:
                    return needed
            elif not self._take_notice():
                return None
        return None

    def _take_notice(self) -> bool:
        """Deal with what stands first in the inbox and is no record; return whether anything stands there."""
        match item := self.inbox.first():
            case None:
                return False
            case Assigned():
                self._assign(item)
            case Withdrawn():
                self._release(self._part_with(item.keys))
            case Reached() if self._is_stopping:
                pass  # records before it were left to the next owner
            case Reached():
                for key, end in item.ends.items():
                    self.ledger.reach(key, end)
            case Record():
                return True  # the consumer thread has appended it since records were looked for
            case unknown:
                assert_never(unknown)
        self.inbox.drop(1)
        return True

    def after_work(self) -> None:
        """Start what has become due, and look after the consumer."""
        self._steering.turn(is_stopping=self._is_stopping)
        self.dispatcher.turn()
        self._sweep_soon()

    # -- dead letters

    def _dead_letter(
        self, entry: Entry, record: Record, rejected: Rejected, *, answer: Answer | None = None, attempt_count: int = 0
    ) -> None:
        """Write a dead letter; the record is open until the broker has it."""
        entry.open_count += 1
        entry.is_dead = True
        entry.skip_reason = rejected.reason
        plan = self.mapper.plan if entry.plan is None else entry.plan
        self.letters.send(record, plan, rejected, answer, attempt_count, lambda: self._close(entry))

    def letters_writable(self, is_writable: bool, message: str) -> None:  # noqa: FBT001 - what the call reports
        """Hold the destination while dead letters cannot be written: nothing may be lost for want of a place."""
        self.letters_problem = None if is_writable else message
        with self._failing():
            if is_writable:
                self.dispatcher.resume(DEAD_LETTERS_HOLD)
            else:
                self.dispatcher.hold(DEAD_LETTERS_HOLD, message)

    # -- outcomes, from the dispatcher

    def delivered(self, parcels: list[Parcel]) -> None:
        """The vendor accepted these."""
        self.last_delivery_ms = self._clock.wall_ms()
        self._outage.follow("", is_circuit_open=self.dispatcher.gate.is_circuit_open)
        self.ledger.tally.payload(parcels[0].payload.endpoint, Outcome.DELIVERED, len(parcels))
        with self._failing():  # one for all: one of its own would cost a payload more than its booking
            self.ledger.deliver((parcel.entry for parcel in parcels), self.last_delivery_ms)
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
        self.ledger.tally.repeated(len(parcels))
        for parcel in parcels:
            self.ledger.tally.payload(parcel.payload.endpoint, Outcome.SKIPPED)
            parcel.entry.skip_reason = parcel.entry.skip_reason or DUPLICATE
            self._close(parcel.entry)

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
            payload_count=attempt.payload_count,
        )
        if attempt.verdict.decision is Decision.DELIVERED and attempt.verdict.reason and not attempt.verdict.failed:
            self.ledger.tally.warn(attempt.verdict.reason, attempt.payload_count)
        if attempt.verdict.decision is Decision.RETRY and answer.status is not None and attempt.verdict.message:
            log.warning("%s: %s", self._settings.destination, attempt.verdict.message)
        if attempt.verdict.message and attempt.verdict.decision is Decision.DELIVERED:
            log.debug("%s: %s accepted: %s", self._settings.destination, attempt.endpoint, attempt.verdict.message)
        if answer.status is None and answer.sent:
            self.ledger.tally.note("unknown_outcomes")
            self.ledger.tally.note("possible_duplicates", attempt.payload_count)
        self._sweep_soon()

    def held(self, hold: Hold) -> None:
        """The destination stopped: an operator has to look."""
        log.error("destination %s is held: %s (%s)", self._settings.destination, hold.reason, hold.message)
        self.ledger.tally.note("holds")
        self._steering.turn(is_stopping=self._is_stopping)

    def resumed(self) -> None:
        """The destination goes on, unless something else still holds it."""
        log.info("destination %s goes on", self._settings.destination)
        if self.letters_problem is not None:
            self.dispatcher.hold(DEAD_LETTERS_HOLD, self.letters_problem)
        self._steering.turn(is_stopping=self._is_stopping)

    def retrying(self, endpoint: str, reason: str) -> None:
        """A batch will be sent again."""
        self.ledger.tally.retry(endpoint, reason)
        self._outage.follow(reason, is_circuit_open=self.dispatcher.gate.is_circuit_open)

    def compression_off(self, endpoint: str) -> None:
        """The vendor takes an endpoint's bodies only without compression."""
        log.warning("%s: %s takes no compressed bodies; sending them plain", self._settings.destination, endpoint)

    def failed(self, error: BaseException) -> None:
        """A bug: nothing further may be committed."""
        self.fail(error)

    def _close(self, entry: Entry) -> None:
        """Settle one part of a record."""
        with self._failing():
            self.ledger.close(entry)
        self._sweep_soon()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Let an exception end the pipeline, where it would otherwise vanish in the event loop."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, the books are in doubt
            self.fail(error)

    def _sweep_soon(self) -> None:
        """Sweep the ledger a moment from now, once for everything that settles until then."""
        if self._sweep_timer is None:
            self._sweep_timer = self._loop.call_later(SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        """Hand over what has become committable."""
        self._sweep_timer = None
        if self.failure is None:
            with self._failing():
                self.ledger.sweep(self._consumer.store)
                self._steering.turn(is_stopping=self._is_stopping)

    # -- partitions come and go

    def _assign(self, item: Assigned) -> None:
        """Own partitions from now on; what is left of an earlier ownership that nobody ended is given up first."""
        self._release(self._part_with(item.positions))
        for key, position in item.positions.items():
            self.ledger.tracker.assign(key, position)
        self._share()
        self.assigned.set()

    def _share(self) -> None:
        """Take this process's part of group-wide limits."""
        count = len(self.ledger.tracker)
        self.dispatcher.set_share(count, max(count, self._known_partition_count))
        self._steering.turn(is_stopping=self._is_stopping)

    def set_known_partition_count(self, count: int) -> None:
        """Note how many partitions the topics have, for the share of group-wide limits."""
        self._known_partition_count = count
        self._share()

    async def revoke(self, keys: set[Key]) -> dict[Key, int]:
        """Give up partitions in order; return their committable offsets.

        Waits only for requests and dead letters that are on the wire, at most the drain time. What is queued, sleeping
        or held is released at once.
        """
        if self.failure is not None:
            return {}
        partitions = self._leave(keys)
        try:
            await self._drain(keys)
        finally:
            offsets = self._release(partitions)  # also when the consumer thread waits no longer
        return offsets if self.failure is None else {}

    async def _drain(self, keys: set[Key]) -> None:
        """Return when nothing of these partitions is on the wire, or at the deadline."""
        deadline_s = self._clock.now_s() + self._settings.drain_s
        if self._stop_deadline_s is not None:
            deadline_s = min(deadline_s, self._stop_deadline_s)
        while (requests := self.dispatcher.requests.of(keys)) and (left_s := deadline_s - self._clock.now_s()) > 0:
            await asyncio.wait(requests, timeout=left_s)
        await self.letters.all_written(keys, deadline_s)

    async def lose(self, keys: set[Key]) -> None:
        """Forget partitions that somebody else owns already: nothing of them is stored."""
        self._release(self._leave(keys))
        self.dispatcher.requests.cancel_unowned(keys)

    def _leave(self, keys: Collection[Key]) -> list[Partition]:
        """Start nothing more of partitions, and take out what nobody has looked at; return those that are owned."""
        self._leave_unread(keys.__contains__)
        return self._part_with(keys)

    def _leave_unread(self, is_gone: Callable[[Key], bool]) -> None:
        """Take records that nobody has looked at out of the inbox and out of the window."""
        purged = self.inbox.purge(is_gone)
        self._window.settle(len(purged), sum(size_bytes(record) for record in purged))

    def _part_with(self, keys: Collection[Key]) -> list[Partition]:
        """Start nothing more of the partitions of these that are owned; return them."""
        partitions = [one for key in keys if (one := self.ledger.tracker.get(key)) is not None]
        for partition in partitions:
            partition.is_leaving = True
        if partitions:
            self.released(self.dispatcher.drop(set(keys)))
            self.dispatcher.requests.withdraw(keys)
        return partitions

    def _release(self, partitions: Collection[Partition]) -> dict[Key, int]:
        """Forget partitions; return their committable offsets. One that was assigned anew meanwhile is another one."""
        keys = {one.key for one in partitions if self.ledger.tracker.get(one.key) is one}
        if not keys:
            return {}
        # Requests that failed while the partitions were leaving have put batches to sleep meanwhile.
        self.released(self.dispatcher.drop(keys))
        offsets = self.ledger.release(keys)
        self.dispatcher.schedule.dedupe.forget(keys)
        self._share()
        return offsets

    async def stop(self) -> None:
        """Stop reading and send what is waiting, at most for the drain time. Offsets are stored on the way."""
        self._is_stopping = True
        deadline_s = self._stop_deadline_s = self._clock.now_s() + self._settings.drain_s
        self._steering.turn(is_stopping=True)
        self._leave_unread(lambda _: True)
        with self._failing():
            await self.dispatcher.flush(deadline_s)
        await self.letters.all_written(None, deadline_s)
        self._sweep()
