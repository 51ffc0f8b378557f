"""Waits between attempts."""

from __future__ import annotations

import pytest

from processor.delivery.retry import capped, next_wait_s
from processor.destinations.base import Backoff


@pytest.mark.parametrize(("failures", "wait_s"), [(0, 1.0), (1, 1.0), (2, 2.0), (5, 16.0), (10, 300.0), (10**6, 300.0)])
def test_waits_double_up_to_the_cap(failures: int, wait_s: float) -> None:
    """The wait doubles with each failure until the cap, for any number of failures."""
    assert capped(1.0, 2.0, failures, 300.0) == wait_s


def test_a_power_beyond_what_a_float_holds_is_the_cap() -> None:
    """A steep factor reaches the cap instead of overflowing."""
    assert capped(1.0, 1e9, 65, 300.0) == 300.0


@pytest.mark.parametrize(
    ("jitter", "chance", "wait_s"),
    [("full", 0.0, 0.0), ("full", 0.5, 2.0), ("up_to_20_percent", 0.0, 4.0), ("up_to_20_percent", 0.5, 4.4)],
)
def test_jitter_follows_the_contract(jitter: str, chance: float, wait_s: float) -> None:
    """Full jitter draws from zero up, the other adds at most a fifth."""
    backoff = Backoff(jitter=jitter)  # type: ignore[arg-type]
    assert next_wait_s(backoff, 3, chance) == pytest.approx(wait_s)


def test_the_caller_may_lower_the_cap_but_not_raise_it() -> None:
    """The smaller of both caps holds."""
    backoff = Backoff(cap_s=30.0, jitter="up_to_20_percent")
    assert [next_wait_s(backoff, 20, 0.0, cap_s=cap_s) for cap_s in (5.0, 500.0)] == [5.0, 30.0]
