"""Owned, open, waiting and paused partitions; and the box of commands."""

from __future__ import annotations

import threading

from processor.source.commands import Commands, Wishes
from processor.source.ownership import Change, Ownership
from processor.source.partitions import Partition

A: Partition = ("t", 0)
B: Partition = ("t", 1)


def opened() -> Ownership:
    """Return an ownership with both partitions open."""
    ownership = Ownership()
    ownership.owned = {A, B}
    ownership.begin({A: 5, B: 7}, {"t": "id"})
    return ownership


def test_owned_partitions_wait_until_they_are_open() -> None:
    """A partition whose position is unknown is owned and not open."""
    ownership = Ownership()
    ownership.owned = {A, B}
    ownership.begin({A: 5}, {"t": "id"})
    assert (ownership.waiting, set(ownership.open)) == ({B}, {A})


def test_end_tells_which_partitions_were_open() -> None:
    """Ending a partition that was never opened is no news."""
    ownership = opened()
    assert ownership.end({A, ("t", 9)}) == {A}
    assert ownership.positions == {B: 7}


def test_only_read_offsets_of_open_partitions_may_be_stored() -> None:
    """What lies beyond the position, or belongs to nobody here, is left out."""
    ownership = opened()
    ownership.advance({A: 9})
    assert ownership.storable({A: 9, B: 8, ("t", 2): 1}) == {A: 9}
    assert ownership.storable({A: 10, B: 7}) == {B: 7}


def test_changes_are_told_once() -> None:
    """Pausing what is paused and resuming what runs is not repeated; partitions that are not open are left out."""
    ownership = opened()
    assert ownership.change({A, ("t", 9)}) == Change({A}, set())
    assert ownership.change({A}) == Change(set(), set())
    assert ownership.change({B}) == Change({B}, {A})


def test_new_partitions_have_their_state_stated() -> None:
    """After an assignment the wanted state is said for each new partition, even for those that shall run."""
    ownership = opened()
    assert ownership.restate({A, B}, {A}) == Change({A}, {B})
    assert ownership.change({A}) == Change(set(), set())


def test_ended_partition_is_paused_no_longer() -> None:
    """A partition that comes back is paused anew."""
    ownership = opened()
    ownership.change({A})
    ownership.end({A})
    ownership.begin({A: 5}, {"t": "id"})
    assert ownership.change({A}) == Change({A}, set())


def test_wishes_are_merged_and_offsets_given_once() -> None:
    """Of several offsets the highest counts; states stay as last wished."""
    commands = Commands()
    commands.store({A: 5, B: 1})
    commands.store({A: 3, B: 2})
    commands.hold(is_held=True)
    commands.block([A])
    assert commands.take() == Wishes({A: 5, B: 2}, is_held=True, blocked=frozenset({A}))
    assert commands.take() == Wishes({}, is_held=True, blocked=frozenset({A}))


def test_forgotten_partitions_have_no_offsets_left() -> None:
    """An offset that waits for a partition that was taken away is dropped."""
    commands = Commands()
    commands.store({A: 5, B: 1})
    commands.forget([A, ("t", 9)])
    assert commands.take().store == {B: 1}


def test_wait_ends_with_a_wish() -> None:
    """A wish that comes during a wait ends it, and one that came before makes it no wait at all."""
    commands = Commands()
    threading.Timer(0.01, commands.wake).start()
    commands.wait(30)
    commands.take()
    commands.store({A: 1})
    commands.wait(30)
