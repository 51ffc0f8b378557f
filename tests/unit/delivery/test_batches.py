"""The payloads of one request: halves, parts that wait, parcels that go with their partition."""

from __future__ import annotations

from typing import Any

import pytest

from processor.delivery.batches import Batch, split_point
from processor.delivery.offsets import Partition
from tests.parcels import Maker


def _memory(batch: Batch) -> list[float | None]:
    """Return what a batch remembers of its failures."""
    return [batch.failure_count, batch.successes_seen, batch.failed_at_s]


@pytest.fixture
def maker() -> Maker:
    """A maker of parcels."""
    return Maker()


@pytest.mark.parametrize(
    ("lanes", "expected"),
    [
        ("ab", (1, True)),
        ("abc", (2, True)),
        ("aabb", (2, True)),
        ("aaab", (3, True)),
        ("abbb", (1, True)),
        ("abbc", (3, True)),
        ("aaaa", (2, False)),
        ("aaa", (2, False)),
        ("aba", (2, False)),
        (["a", ("a", "b"), "b", "c"], (3, True)),
        (["a", "b", ("a", "b")], (2, False)),
    ],
)
def test_a_batch_is_halved_between_lanes_if_it_can_be(maker: Maker, lanes: Any, expected: tuple[int, bool]) -> None:  # noqa: ANN401 - texts and tuples
    """The place is the nearest to the middle at which no lane is cut, the larger half first; else the middle."""
    assert split_point(maker.batch(*lanes).parcels) == expected


def test_clean_halves_become_batches_of_their_own(maker: Maker) -> None:
    """Both halves go on by themselves, remember what was seen of others, and begin to count anew."""
    batch = maker.batch("a", "a", "b")
    parcels = list(batch.parcels)
    batch.note_failure(7)
    batch.is_plain = True
    other = batch.split(is_isolating=True)
    assert other is not None
    assert (batch.parcels, other.parcels) == (parcels[:2], parcels[2:])
    assert (batch.failure_count, other.failure_count) == (0, 0)
    assert (other.successes_seen, other.is_plain, other.is_isolating, batch.is_isolating) == (7, True, True, True)
    assert batch.number != other.number


def test_halves_of_one_lane_go_one_after_the_other(maker: Maker) -> None:
    """The second half waits behind the first, however often the first is halved, and the order stays."""
    batch = maker.batch("a", "a", "a", "a")
    parcels = list(batch.parcels)
    assert batch.split(is_isolating=False) is None
    assert batch.split(is_isolating=False) is None
    assert (batch.parcels, batch.unsettled()) == (parcels[:1], parcels)
    seen = []
    while batch.parcels:
        seen.append(list(batch.parcels))
        batch.advance()
    assert seen == [parcels[:1], parcels[1:2], parcels[2:]]


def test_parts_that_could_go_alone_wait_behind_what_waits_already(maker: Maker) -> None:
    """A clean cut in front of a waiting part makes no batch of its own: a lane may run through that part."""
    batch = maker.batch("a", "b", "a", "b")
    assert batch.split(is_isolating=False) is None
    assert batch.split(is_isolating=False) is None
    assert [len(part) for part in batch.behind] == [2, 1]
    assert batch.lane_keys() == {"a", "b"}


def test_failures_are_lonely_only_with_successes_in_between(maker: Maker) -> None:
    """The first failure says nothing; later ones count where others got through since the last."""
    batch = maker.batch("a")
    seen = []
    for success_count in (3, 3, 4, 4, 9):
        batch.note_failure(success_count)
        seen.append((batch.is_lonely, batch.lonely_failure_count, batch.failure_count))
    assert seen == [(False, 0, 1), (False, 0, 2), (True, 1, 3), (False, 1, 4), (True, 2, 5)]


def test_the_next_part_begins_to_count_anew(maker: Maker) -> None:
    """What failed before was another part's failure."""
    batch = maker.batch("a", "a")
    batch.split(is_isolating=True)
    batch.note_failure(1)
    batch.failed_at_s = 5.0
    assert batch.advance()
    assert _memory(batch) == [0, None, None]
    assert not batch.advance()
    assert batch.parcels == []


def test_parcels_of_a_partition_that_went_are_taken_out(maker: Maker) -> None:
    """What is left keeps its parts and its order; a part that was emptied makes room for the next."""
    gone = Partition(("events", 1), 0)
    batch = maker.batch("a", "a", "a", "a")
    for parcel in batch.parcels[:2]:
        parcel.entry = maker.entry(gone)
    parcels = list(batch.parcels)
    batch.split(is_isolating=False)
    assert batch.drop_unowned() == []
    gone.is_leaving = True
    assert batch.drop_unowned() == parcels[:2]
    assert (batch.parcels, batch.behind) == (parcels[2:], [])


def test_a_batch_of_nothing_but_lost_parcels_is_empty(maker: Maker) -> None:
    """When everything went with its partition, nothing is left to send."""
    batch = maker.batch("a", "b")
    maker.partition.release()
    assert len(batch.drop_unowned()) == 2
    assert (len(batch), batch.unsettled()) == (0, [])
