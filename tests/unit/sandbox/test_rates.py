"""A stand-in's rate: what fits is counted, what does not is told when to come again."""

from __future__ import annotations

from processor.sandbox.rates import Rate


def test_no_bound_takes_everything() -> None:
    """Most vendors name no rate."""
    assert [Rate(None).wait_s(1.0) for _ in range(100)] == [0.0] * 100


def test_a_window_takes_so_much_and_the_next_one_again() -> None:
    """What is refused is not counted, so that a smaller one may still fit."""
    rate = Rate(10, window_s=60.0)
    assert rate.wait_s(120.0, 6) == 0.0
    assert rate.wait_s(135.0, 6) == 45.0
    assert rate.wait_s(135.0, 4) == 0.0
    assert rate.wait_s(179.5) == 0.5
    assert rate.wait_s(180.0, 10) == 0.0
