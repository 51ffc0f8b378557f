"""Bounds of waits, rates and the guard, each against arithmetic that takes its time."""

from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from processor.delivery.guard import RejectionGuard
from processor.delivery.rate import TokenBucket
from processor.delivery.retry import next_wait_s
from processor.delivery.settings import GuardSettings
from processor.destinations.base import Backoff, Envelope

BACKOFFS = st.builds(
    Backoff,
    base_s=st.floats(0.001, 100),
    factor=st.floats(1, 1e6),
    cap_s=st.floats(0.001, 3600),
    jitter=st.sampled_from(["full", "up_to_20_percent"]),
)


@given(BACKOFFS, st.integers(0, 10**9), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0.001, 3600))
def test_a_wait_stays_within_its_bounds(backoff: Backoff, failures: int, chance: float, cap_s: float | None) -> None:
    """No wait is negative or beyond the lower cap, but for the fifth that one kind of jitter adds."""
    cap = backoff.cap_s if cap_s is None else min(cap_s, backoff.cap_s)
    wait_s = next_wait_s(backoff, failures, chance, cap_s=cap_s)
    shortest = 0.0 if backoff.jitter == "full" else min(backoff.base_s, cap)
    longest = cap if backoff.jitter == "full" else cap * 1.2
    assert shortest <= wait_s <= longest * (1 + 1e-9)


@given(BACKOFFS, st.integers(1, 200), st.floats(0, 1, exclude_max=True))
def test_waits_never_shrink_with_more_failures(backoff: Backoff, failures: int, chance: float) -> None:
    """By the same chance the next failure waits at least as long."""
    assert next_wait_s(backoff, failures, chance) <= next_wait_s(backoff, failures + 1, chance)


STEPS = st.lists(
    st.tuples(st.floats(0, 3), st.integers(1, 20), st.none() | st.sampled_from([0.0, 0.1, 0.5, 1.0])), max_size=40
)


@given(st.floats(0.1, 50), STEPS)
def test_no_interval_takes_more_than_rate_and_burst(
    per_second: float, steps: list[tuple[float, int, float | None]]
) -> None:
    """Between any two takings the units stay below what flowed in, one burst, and the last batch but one unit."""
    bucket, now_s, rate = TokenBucket(per_second, 0.0), 0.0, per_second
    flow = 0.0
    taken: list[tuple[float, int, float]] = []
    for pause_s, units, part in steps:
        flow += pause_s * rate
        now_s += pause_s
        if part is not None:
            bucket.set_share(part, now_s)
            rate = per_second * part
        if bucket.wait_s(now_s) == 0.0:
            bucket.take(units, now_s)
            taken.append((flow, units, max(rate, 1.0)))
    for first, (flow_at_first, _, burst) in enumerate(taken):
        total = 0
        for flow_at_last, units, _ in taken[first:]:
            total += units
            assert total <= flow_at_last - flow_at_first + burst + units - 1 + 1e-6


@given(st.floats(0.1, 50), st.integers(1, 30), st.floats(0.01, 1))
def test_the_named_wait_is_enough(per_second: float, units: int, part: float) -> None:
    """Whoever waits as long as the bucket says may take; whoever comes clearly sooner may not."""
    bucket = TokenBucket(per_second, 0.0)
    bucket.set_share(part, 0.0)
    bucket.take(units + 1, 0.0)
    wait_s = bucket.wait_s(0.0)
    early = TokenBucket(per_second, 0.0)
    early.set_share(part, 0.0)
    early.take(units + 1, 0.0)
    assert bucket.wait_s(wait_s + 1e-6) == 0.0
    assert wait_s <= 0.01 or early.wait_s(wait_s * 0.9) > 0.0


GUARDED = st.lists(st.integers(1, 8) | st.sampled_from(["a", "b", "c", "d"]), max_size=80)


@given(GUARDED, st.integers(2, 12), st.integers(1, 6), st.integers(1, 4))
def test_the_guard_is_a_window_over_the_latest(
    outcomes: list[int | str], window_count: int, refused_count: int, min_users: int
) -> None:
    """After any outcomes the guard says what counting the latest ones by hand says."""
    guard = RejectionGuard(GuardSettings(window_count=window_count, refused_count=refused_count, min_users=min_users))
    window: deque[str | None] = deque(maxlen=window_count)
    for outcome in outcomes:
        if isinstance(outcome, int):
            guard.delivered(outcome)
            window.extend([None] * outcome)
        else:
            guard.refused(outcome)
            window.append(outcome)
        refused = [user for user in window if user is not None]
        assert guard.refused_count == len(refused)
        assert guard.is_tripped is (len(refused) >= refused_count and len(set(refused)) >= min_users)


SHORT = st.binary(max_size=5)


@given(SHORT, SHORT, SHORT, st.none() | st.integers(0, 40), st.lists(st.binary(max_size=30), max_size=10))
def test_a_body_is_exactly_as_long_as_was_counted(
    start: bytes, end: bytes, separator: bytes, stamp_bytes: int | None, bodies: list[bytes]
) -> None:
    """What limits are held against before anything is joined is the size of what is sent, stamps included."""
    stamp = None if stamp_bytes is None else lambda _now_ms: b"s" * stamp_bytes
    envelope = Envelope(start, end, separator, stamp, stamp_bytes or 0)
    assert envelope.body_bytes(len(bodies), sum(map(len, bodies))) == len(envelope.join(bodies, 0))
