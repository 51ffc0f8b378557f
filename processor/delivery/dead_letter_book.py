"""Which dead letter goes out next, and what a failure to write one means.

Pure: no client, no clock, no thread. Every letter taken in is waiting or in flight until it is acknowledged, whatever
happens to the client; that is the whole point of this file.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from enum import Enum

from msgspec import Struct

from processor.delivery.dead_letter_form import DeadLetter, Form
from processor.delivery.dead_letter_settings import DeadLetterSettings

Acknowledged = Callable[[], None]


class Failure(Enum):
    """Why a letter was not written."""

    TOO_LARGE = "too_large"
    """The client refuses it for its size: it would never go out in this form."""
    REQUEST_TOO_LARGE = "request_too_large"
    """The broker refused a request for its size: any letter in it may be the guilty one."""
    UNWRITABLE = "unwritable"
    """Anything else: the topic, the brokers, the rights or the client."""


class Posted(Struct, gc=False):
    """A letter on its way. Letters go out in the order of `sequence`, as far as failures allow."""

    sequence: int
    letter: DeadLetter
    acknowledged: Acknowledged
    form: Form = Form.WHOLE
    is_alone: bool = False
    """Whether it may only travel in a request of its own, so that a refusal for size is about it alone."""


class LetterBook:
    """The letters that are not written yet. `now_s` is monotonic."""

    def __init__(self, settings: DeadLetterSettings) -> None:
        """Begin with an empty book and a topic that is presumed writable."""
        self._settings = settings
        self._sequence = 0
        self._waiting: list[tuple[int, Posted]] = []
        self._flying: dict[int, Posted] = {}
        self._failure_count = 0
        self._retry_at_s = float("-inf")
        self.trouble = ""
        """Why the topic cannot be written at the moment; safe to log; empty while it can."""
        self.omitted_count = 0
        """Letters that were written without their value."""
        self.failure_counts = {failure.value: 0 for failure in Failure}
        """Attempts that failed, by why; no key is ever added, so that another thread may look."""

    def __len__(self) -> int:
        """Return how many letters are not written yet."""
        return len(self._waiting) + len(self._flying)

    @property
    def flying_count(self) -> int:
        """Return how many letters the client has."""
        return len(self._flying)

    def add(self, letter: DeadLetter, acknowledged: Acknowledged) -> None:
        """The letter waits behind all others."""
        self._sequence += 1
        self._wait(Posted(self._sequence, letter, acknowledged))

    def wait_s(self, now_s: float) -> float | None:
        """Return the time until a waiting letter is due, None when none is due before something else happens."""
        if not self._waiting or not self._may_join(self._waiting[0][1]):
            return None
        return max(0.0, self._retry_at_s - now_s)

    def take(self, now_s: float) -> Posted | None:
        """Return the next letter to hand to the client, now in flight; None when none may go now.

        While the topic is in trouble the oldest letter goes out alone, as a probe.
        """
        if self.wait_s(now_s) != 0.0:
            return None
        _, posted = heapq.heappop(self._waiting)
        self._flying[posted.sequence] = posted
        return posted

    def put_back(self, sequence: int) -> None:
        """The client had no room: the letter waits again, and nothing is wrong."""
        self._wait(self._flying.pop(sequence))

    def written(self, sequence: int) -> Acknowledged | None:
        """Return whom to tell that the broker has acknowledged this letter; None when that was said before.

        Any acknowledgement proves that the topic can be written.
        """
        posted = self._flying.pop(sequence, None)
        if posted is None:
            return None
        self._failure_count, self._retry_at_s, self.trouble = 0, float("-inf"), ""
        self.omitted_count += posted.form is not Form.WHOLE
        return posted.acknowledged

    def failed(self, sequence: int, failure: Failure, message: str, now_s: float) -> None:
        """The letter waits to be tried again: smaller, alone, or when the topic may be writable again."""
        posted = self._flying.pop(sequence, None)
        if posted is None:
            return
        self.failure_counts[failure.value] += 1
        if failure is Failure.REQUEST_TOO_LARGE and not posted.is_alone:
            posted.is_alone = True
        elif failure is not Failure.UNWRITABLE and posted.form.smaller is not None:
            posted.form = posted.form.smaller
        else:
            self.stumbled(message, now_s)
        self._wait(posted)

    def client_lost(self, message: str, now_s: float) -> None:
        """All letters that the lost client had wait to go out with the next one."""
        self.failure_counts[Failure.UNWRITABLE.value] += len(self._flying)
        for posted in self._flying.values():
            self._wait(posted)
        self._flying.clear()
        self.stumbled(message, now_s)

    def stumbled(self, message: str, now_s: float) -> None:
        """The topic is in trouble, and is tried again after a pause that doubles each time.

        The letters of one failed request fail one by one: while the pause lasts they are one failure.
        """
        self.trouble = message
        if now_s < self._retry_at_s:
            return
        pause_s = min(self._settings.retry_base_s * 2.0 ** min(self._failure_count, 30), self._settings.retry_cap_s)
        self._failure_count += 1
        self._retry_at_s = now_s + pause_s

    def _may_join(self, head: Posted) -> bool:
        """Return whether this letter may be in flight beside those that are."""
        if not self._flying:
            return True
        return not (self.trouble or head.is_alone or any(posted.is_alone for posted in self._flying.values()))

    def _wait(self, posted: Posted) -> None:
        heapq.heappush(self._waiting, (posted.sequence, posted))
