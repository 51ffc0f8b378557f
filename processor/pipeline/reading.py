"""The consumer thread's side of a pipeline.

Everything here runs on the consumer thread and hands over to the event loop. Only `revoked` and `lost` wait for it,
and never longer than the drain budget plus a little: a loop that does not answer must not cost the group membership.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError as FutureCancelledError
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeAlias, TypeVar

from processor.errors import ProcessorError
from processor.model import Record
from processor.pipeline.pipeline import Pipeline
from processor.source.notices import Notice, NoticeCode
from processor.source.partitions import Offsets, Partition

T = TypeVar("T")
Question: TypeAlias = Callable[[set[Partition]], Coroutine[Any, Any, T]]

log = logging.getLogger(__name__)

ANSWER_SLACK_S = 5.0
"""What the loop may take beyond the drain budget: it may be in the middle of a chunk."""
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class Reading:
    """The source's listener for one pipeline."""

    def __init__(self, pipeline: Pipeline, loop: asyncio.AbstractEventLoop, drain_s: float) -> None:
        """Hand over to this pipeline on this loop."""
        self._pipeline = pipeline
        self._loop = loop
        self._drain_s = drain_s

    def assigned(self, partitions: Offsets) -> None:
        """Queue the assignment before the records that follow it."""
        self._pipeline.inbox.put_assigned(dict(partitions))

    def hand_over(self, records: list[Record], ends: Offsets) -> None:
        """Queue records and the ends that were reached."""
        self._pipeline.inbox.put_records(records, dict(ends))

    def revoked(self, partitions: set[Partition]) -> Offsets:
        """Return the offsets to commit once the pipeline has given the partitions up; none if it does not answer."""
        return self._ask(self._pipeline.revoke, partitions, self._drain_s + ANSWER_SLACK_S) or {}

    def lost(self, partitions: set[Partition]) -> None:
        """Have the pipeline forget the partitions."""
        self._ask(self._pipeline.lose, partitions, ANSWER_SLACK_S)

    def failed(self, error: ProcessorError) -> None:
        """End the pipeline."""
        self._call(self._pipeline.fail, error)

    def said(self, notice: Notice) -> None:
        """Count a notice, and log it unless it was said before."""
        if not notice.is_repeat:
            log.log(_LEVELS[notice.level], "%s", notice.message)
        tally = self._pipeline.ledger.tally
        self._call(tally.note, notice.code.value, notice.count)
        if notice.code is NoticeCode.RECORDS_EXPIRED and notice.partition is not None:
            self._call(tally.expire, notice.topic, notice.partition, notice.count)

    def _call(self, function: Any, *values: Any) -> None:  # noqa: ANN401 - any method of the pipeline
        """Call something on the loop; a loop that has ended needs to hear nothing."""
        try:
            self._loop.call_soon_threadsafe(function, *values)
        except RuntimeError:
            log.debug("the event loop has ended; a message from the consumer thread is dropped")

    def _ask(self, question: Question[T], partitions: set[Partition], timeout_s: float) -> T | None:
        """Return what the loop answers in time about partitions that go, or None.

        A loop that does not answer is told in its inbox, in front of what comes next. A question that it has not begun
        with by then is dropped: it would take out what is read of the partitions when they come back.
        """
        is_late = threading.Event()
        answer = _unless(is_late, question, partitions)
        try:
            future = asyncio.run_coroutine_threadsafe(answer, self._loop)
        except RuntimeError:
            answer.close()
            return None
        try:
            return future.result(timeout_s)
        except (FutureTimeoutError, FutureCancelledError):
            is_late.set()
            future.cancel()
            self._pipeline.inbox.put_withdrawn(partitions)
            log.error(  # noqa: TRY400 - where a wait timed out says nothing
                "the event loop did not answer in %.0f s; nothing further of these partitions is stored", timeout_s
            )
            return None


async def _unless(is_late: threading.Event, question: Question[T], partitions: set[Partition]) -> T | None:
    """Return the answer to a question, None if it is too late to begin with it."""
    return None if is_late.is_set() else await question(partitions)
