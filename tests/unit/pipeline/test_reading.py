"""The consumer thread's side of a pipeline: what it waits for, and how long."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from processor.errors import BrokerError
from processor.model import Record
from processor.pipeline import reading as module
from processor.pipeline.inbox import Assigned, Inbox, Item, Reached, Withdrawn
from processor.pipeline.pipeline import Pipeline
from processor.pipeline.reading import Reading
from processor.source.partitions import Partition

P0: Partition = ("events", 0)
P1: Partition = ("events", 1)


class FakePipeline:
    """Answers when the test lets it, and remembers what it was told."""

    def __init__(self) -> None:
        """Answer at once."""
        self.inbox = Inbox(asyncio.get_running_loop())
        self.asked: list[tuple[str, set[Partition]]] = []
        self.failures: list[BaseException] = []
        self.was_asked = asyncio.Event()
        self.answering = asyncio.Event()
        self.answering.set()
        self.ended_count = 0
        self.ledger = SimpleNamespace(tally=SimpleNamespace(note=lambda *_: None))

    async def revoke(self, keys: set[Partition]) -> dict[Partition, int]:
        """Give partitions up."""
        self.asked.append(("revoke", keys))
        self.was_asked.set()
        try:
            await self.answering.wait()
        finally:
            self.ended_count += 1
        return dict.fromkeys(keys, 7)

    async def lose(self, keys: set[Partition]) -> None:
        """Forget partitions."""
        self.asked.append(("lose", keys))

    def fail(self, error: BaseException) -> None:
        """Remember it."""
        self.failures.append(error)


def _reading(drain_s: float = 5.0) -> tuple[Reading, FakePipeline]:
    """Return the side of the consumer thread, and a pipeline."""
    pipeline = FakePipeline()
    return Reading(cast("Pipeline", pipeline), asyncio.get_running_loop(), drain_s), pipeline


def _items(pipeline: FakePipeline) -> list[Item]:
    """Return what is in the inbox."""
    return list(pipeline.inbox._items)


async def test_what_is_read_comes_into_the_inbox_in_its_order() -> None:
    """The assignment stands before its records, and ends behind them."""
    reading, pipeline = _reading()
    record = Record("events", 0, 3, 0)
    await asyncio.to_thread(reading.assigned, {P0: 3})
    await asyncio.to_thread(reading.hand_over, [record], {P0: 4})
    assert _items(pipeline) == [Assigned({P0: 3}), record, Reached({P0: 4})]


async def test_the_thread_waits_for_what_a_revoke_comes_to() -> None:
    """It gets the offsets to commit; a loss is only told."""
    reading, pipeline = _reading()
    assert await asyncio.to_thread(reading.revoked, {P0, P1}) == {P0: 7, P1: 7}
    await asyncio.to_thread(reading.lost, {P1})
    assert pipeline.asked == [("revoke", {P0, P1}), ("lose", {P1})]
    assert len(pipeline.inbox) == 0


async def test_a_failure_is_passed_on() -> None:
    """What ends the consumer thread ends the pipeline."""
    reading, pipeline = _reading()
    error = BrokerError("gone", code="_FATAL", fatal=True)
    await asyncio.to_thread(reading.failed, error)
    await asyncio.sleep(0)
    assert pipeline.failures == [error]


async def test_a_pipeline_that_takes_too_long_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The membership of the group counts more: nothing is committed, and the inbox says what became of it."""
    monkeypatch.setattr(module, "ANSWER_SLACK_S", 0.01)
    reading, pipeline = _reading(drain_s=0.01)
    pipeline.answering.clear()
    with caplog.at_level(logging.ERROR):
        assert await asyncio.to_thread(reading.revoked, {P0}) == {}
    await asyncio.sleep(0)
    assert (_items(pipeline), pipeline.ended_count) == ([Withdrawn(frozenset({P0}))], 1)
    assert "did not answer" in caplog.text


async def _blocked(call: Callable[[], Any]) -> Any:  # noqa: ANN401 - any answer
    """Return what a call in another thread gives while this loop runs nothing at all."""
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(call()))
    thread.start()
    thread.join(30.0)
    return answers[0]


async def test_a_loop_that_stands_still_is_told_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """It never began with the question: what it finds in its inbox must do."""
    monkeypatch.setattr(module, "ANSWER_SLACK_S", 0.01)
    reading, pipeline = _reading(drain_s=0.01)
    assert await _blocked(lambda: reading.revoked({P0})) == {}
    assert await _blocked(lambda: reading.lost({P1})) is None
    for _ in range(3):
        await asyncio.sleep(0)
    assert _items(pipeline) == [Withdrawn(frozenset({P0})), Withdrawn(frozenset({P1}))]
    assert pipeline.asked == []


async def test_a_question_that_the_end_of_the_loop_cancels_has_no_answer() -> None:
    """A process that ends commits nothing that it is not sure of."""
    reading, pipeline = _reading()
    pipeline.answering.clear()
    asking = asyncio.create_task(asyncio.to_thread(reading.revoked, {P0}))
    await asyncio.wait_for(pipeline.was_asked.wait(), 30.0)
    current = asyncio.current_task()
    for task in asyncio.all_tasks() - {current, asking}:
        task.cancel()
    assert await asking == {}


def test_a_loop_that_has_ended_is_not_waited_for() -> None:
    """The consumer thread outlives it by a moment: it gets no answer and no exception."""
    loop = asyncio.new_event_loop()

    async def made() -> tuple[Reading, FakePipeline]:
        return _reading()

    reading, pipeline = loop.run_until_complete(made())
    loop.close()
    assert reading.revoked({P0}) == {}
    reading.lost({P0})
    reading.failed(BrokerError("gone", code="_FATAL", fatal=True))
    assert (pipeline.asked, pipeline.failures) == ([], [])
