"""Who asks at present where an event is, and what each of them is told.

A process has one board, a supervisor too. Whoever asks waits for *steps*, plain values that say what has just happened
to an event; they hold ids, places and codes, and nothing else of an event. Everything is bounded: how many may ask, how
long, and how many steps wait for one that reads slowly. Event loop only.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import count
from typing import Annotated, Any, Final, TypeAlias

from msgspec import Meta, Struct

MAX_ASKER_COUNT: Final = 8
MAX_WAITING_STEP_COUNT: Final = 2_000
MAX_TIMEOUT_S: Final = 3_600
DEFAULT_TIMEOUT_S: Final = 60

FINISHED: Final = "finished"
"""Everything was said: each destination that was asked has done with the event."""
TIME_IS_UP: Final = "time_is_up"
STOPPING: Final = "stopping"

Step: TypeAlias = dict[str, Any]
"""`step` says what happened, `time_ms` when, `destination` where; what else there is depends on the step."""

Id: TypeAlias = Annotated[str, Meta(min_length=1, max_length=1_000)]


class Question(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What somebody wants to know: where events of a `messageId`, or of a user, are. Exactly one of them is given.

    `user` is compared with `userId` and `anonymousId`. Without `destination` all destinations are asked.
    """

    message_id: Id | None = None
    user: Id | None = None
    destination: Id | None = None
    timeout_s: Annotated[float, Meta(gt=0, le=MAX_TIMEOUT_S)] = DEFAULT_TIMEOUT_S

    def __post_init__(self) -> None:
        """Refuse a question about nothing, or about two things."""
        if (self.message_id is None) == (self.user is None):
            raise ValueError("give either message_id or user")


class BusyError(Exception):
    """As many ask already as may."""


class Asker:
    """One who asks. Made by `Board.ask`, which is told by `drop` when nobody listens any more."""

    def __init__(self, number: int, question: Question, destinations: Iterable[str]) -> None:
        """Wait for steps of these destinations."""
        self.number = number
        self.question = question
        self.deadline_s = _now_s() + question.timeout_s
        self._awaited = set(destinations)
        self._unseen = sorted(self._awaited)
        self._steps: deque[Step] = deque()
        self._arrived = asyncio.Event()
        self._left_out_count = 0
        self._is_ended = False

    @property
    def left_s(self) -> float:
        """Return how much of the time that it asked for is left, in seconds."""
        return max(0.0, self.deadline_s - _now_s())

    @property
    def is_over(self) -> bool:
        """Return whether nothing further comes and everything was taken."""
        return self._is_ended and not self._steps

    def tell(self, step: Step) -> None:
        """Hand over a step; one too many for somebody who reads slowly is only counted."""
        if self._is_ended:
            return
        if step["step"] == "read" and step.get("destination") in self._unseen:
            self._unseen.remove(step["destination"])
        if len(self._steps) >= MAX_WAITING_STEP_COUNT:
            self.leave_out()
            return
        self._steps.append(step)
        self._arrived.set()

    def leave_out(self) -> None:
        """Count something that is not told, because as much as may be is followed already."""
        self._left_out_count += 1

    def finish(self, destination: str) -> None:
        """Note that a destination has said everything; the last of them ends the trace."""
        self._awaited.discard(destination)
        if not self._awaited:
            self.end(FINISHED)

    def end(self, reason: str) -> None:
        """Say why nothing further comes, and which destinations have seen nothing."""
        if self._is_ended:
            return
        self._is_ended = True
        last: Step = {"step": "ended", "reason": reason, "unseen": self._unseen}
        self._steps.append(last | ({"left_out": self._left_out_count} if self._left_out_count else {}))
        self._arrived.set()

    async def next(self, patience_s: float) -> Step | None:
        """Return the next step; None when none came in that many seconds, or in the time that was asked for."""
        if not self._steps and not self._is_ended:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), min(patience_s, self.left_s))
        self._arrived.clear()
        if not self.left_s:
            self.end(TIME_IS_UP)
        return self._steps.popleft() if self._steps else None


class Board:
    """The askers of a process. `on_change` are called after one has come or gone."""

    def __init__(self) -> None:
        """Nobody asks."""
        self._askers: dict[int, Asker] = {}
        self._numbers = count(1)
        self.on_change: list[Callable[[], None]] = []

    @property
    def askers(self) -> Sequence[Asker]:
        """Return those who ask, oldest first."""
        return list(self._askers.values())

    def get(self, number: int) -> Asker | None:
        """Return one who asks by its number."""
        return self._askers.get(number)

    def ask(self, question: Question, destinations: Iterable[str]) -> Asker:
        """Return an asker to be told of what happens at these destinations from now on.

        Raises:
            BusyError: so many ask already.
        """
        if len(self._askers) >= MAX_ASKER_COUNT:
            raise BusyError(f"{MAX_ASKER_COUNT} traces run already; wait for one to end")
        asker = Asker(next(self._numbers), question, destinations)
        self._askers[asker.number] = asker
        self._changed()
        return asker

    def drop(self, asker: Asker) -> None:
        """Forget one who listens no longer."""
        if self._askers.pop(asker.number, None) is not None:
            self._changed()

    def close(self) -> None:
        """End every trace: the process stops."""
        for asker in self.askers:
            asker.end(STOPPING)

    def _changed(self) -> None:
        for call in self.on_change:
            call()


def _now_s() -> float:
    """Return the event loop's monotonic time."""
    return asyncio.get_running_loop().time()
