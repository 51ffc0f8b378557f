"""One request that holds payloads of records which somebody follows: what is told of it while it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from processor.delivery.offsets import Entry
from processor.delivery.parcel import Parcel
from processor.delivery.watching import Sending, Watched
from processor.model import Answer, Decision, Verdict
from processor.operations.trace_board import Asker, Step


class Followed:
    """A record that is followed for one who asks, and what that one was told of it last."""

    def __init__(self, asker: Asker, entry: Entry, since_s: float) -> None:
        """Begin with a record that was read; from `since_s` on it is in no request, and none is settled for it."""
        self.asker = asker
        self.entry = entry
        self.since_s = since_s
        self.request_count = 0
        self.waits_for = ""
        self.is_done = False
        self.is_dead_told = False


class Teller(Protocol):
    """What a request's steps are told to."""

    def tell_parcel(self, parcel: Parcel, followed: Followed, step: Step) -> None:
        """Tell a step of one payload."""

    def safely(self, action: Callable[[], None]) -> None:
        """Do what only traces need."""


class Exchange:
    """One such request. `parcels` come with their positions in its batch."""

    def __init__(
        self, teller: Teller, sending: Sending, parcels: Sequence[tuple[int, Parcel, Followed]], inner: Watched
    ) -> None:
        """Look at these payloads of it, and let others look as well."""
        self._teller = teller
        self._sending = sending
        self._parcels = parcels
        self._inner = inner
        self._count = len(sending.batch)
        self._began_s = asyncio.get_running_loop().time()
        self._verdict: Verdict | None = None

    def begin(self) -> None:
        """Say that it is being sent."""
        for _, parcel, followed in self._parcels:
            followed.request_count += 1
            followed.waits_for = ""
            step = {"step": "sent", "payload_count": self._count, "attempt": parcel.attempt_count}
            self._teller.tell_parcel(parcel, followed, step)

    def answered(self, answer: Answer, verdict: Verdict | None) -> None:
        """Say what came back."""
        self._inner.answered(answer, verdict)
        self._verdict = verdict
        self._teller.safely(lambda: self._tell_answer(answer, verdict))

    def _tell_answer(self, answer: Answer, verdict: Verdict | None) -> None:
        step: Step = {"step": "answered"}
        step |= {"error": answer.error} if answer.status is None else {"status": answer.status}
        if verdict is not None:
            step |= {"verdict": verdict.decision.value} | ({"reason": verdict.reason} if verdict.reason else {})
        step["seconds"] = round(asyncio.get_running_loop().time() - self._began_s, 3)
        for _, parcel, followed in self._parcels:
            self._teller.tell_parcel(parcel, followed, dict(step))

    def end(self) -> None:
        """Say what follows for each payload; that one is refused, or all are held, is told of its record."""
        now_s = asyncio.get_running_loop().time()
        for index, parcel, followed in self._parcels:
            followed.request_count -= 1
            step = self._outcome(index, followed.entry, now_s)
            followed.since_s = now_s if step is None else now_s + step.get("wait_s", 0.0)
            if step is not None:
                self._teller.tell_parcel(parcel, followed, step)

    def _outcome(self, index: int, entry: Entry, now_s: float) -> Step | None:
        """Return what becomes of the payload at a position of the batch, None where its record tells it."""
        verdict = self._verdict
        if verdict is None:
            return {"step": "cancelled"}
        match verdict.decision:
            case Decision.DELIVERED if index not in verdict.failed and entry.is_delivered:
                return {"step": "delivered"}
            case Decision.RETRY | Decision.RESEND_PLAIN if entry.open_count and not entry.is_dead:
                wait_s = round(max(0.0, self._sending.batch.wake_s - now_s), 3)
                return {"step": "retry", "reason": verdict.reason, "wait_s": wait_s}
            case Decision.BISECT | Decision.SPLIT if entry.open_count and not entry.is_dead:
                return {"step": "halved", "reason": verdict.reason}
            case _:
                return None
