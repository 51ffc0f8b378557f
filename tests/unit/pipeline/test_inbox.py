"""The hand-over between the consumer thread and the event loop."""

from __future__ import annotations

import asyncio
import threading

from msgspec.structs import replace

from processor.pipeline.inbox import Assigned, Inbox, Item, Reached, Withdrawn
from tests.parcels import record

ZERO, ONE = ("events", 0), ("events", 1)


def _take_all(inbox: Inbox) -> list[Item]:
    """Return everything in the inbox, in its order."""
    taken: list[Item] = []
    while (item := inbox.first()) is not None:
        taken.append(item)
        inbox.drop(1)
    return taken


async def test_assignments_records_and_ends_keep_their_order() -> None:
    """What the consumer thread says one after the other is heard so; ends stand behind their records."""
    inbox = Inbox(asyncio.get_running_loop())
    one, two = record(0), record(1)
    inbox.put_assigned({ZERO: 0})
    inbox.put_records([one], {})
    inbox.put_records([two], {ZERO: 2})
    assert len(inbox) == 4
    assert _take_all(inbox) == [Assigned({ZERO: 0}), one, two, Reached({ZERO: 2})]
    assert (len(inbox), inbox.first()) == (0, None)


async def test_the_first_item_stays_until_it_was_dealt_with() -> None:
    """Looking takes nothing away: a record survives a wait for its schema."""
    inbox = Inbox(asyncio.get_running_loop())
    inbox.put_records([record(0), record(1)], {})
    assert inbox.first() is inbox.first()
    assert inbox.records(5, 1_000) == [record(0), record(1)]
    inbox.drop(1)
    assert inbox.first() == record(1)


async def test_a_run_of_records_ends_at_what_is_none_and_at_its_count() -> None:
    """An assignment stands between the records before and behind it; a run never reaches over it."""
    inbox = Inbox(asyncio.get_running_loop())
    inbox.put_records([record(0), record(1), record(2)], {})
    inbox.put_assigned({ONE: 0})
    inbox.put_records([record(3)], {})
    assert inbox.records(2, 1_000) == [record(0), record(1)]
    assert inbox.records(50, 1_000) == [record(0), record(1), record(2)]
    inbox.drop(3)
    assert inbox.records(50, 1_000) == []


async def test_a_run_of_records_ends_at_its_bytes() -> None:
    """What large records come to is not in memory all at once; one that is larger by itself comes alone."""
    inbox = Inbox(asyncio.get_running_loop())
    sizes = [40, 60, None, 1, 101, 100]
    values = [None if size is None else b"x" * size for size in sizes]
    inbox.put_records([replace(record(offset), value=value) for offset, value in enumerate(values)], {})
    runs: list[list[int]] = []
    while run := inbox.records(50, 100):
        runs.append([one.offset for one in run])
        inbox.drop(len(run))
    assert runs == [[0, 1, 2], [3], [4], [5]]


async def test_a_run_is_read_while_another_thread_appends() -> None:
    """The consumer thread never waits: what it appends in the middle of a read does no harm."""
    inbox = Inbox(asyncio.get_running_loop())
    inbox.put_records([record(0)], {})
    is_over = threading.Event()

    def append() -> None:
        offset = 0
        while not is_over.is_set():
            offset += 1
            inbox.put_records([record(offset)], {})

    writer = threading.Thread(target=append)
    writer.start()
    read = 0
    try:
        while read < 20_000:
            offsets = [one.offset for one in inbox.records(50, 1_000)]
            assert offsets == list(range(read, read + len(offsets)))
            inbox.drop(len(offsets))
            read += len(offsets)
    finally:
        is_over.set()
        writer.join()


async def test_waiting_ends_when_another_thread_appends() -> None:
    """Whoever waits is woken from the consumer thread, also when it appends again and again."""
    inbox = Inbox(asyncio.get_running_loop())
    seen = 0
    for offset in range(3):
        waiter = asyncio.create_task(inbox.wait())
        await asyncio.sleep(0)
        assert not waiter.done()
        await asyncio.to_thread(inbox.put_records, [record(offset)], {})
        await asyncio.wait_for(waiter, 5.0)
        seen += len(_take_all(inbox))
        await asyncio.sleep(0)
        inbox._arrived.clear()
    assert seen == 3


async def test_many_hand_overs_wake_the_loop_once() -> None:
    """However much is appended before the loop looks, one call is queued; what waits already needs no waiting."""
    inbox = Inbox(asyncio.get_running_loop())
    calls: list[object] = []
    inbox._loop = _Counting(calls)  # type: ignore[assignment]
    for offset in range(5):
        inbox.put_records([record(offset)], {})
    assert len(calls) == 1
    await asyncio.wait_for(inbox.wait(), 5.0)


class _Counting:
    """A loop that only remembers what it should call."""

    def __init__(self, calls: list[object]) -> None:
        """Remember in this list."""
        self._calls = calls

    def call_soon_threadsafe(self, function: object) -> None:
        """Remember a call."""
        self._calls.append(function)


async def test_a_nudge_ends_the_wait_for_nothing() -> None:
    """A failure must be looked at although no record comes."""
    inbox = Inbox(asyncio.get_running_loop())
    waiter = asyncio.create_task(inbox.wait())
    await asyncio.sleep(0)
    inbox.nudge()
    await asyncio.wait_for(waiter, 5.0)
    assert len(inbox) == 0


async def test_purge_takes_out_what_is_gone_and_keeps_the_order_of_the_rest() -> None:
    """Records of a partition that went are returned; of assignments and ends its part is taken out, words stay."""
    inbox = Inbox(asyncio.get_running_loop())
    zero, one = record(0), record(0, partition=1)
    inbox.put_assigned({ZERO: 0, ONE: 0})
    inbox.put_records([zero, one, record(1)], {ZERO: 2, ONE: 1})
    inbox.put_withdrawn([ZERO])
    assert inbox.purge(lambda key: key == ZERO) == [zero, record(1)]
    assert _take_all(inbox) == [Assigned({ONE: 0}), one, Reached({ONE: 1}), Withdrawn(frozenset({ZERO}))]


async def test_what_comes_during_a_purge_stands_behind_what_was_kept() -> None:
    """The consumer thread may append at any moment: nothing is lost and nothing overtakes."""
    inbox = Inbox(asyncio.get_running_loop())
    inbox.put_records([record(0, partition=1), record(1, partition=1)], {})
    late = record(2, partition=1)
    asked = 0

    def is_gone(_: tuple[str, int]) -> bool:
        nonlocal asked
        asked += 1
        if asked == 2:
            inbox.put_records([late], {})
        return False

    assert inbox.purge(is_gone) == []
    assert _take_all(inbox) == [record(0, partition=1), record(1, partition=1), late]


def test_a_loop_that_has_ended_is_told_nothing() -> None:
    """The consumer thread may still be reading when the process ends: that must not end the thread by a bug."""
    loop = asyncio.new_event_loop()
    inbox = Inbox(loop)
    loop.close()
    inbox.put_records([record(0)], {})
    assert len(inbox) == 1
