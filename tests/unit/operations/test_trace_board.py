"""Who asks, what they are told, and that both have bounds."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from processor.operations.channel import reporting, reports
from processor.operations.status import StatusReport
from processor.operations.trace_board import (
    FINISHED,
    MAX_ASKER_COUNT,
    MAX_WAITING_STEP_COUNT,
    STOPPING,
    TIME_IS_UP,
    Asker,
    Board,
    BusyError,
    Question,
    Step,
)
from processor.operations.trace_relay import Relay
from tests.http_peer import eventually
from tests.virtual_time import virtual

ASKED = Question(message_id="m-1")
READ: Step = {"step": "read", "destination": "a"}


async def taken(asker: Asker) -> list[Step]:
    """Return everything that one who asks is told, to the end."""
    steps: list[Step] = []
    async with asyncio.timeout(20):
        while not asker.is_over:
            step = await asker.next(1.0)
            steps += [] if step is None else [step]
    return steps


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b'{"message_id": "a", "user": "b"}',
        b'{"message_id": ""}',
        b'{"message_id": "a", "timeout_s": 0}',
        b'{"message_id": "a", "timeout_s": 4000}',
        b'{"message_id": "a", "more": 1}',
        b'{"message_id": 1}',
    ],
    ids=repr,
)
def test_a_question_that_is_none_is_refused(text: bytes) -> None:
    """It is about one id, for a time with a bound, and says nothing else."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Question)


@virtual
async def test_a_trace_ends_by_itself() -> None:
    """After the time that was asked for it ends, and says which destinations have seen nothing."""
    asker = Board().ask(Question(user="u", timeout_s=5), ["a", "b"])
    asker.tell(READ)
    began_s = asyncio.get_running_loop().time()
    assert await taken(asker) == [READ, {"step": "ended", "reason": TIME_IS_UP, "unseen": ["b"]}]
    assert asyncio.get_running_loop().time() - began_s == pytest.approx(5)
    asker.tell(READ)
    assert asker.is_over


@virtual
async def test_a_trace_ends_when_every_destination_is_done() -> None:
    """One destination that has said everything is not the end for the other."""
    asker = Board().ask(ASKED, ["a", "b"])
    asker.finish("a")
    assert not asker.is_over
    asker.finish("b")
    asker.finish("b")
    assert await taken(asker) == [{"step": "ended", "reason": FINISHED, "unseen": ["a", "b"]}]


@virtual
async def test_somebody_who_reads_slowly_costs_no_memory() -> None:
    """Steps beyond the bound are only counted, and the end says how many."""
    asker = Board().ask(ASKED, ["a"])
    for _ in range(MAX_WAITING_STEP_COUNT + 7):
        asker.tell(READ)
    asker.finish("a")
    steps = await taken(asker)
    assert len(steps) == MAX_WAITING_STEP_COUNT + 1
    assert steps[-1]["left_out"] == 7


@virtual
async def test_so_many_may_ask_and_no_more() -> None:
    """A place is free again once somebody has gone; whoever hangs on the board hears of each change."""
    board = Board()
    changes: list[int] = []
    board.on_change.append(lambda: changes.append(len(board.askers)))
    askers = [board.ask(ASKED, ["a"]) for _ in range(MAX_ASKER_COUNT)]
    with pytest.raises(BusyError):
        board.ask(ASKED, ["a"])
    board.drop(askers[0])
    board.drop(askers[0])
    board.ask(ASKED, ["a"])
    assert changes == [*range(1, MAX_ASKER_COUNT + 1), MAX_ASKER_COUNT - 1, MAX_ASKER_COUNT]


@virtual
async def test_an_end_of_the_process_ends_every_trace() -> None:
    """Nobody is left waiting for steps that cannot come."""
    board = Board()
    asker = board.ask(ASKED, ["a"])
    board.close()
    assert await taken(asker) == [{"step": "ended", "reason": STOPPING, "unseen": ["a"]}]


@asynccontextmanager
async def process(relay: Relay, name: str, board: Board) -> AsyncIterator[None]:
    """Run the two ends of a process's channel inside the block."""
    ours, theirs = socket.socketpair()

    async def hear() -> None:
        async for _ in reports(ours, relay.member(name)):
            pass

    listening = asyncio.create_task(hear())
    async with reporting(theirs, StatusReport, lambda: None, 0.01, board=board, destination=name):
        yield
    await asyncio.wait_for(listening, 10)


async def test_a_question_reaches_every_process_and_the_steps_come_back() -> None:
    """Also one that was asked before a process was there; the end of the last one is the end."""
    above, a, b = Board(), Board(), Board()
    relay = Relay(above)
    asker = above.ask(Question(message_id="m-1", timeout_s=30), ["a", "b"])
    async with process(relay, "a", a), process(relay, "b", b):
        await eventually(lambda: bool(a.askers and b.askers))
        assert [(one.question.message_id, one.question.user) for one in (*a.askers, *b.askers)] == [("m-1", None)] * 2
        for name, board in (("a", a), ("b", b)):
            board.askers[0].tell({"step": "read", "destination": name})
            board.askers[0].finish(name)
        steps = await taken(asker)
        above.drop(asker)
        await eventually(lambda: not a.askers and not b.askers)
    assert {step.get("destination") for step in steps[:-1]} == {"a", "b"}
    assert steps[-1] == {"step": "ended", "reason": FINISHED, "unseen": []}


async def test_one_destination_can_be_asked_alone() -> None:
    """The others hear nothing of it."""
    above, a, b = Board(), Board(), Board()
    relay = Relay(above)
    async with process(relay, "a", a), process(relay, "b", b):
        above.ask(Question(user="u", destination="b", timeout_s=30), ["b"])
        await eventually(lambda: bool(b.askers))
        assert not a.askers


async def test_a_process_that_ends_is_told_and_its_next_one_is_asked() -> None:
    """A trace survives a restart of the process that it looks at."""
    above, first, second = Board(), Board(), Board()
    relay = Relay(above)
    asker = above.ask(Question(user="u", timeout_s=30), ["a"])
    async with process(relay, "a", first):
        await eventually(lambda: bool(first.askers))
    assert await asker.next(5) == {"step": "process_ended", "destination": "a"}
    async with process(relay, "a", second):
        await eventually(lambda: bool(second.askers))


async def test_noise_from_a_supervisor_is_left_out() -> None:
    """A line that is no order harms nothing, and the next one is heard."""
    ours, theirs = socket.socketpair()
    board = Board()
    loop = asyncio.get_running_loop()
    async with reporting(theirs, StatusReport, lambda: None, 0.01, board=board, destination="a"):
        ours.setblocking(False)  # noqa: FBT003 - the socket's own signature
        await loop.sock_sendall(ours, b'nonsense\n{"asker": 1, "ask": {"user": "u"}}\n')
        await eventually(lambda: bool(board.askers))
    ours.close()
