"""What the event loop asks of the consumer thread: never waits, takes effect at the thread's next turn."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from processor.source.partitions import Offsets, Partition


@dataclass(frozen=True, slots=True)
class Wishes:
    """Everything that was asked up to one moment: offsets to store since the last turn, and the wanted states."""

    store: Offsets = field(default_factory=dict)
    is_held: bool = False
    blocked: frozenset[Partition] = frozenset()


class Commands:
    """A box for wishes with one lock, held for moments only; offsets of one partition replace each other."""

    def __init__(self) -> None:
        """Start with no wishes."""
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._store: Offsets = {}
        self._is_held = False
        self._is_at_rest = False
        self._blocked: frozenset[Partition] = frozenset()

    def store(self, offsets: Mapping[Partition, int]) -> None:
        """Ask to store offsets for commit; of several for one partition the highest counts."""
        with self._lock:
            for partition, offset in offsets.items():
                self._store[partition] = max(offset, self._store.get(partition, offset))
        self._wake.set()

    def hold(self, *, is_held: bool) -> None:
        """Ask to pause everything, or to end that."""
        with self._lock:
            self._is_at_rest = self._is_at_rest and is_held
            self._is_held = is_held
        self._wake.set()

    def block(self, partitions: Iterable[Partition]) -> None:
        """Ask to pause exactly these partitions."""
        blocked = frozenset(partitions)
        with self._lock:
            self._blocked = blocked
        self._wake.set()

    def wake(self) -> None:
        """End a wait of the consumer thread."""
        self._wake.set()

    def wait(self, timeout_s: float) -> None:
        """Return when something was asked since the last `take`, or after the timeout. Consumer thread only."""
        self._wake.wait(timeout_s)

    def take(self) -> Wishes:
        """Return the wishes; offsets are given once. Consumer thread only."""
        self._wake.clear()
        with self._lock:
            store, self._store = self._store, {}
            return Wishes(store, self._is_held, self._blocked)

    def rest(self) -> None:
        """Note that nothing is read since everything was asked to be paused. Consumer thread only."""
        with self._lock:
            self._is_at_rest = self._is_held

    @property
    def is_at_rest(self) -> bool:
        """Return whether nothing is read any more, and everything that was read is handed over."""
        with self._lock:
            return self._is_at_rest

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Drop offsets that wait for partitions that are owned no longer. Consumer thread only."""
        with self._lock:
            for partition in partitions:
                self._store.pop(partition, None)
