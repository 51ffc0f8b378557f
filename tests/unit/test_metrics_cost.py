"""The interval that the cost of metrics is told with."""

from __future__ import annotations

from itertools import combinations

import pytest

from benchmarks.metrics_cost import confidence, interval


def test_ten_pairs_leave_out_the_extremes() -> None:
    """The median of what ten pairs come from lies between the second and the ninth, with nearly 98 % confidence."""
    found = interval([9.0, 1.0, 8.0, 2.0, 7.0, 3.0, 6.0, 4.0, 5.0, 100.0])
    assert (found.median, found.low, found.high) == (5.5, 2.0, 9.0)
    assert round(found.confidence, 4) == 0.9785


@pytest.mark.parametrize("count", [1, 5])
def test_too_few_pairs_give_their_whole_range(count: int) -> None:
    """With fewer than six nothing reaches 95 %, and the confidence says so."""
    values = [float(number) for number in range(count)]
    found = interval(values)
    assert (found.low, found.high) == (values[0], values[-1])
    assert found.confidence < 0.95


@pytest.mark.parametrize(("count", "rank"), [(2, 1), (6, 1), (7, 2), (10, 2), (10, 3)])
def test_confidence_is_that_of_throws_of_a_coin(count: int, rank: int) -> None:
    """Counted over every way in which so many values may lie on either side of the median."""
    ways = [len(below) for size in range(count + 1) for below in combinations(range(count), size)]
    between = sum(rank <= below <= count - rank for below in ways)
    assert confidence(count, rank) == pytest.approx(between / len(ways))
