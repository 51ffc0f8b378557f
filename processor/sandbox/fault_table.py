"""Decides which faults hit a request, and counts every hit.

No clock and no random source of the system: time is passed in and every fault draws from a generator of its own, seeded
by its place, so that one fault's choices do not change when another is added behind it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from processor.sandbox.faults import Drop, Fault, Latency, Refuse, Scope, SlowBody, Status, Throttle
from processor.sandbox.vendor import Item

_F = TypeVar("_F", bound=Scope)


@dataclass(frozen=True, slots=True)
class Strikes:
    """What happens to one request: at most one fault of each sort, the earlier in the list wins."""

    before_s: float = 0.0
    after_s: float = 0.0
    drop: Drop | None = None
    refusal: Status | Throttle | None = None
    slow_body: SlowBody | None = None


NO_STRIKES = Strikes()


@dataclass(slots=True)
class _Live:
    """A fault in force: its draws, what is left of a burst, and how often it hit."""

    fault: Fault
    random: random.Random
    set_at_s: float
    burst_left: int = 0
    hit_count: int = 0

    def covers(self, vendor: str, endpoint: str, now_s: float) -> bool:
        fault, age_s = self.fault, now_s - self.set_at_s
        return (
            fault.vendor in (None, vendor)
            and fault.endpoint in (None, endpoint)
            and fault.from_s <= age_s
            and (fault.until_s is None or age_s < fault.until_s)
            and (fault.count is None or self.hit_count < fault.count)
        )

    def draw(self) -> bool:
        """Return whether the next request in scope is hit; once hit, the rest of a burst is as well."""
        if self.burst_left > 0:
            self.burst_left -= 1
            return True
        if self.fault.rate < 1 and self.random.random() >= self.fault.rate:
            return False
        self.burst_left = self.fault.burst_count - 1
        return True

    def wait_s(self) -> float:
        """Return how long this latency lasts."""
        assert isinstance(self.fault, Latency)
        longest_ms = self.fault.ms if self.fault.max_ms is None else self.fault.max_ms
        return self.random.uniform(self.fault.ms, longest_ms) / 1000


@dataclass(slots=True)
class FaultTable:
    """The faults in force, in order, and how often each kind really happened since the last reset."""

    seed: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    """Hits by `vendor/endpoint/kind`; outlives the faults themselves, so that a test can prove that they happened."""
    _live: list[_Live] = field(default_factory=list)

    def replace(self, faults: Sequence[Fault], now_s: float) -> None:
        """Put these faults in force from now on, in place of all others."""
        self._live = [
            _Live(fault, random.Random(f"{self.seed}:{index}:{fault.kind}"), now_s)  # noqa: S311 - not for secrets
            for index, fault in enumerate(faults)
        ]

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Return the faults in force, used up ones included."""
        return tuple(live.fault for live in self._live)

    def hit_counts(self) -> list[int]:
        """Return how often each fault in force has hit, in their order."""
        return [live.hit_count for live in self._live]

    def strike(self, vendor: str, endpoint: str, now_s: float) -> Strikes:
        """Return what happens to a request whatever it holds."""
        if not self._live:
            return NO_STRIKES
        drawn = [
            live
            for live in self._live
            if not isinstance(live.fault, Refuse) and live.covers(vendor, endpoint, now_s) and live.draw()
        ]
        return self._settle(drawn, vendor, endpoint)

    def refusing(self, vendor: str, endpoint: str, items: Sequence[Item], now_s: float) -> tuple[Refuse, Item] | None:
        """Return the first fault that refuses one of these items, with the item; None when all may pass."""
        for live in self._live:
            fault = live.fault
            if not isinstance(fault, Refuse) or not live.covers(vendor, endpoint, now_s):
                continue
            for item in items:
                if item.id in fault.ids or item.user in fault.users:
                    self._count(live, vendor, endpoint)
                    return fault, item
        return None

    def _settle(self, drawn: Sequence[_Live], vendor: str, endpoint: str) -> Strikes:
        """Return what takes effect, and count just that: behind a cut there is no answer, behind a refusal no loss."""
        hits: list[_Live] = []

        def first(kind: type[_F], when: Callable[[_F], bool] = lambda _: True) -> _F | None:
            for live in drawn:
                if isinstance(live.fault, kind) and when(live.fault):
                    hits.append(live)
                    return live.fault
            return None

        drop = first(Drop, lambda fault: fault.when == "before")
        waits = [
            live for live in drawn if isinstance(live.fault, Latency) and (drop is None or live.fault.when == "before")
        ]
        refusal: Status | Throttle | None = None
        slow: SlowBody | None = None
        if drop is None:
            refusal = first(Status) or first(Throttle)
            drop = first(Drop) if refusal is None else None
            slow = first(SlowBody) if drop is None else None
        for live in (*waits, *hits):
            self._count(live, vendor, endpoint)
        return Strikes(_sum_s(waits, "before"), _sum_s(waits, "after"), drop, refusal, slow)

    def _count(self, live: _Live, vendor: str, endpoint: str) -> None:
        live.hit_count += 1
        fault = live.fault
        detail = f"_{fault.when}" if isinstance(fault, Drop) else ""
        status = f"_{fault.status}" if isinstance(fault, Status | Throttle | Refuse) else ""
        self.happened[f"{vendor}/{endpoint}/{fault.kind}{detail}{status}"] += 1


def _sum_s(waits: Sequence[_Live], when: str) -> float:
    return sum(live.wait_s() for live in waits if isinstance(live.fault, Latency) and live.fault.when == when)
