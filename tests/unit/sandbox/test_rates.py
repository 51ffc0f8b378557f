"""A stand-in's rate: what fits is counted, what does not is told when to come again."""

from __future__ import annotations

import pytest

from processor.sandbox.rates import Rate


def test_a_window_takes_so_much_and_the_next_one_again() -> None:
    """What is left shrinks by what is taken, and is all again when the next window begins."""
    rate = Rate(10, window_s=60.0)
    assert rate.left(120.0) == 10
    rate.take(6, 120.0)
    assert (rate.left(135.0), rate.wait_s(135.0)) == (4, 45.0)
    rate.take(4, 135.0)
    assert (rate.left(179.5), rate.wait_s(179.5)) == (0, 0.5)
    assert (rate.left(180.0), rate.wait_s(180.0)) == (10, 60.0)
    rate.take(1, 300.0)
    assert rate.left(300.0) == 9


def test_more_than_is_left_is_not_taken() -> None:
    """Whoever takes has asked before."""
    rate = Rate(1)
    with pytest.raises(AssertionError, match="more than is left"):
        rate.take(2, 7.0)
    assert rate.left(7.0) == 1
