"""What follows from a verdict: which parcels are settled, what is sent again and when, whether everything stops.

A decider: verdict, time and chance in, a `Conclusion` out. The gate and the guard are its memory. What it returns adds
up: every parcel of the batch is delivered, rejected, in a batch to send again, or put back.
"""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct, field

from processor.delivery.batches import Batch
from processor.delivery.gate import Gate, Hold
from processor.delivery.guard import RejectionGuard
from processor.delivery.parcel import Parcel
from processor.delivery.rate import TokenBucket
from processor.delivery.retry import next_wait_s
from processor.delivery.settings import DeliverySettings
from processor.destinations.base import Backoff
from processor.errors import InvariantError
from processor.model import Answer, Decision, Verdict

GUARD_REASON = "guard_tripped"
_FIRST_SERVER_ERROR = 500
_SUCCESSES = range(200, 300)


class Rejection(Struct, frozen=True):
    """A parcel that ends as a dead letter, and why."""

    parcel: Parcel
    reason: str
    message: str


class Conclusion(Struct):
    """What follows from one answer."""

    delivered: list[Parcel] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    again: list[Batch] = field(default_factory=list)
    hold: Hold | None = None
    is_put_back: bool = False
    is_resumed: bool = False
    pause_s: float | None = None
    retry_reason: str = ""


class Concluder:
    """Turns verdicts into conclusions for one destination."""

    def __init__(
        self, settings: DeliverySettings, backoff: Backoff, gate: Gate, guard: RejectionGuard, now_s: float
    ) -> None:
        """Share the gate and the guard with the dispatcher."""
        self._settings = settings
        self._backoff = backoff
        self._gate = gate
        self._guard = guard
        self._extra = TokenBucket(settings.max_extra_requests_per_minute / 60, now_s)

    def conclude(self, batch: Batch, answer: Answer, verdict: Verdict, now_s: float, chance: float) -> Conclusion:
        """Return what follows from the answer to a batch's request."""
        done = Conclusion()
        match verdict.decision:
            case Decision.DELIVERED:
                self._delivered(batch, verdict, done, now_s)
            case Decision.BISECT | Decision.SPLIT | Decision.REJECTED:
                self._refused(batch, verdict, done, now_s)
            case Decision.HOLD:
                self._hold(batch, verdict, done, now_s)
            case Decision.RETRY:
                self._retry(batch, answer, verdict, done, now_s, chance)
            case Decision.RESEND_PLAIN:
                self._resend_plain(batch, verdict, done, now_s)
            case unknown:
                assert_never(unknown)
        return done

    def _delivered(self, batch: Batch, verdict: Verdict, done: Conclusion, now_s: float) -> None:
        """The vendor took the batch, perhaps without some parcels that it named."""
        if any(not 0 <= index < len(batch) for index in verdict.failed):
            raise InvariantError("a verdict names a payload that is not in its batch")
        if batch.is_probe and self._gate.hold is not None:
            if verdict.failed:
                self._refused(batch, verdict, done, now_s)
                return
            self._gate.resume()
            self._guard.reset()
            done.is_resumed = True
        self._gate.succeeded(now_s)
        for index, parcel in enumerate(batch.parcels):
            if index in verdict.failed:
                self._guard.refused(parcel.payload.user)
                done.rejected.append(Rejection(parcel, verdict.reason, verdict.message))
            else:
                done.delivered.append(parcel)
        self._guard.delivered(len(done.delivered))
        if done.rejected and self._gate.hold is None and self._guard.is_tripped:
            self._trip(verdict, done, now_s)
        self._go_on(batch, done)

    def _refused(self, batch: Batch, verdict: Verdict, done: Conclusion, now_s: float) -> None:
        """The vendor refused the request because of what is in it."""
        if self._gate.hold is not None:
            if not batch.is_probe or self._gate.hold.reason == GUARD_REASON:
                if self._gate.hold.reason == GUARD_REASON and len(batch) == 1:
                    batch.parcels[0].refused_in = self._guard.trip_count
                self._gate.probe_failed(now_s)
                done.is_put_back = True
                return
            # The vendor looked into the payload, so key and address are right again.
            self._gate.resume()
            done.is_resumed = True
        self._gate.answered(now_s)
        if len(batch) == 1:
            self._reject(batch, verdict, done, now_s)
            return
        self._halve(batch, done, now_s, is_isolating=batch.is_isolating)

    def _reject(self, batch: Batch, verdict: Verdict, done: Conclusion, now_s: float) -> None:
        """Refuse the one parcel of a request, unless so much is refused that the fault must be systemic."""
        parcel = batch.parcels[0]
        if not self._guard.has_accepted(parcel.refused_in):
            self._guard.refused(parcel.payload.user)
            if self._guard.is_tripped:
                self._trip(verdict, done, now_s)
                parcel.refused_in = self._guard.trip_count
                done.is_put_back = True
                return
        done.rejected.append(Rejection(parcel, verdict.reason, verdict.message))
        self._go_on(batch, done)

    def _trip(self, verdict: Verdict, done: Conclusion, now_s: float) -> None:
        """Hold the destination, since so much was refused."""
        self._guard.trip()
        message = f"{self._guard.refused_count} of the latest payloads were refused ({verdict.reason})"
        done.hold = Hold(GUARD_REASON, message, now_s, self._settings.probe_interval_s)
        self._gate.hold_on(done.hold)

    def _halve(self, batch: Batch, done: Conclusion, now_s: float, *, is_isolating: bool) -> None:
        """Take the batch apart; the halves wait when the extra requests of this minute are used up.

        They are not sent whole again meanwhile: that would be one more request than the bound allows.
        """
        wait_s = self._extra.wait_s(now_s)
        self._extra.take(2, now_s)
        other = batch.split(is_isolating=is_isolating)
        done.again += [batch] if other is None else [batch, other]
        for half in done.again:
            half.wake_s = now_s + wait_s

    def _hold(self, batch: Batch, verdict: Verdict, done: Conclusion, now_s: float) -> None:
        """Stop the whole destination; the parcels wait in their lanes."""
        probe_s = self._settings.probe_interval_s if verdict.probe_s is None else verdict.probe_s
        hold = Hold(verdict.reason, verdict.message, now_s, probe_s)
        if self._gate.hold_on(hold):
            done.hold = hold
        done.is_put_back = True
        batch.is_plain = False

    def _retry(
        self, batch: Batch, answer: Answer, verdict: Verdict, done: Conclusion, now_s: float, chance: float
    ) -> None:
        """The way to the vendor, or the vendor, failed for now."""
        done.retry_reason = verdict.reason
        if verdict.is_throttled:
            done.pause_s = self._gate.throttled(now_s, verdict.wait_s, chance)
        else:
            self._gate.failed(now_s, chance)
        if self._gate.hold is not None:
            self._gate.probe_failed(now_s)
            done.is_put_back = True
            return
        batch.is_probe = False
        batch.note_failure(self._gate.success_count)
        batch.holding_count = batch.holding_count + 1 if verdict.hold_after else 0
        if self._is_exhausted(batch, verdict, done, now_s):
            return
        if verdict.is_throttled or not _may_be_its_own_fault(answer):
            batch.failed_at_s = None
        elif self._isolate(batch, done, now_s):
            return
        wait_s = next_wait_s(self._backoff, batch.failure_count, chance) if done.pause_s is None else done.pause_s
        batch.wake_s = now_s + wait_s
        done.again.append(batch)

    def _is_exhausted(self, batch: Batch, verdict: Verdict, done: Conclusion, now_s: float) -> bool:
        """Hold or give up after so many attempts, where the vendor's contract or a setting says so.

        A throttled one is not counted: that a vendor wants less at a time says nothing against what it was sent.

        Returns:
            Whether nothing of the request is left to be sent again.
        """
        if 0 < verdict.hold_after <= batch.holding_count:
            self._hold(batch, verdict, done, now_s)
            return True
        limit = self._settings.max_attempts
        if limit is None or verdict.is_throttled:
            return False
        # Not the attempts in all: probes of a held destination and requests with a refused neighbour prove nothing.
        for parcel in batch.parcels:
            parcel.retry_count += 1
        spent = [parcel for parcel in batch.parcels if parcel.retry_count >= limit]
        done.rejected += [Rejection(parcel, "vendor_error", f"{limit} attempts ({verdict.reason})") for parcel in spent]
        batch.parcels = [parcel for parcel in batch.parcels if parcel.retry_count < limit]
        if batch.parcels:
            return False
        self._go_on(batch, done)
        return True

    def _isolate(self, batch: Batch, done: Conclusion, now_s: float) -> bool:
        """Take a batch apart that fails while others succeed; give up a parcel that alone kept failing so for long.

        A batch that fails while there are no others is taken apart as well: in one that breaks the vendor by a single
        payload, its neighbours are the others. Nothing is given up for that.
        """
        needed = 1 if batch.is_isolating else self._settings.isolation.failure_count
        if len(batch) > 1:
            if (batch.failure_count if batch.is_alone else batch.lonely_failure_count) < needed:
                return False
            self._halve(batch, done, now_s, is_isolating=True)
            return True
        parcel = batch.parcels[0]
        if batch.is_lonely and batch.failed_at_s is not None:
            # More than the wait that was due was an open circuit or a pause: that time proves nothing against it.
            parcel.lonely_s += min(now_s, batch.wake_s + self._settings.attempt_timeout_s) - batch.failed_at_s
        batch.failed_at_s = now_s
        if batch.is_lonely and parcel.lonely_s >= self._settings.isolation.give_up_s:
            message = "failed alone while others were delivered"
            done.rejected.append(Rejection(parcel, "vendor_error", message))
            self._go_on(batch, done)
            return True
        return False

    def _resend_plain(self, batch: Batch, verdict: Verdict, done: Conclusion, now_s: float) -> None:
        """Send once more without compression; a second refusal of the form is the configuration's fault."""
        hold = self._gate.hold
        if batch.is_probe and not batch.is_plain and hold is not None and hold.reason != GUARD_REASON:
            # The vendor got as far as the form. Probes are compressed alike, so held it would stay for ever.
            self._gate.resume()
            done.is_resumed = True
        elif batch.is_plain or hold is not None:
            self._hold(batch, verdict, done, now_s)
            return
        batch.is_plain = True
        batch.wake_s = now_s
        done.again.append(batch)

    @staticmethod
    def _go_on(batch: Batch, done: Conclusion) -> None:
        """Queue the part that waited behind the settled one."""
        if batch.advance():
            batch.wake_s = float("-inf")
            done.again.append(batch)


def _may_be_its_own_fault(answer: Answer) -> bool:
    """Return whether an answer may be caused by one payload: a server error, no answer in time, or an odd success.

    A success that is to be tried again is one that says nothing readable, perhaps because of what it repeats.
    """
    if answer.status is None:
        return answer.error == "timeout"
    return answer.status >= _FIRST_SERVER_ERROR or answer.status in _SUCCESSES
