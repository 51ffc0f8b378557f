"""Order by exclusion: which waiting parcels may go into the next request."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from processor.delivery.dedupe import DedupeWindow
from processor.delivery.lanes import LaneBook
from processor.delivery.offsets import Partition
from processor.delivery.parcel import Parcel
from tests.parcels import Maker
from tests.simulation import endpoint


@pytest.fixture
def maker() -> Maker:
    """A maker of parcels."""
    return Maker()


def _book(max_lane_count: int = 100, dedupe: DedupeWindow | None = None, **limits: Any) -> LaneBook:  # noqa: ANN401 - any limits
    """Return a book of two endpoints of one scope."""
    values: dict[str, Any] = {"max_batch_count": 3, "lane_scope": "all"} | limits
    return LaneBook(
        [endpoint("actions", **values), endpoint("users", **values)], max_lane_count=max_lane_count, dedupe=dedupe
    )


def _put(book: LaneBook, *parcels: Parcel) -> list[Parcel]:
    """Add parcels."""
    for parcel in parcels:
        book.add(parcel)
    return list(parcels)


def _cut(book: LaneBook, name: str = "actions", max_count: int | None = None) -> list[Parcel]:
    """Return what a cut takes, copies aside."""
    return book.cut(name, max_count=max_count)[0]


def test_a_request_takes_the_oldest_up_to_its_limit(maker: Maker) -> None:
    """The oldest lanes come first, and no more than the count is taken."""
    book = _book()
    parcels = _put(book, *(maker.parcel(lane) for lane in "abcd"))
    assert _cut(book) == parcels[:3]
    assert _cut(book) == parcels[3:]
    assert _cut(book) == []


def test_a_busy_lane_gives_nothing_until_it_is_free(maker: Maker) -> None:
    """Nothing of a lane goes while a parcel of it is not settled, and a newer one never overtakes."""
    book = _book()
    parcels = _put(book, maker.parcel("a"))
    assert _cut(book) == parcels
    later = _put(book, maker.parcel("a"), maker.parcel("b"), maker.parcel("a"))
    assert _cut(book) == [later[1]]
    book.free(["a", "b"])
    assert _cut(book) == [later[0], later[2]]


def test_a_hot_lane_fills_a_request_and_leaves_the_next_to_others(maker: Maker) -> None:
    """A run of one lane goes together, in order; then the lane is busy and the others have their turn."""
    book = _book()
    hot = _put(book, *(maker.parcel("hot") for _ in range(5)))
    cold = _put(book, maker.parcel("cold"))
    assert (_cut(book), _cut(book)) == (hot[:3], cold)
    book.free(["hot"])
    assert _cut(book) == hot[3:]


def test_bytes_bound_a_request_exactly(maker: Maker) -> None:
    """Three bodies of thirty bytes and their commas fit into 94 bytes, not into 93."""
    for max_body_bytes, count in ((94, 3), (93, 2)):
        book = _book(max_body_bytes=max_body_bytes)
        _put(book, *(maker.parcel(f"u{number}-{max_body_bytes}", size=30) for number in range(4)))
        assert len(_cut(book)) == count


def test_a_parcel_larger_than_a_request_goes_alone(maker: Maker) -> None:
    """The limit of bytes never keeps a parcel for ever."""
    book = _book(max_body_bytes=50)
    parcels = _put(book, maker.parcel("a", size=5), maker.parcel("b", size=500), maker.parcel("c", size=5))
    assert book.queues["actions"].is_full
    assert [_cut(book) for _ in range(3)] == [[one] for one in parcels]


def test_a_lane_not_taken_for_want_of_room_stays_ready(maker: Maker) -> None:
    """When a lane's first parcel does not fit, the lane waits for the next request, not for another event."""
    book = _book(max_body_bytes=60)
    _put(book, *(maker.parcel("a", size=40) for _ in range(2)))
    other = _put(book, maker.parcel("b", size=40))
    assert len(_cut(book)) == 1
    assert _cut(book) == other


def test_one_per_lane_takes_one_of_each(maker: Maker) -> None:
    """Where a vendor forbids two payloads of a lane in one request, the second waits for the first's answer."""
    book = _book(one_per_lane=True)
    parcels = _put(book, *(maker.parcel(lane) for lane in "aab"))
    assert book.queues["actions"].count == 2
    assert _cut(book) == [parcels[0], parcels[2]]
    book.free(["a", "b"])
    assert _cut(book) == [parcels[1]]


def test_a_scope_keeps_one_order_over_its_endpoints(maker: Maker) -> None:
    """A lane goes on at the endpoint of its next parcel once the one before is settled."""
    book = _book()
    one, two, three = _put(book, maker.parcel("a"), maker.parcel("a", endpoint="users"), maker.parcel("a"))
    assert (_cut(book, "users"), _cut(book)) == ([], [one])
    book.free(["a"])
    assert (_cut(book), _cut(book, "users")) == ([], [two])
    book.free(["a"])
    assert _cut(book) == [three]


def test_a_parcel_of_two_lanes_waits_until_it_is_first_in_both(maker: Maker) -> None:
    """An alias goes behind what came before in either lane and in front of what comes after."""
    book = _book()
    first, other, both, after = _put(
        book, maker.parcel("a"), maker.parcel("b"), maker.parcel("a", "b"), maker.parcel("b")
    )
    assert _cut(book) == [first, other]
    book.free(["a"])
    assert _cut(book) == []
    book.free(["b"])
    assert _cut(book) == [both]
    book.free(["a", "b"])
    assert _cut(book) == [after]


def test_a_parcel_that_names_a_lane_twice_is_one_parcel(maker: Maker) -> None:
    """An alias of an id to itself goes once, and its lane goes on behind it."""
    book = _book()
    twice, after = _put(book, maker.parcel("a", "a"), maker.parcel("a"))
    assert book.waiting_count == 2
    assert _cut(book) == [twice]
    book.put_back([twice], {"a"})
    assert _cut(book) == [twice]
    book.free({"a"})
    assert _cut(book) == [after]


def test_what_is_put_back_stands_in_front_in_its_order(maker: Maker) -> None:
    """A batch that returns is taken again before anything newer of its lanes."""
    book = _book()
    parcels = _put(book, maker.parcel("a"), maker.parcel("a"), maker.parcel("a", "b"), maker.parcel("b"))
    taken = _cut(book)
    book.put_back(taken, {"a"})
    assert _cut(book) == parcels[:2]
    book.free({"a"})
    assert _cut(book) == [parcels[2]]


def test_a_probe_takes_one(maker: Maker) -> None:
    """A lower count than the endpoint's own is obeyed, a higher one is not."""
    book = _book()
    parcels = _put(book, *(maker.parcel(lane) for lane in "abcde"))
    assert _cut(book, max_count=1) == parcels[:1]
    assert _cut(book, max_count=100) == parcels[1:4]


def test_a_probe_may_pass_over_the_oldest_lanes(maker: Maker) -> None:
    """They keep their place, and what is behind in the lane that was taken waits."""
    book = _book()
    parcels = _put(book, *(maker.parcel(lane) for lane in "abbc"))
    assert book.cut("actions", max_count=1, skip=1) == ([parcels[1]], [])
    assert _cut(book) == [parcels[0], parcels[3]]
    book.free("b")
    assert _cut(book) == [parcels[2]]


def test_a_cut_costs_the_same_however_much_waits(maker: Maker) -> None:
    """Requests of a lane with thousands of parcels take as many steps as those of a lane with few."""

    def steps(waiting_count: int) -> int:
        book = _book()
        _put(book, *(maker.parcel("hot", size=1) for _ in range(waiting_count)))
        count = 0

        def counted(*_: object) -> None:
            nonlocal count
            count += 1

        sys.setprofile(counted)
        try:
            book.cut("actions")
            book.free(["hot"])
        finally:
            sys.setprofile(None)
        return count

    assert steps(50_000) == steps(500)


def test_a_queue_is_due_when_full_or_old(maker: Maker) -> None:
    """Full by count means now, else the age of the oldest decides; a lowered wait is the smaller of both."""
    book = _book(max_wait_ms=1000)
    queue = book.queues["actions"]
    assert queue.due_s() is None
    _put(book, maker.parcel("a", at_s=5.0))
    assert [queue.due_s(), queue.due_s(100), queue.due_s(5000)] == [6.0, 5.1, 6.0]
    _put(book, maker.parcel("a"), maker.parcel("b"))
    assert (queue.due_s(), queue.count) == (float("-inf"), 3)


def test_a_run_that_grew_beyond_one_request_counts_no_further(maker: Maker) -> None:
    """What a lane could not give to one request does not make the queue look full."""
    book = _book()
    _put(book, *(maker.parcel("a") for _ in range(5)))
    assert (book.queues["actions"].count, book.queues["actions"].bodies_bytes) == (3, 30)
    _put(book, maker.parcel("b"), maker.parcel("b", endpoint="users"), maker.parcel("b"))
    assert book.queues["actions"].count == 4


def test_drop_takes_out_what_waits_and_keeps_order_and_exclusion(maker: Maker) -> None:
    """Dropped parcels come back in the order they came in; busy lanes stay busy; the rest goes on."""
    book = _book()
    gone = Partition(("events", 1), 0)
    taken = _put(book, maker.parcel("a"))
    assert _cut(book) == taken
    keep = _put(book, maker.parcel("a"), maker.parcel("b"))
    lost = _put(
        book,
        maker.parcel("c", entry=maker.entry(gone)),
        maker.parcel("a", "b", entry=maker.entry(gone)),
        maker.parcel("b", entry=maker.entry(gone)),
    )
    keep += _put(book, maker.parcel("b"))
    assert book.drop(lambda parcel: parcel.entry.partition is gone) == lost
    assert _cut(book) == [keep[1], keep[2]]
    book.free(["a"])
    assert _cut(book) == [keep[0]]
    book.free(["a", "b"])
    assert (len(book), book.waiting_count) == (0, 0)


def test_partitions_that_feed_an_overlong_lane_are_named_until_it_is_short(maker: Maker) -> None:
    """Every partition that adds to a lane beyond its bound is named, until half of the bound is left."""
    book = _book(max_lane_count=4)
    other = Partition(("events", 1), 0)
    _put(book, *(maker.parcel("hot") for _ in range(4)))
    assert book.long_lane_partitions() == set()
    _put(book, maker.parcel("hot", entry=maker.entry(other)), maker.parcel("hot"))
    assert book.long_lane_partitions() == {("events", 0), ("events", 1)}
    _cut(book)
    assert len(book.long_lane_partitions()) == 2
    book.free(["hot"])
    _cut(book)
    assert book.long_lane_partitions() == set()


def test_a_long_lane_of_several_keys_is_named_although_it_is_empty_for_a_moment(maker: Maker) -> None:
    """The last parcel of a lane with the smallest bound may be on its way: asking is no error, freeing ends it."""
    book = _book(max_lane_count=1)
    _put(book, maker.parcel("a", "b"), maker.parcel("a", "b"))
    for _ in range(2):
        assert len(_cut(book)) == 1
        assert book.long_lane_partitions() == {("events", 0)}
        book.free(["a", "b"])
    assert book.long_lane_partitions() == set()


def _deduping() -> tuple[LaneBook, DedupeWindow]:
    """Return a book that knows of repeated ids."""
    window = DedupeWindow(max_age_s=60.0, max_count=100)
    return _book(dedupe=window), window


def test_a_copy_of_something_delivered_is_not_sent(maker: Maker) -> None:
    """It is returned apart, and what is behind it goes on."""
    book, window = _deduping()
    window.deliver([maker.parcel("a", dedupe_id="m1")])
    copy, after = _put(book, maker.parcel("a", dedupe_id="m1"), maker.parcel("a", dedupe_id="m2"))
    assert book.cut("actions") == ([after], [copy])


def test_a_copy_of_two_lanes_lets_both_go_on(maker: Maker) -> None:
    """When a copy that stood first in two lanes is left out, both lanes offer what is behind it."""
    book, window = _deduping()
    window.deliver([maker.parcel("a", dedupe_id="m1")])
    copy, one, two = _put(book, maker.parcel("a", "b", dedupe_id="m1"), maker.parcel("b"), maker.parcel("a"))
    assert book.cut("actions") == ([one, two], [copy])


def test_a_copy_of_something_in_flight_parks_its_lane(maker: Maker) -> None:
    """Until the first is settled the copy's lane gives nothing; then it is a copy, or goes itself."""
    for is_delivered in (True, False):
        book, window = _deduping()
        (first,) = _put(book, maker.parcel("a", dedupe_id="m1"))
        assert _cut(book) == [first]
        copy, behind = _put(book, maker.parcel("b", dedupe_id="m1"), maker.parcel("b"))
        assert book.cut("actions") == ([], [])
        _put(book, maker.parcel("b"))
        assert book.cut("actions") == ([], [])
        if is_delivered:
            book.wake(window.deliver([first]))
        else:
            book.put_back([first], {"a"})
        taken, copies = book.cut("actions")
        assert copies == ([copy] if is_delivered else [])
        assert (taken[0] is behind) is is_delivered


def test_a_copy_in_the_same_lane_waits_for_its_own_lane(maker: Maker) -> None:
    """Two of one id behind each other never go into one request."""
    book, window = _deduping()
    first, copy = _put(book, maker.parcel("a", dedupe_id="m1"), maker.parcel("a", dedupe_id="m1"))
    assert _cut(book) == [first]
    book.wake(window.deliver([first]))
    assert _cut(book) == []
    book.free(["a"])
    assert book.cut("actions") == ([], [copy])


def test_waking_a_lane_that_is_gone_is_harmless(maker: Maker) -> None:
    """The parcels of a parked lane may have been dropped meanwhile."""
    book, window = _deduping()
    (first,) = _put(book, maker.parcel("a", dedupe_id="m1"))
    _cut(book)
    (copy,) = _put(book, maker.parcel("b", dedupe_id="m1"))
    _cut(book)
    assert book.drop(lambda parcel: parcel is copy) == [copy]
    book.wake(window.cancel([first]))
    assert len(book) == 1
