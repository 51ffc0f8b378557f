"""Keeps the list of suppressed users in force while a destination runs, wherever it comes from."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable

from processor.errors import InvariantError, ProcessorError
from processor.source.suppressed import SuppressedUsers, keep_fresh
from processor.source.suppressed_topic import SuppressedTopic

USERS_UNREAD = "suppressed_users_unread"
"""Why a destination starts but reads no event yet."""
RETRY_S = 1.0
"""Pause before a topic that could not be read is tried again."""
STOP_S = 2.0
"""What the thread may take to end; one that still waits for an answer of the cluster is left behind."""


class Suppression:
    """The list of one destination, none of whose events may be mapped before `is_loaded` is set."""

    def __init__(self, users: SuppressedUsers | SuppressedTopic | None) -> None:
        """Keep the list; a file was read when it was opened, so only a topic has to be waited for."""
        self.users = users
        """May be exchanged while a file is followed or nothing is; a topic is followed to the end."""
        self.is_loaded = asyncio.Event()
        if not isinstance(users, SuppressedTopic):
            self.is_loaded.set()

    async def run(self) -> None:
        """Follow the list until cancelled.

        Raises:
            ProcessorError: The topic is none to read a list from, or there is no room for its ids.
        """
        if isinstance(self.users, SuppressedTopic):
            await _followed(self.users, self.is_loaded)
        else:
            await keep_fresh(self._file)

    def _file(self) -> SuppressedUsers | None:
        """Return the list of a file, where one is in force."""
        return self.users if isinstance(self.users, SuppressedUsers) else None

    def gauges(self) -> dict[str, float]:
        """Return how many ids are in force, and 1 while they are what their source says; nothing without a list."""
        if self.users is None:
            return {}
        return {"suppressed_ids": len(self.users), "suppressed_ids_up_to_date": int(self.users.is_up_to_date)}


async def _followed(users: SuppressedTopic, is_loaded: asyncio.Event) -> None:
    """Follow a topic on a thread of its own, which ends when this is cancelled or fails."""
    loop = asyncio.get_running_loop()
    failure: asyncio.Future[None] = loop.create_future()
    stop = threading.Event()

    def call(function: Callable[..., None], *values: object) -> None:
        with contextlib.suppress(RuntimeError):  # a loop that has ended needs to hear nothing
            loop.call_soon_threadsafe(function, *values)

    def fail(error: ProcessorError) -> None:
        if not failure.done():
            failure.set_exception(error)

    def follow() -> None:
        try:
            _turn_until(stop, users, lambda: call(is_loaded.set))
        except Exception as error:  # noqa: BLE001 - the thread's outermost frame: whatever it is, the process must stop
            call(fail, _failure(error))

    thread = threading.Thread(target=follow, name="suppressed-users", daemon=True)
    thread.start()
    try:
        await failure
    finally:
        stop.set()
        await asyncio.to_thread(thread.join, STOP_S)


def _turn_until(stop: threading.Event, users: SuppressedTopic, loaded: Callable[[], None]) -> None:
    """Turn until told to stop; say once that a list is in force."""
    is_told = False
    try:
        while not stop.is_set():
            if not users.turn():
                stop.wait(RETRY_S)
            if users.is_loaded and not is_told:
                is_told = True
                loaded()
    finally:
        users.close()


def _failure(error: Exception) -> ProcessorError:
    """Return the error as this program's: what nobody foresaw is a contradiction."""
    if isinstance(error, ProcessorError):
        return error
    found = InvariantError(f"suppressed users: {error!r}", safe=f"suppressed users: {type(error).__name__}")
    found.__cause__ = error
    return found
