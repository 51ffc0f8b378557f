"""The one owner of requests: starts what is due, brings answers to their conclusion, keeps the timer.

A thin doer on the event loop. What to send comes from `schedule`, what an answer means from the destination, what
follows from it from `conclusion`; here they meet sockets, tasks and the clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from processor.delivery.batches import Batch
from processor.delivery.compress import gzip
from processor.delivery.conclusion import Concluder, Conclusion
from processor.delivery.gate import Gate, GateState, Hold
from processor.delivery.guard import RejectionGuard
from processor.delivery.offsets import Entry, Key
from processor.delivery.parcel import Parcel
from processor.delivery.ports import Attempt, Clock, Listener, Transport
from processor.delivery.rate import Limiter
from processor.delivery.schedule import Schedule, effective_endpoints
from processor.delivery.settings import DeliverySettings
from processor.destinations.base import Destination, Endpoint, Probe
from processor.model import Answer, Payload, Verdict

__all__ = ["Attempt", "Clock", "Dispatcher", "Listener", "Transport"]

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
        self.destination = destination
        self.gate = Gate(settings, destination.backoff)
        self.guard = RejectionGuard(settings.guard)
        self.schedule = Schedule(effective_endpoints(destination, settings), settings)
        self._settings = settings
        self._transport = transport
        self._listener = listener
        self._clock = clock
        self._concluder = Concluder(settings, destination.backoff, self.gate, self.guard, now_s)
        self._limiter = Limiter(settings.rate_limit, destination.rate_limits, now_s)
        self._in_flight: dict[asyncio.Task[None], Batch] = {}
        self._plain_endpoints: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = float("inf")
        self._sequence = 0
        self._is_closed = False

    @property
    def in_flight_count(self) -> int:
        """Return how many requests are on their way."""
        return len(self._in_flight)

    @property
    def is_idle(self) -> bool:
        """Return whether nothing waits, sleeps or is in flight."""
        return not self._in_flight and self.schedule.is_empty

    def state(self) -> GateState:
        """Return what the destination is doing."""
        return self.gate.state(self._clock.now_s())

    def parcel(self, payload: Payload, entry: Entry) -> Parcel:
        """Return the payload as a parcel that came in just now."""
        self._sequence += 1
        return Parcel(payload, entry, self._sequence, self._clock.now_s())

    def add(self, parcels: Iterable[Parcel]) -> None:
        """Take parcels in; call `turn` when the last of a group is in."""
        for parcel in parcels:
            self.schedule.add(parcel)

    def set_share(self, assigned_count: int, known_count: int) -> None:
        """Take this process's part of group-wide rate limits."""
        self._limiter.set_share(assigned_count, known_count, self._clock.now_s())

    def turn(self) -> None:
        """Start every request that may start now, and set the timer for what comes by itself."""
        if self._is_closed:
            return
        now_s = self._clock.now_s()
        if self.gate.is_probe_due(now_s, len(self._in_flight)):
            self._probe(now_s)
        else:
            self._start_due(now_s)
        self._set_timer(now_s)

    def _start_due(self, now_s: float) -> None:
        """Start requests until nothing is due or nothing more is permitted."""
        is_half_open = self.gate.state(now_s) is GateState.CIRCUIT_OPEN
        for _ in range(self.gate.permits(now_s, len(self._in_flight))):
            if self._limiter.wait_s(now_s) > 0:
                return
            batch, copies = self.schedule.next(now_s, prefer_fresh=is_half_open)
            if copies:
                self._listener.copied(copies)
            if batch is None:
                return
            self._launch(batch, now_s)

    def _probe(self, now_s: float) -> None:
        """Try a held destination with the oldest payload alone, or with the vendor's credential route."""
        self.destination.reload_secrets()
        batch, copies = self.schedule.oldest(now_s)
        if copies:
            self._listener.copied(copies)
        self.gate.probe_failed(now_s)
        if batch is not None:
            batch.is_probe = True
            self._launch(batch, now_s)
        elif self.destination.probe is not None and (hold := self.gate.hold) is not None and hold.is_credential:
            task = asyncio.get_running_loop().create_task(self._probe_route(self.destination.probe, hold))
            self._in_flight[task] = Batch("", [])
            task.add_done_callback(self._finish)

    def _launch(self, batch: Batch, now_s: float) -> None:
        """Start the request of a batch, without the parcels whose partition is gone."""
        if not all(parcel.may_start for parcel in batch.unsettled()):
            self._release_unowned(batch)
            if not batch.parcels:
                return
        self._limiter.take(batch.parcels, now_s)
        for parcel in batch.parcels:
            parcel.attempt_count += 1
        task = asyncio.get_running_loop().create_task(self._attempt(batch))
        self._in_flight[task] = batch
        task.add_done_callback(self._finish)

    def _release_unowned(self, batch: Batch) -> None:
        """Take the parcels out of a batch whose partition is gone, and free their lanes."""
        lanes = batch.lane_keys()
        dropped = batch.drop_unowned()
        self.schedule.undelivered(dropped)
        self.schedule.free(batch, lanes - batch.lane_keys())
        self._listener.released(dropped)

    async def _attempt(self, batch: Batch) -> None:
        """Send a batch once and conclude."""
        endpoint = self.schedule.endpoints[batch.endpoint_name]
        body = endpoint.envelope.join([parcel.payload.body for parcel in batch.parcels], self._clock.wall_ms())
        is_compressed = endpoint.gzip and not batch.is_plain and endpoint.name not in self._plain_endpoints
        headers = self.destination.headers(endpoint)
        content = body
        if is_compressed:
            content = gzip(body)
            headers["Content-Encoding"] = "gzip"
        started_s = self._clock.now_s()
        answer = await self._transport.send(
            endpoint.method, endpoint.url, headers, content, self._settings.attempt_timeout_s
        )
        verdict = self.destination.classify(
            endpoint, answer, len(batch), self._clock.wall_ms(), compressed=is_compressed
        )
        duration_s = self._clock.now_s() - started_s
        self._listener.attempted(
            Attempt(endpoint.name, len(batch), len(body), len(content), duration_s, answer, verdict, batch.is_probe)
        )
        self._conclude(batch, endpoint, answer, verdict)

    def _conclude(self, batch: Batch, endpoint: Endpoint, answer: Answer, verdict: Verdict) -> None:
        """Carry out what follows from an answer."""
        lanes = batch.lane_keys()
        now_s = self._clock.now_s()
        done = self._concluder.conclude(batch, answer, verdict, now_s, self._clock.chance())
        if done.delivered and batch.is_plain and endpoint.gzip and endpoint.name not in self._plain_endpoints:
            self._plain_endpoints.add(endpoint.name)
            self._listener.compression_off(endpoint.name)
        self._settle(batch, done, lanes, answer)
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

    def _finish(self, task: asyncio.Task[None]) -> None:
        """Take a finished request off the books and use its slot."""
        batch = self._in_flight.pop(task)
        if task.cancelled():
            self._give_up(batch)
        elif (error := task.exception()) is not None:
            self._is_closed = True
            self._listener.failed(error)
            return
        self.turn()

    def _give_up(self, batch: Batch) -> None:
        """Release what a cancelled request held and still owns nothing of; put the rest back."""
        if not batch.parcels:
            return
        self.schedule.put_back(batch)
        self._listener.released(self.schedule.drop(lambda parcel: not parcel.may_start))

    async def _probe_route(self, probe: Probe, hold: Hold) -> None:
        """Ask the vendor's credential route; lift the hold when it agrees."""
        headers = self.destination.headers(next(iter(self.schedule.endpoints.values())))
        answer = await self._transport.send(
            probe.method, probe.url, headers, probe.body, self._settings.attempt_timeout_s
        )
        if answer.status in _OK and self.gate.hold is hold:
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
        self.gate.resume()
        self.guard.reset()
        self._listener.resumed()
        self.turn()

    def drop(self, keys: set[Key]) -> list[Parcel]:
        """Return the waiting and sleeping parcels of partitions that are given up; they are taken out."""
        return self.schedule.drop(lambda parcel: parcel.entry.partition.key in keys)

    def requests_of(self, keys: set[Key]) -> list[asyncio.Task[None]]:
        """Return the requests in flight that hold a parcel of these partitions."""
        return [
            task
            for task, batch in self._in_flight.items()
            if any(parcel.entry.partition.key in keys for parcel in batch.unsettled())
        ]

    def cancel_if_unowned(self, request: asyncio.Task[None]) -> None:
        """Cancel a request that holds nothing but parcels of lost partitions."""
        batch = self._in_flight.get(request)
        if batch is not None and not any(parcel.may_start for parcel in batch.unsettled()):
            request.cancel()

    async def flush(self, deadline_s: float) -> bool:
        """Send everything that waits without waiting for batches to fill; return whether all of it was settled.

        `deadline_s` is monotonic. A destination that is held or throttled beyond it keeps what it has.
        """
        self.schedule.is_flushing = True
        self.turn()
        while not (self.is_idle or self._is_closed) and (left_s := deadline_s - self._clock.now_s()) > 0:
            if self._in_flight:
                await asyncio.wait(self._in_flight, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            else:
                wake_s = self._next_wake_s(self._clock.now_s())
                if wake_s is None or wake_s > deadline_s:
                    return False
                await asyncio.sleep(max(0.0, min(left_s, wake_s - self._clock.now_s())))
            self.turn()
        return self.is_idle

    async def close(self) -> None:
        """Cancel what is in flight and start nothing more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        tasks = list(self._in_flight)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _next_wake_s(self, now_s: float) -> float | None:
        """Return when something may become due by itself."""
        gate_s = self.gate.wake_s(now_s)
        if self.gate.hold is not None:
            return None if self._in_flight else gate_s  # an answer comes before the next probe
        if gate_s is None and self.gate.permits(now_s, len(self._in_flight)) == 0:
            return None  # an answer frees a slot
        due_s = self.schedule.wake_s(now_s)
        if due_s is None:
            return None
        return max(due_s, now_s if gate_s is None else gate_s, now_s + self._limiter.wait_s(now_s))

    def _set_timer(self, now_s: float) -> None:
        """Look again when something comes due. Nothing is due now that may start, so the time lies ahead."""
        wake_s = self._next_wake_s(now_s)
        if wake_s is None or self._is_closed:
            self._cancel_timer()
            return
        if self._timer is not None and self._timer_s <= wake_s and self._timer_s > now_s:
            return  # an earlier look costs less than setting the timer anew for each record
        self._cancel_timer()
        self._timer_s = wake_s
        self._timer = asyncio.get_running_loop().call_later(max(0.001, wake_s - now_s), self._on_timer)

    def _cancel_timer(self) -> None:
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._timer_s = float("inf")

    def _on_timer(self) -> None:
        """Look again."""
        self._timer = None
        self._timer_s = float("inf")
        self.turn()
