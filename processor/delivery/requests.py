"""The requests under way: which batch each one holds, and whether its bytes have set out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any, TypeAlias

from processor.delivery.batches import Batch
from processor.delivery.offsets import Key

Attempt: TypeAlias = Callable[[Callable[[], None]], Coroutine[Any, Any, None]]
"""Makes one request; what it is given must be called when the first byte of the body is handed to a connection."""


class _Request:
    """One request."""

    __slots__ = ("batch", "is_on_wire")

    def __init__(self, batch: Batch) -> None:
        """Nothing of it has set out."""
        self.batch = batch
        self.is_on_wire = False

    def set_out(self) -> None:
        """From now on the vendor may have it."""
        self.is_on_wire = True


class Requests:
    """The tasks of a dispatcher. Every method is called on the event loop."""

    def __init__(self, ended: Callable[[Batch, asyncio.Task[None]], None]) -> None:
        """Start with none; `ended` is called once for each request, when it is counted no longer."""
        self._ended = ended
        self._under_way: dict[asyncio.Task[None], _Request] = {}

    def __len__(self) -> int:
        """Return how many requests are under way."""
        return len(self._under_way)

    def start(self, batch: Batch, attempt: Attempt) -> None:
        """Make a request of a batch in a task of its own."""
        request = _Request(batch)
        task = asyncio.get_running_loop().create_task(attempt(request.set_out))
        self._under_way[task] = request
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        """Take a request off the books."""
        self._ended(self._under_way.pop(task).batch, task)

    def of(self, keys: Collection[Key]) -> list[asyncio.Task[None]]:
        """Return the requests that hold a parcel of these partitions."""
        return [task for task, request in self._under_way.items() if _holds(request.batch, keys)]

    def withdraw(self, keys: Collection[Key]) -> None:
        """Cancel those of these partitions of which nothing has set out: the vendor cannot have them."""
        for task in self.of(keys):
            if not self._under_way[task].is_on_wire:
                task.cancel()

    def cancel_unowned(self, keys: Collection[Key]) -> None:
        """Cancel those of these partitions that hold nothing but parcels of lost ones."""
        for task in self.of(keys):
            if not any(parcel.may_start for parcel in self._under_way[task].batch.unsettled()):
                task.cancel()

    async def any_ended(self, timeout_s: float) -> None:
        """Return when one of them has ended, or after that time. There must be one."""
        await asyncio.wait(self._under_way, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)

    async def close(self) -> None:
        """Cancel all of them and wait until they have ended."""
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _holds(batch: Batch, keys: Collection[Key]) -> bool:
    """Return whether a parcel of these partitions is in a batch."""
    return any(parcel.entry.partition.key in keys for parcel in batch.unsettled())
