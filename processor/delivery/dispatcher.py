"""The one owner of requests: starts what is due, brings answers to their conclusion, keeps the timer.

A thin doer on the event loop. What to send comes from `schedule`, what an answer means from the destination, what
follows from it from `conclusion`; here they meet sockets, tasks and the clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

from processor.delivery.batches import Batch
from processor.delivery.conclusion import Concluder, Conclusion, Rejection
from processor.delivery.fair_use import FAIR_USE_EXCEEDED, FAIR_USE_MESSAGE, NOT_SENT, FairUseGuard
from processor.delivery.flush_time import FlushTime
from processor.delivery.gate import Gate, GateState, Hold
from processor.delivery.guard import RejectionGuard
from processor.delivery.offsets import Entry, Key
from processor.delivery.outgoing import outgoing
from processor.delivery.parcel import Parcel
from processor.delivery.ports import Attempt, Clock, Listener, Transport
from processor.delivery.rate import Limiter
from processor.delivery.requests import Requests
from processor.delivery.schedule import Schedule, effective_endpoints, effective_settings
from processor.delivery.settings import DeliverySettings
from processor.delivery.timer import Timer
from processor.delivery.watching import Sending, Watch, unwatched
from processor.destinations.base import Destination, Endpoint, Probe
from processor.model import Answer, Decision, Payload, Verdict

__all__ = ["Attempt", "Clock", "Dispatcher", "Listener", "Transport"]

PROBE = "probe"
"""What a request to a vendor's credential route is called beside those to its endpoints."""
_OK = range(200, 300)


class Dispatcher:
    """Delivers parcels to one destination. Every method is called on the event loop."""

    def __init__(
        self,
        destination: Destination,
        settings: DeliverySettings,
        transport: Transport,
        listener: Listener,
        clock: Clock,
    ) -> None:
        """Start idle; the first request goes alone."""
        now_s = clock.now_s()
        settings = effective_settings(destination, settings)
        self.destination = destination
        self.gate = Gate(settings, destination.backoff)
        self.guard = RejectionGuard(settings.guard)
        self.schedule = Schedule(effective_endpoints(destination, settings), settings)
        self._settings = settings
        self._transport = transport
        self._listener = listener
        self._clock = clock
        self._concluder = Concluder(settings, destination.backoff, self.gate, self.guard, now_s)
        self.limiter = Limiter(settings.rate_limit, destination.rate_limits, now_s)
        self._fair_use = FairUseGuard(destination.fair_use)
        self.requests = Requests(self._ended)
        self.watch: Watch = unwatched
        self._plain_endpoints: set[str] = set()
        self._timer = Timer(partial(self._follow_up, self.turn))
        self._sequence = 0
        self._fresh_failure_count = 0
        self._passed_probe_count = 0
        self._flush_time = FlushTime()
        self._is_closed = False

    @property
    def in_flight_count(self) -> int:
        """Return how many requests are on their way."""
        return len(self.requests)

    @property
    def is_idle(self) -> bool:
        """Return whether nothing waits, sleeps or is in flight."""
        return not self.requests and self.schedule.is_empty

    @property
    def lacks_probe(self) -> bool:
        """Return whether a held destination has nothing to be tried with but what told nothing of the cause."""
        return self.is_idle or 0 < self._passed_probe_count >= self.schedule.ready_count

    @property
    def is_starved(self) -> bool:
        """Return whether nothing is left to send that could prove the vendor at work beside what keeps failing.

        Not when as many fresh requests in a row have failed as open the circuit: that is an outage.
        """
        return (
            not self.requests
            and self.gate.hold is None
            and not self.gate.is_paused
            and self._fresh_failure_count < self._settings.circuit.failure_count
            and self.schedule.lacks_witness(self.gate.success_count, self._settings.isolation.failure_count)
        )

    def stuck_partitions(self) -> set[Key]:
        """Return the partitions that wait for what has failed often."""
        return self.schedule.stuck_partitions(self._settings.isolation.failure_count)

    def state(self) -> GateState:
        """Return what the destination is doing; waiting for a rate limit of our own is throttled as well."""
        state = self.gate.state(now_s := self._clock.now_s())
        is_open = state in (GateState.FLOWING, GateState.STARTING)
        return GateState.THROTTLED if is_open and self._is_limited(now_s) else state

    def _is_limited(self, now_s: float) -> bool:
        """Return whether everything waits for a rate limit, or something for that of its endpoint."""
        limited = self.limiter.route_waits(now_s)
        return self.limiter.wait_s(now_s) > 0 or (bool(limited) and self.schedule.waits_for(limited))

    def queue(self, payloads: Iterable[tuple[Payload, Entry]]) -> None:
        """Take payloads in, each with the entry of its record; call `turn` when the last of a group is in."""
        now_s = self._clock.now_s()
        for payload, entry in payloads:
            self._sequence += 1
            self.schedule.add(Parcel(payload, entry, self._sequence, now_s))

    def set_share(self, assigned_count: int, known_count: int) -> None:
        """Take this process's part of group-wide rate limits."""
        self.limiter.set_share(assigned_count, known_count, self._clock.now_s())

    def turn(self) -> None:
        """Start every request that may start now, and set the timer for what comes by itself."""
        now_s = self._clock.now_s()
        if self._is_closed or not self._flush_time.allows(now_s):
            self._timer.cancel()
            return
        if self.gate.is_probe_due(now_s, len(self.requests)):
            self._probe(now_s)
        else:
            self._start_due(now_s)
        wake_s = self._next_wake_s(now_s)
        if wake_s is None:
            self._timer.cancel()
        else:
            self._timer.set(wake_s, now_s)

    def _start_due(self, now_s: float) -> None:
        """Start requests until nothing is due or nothing more is permitted."""
        is_half_open = self.gate.state(now_s) is GateState.CIRCUIT_OPEN
        for _ in range(self.gate.permits(now_s, len(self.requests))):
            if self.limiter.wait_s(now_s) > 0:
                return
            limited = self.limiter.route_waits(now_s)
            batch, copies = self.schedule.next(now_s, prefer_fresh=is_half_open, limited=limited)
            if copies:
                self._listener.copied(copies)
            if batch is None:
                return
            self._launch(batch, now_s)

    def _probe(self, now_s: float) -> None:
        """Try a held destination with the oldest payload alone, or with the vendor's credential route."""
        self.destination.reload_secrets()
        self.gate.probe_failed(now_s)
        batch = self._oldest(now_s)
        if batch is not None:
            batch.is_probe = True
            self._start(batch, now_s)
        elif self.destination.probe is not None and (hold := self.gate.hold) is not None and hold.is_credential:
            self.requests.start(Batch("", []), partial(self._probe_route, self.destination.probe, hold))

    def _oldest(self, now_s: float) -> Batch | None:
        """Return the oldest payload that may be sent, alone; that of a user who has had too many waits on."""
        passed_over_count = 0
        while passed_over_count < self.schedule.ready_count:
            batch, copies = self.schedule.oldest(now_s, skip=self._passed_probe_count + passed_over_count)
            if copies:
                self._listener.copied(copies)
            if batch is None:
                continue  # copies have made room for others, or wait for what is in flight: there is less to look at
            self._drop_unowned(batch)
            if batch.parcels and not self._fair_use.over(batch.parcels, now_s):
                return batch
            if batch.parcels:
                self.schedule.put_back(batch)
                passed_over_count += 1
        return None

    def _launch(self, batch: Batch, now_s: float) -> None:
        """Start the request of a batch, without the parcels whose partition is gone or whose user has had too many."""
        self._drop_unowned(batch)
        if batch.parcels and (over := {id(parcel) for parcel in self._fair_use.over(batch.parcels, now_s)}):
            for parcel in self.schedule.take_out(batch, lambda parcel: id(parcel) in over):
                self._listener.rejected(Rejection(parcel, FAIR_USE_EXCEEDED, FAIR_USE_MESSAGE), NOT_SENT)
        if batch.parcels:
            self._start(batch, now_s)

    def _drop_unowned(self, batch: Batch) -> None:
        """Release the parcels of a batch whose partition is gone."""
        if not all(parcel.may_start for parcel in batch.unsettled()):
            self._listener.released(self.schedule.take_out(batch, lambda parcel: not parcel.may_start))

    def _start(self, batch: Batch, now_s: float) -> None:
        """Start the request of a batch."""
        self.limiter.take(batch.parcels, now_s)
        self.requests.start(batch, partial(self._attempt, batch))

    async def _attempt(self, batch: Batch, set_out: Callable[[], None]) -> None:
        """Send a batch once and conclude."""
        if self.gate.is_closed(self._clock.now_s(), is_probe=batch.is_probe):
            self._step_back(batch)
            return
        for parcel in batch.parcels:
            parcel.attempt_count += 1
        endpoint = self.schedule.endpoints[batch.endpoint_name]
        is_plain = batch.is_plain or endpoint.name in self._plain_endpoints
        out = outgoing(self.destination, endpoint, batch, self._clock.wall_ms(), is_plain=is_plain)
        with self.watch(Sending(endpoint.method, endpoint.url, endpoint.name, batch)) as watched:
            started_s = self._clock.now_s()
            answer = await self._transport.send(
                endpoint.method, endpoint.url, out.headers, out.content, self._settings.attempt_timeout_s, set_out
            )
            duration_s = self._clock.now_s() - started_s
            verdict = self.destination.classify(
                endpoint, answer, len(batch), self._clock.wall_ms(), compressed=out.is_compressed
            )
            watched.answered(answer, verdict)
            self._flush_time.note(duration_s)
            sizes = (len(batch), out.body_bytes, len(out.content))
            self._listener.attempted(Attempt(endpoint.name, *sizes, duration_s, answer, verdict, batch.is_probe))
            self.schedule.note_size(endpoint.name, out.body_bytes, len(batch), answer.status)
            self._conclude(batch, endpoint, answer, verdict)

    def _step_back(self, batch: Batch) -> None:
        """Keep a batch back: an answer has closed the gate between the decision to start it and its first byte."""
        if self.gate.hold is not None:
            self.schedule.put_back(batch)
        else:
            batch.wake_s = self._clock.now_s()
            self.schedule.send_again(batch, batch.wake_s)

    def _conclude(self, batch: Batch, endpoint: Endpoint, answer: Answer, verdict: Verdict) -> None:
        """Carry out what follows from an answer."""
        lanes = batch.lane_keys()
        now_s = self._clock.now_s()
        batch.is_alone = len(self.requests) == 1 and self.schedule.ready_count == 0
        done = self._concluder.conclude(batch, answer, verdict, now_s, self._clock.chance())
        if done.delivered and batch.is_plain and endpoint.gzip and endpoint.name not in self._plain_endpoints:
            self._plain_endpoints.add(endpoint.name)
            self._listener.compression_off(endpoint.name)
        self._settle(batch, done, lanes, answer)
        if batch.is_probe:
            # An answer that says nothing about the cause, such as that of a payload that breaks the vendor, must not
            # be the only one that is asked for.
            is_passed = verdict.decision is Decision.RETRY and self.gate.hold is not None
            self._passed_probe_count = self._passed_probe_count + 1 if is_passed else 0
        if done.is_resumed:
            self._listener.resumed()
        if self.gate.hold is not None:
            # Also when the hold is older: probes are taken from the lanes alone.
            self.schedule.put_all_back()
        if done.hold is not None:
            self._listener.held(done.hold)

    def _settle(self, batch: Batch, done: Conclusion, lanes: set[str], answer: Answer) -> None:
        """Free what is settled, keep what is sent again, and tell the listener."""
        now_s = self._clock.now_s()
        self.schedule.dedupe.tick(now_s)
        self.schedule.delivered(done.delivered)
        self.schedule.undelivered([rejection.parcel for rejection in done.rejected])
        if done.delivered:
            self._fresh_failure_count = 0
        elif done.retry_reason:
            self._fresh_failure_count += batch.failure_count == 1
        if done.retry_reason and done.again:
            self._listener.retrying(batch.endpoint_name, done.retry_reason)
        released = self._keep(batch, done, lanes, now_s)
        self.schedule.free(batch, lanes)
        if released:
            self._listener.released(released)
        if done.delivered:
            self._listener.delivered(done.delivered)
        for rejection in done.rejected:
            self._listener.rejected(rejection, answer)

    def _keep(self, batch: Batch, done: Conclusion, lanes: set[str], now_s: float) -> list[Parcel]:
        """Keep what goes on, take its lanes out of those to be freed; return what went with its partition meanwhile."""
        released: list[Parcel] = []
        for one in [*done.again, batch] if done.is_put_back else done.again:
            released += one.drop_unowned()
            lanes -= one.lane_keys()
            if not one.parcels:
                continue
            if done.is_put_back:
                self.schedule.put_back(one)
            else:
                self.schedule.send_again(one, now_s)
        self.schedule.undelivered(released)
        return released

    def _ended(self, batch: Batch, task: asyncio.Task[None]) -> None:
        """Use the slot of a request that has ended."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail(error)
            return
        if task.cancelled():
            self._follow_up(partial(self._give_up, batch))
        self._follow_up(self.turn)

    def _follow_up(self, action: Callable[[], None]) -> None:
        """Do what the event loop calls for: an exception must end the pipeline, not vanish in the loop."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - whatever it is, the books are in doubt
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """Start nothing more after a bug."""
        self._is_closed = True
        self._timer.cancel()
        self._listener.failed(error)

    def _give_up(self, batch: Batch) -> None:
        """Release what a cancelled request held and still owns nothing of; put the rest back."""
        if not batch.parcels:
            return
        self.schedule.put_back(batch)
        self._listener.released(self.schedule.drop(lambda parcel: not parcel.may_start))

    async def _probe_route(self, probe: Probe, hold: Hold, set_out: Callable[[], None]) -> None:
        """Ask the vendor's credential route; lift the hold when it agrees."""
        endpoint = next(iter(self.schedule.endpoints.values()))
        headers = self.destination.headers(endpoint, probe.body, self._clock.wall_ms())
        with self.watch(Sending(probe.method, probe.url, PROBE, Batch("", []))) as watched:
            answer = await self._transport.send(
                probe.method, probe.url, headers, probe.body, self._settings.attempt_timeout_s, set_out
            )
            watched.answered(answer, None)
        if answer.status in _OK and self.gate.hold is hold:
            self._passed_probe_count = 0
            self.gate.resume()
            self._listener.resumed()

    def hold(self, reason: str, message: str) -> None:
        """Stop because of something that this process knows itself (dead letters, schemas); only `resume` ends it."""
        hold = Hold(reason, message, self._clock.now_s(), self._settings.probe_interval_s, is_probed=False)
        if self.gate.hold_on(hold):
            self.schedule.put_all_back()
            self._listener.held(hold)

    def resume(self, reason: str | None = None) -> None:
        """Go on: an operator's word, or the end of the cause named by `reason` (another hold then stays)."""
        if self.gate.hold is None or (reason is not None and self.gate.hold.reason != reason):
            return
        self._passed_probe_count = 0
        self.gate.resume()
        self.guard.reset()
        self._listener.resumed()
        self.turn()

    def drop(self, keys: set[Key]) -> list[Parcel]:
        """Return the waiting and sleeping parcels of partitions that are given up; they are taken out."""
        return self.schedule.drop(lambda parcel: parcel.entry.partition.key in keys)

    async def flush(self, deadline_s: float) -> bool:
        """Send everything that waits without waiting for batches to fill; return whether all of it was settled.

        `deadline_s` is monotonic. A destination that is held or throttled beyond it keeps what it has. From now on no
        request starts that may not be answered by then: its payloads would be sent again by their next owner.
        """
        self._flush_time.begin(self._clock.now_s(), deadline_s)
        self.schedule.is_flushing = True
        self.turn()
        while not (self.is_idle or self._is_closed) and (left_s := deadline_s - self._clock.now_s()) > 0:
            if self.requests:
                await self.requests.any_ended(left_s)
            else:
                now_s = self._clock.now_s()
                wake_s = self._next_wake_s(now_s)
                if wake_s is None or not self._flush_time.allows(max(wake_s, now_s)):
                    return False
                await asyncio.sleep(max(0.0, wake_s - now_s))
            self.turn()
        return self.is_idle

    async def close(self) -> None:
        """Cancel what is in flight and start nothing more."""
        self._is_closed = True
        self._timer.cancel()
        await self.requests.close()

    def _next_wake_s(self, now_s: float) -> float | None:
        """Return when something may become due by itself."""
        gate_s = self.gate.wake_s(now_s)
        if self.gate.hold is not None:
            return None if self.requests else gate_s  # an answer comes before the next probe
        if gate_s is None and self.gate.permits(now_s, len(self.requests)) == 0:
            return None  # an answer frees a slot
        due_s = self.schedule.wake_s(now_s, limited=self.limiter.route_waits(now_s))
        least_s = max(now_s if gate_s is None else gate_s, now_s + self.limiter.wait_s(now_s))
        return None if due_s is None else max(due_s, least_s)
