"""The same message is not written without end."""

from __future__ import annotations

from processor.operations.repeats import MAX_KEY_COUNT, Repeats


def test_admits_the_limit_and_counts_the_rest() -> None:
    """Within a window the limit is written; the first of the next window says how many were left out."""
    repeats = Repeats(2, 60.0)
    actual = [repeats.admit("down", now_s) for now_s in (0.0, 1.0, 2.0, 59.0, 60.0, 61.0)]
    assert [0, 0, None, None, 2, 0] == actual


def test_messages_do_not_use_up_each_other() -> None:
    """A message that repeats leaves another alone."""
    repeats = Repeats(1, 60.0)
    assert [0, 0, None] == [repeats.admit(key, 0.0) for key in ("a", "b", "a")]


def test_memory_is_bounded_and_the_quietest_is_forgotten() -> None:
    """With more messages than are kept, the one that was quiet longest starts anew and the latest does not."""
    repeats = Repeats(1, 60.0)
    for number in range(MAX_KEY_COUNT + 1):
        repeats.admit(str(number), 0.0)
    assert len(repeats._windows) == MAX_KEY_COUNT
    assert repeats.admit("0", 1.0) == 0
    assert repeats.admit(str(MAX_KEY_COUNT), 1.0) is None
