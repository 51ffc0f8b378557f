"""The window and the valve: how much is read ahead, and when reading pauses."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.source.window import MIN_EXCESS_COUNT, Flow, Valve, Window


def test_window_counts_what_is_read_and_not_settled() -> None:
    """Records and bytes are added by one side and taken off by the other."""
    window = Window(10, 100)
    window.add(4, 40)
    window.settle(1, 15)
    assert (window.count, window.size_bytes, window.room_count) == (3, 25, 7)


@pytest.mark.parametrize(
    ("count", "size_bytes", "is_full", "is_low"),
    [
        (0, 0, False, True),
        (5, 50, False, True),
        (6, 50, False, False),
        (5, 51, False, False),
        (9, 99, False, False),
        (10, 0, True, False),
        (0, 100, True, False),
        (12, 130, True, False),
    ],
)
def test_bounds(count: int, size_bytes: int, is_full: bool, is_low: bool) -> None:  # noqa: FBT001 - a table
    """Either bound fills the window; it is low when at most half of both is used; room is never negative."""
    window = Window(10, 100)
    window.add(count, size_bytes)
    assert (window.is_full, window.is_low) == (is_full, is_low)
    assert window.room_count == max(0, 10 - count)


def test_two_threads_lose_no_count() -> None:
    """One writer for each number needs no lock."""
    window = Window(10, 10)

    def settle() -> None:
        for _ in range(50_000):
            window.settle(1, 3)

    other = threading.Thread(target=settle)
    other.start()
    for _ in range(50_000):
        window.add(1, 3)
    other.join()
    assert (window.count, window.size_bytes) == (0, 0)


def test_brim_waits_and_then_pauses() -> None:
    """A full window only stops reading at first; after the grace it pauses, and goes on at half."""
    window, valve = Window(10, 1_000), Valve(grace_s=0.2)
    assert valve.turn(window, held=False, now_s=0.0) is Flow.READ
    window.add(10, 0)
    assert valve.turn(window, held=False, now_s=1.0) is Flow.BRIM
    assert valve.turn(window, held=False, now_s=1.1) is Flow.BRIM
    assert valve.turn(window, held=False, now_s=1.25) is Flow.PAUSE
    window.settle(4, 0)
    assert valve.turn(window, held=False, now_s=1.3) is Flow.PAUSE
    window.settle(1, 0)
    assert valve.turn(window, held=False, now_s=1.4) is Flow.READ


def test_what_is_let_in_is_read_although_the_window_is_full() -> None:
    """One record more, once."""
    window = Window(8, 1_000)
    window.add(8, 0)
    window.let_in(1)
    assert (window.is_full, window.is_letting_in, window.room_count) == (False, True, 1)
    window.add(1, 100)
    assert (window.is_full, window.is_letting_in, window.room_count) == (True, False, 0)


@pytest.mark.parametrize(("max_count", "excess_count"), [(8, MIN_EXCESS_COUNT), (8 * MIN_EXCESS_COUNT, 400)])
def test_the_excess_is_a_quarter_of_either_bound(max_count: int, excess_count: int) -> None:
    """Nothing is let in beyond a quarter more of records, or the least that one payload needs, or of bytes."""
    window = Window(max_count, 1_000)
    window.add(max_count + excess_count - 1, 1_249)
    window.let_in(1)
    assert window.room_count == 1
    window.add(1, 0)
    window.let_in(1)
    assert window.room_count == 0
    window.settle(1, 0)
    window.add(0, 1)
    window.let_in(1)
    assert window.room_count == 0


def test_what_is_set_aside_does_not_keep_a_window_from_being_low() -> None:
    """Half of what is left beside it may be used, by count and by bytes."""
    window, seen = Window(100, 1_000), []
    window.add(80, 800)
    for aside, added in (((0, 0), (0, 0)), ((60, 600), (0, 0)), ((60, 600), (1, 0)), ((60, 600), (0, 1))):
        window.set_aside(*aside)
        window.add(*added)
        seen.append(window.is_low)
        window.settle(*added)
    assert seen == [False, True, False, False]


@pytest.mark.parametrize(
    ("count", "size_bytes", "is_exceeded"), [(40, 400, False), (41, 0, True), (0, 401, True), (0, 0, False)]
)
def test_a_part_is_fair_up_to_what_is_left(count: int, size_bytes: int, is_exceeded: bool) -> None:  # noqa: FBT001 - a table
    """One that keeps to it leaves as much as it takes."""
    window = Window(100, 1_000)
    window.add(60, 600)
    assert window.is_exceeded(count, size_bytes) is is_exceeded


def test_what_is_let_in_ends_a_pause_for_itself_alone() -> None:
    """A paused source reads the record that is wanted, and then waits and pauses as before."""
    window, valve = Window(10, 1_000), Valve(grace_s=0.2)
    window.add(10, 0)
    valve.turn(window, held=False, now_s=0.0)
    assert valve.turn(window, held=False, now_s=1.0) is Flow.PAUSE
    window.let_in(1)
    assert valve.turn(window, held=True, now_s=1.1) is Flow.PAUSE
    assert valve.turn(window, held=False, now_s=1.2) is Flow.READ
    window.add(1, 0)
    assert valve.turn(window, held=False, now_s=1.3) is Flow.BRIM
    assert valve.turn(window, held=False, now_s=1.6) is Flow.PAUSE


def test_room_within_the_grace_reads_on_without_a_pause() -> None:
    """A window that is full for a moment throws nothing away, and the grace begins anew each time."""
    window, valve = Window(10, 1_000), Valve(grace_s=0.2)
    window.add(10, 0)
    assert valve.turn(window, held=False, now_s=0.0) is Flow.BRIM
    window.settle(1, 0)
    assert valve.turn(window, held=False, now_s=0.1) is Flow.READ
    window.add(1, 0)
    assert valve.turn(window, held=False, now_s=0.25) is Flow.BRIM


def test_hold_pauses_at_once_and_ends_at_once() -> None:
    """A held destination pauses whatever the window says."""
    window, valve = Window(10, 1_000), Valve(grace_s=0.2)
    assert valve.turn(window, held=True, now_s=0.0) is Flow.PAUSE
    assert valve.turn(window, held=False, now_s=0.1) is Flow.READ


@given(
    st.lists(st.tuples(st.integers(0, 12), st.floats(0.01, 1.0), st.booleans()), max_size=50),
    st.sampled_from([0.0, 0.25]),
)
def test_valve_never_reads_into_a_full_window(turns: list[tuple[int, float, bool]], grace_s: float) -> None:
    """Whatever happens, a full or held source does not read, and an empty one that is not held does."""
    window, valve, now_s = Window(10, 1_000), Valve(grace_s), 0.0
    for wanted, step_s, is_held in turns:
        now_s += step_s
        window.add(max(0, wanted - window.count), 0)
        window.settle(max(0, window.count - wanted), 0)
        flow = valve.turn(window, held=is_held, now_s=now_s)
        if window.is_full or is_held:
            assert flow is not Flow.READ
        elif window.is_low:
            assert flow is Flow.READ
