"""How long to wait before the next attempt. Chance is passed in, so that the bounds can be proven."""

from __future__ import annotations

from processor.destinations.base import Backoff

JITTER_SHARE = 0.2
"""How much `up_to_20_percent` adds at most."""


def next_wait_s(backoff: Backoff, failure_count: int, chance: float, *, cap_s: float | None = None) -> float:
    """Return the seconds to wait after the `failure_count`-th failure in a row (the first is 1).

    `chance` is uniform in [0, 1). `cap_s` lowers the vendor's cap. The result lies between zero and the cap for full
    jitter, and between the wait and a fifth more for `up_to_20_percent`.
    """
    cap = backoff.cap_s if cap_s is None else min(cap_s, backoff.cap_s)
    base = capped(backoff.base_s, backoff.factor, failure_count, cap)
    if backoff.jitter == "full":
        return base * chance
    return base * (1 + JITTER_SHARE * chance)


def capped(base_s: float, factor: float, failure_count: int, cap_s: float) -> float:
    """Return `base_s * factor ** (failure_count - 1)`, at most `cap_s`; any failure count is fine."""
    try:
        wait_s = base_s * factor ** (max(failure_count, 1) - 1)
    except OverflowError:
        return cap_s
    return min(wait_s, cap_s)
