"""The hand-over from the consumer thread to the event loop.

The consumer thread appends and never waits; the loop takes. One queue keeps the order between records, assignments and
ends of partitions. Its length is bounded by the window, which counts a record from the moment it is handed over.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import assert_never

from msgspec import Struct

from processor.delivery.offsets import Key
from processor.model import Record


class Assigned(Struct, frozen=True):
    """Partitions that were assigned, each with the position it is read from, in its place among the records."""

    positions: dict[Key, int]


class Reached(Struct, frozen=True):
    """Ends of partitions that were reached behind the records before."""

    ends: dict[Key, int]


class Withdrawn(Struct, frozen=True):
    """Partitions that were given up although the event loop did not say so in time."""

    keys: frozenset[Key]


Item = Record | Assigned | Reached | Withdrawn


class Inbox:
    """The queue between the two threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve this loop."""
        self._loop = loop
        self._items: deque[Item] = deque()
        self._arrived = asyncio.Event()
        self._is_waking = False

    # -- on the consumer thread

    def put_records(self, records: list[Record], ends: dict[Key, int]) -> None:
        """Append records in the order they were read, then the ends that were reached behind them."""
        self._items.extend(records)
        if ends:
            self._items.append(Reached(ends))
        self._wake()

    def put_assigned(self, positions: dict[Key, int]) -> None:
        """Append an assignment."""
        self._items.append(Assigned(positions))
        self._wake()

    def put_withdrawn(self, keys: Iterable[Key]) -> None:
        """Append that partitions were given up: what came before of them is not ours any more."""
        self._items.append(Withdrawn(frozenset(keys)))
        self._wake()

    def _wake(self) -> None:
        """Tell the loop once, however much was appended before it looked."""
        if not self._is_waking:
            self._is_waking = True
            with suppress(RuntimeError):  # the loop has ended: nobody reads on
                self._loop.call_soon_threadsafe(self._awake)

    # -- on the event loop

    def _awake(self) -> None:
        """Let the waiter go on."""
        self._is_waking = False
        self._arrived.set()

    def nudge(self) -> None:
        """Let the waiter look, although nothing arrived."""
        self._arrived.set()

    async def wait(self) -> None:
        """Return when something is there, or after a nudge."""
        if not self._items:
            await self._arrived.wait()
        self._arrived.clear()

    def __len__(self) -> int:
        """Return how many items wait."""
        return len(self._items)

    def first(self) -> Item | None:
        """Return the next item and leave it in its place."""
        return self._items[0] if self._items else None

    def records(self, max_count: int, max_value_bytes: int) -> list[Record]:
        """Return the records that stand first, and leave them in their places, so that they survive a wait.

        The first is returned whatever its size, the others as long as their values together have so many bytes.
        """
        records: list[Record] = []
        items = self._items
        left_bytes = max_value_bytes
        for index in range(min(max_count, len(items))):  # an iterator would not survive an append by the other thread
            item = items[index]
            if type(item) is not Record:
                break
            left_bytes -= len(item.value or b"")
            if left_bytes < 0 and records:
                break
            records.append(item)
        return records

    def drop(self, count: int) -> None:
        """Take the next items out: they were dealt with."""
        for _ in range(count):
            self._items.popleft()

    def purge(self, is_gone: Callable[[Key], bool]) -> list[Record]:
        """Take out what belongs to partitions that are gone; return the records among it, none of which was opened."""
        kept: deque[Item] = deque()
        purged: list[Record] = []
        while self._items:
            item = self._items.popleft()
            match item:
                case Record() if is_gone((item.topic, item.partition)):
                    purged.append(item)
                case Record():
                    kept.append(item)
                case Assigned():
                    kept.append(Assigned({key: at for key, at in item.positions.items() if not is_gone(key)}))
                case Withdrawn():
                    kept.append(item)
                case Reached():
                    kept.append(Reached({key: end for key, end in item.ends.items() if not is_gone(key)}))
                case unknown:
                    assert_never(unknown)
        # The consumer thread may have appended meanwhile: what it added stands behind what was kept.
        self._items.extendleft(reversed(kept))
        return purged
