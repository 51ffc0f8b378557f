"""Follows single events through a pipeline while somebody asks about them, and not at all otherwise.

Nothing of the pipeline knows of traces: a trace hangs itself into the two places where runs are mapped and requests are
made, and looks at the entries of the events that it follows, several times a second, until their offsets are committed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeAlias

from processor.delivery.gate import Stop
from processor.delivery.offsets import Entry
from processor.delivery.parcel import Parcel
from processor.delivery.watching import Sending, Watch, Watched, unwatched
from processor.destinations.plan import Plan
from processor.model import Mapped, Record, Rejected, Skipped
from processor.operations.trace_board import Asker, Board, Step
from processor.pipeline.phase import Phase
from processor.pipeline.pipeline import Pipeline
from processor.pipeline.ports import Decoder
from processor.pipeline.report import Marks
from processor.pipeline.schemas import SCHEMA_HOLD
from processor.pipeline.trace_exchange import Exchange, Followed
from processor.pipeline.trace_steps import can_hold, event_steps, is_about, place_of, undecoded_step
from processor.source.decode import Decoded, SchemaNeeded

log = logging.getLogger(__name__)

_Event: TypeAlias = tuple[Record, Any, Mapped]
"""One decoded value with the record it is known by and what it comes to."""

LOOK_S: Final = 0.1
"""Pause between looks at the entries that are followed."""
MAX_FOLLOWED_COUNT: Final = 50
"""Records that are followed at once for one who asks; further ones are only counted."""
SCAN_COUNT: Final = 100
"""Records of the window that are looked through before the loop does something else."""
_OPEN: Final = frozenset({"starting", "flowing"})
"""States in which nothing but its batch, and the order of its user's events, keeps an event waiting."""
SETTLING_S: Final = 1.0
"""An event that waits for this long, in no request, is said to wait."""


class Traces:
    """The traces of one pipeline. Event loop only."""

    def __init__(
        self,
        destination: str,
        pipeline: Pipeline,
        decoder: Decoder,
        board: Board,
        marks: Marks,
    ) -> None:
        """Wait for somebody to ask at the board; `marks` tell which offsets the brokers keep, as last asked."""
        self._destination = destination
        self._pipeline = pipeline
        self._decoder = decoder
        self._board = board
        self._marks = marks
        self._followed: dict[int, list[Followed]] = {}
        self._known: set[int] = set()
        self._requests: Watch = unwatched
        self._tasks: set[asyncio.Task[None]] = set()
        board.on_change.append(self._changed)

    def close(self) -> None:
        """Look no further."""
        for task in self._tasks:
            task.cancel()

    # -- whoever asks comes and goes

    def _changed(self) -> None:
        askers = {asker.number: asker for asker in self._board.askers}
        if askers and not self._known:
            self._begin()
        for number in askers.keys() - self._known:
            asker = askers[number]
            entries = [entry for partition in self._pipeline.ledger.tracker for entry in partition.entries]
            self._tell(asker, "watching", partitions=len(self._pipeline.ledger.tracker), state=self._outlook(entries))
            self._spawn(self._scan(asker, entries))
        for number in self._known - askers.keys():
            self._forget(number)
        if self._known and not askers:
            self._end()
        self._known = set(askers)

    def _begin(self) -> None:
        dispatcher = self._pipeline.dispatcher
        self._requests, dispatcher.watch = dispatcher.watch, self._request
        self._pipeline.mapper.look = self._look_at_run
        self._spawn(self._look_again())

    def _end(self) -> None:
        self._pipeline.dispatcher.watch = self._requests
        self._pipeline.mapper.look = None
        self._followed.clear()
        self.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="trace")
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._give_up(error)

    def _give_up(self, error: BaseException) -> None:
        """End all traces: a bug in them must not touch what is delivered."""
        log.error("traces end by a bug", exc_info=error)
        self._board.close()

    def _forget(self, number: int) -> None:
        for key, followed in list(self._followed.items()):
            left = [one for one in followed if one.asker.number != number]
            if left:
                self._followed[key] = left
            else:
                del self._followed[key]

    # -- events

    def _look_at_run(self, plan: Plan, known: Sequence[tuple[Entry, Decoded]], comes_to: Sequence[Mapped]) -> None:
        """Follow those events of a run that somebody asks about."""
        try:
            mapped = iter(comes_to)
            for entry, decoded in known:
                events = [(*one, next(mapped)) for one in decoded] if isinstance(decoded, list) else []
                for asker in self._board.askers:
                    self._look_at(asker, entry, plan, decoded, events, is_found_waiting=False)
        except Exception as error:  # noqa: BLE001 - whatever it is, the records are mapped and go on
            self._give_up(error)

    async def _scan(self, asker: Asker, entries: Sequence[Entry]) -> None:
        """Look through what was read before somebody asked and is not done."""
        for index, entry in enumerate(entries):
            if index % SCAN_COUNT == SCAN_COUNT - 1:
                await asyncio.sleep(0)
            if entry.plan is not None and entry.open_count and entry.partition.is_owned:
                with suppress(SchemaNeeded):  # it was known when the record was mapped; nobody waits for it again
                    decoded = self._decoder.decode(entry.record)
                    events = (
                        [] if isinstance(decoded, (Skipped, Rejected)) else self._mapped(asker, entry.plan, decoded)
                    )
                    self._look_at(asker, entry, entry.plan, decoded, events, is_found_waiting=True)

    def _mapped(self, asker: Asker, plan: Plan, decoded: Sequence[tuple[Record, Any]]) -> list[_Event]:
        """Return those of a record's events that somebody asks about, each with what it comes to."""
        now_ms = self._pipeline.wall_ms()
        meant = [one for one in decoded if is_about(asker.question, one[1])]
        return [(record, value, plan.map(value, record, now_ms)) for record, value in meant]

    def _look_at(
        self,
        asker: Asker,
        entry: Entry,
        plan: Plan,
        decoded: Decoded,
        events: Sequence[_Event],
        *,
        is_found_waiting: bool,
    ) -> None:
        """Follow a record for somebody if it is, or holds, what that one asks about; tell what it came to."""
        if isinstance(decoded, (Skipped, Rejected)):
            if can_hold(asker.question, entry.record) and self._follow(asker, entry, is_found_waiting=is_found_waiting):
                self._tell_of(asker, entry.record, undecoded_step(decoded))
            return
        meant = [one for one in events if is_about(asker.question, one[1])]
        if not meant or not self._follow(asker, entry, is_found_waiting=is_found_waiting):
            return
        for record, value, mapped in meant:
            for step in event_steps(plan, value, record, mapped, self._pipeline.wall_ms()):
                self._tell_of(asker, record, step)

    def _follow(self, asker: Asker, entry: Entry, *, is_found_waiting: bool) -> bool:
        """Return whether the record is followed from now on; not when it is already, or one too many."""
        followed = self._followed.setdefault(id(entry), [])
        if any(one.asker is asker for one in followed):
            return False
        if sum(one.asker is asker for each in self._followed.values() for one in each) >= MAX_FOLLOWED_COUNT:
            asker.leave_out()
            return False
        followed.append(Followed(asker, entry, asyncio.get_running_loop().time()))
        age_s = max(0.0, (self._pipeline.wall_ms() - entry.record.timestamp_ms) / 1000)
        self._tell_of(
            asker, entry.record, {"step": "read", "age_s": round(age_s, 3), "was_read_before": is_found_waiting}
        )
        return True

    # -- requests

    @contextmanager
    def _request(self, sending: Sending) -> Iterator[Watched]:
        """Look at a request: who of those that are followed is in it, what came back, and what follows from it."""
        parcels = [
            (index, parcel, one)
            for index, parcel in enumerate(sending.batch.parcels)
            for one in self._followed.get(id(parcel.entry), ())
        ]
        with self._requests(sending) as inner:
            if not parcels:
                yield inner
                return
            exchange = Exchange(self, sending, parcels, inner)
            self.safely(exchange.begin)
            try:
                yield exchange
            finally:
                self.safely(exchange.end)

    def safely(self, action: Callable[[], None]) -> None:
        """Do what only traces need."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - whatever it is, the request goes on
            self._give_up(error)

    def tell_parcel(self, parcel: Parcel, followed: Followed, step: Step) -> None:
        """Tell a step of one payload."""
        payload = parcel.payload
        self._tell_of(
            followed.asker,
            parcel.entry.record,
            {**step, "endpoint": payload.endpoint, "subscription": payload.subscription},
        )

    # -- what becomes of records

    async def _look_again(self) -> None:
        """Look at what is followed again and again."""
        while True:
            await asyncio.sleep(LOOK_S)
            state = self._state()
            for key, followed in list(self._followed.items()):
                left = [one for one in followed if self._goes_on(one, state)]
                if left:
                    self._followed[key] = left
                else:
                    self._followed.pop(key, None)

    def _goes_on(self, one: Followed, state: str) -> bool:
        """Tell what is new about a record; return whether there is anything to come."""
        entry = one.entry
        if not entry.partition.is_owned:
            self._tell_of(one.asker, entry.record, {"step": "released"})
            return False
        if entry.is_dead and not one.is_dead_told:
            one.is_dead_told = True
            self._tell_of(one.asker, entry.record, {"step": "dead_letter", "reason": entry.skip_reason})
        if entry.open_count:
            self._tell_wait(one, state)
            return True
        if not one.is_done:
            one.is_done = True
            reason = {} if entry.is_delivered and not entry.is_dead else {"reason": entry.skip_reason}
            self._tell_of(one.asker, entry.record, {"step": "done", "outcome": entry.outcome.value, **reason})
        committed = self._marks.committed.get(entry.partition.key)
        if committed is None or committed <= entry.record.offset:
            return True
        self._tell_of(one.asker, entry.record, {"step": "committed", "committed": committed})
        self._finish(one)
        return False

    def _tell_wait(self, one: Followed, state: str) -> None:
        """Say what a record waits for that is in no request, once until it changes."""
        is_new = asyncio.get_running_loop().time() - one.since_s < SETTLING_S
        if one.request_count or (is_new and state in _OPEN):
            return
        waits_for = "dead_letter_topic" if one.is_dead_told else "batch_or_order" if state in _OPEN else state
        if waits_for != one.waits_for:
            one.waits_for = waits_for
            self._tell_of(one.asker, one.entry.record, {"step": "waiting", "reason": waits_for})

    def _finish(self, one: Followed) -> None:
        """Let somebody who asked for one event go, once nothing else that is followed for them is open."""
        if one.asker.question.message_id is None:
            return
        others = [other for each in self._followed.values() for other in each if other is not one]
        if not any(other.asker is one.asker for other in others):
            one.asker.finish(self._destination)

    def _state(self) -> str:
        """Return what the destination is doing, or why it sends nothing; an operator's word comes before the rest."""
        gate = self._pipeline.dispatcher.gate
        if gate.is_paused:
            return Phase.PAUSED.value
        return self._pipeline.dispatcher.state().value if gate.hold is None else gate.hold.reason

    def _outlook(self, entries: Sequence[Entry]) -> str:
        """Return what an event may expect that is still to come: to be delivered, or what keeps it from that."""
        state = self._state()
        if state in _OPEN and self._pipeline.schemas.problem is not None:
            return SCHEMA_HOLD  # what is mapped already does not wait for it
        if state in _OPEN and self._pipeline.dispatcher.gate.stop is Stop.READING:
            phase = Phase.DRAINING if any(entry.open_count for entry in entries) else Phase.DRAINED
            return phase.value
        return "flowing" if state in _OPEN else state

    # -- telling

    def _tell_of(self, asker: Asker, record: Record, step: Step) -> None:
        kind = step.pop("step")
        self._tell(asker, kind, **place_of(record), **step)

    def _tell(self, asker: Asker, kind: str, **values: Any) -> None:  # noqa: ANN401 - any JSON values
        head: Step = {"time_ms": self._pipeline.wall_ms(), "destination": self._destination, "step": kind}
        asker.tell(head | values)
