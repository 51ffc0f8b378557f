"""Which batch goes next."""

from __future__ import annotations

from typing import Any

from processor.delivery.batches import Batch
from processor.delivery.offsets import Partition
from processor.delivery.parcel import Parcel
from processor.delivery.schedule import (
    HURRIED_WAIT_MS,
    Schedule,
    effective_endpoints,
    effective_settings,
    window_count,
)
from processor.delivery.settings import DeliverySettings, EndpointLimits
from processor.destinations.base import Endpoint
from tests.parcels import Maker
from tests.simulation import FakeDestination, endpoint


def _schedule(*endpoints: Endpoint, **settings: Any) -> tuple[Schedule, Maker]:  # noqa: ANN401 - any settings of delivery
    """Return a schedule of these endpoints, or of one with batches of two that wait a second."""
    used = endpoints or (endpoint("actions", max_batch_count=2, max_wait_ms=1000),)
    return Schedule({one.name: one for one in used}, DeliverySettings(**settings)), Maker()


def _put(schedule: Schedule, *parcels: Parcel) -> list[Parcel]:
    """Add parcels."""
    for parcel in parcels:
        schedule.add(parcel)
    return list(parcels)


def _next(schedule: Schedule, now_s: float, *, prefer_fresh: bool = False) -> Batch:
    """Return the batch that should be sent now."""
    batch, _ = schedule.next(now_s, prefer_fresh=prefer_fresh)
    assert batch is not None
    return batch


def _sleep(schedule: Schedule, batch: Batch, until_s: float) -> None:
    """Let a batch sleep."""
    batch.wake_s = until_s
    schedule.send_again(batch, 0.0)


def test_the_vendors_settings_stand_in_for_those_of_delivery() -> None:
    """What the vendor's settings say of delivery holds, except where delivery's own settings say something."""
    destination = FakeDestination([endpoint()])
    destination.delivery_limits = {"max_attempts": 4, "max_window_bytes": 2_000_000, "max_window_count": None}
    found = effective_settings(destination, DeliverySettings(max_window_bytes=3_000_000))
    assert found == DeliverySettings(max_attempts=4, max_window_bytes=3_000_000)
    assert effective_settings(destination, found) == found


def test_settings_override_the_contract_and_ranks_order_endpoints() -> None:
    """Only the limits that are set change; the lower rank comes first."""
    destination = FakeDestination([endpoint("actions", rank=2), endpoint("companies", rank=0)])
    limits = {"actions": EndpointLimits(max_batch_count=7)}
    found = effective_endpoints(destination, DeliverySettings(endpoints=limits))
    assert list(found) == ["companies", "actions"]
    assert (found["actions"].max_batch_count, found["actions"].max_wait_ms) == (7, 100)


def test_the_window_is_four_full_batches_for_each_slot_unless_set() -> None:
    """The largest batch of any endpoint counts."""
    endpoints = {"a": endpoint("a", max_batch_count=10), "b": endpoint("b", max_batch_count=50)}
    assert window_count(DeliverySettings(max_in_flight=3), endpoints) == 600
    assert window_count(DeliverySettings(max_window_count=77), endpoints) == 77


def test_a_batch_is_due_when_full_or_old() -> None:
    """A full batch goes at once, the rest after its wait, or sooner when hurried or flushing."""
    schedule, maker = _schedule()
    _put(schedule, *(maker.parcel(lane, at_s=10.0) for lane in "abc"))
    assert len(_next(schedule, 10.0)) == 2
    assert schedule.next(10.9) == (None, [])
    assert schedule.wake_s(10.0) == 11.0
    schedule.is_hurried = True
    assert schedule.wake_s(10.0) == 10.0 + HURRIED_WAIT_MS / 1000
    schedule.is_flushing = True
    assert len(_next(schedule, 10.0)) == 1
    assert schedule.wake_s(10.0) is None


def test_the_lower_rank_goes_first_of_those_due() -> None:
    """Order of endpoints decides, not age."""
    schedule, maker = _schedule(
        endpoint("companies", max_batch_count=1), endpoint("users", max_batch_count=1), endpoint("actions")
    )
    _put(schedule, *(maker.parcel("a", endpoint=name, at_s=0.0) for name in ("actions", "users", "companies")))
    assert [_next(schedule, 99.0).endpoint_name for _ in range(3)] == ["companies", "users", "actions"]


def test_what_is_sent_again_comes_first_and_the_oldest_of_it() -> None:
    """Sleepers wake in their time and go by age; `prefer_fresh` turns that round."""
    schedule, maker = _schedule()
    _put(schedule, *(maker.parcel(lane, at_s=0.0) for lane in "aabbccdd"))
    one, two, three = (_next(schedule, 0.0) for _ in range(3))
    _sleep(schedule, two, 4.0)
    _sleep(schedule, one, 5.0)
    assert schedule.wake_s(0.0) == float("-inf")
    assert _next(schedule, 0.0).sequence > three.sequence
    assert schedule.wake_s(0.0) == 4.0
    assert (schedule.next(3.9), schedule.retrying_count) == ((None, []), 2)
    assert schedule.wake_s(4.0) == 4.0
    assert [_next(schedule, 5.0), _next(schedule, 5.0)] == [one, two]


def test_nothing_goes_to_a_limited_endpoint_and_all_else_does() -> None:
    """Fresh or to be sent again, what is for another endpoint goes past it; a lane behind it waits."""
    schedule, maker = _schedule(endpoint("merge", lane_scope="all"), endpoint("bulk", lane_scope="all"))
    limited = {"merge": 7.0}
    merge, _, other = _put(
        schedule,
        maker.parcel("a", endpoint="merge", at_s=0.0),
        maker.parcel("a", endpoint="bulk", at_s=0.0),
        maker.parcel("b", endpoint="bulk", at_s=0.0),
    )
    assert not schedule.waits_for({"elsewhere"})
    batch, _ = schedule.next(10.0, limited=limited)
    assert batch is not None
    assert batch.parcels == [other]
    assert (schedule.next(10.0, limited=limited), schedule.wake_s(10.0, limited=limited)) == ((None, []), 17.0)
    assert schedule.waits_for(limited)

    (failed,) = _batches(schedule, 10.0)
    assert (failed.parcels, schedule.waits_for(limited)) == ([merge], False)
    for one in (failed, batch):
        one.wake_s = 10.0
        schedule.send_again(one, 10.0)
    assert schedule.waits_for(limited)
    for prefer_fresh in (False, True):
        again, _ = schedule.next(11.0, prefer_fresh=prefer_fresh, limited=limited)
        assert again is batch
        assert (schedule.next(11.0, prefer_fresh=prefer_fresh, limited=limited)[0]) is None
        assert schedule.wake_s(11.0, limited=limited) == 18.0
        schedule.send_again(batch, 11.0)
    assert (schedule.next(11.0)[0], schedule.wake_s(11.0)) == (failed, 11.0)


def _batches(schedule: Schedule, now_s: float) -> list[Batch]:
    """Return all that is due."""
    return list(iter(lambda: schedule.next(now_s)[0], None))


def test_after_an_outage_something_fresh_goes_before_a_retry() -> None:
    """Where nothing fresh is due, the retry goes after all."""
    schedule, maker = _schedule()
    _put(schedule, *(maker.parcel(lane, at_s=0.0) for lane in "aabb"))
    failed = _next(schedule, 0.0)
    _sleep(schedule, failed, 1.0)
    assert _next(schedule, 1.0, prefer_fresh=True) is not failed
    assert _next(schedule, 1.0, prefer_fresh=True) is failed


def test_after_an_outage_what_has_failed_least_goes_before_what_has_failed_often() -> None:
    """Of several retries the one that failed least, the oldest of equals; the others keep their order."""
    schedule, maker = _schedule()
    _put(schedule, *(maker.parcel(lane, at_s=0.0) for lane in "aabbccdd"))
    batches = [_next(schedule, 0.0) for _ in range(4)]
    for batch, count in zip(batches, (3, 1, 1, 2), strict=True):
        batch.failure_count = count
        _sleep(schedule, batch, 1.0)
    assert schedule.next(0.9, prefer_fresh=True) == (None, [])
    assert _next(schedule, 1.0, prefer_fresh=True) is batches[1]
    assert [_next(schedule, 1.0) for _ in range(3)] == [batches[0], batches[2], batches[3]]


def test_where_no_more_payloads_may_go_alone_a_success_cannot_come_either() -> None:
    """When everything that may wait waits, it is an outage: nothing is asked for beside it."""
    schedule, maker = _schedule(max_in_flight=1)
    _put(schedule, *(maker.parcel(f"u{number}", at_s=0.0) for number in range(6)))
    while (batch := schedule.next(10.0)[0]) is not None:
        batch.note_failure(7)
        _sleep(schedule, batch, 50.0)
    assert (schedule.ready_count, schedule.lacks_witness(7, 1)) == (0, False)


def test_half_the_slots_worth_may_wait_and_then_payloads_go_alone() -> None:
    """With eight slots four full batches may wait, and besides as many single payloads as there are slots."""
    schedule, maker = _schedule(max_in_flight=8)
    _put(schedule, *(maker.parcel(f"u{number // 2}", at_s=0.0) for number in range(40)))
    sizes = []
    while (batch := schedule.next(10.0)[0]) is not None:
        sizes.append(len(batch))
        _sleep(schedule, batch, 50.0)
    assert sizes == [2] * 4 + [1] * 8
    assert schedule.wake_s(10.0) == 50.0
    for _ in range(3):
        schedule.put_back(_next(schedule, 50.0))
    assert len(_next(schedule, 10.0, prefer_fresh=True)) == 2


def test_single_payloads_of_an_endpoint_that_fails_leave_tries_to_the_others() -> None:
    """However many users fail, and although they rank first, actions are tried: where fewest wait goes first."""
    schedule, maker = _schedule(endpoint("users", max_batch_count=1), endpoint("actions"), max_in_flight=4)
    _put(schedule, *(maker.parcel(f"u{number}", endpoint="users", at_s=0.0) for number in range(20)))
    while (batch := schedule.next(10.0)[0]) is not None:
        _sleep(schedule, batch, 50.0)
    assert schedule.retrying_count == 2 + 4
    _put(schedule, *(maker.parcel(lane, at_s=0.0) for lane in "ab"))
    assert schedule.wake_s(10.0) == 0.1
    assert [(_next(schedule, 10.0).endpoint_name, len(_next(schedule, 10.0))) for _ in range(1)] == [("actions", 1)]
    schedule, maker = _schedule(endpoint("users", max_batch_count=1), endpoint("actions"), max_in_flight=4)
    for number in range(3):
        _put(schedule, maker.parcel(f"u{number}", endpoint="users", at_s=0.0))
        _sleep(schedule, _next(schedule, 10.0), 50.0)
    _put(schedule, maker.parcel("x", endpoint="users", at_s=0.0), maker.parcel("a", at_s=0.0))
    assert [_next(schedule, 10.0).endpoint_name for _ in range(2)] == ["actions", "users"]


def test_only_a_success_elsewhere_can_tell_and_none_can_come() -> None:
    """So it is when nothing but retries is left, one of which has failed often, and since the latest success."""
    schedule, maker = _schedule()
    assert not schedule.lacks_witness(0, 0)
    _put(schedule, *(maker.parcel("a", at_s=0.0) for _ in range(3)))
    batch = _next(schedule, 0.0)
    batch.note_failure(7)
    _sleep(schedule, batch, 50.0)
    assert [schedule.lacks_witness(7, 1), schedule.lacks_witness(8, 1), schedule.lacks_witness(7, 2)] == [
        True,
        False,
        False,
    ]
    batch.is_isolating = True
    assert schedule.lacks_witness(7, 2)
    _put(schedule, maker.parcel("b", at_s=0.0))
    assert not schedule.lacks_witness(7, 1)


def test_partitions_are_stuck_behind_what_has_failed_often_and_waits() -> None:
    """Fewer failures are any vendor's; what is being taken apart has failed often before it was."""
    schedule, maker = _schedule()
    other = Partition(("events", 1), 0)
    _put(schedule, maker.parcel("a", at_s=0.0), maker.parcel("b", at_s=0.0, entry=maker.entry(other)))
    batch = _next(schedule, 0.0)
    batch.failure_count = 3
    assert schedule.stuck_partitions(3) == set()
    _sleep(schedule, batch, 50.0)
    keys = {("events", 0), ("events", 1)}
    assert (schedule.stuck_partitions(3), schedule.stuck_partitions(4)) == (keys, set())
    batch.is_isolating = True
    assert schedule.stuck_partitions(4) == keys


def test_one_failing_batch_does_not_stop_a_single_slot() -> None:
    """However few slots there are, others go on beside a full batch that waits."""
    schedule, maker = _schedule(max_in_flight=1)
    _put(schedule, *(maker.parcel(lane, at_s=0.0) for lane in "aabb"))
    _sleep(schedule, _next(schedule, 0.0), 50.0)
    assert len(_next(schedule, 0.0)) == 2


def test_a_probe_is_the_oldest_payload_alone() -> None:
    """Due or not, the oldest of all endpoints goes as a batch of one."""
    schedule, maker = _schedule(endpoint("users"), endpoint("actions", max_wait_ms=60_000))
    assert schedule.oldest(0.0) == (None, [])
    parcels = _put(schedule, *(maker.parcel("a", endpoint=name, at_s=0.0) for name in ("actions", "actions", "users")))
    batch, _ = schedule.oldest(0.0)
    assert batch is not None
    assert (batch.parcels, batch.endpoint_name) == (parcels[:1], "actions")


def test_a_probe_may_leave_out_the_oldest() -> None:
    """Those that were passed over are taken again after the last, and keep their place."""
    schedule, maker = _schedule(endpoint("users"), endpoint("actions"))
    parcels = _put(
        schedule,
        *(
            maker.parcel(lane, endpoint=name, at_s=0.0)
            for lane, name in (("a", "actions"), ("b", "users"), ("c", "actions"), ("c", "actions"))
        ),
    )
    seen = []
    for skip in range(4):
        batch, _ = schedule.oldest(0.0, skip=skip)
        assert batch is not None
        seen += batch.parcels
        schedule.put_back(batch)
    assert seen == [*parcels[:3], parcels[0]]
    assert schedule.oldest(0.0)[0].parcels == parcels[:1]  # type: ignore[union-attr]


def test_copies_are_returned_and_are_no_probe() -> None:
    """What need not be sent is named, whether a batch or a probe was asked for."""
    schedule, maker = _schedule()
    schedule.dedupe.deliver([maker.parcel("a", dedupe_id="m1")])
    (copy,) = _put(schedule, maker.parcel("a", dedupe_id="m1", at_s=0.0))
    assert schedule.next(1.0) == (None, [copy])
    (copy,) = _put(schedule, maker.parcel("a", dedupe_id="m1", at_s=0.0))
    assert schedule.oldest(1.0) == (None, [copy])
    assert schedule.is_empty


def test_a_copy_at_another_endpoint_is_woken_too() -> None:
    """Endpoints of different scopes know the same ids: the outcome at one lets the other's lane go on."""
    for is_delivered in (True, False):
        schedule, maker = _schedule(endpoint("users", max_wait_ms=0), endpoint("actions", max_wait_ms=0))
        (first,) = _put(schedule, maker.parcel("a", endpoint="users", dedupe_id="m1", at_s=0.0))
        batch = _next(schedule, 0.0)
        (copy,) = _put(schedule, maker.parcel("b", endpoint="actions", dedupe_id="m1", at_s=0.0))
        assert schedule.next(0.0) == (None, [])
        if is_delivered:
            schedule.delivered([first])
            assert schedule.next(0.0) == (None, [copy])
        else:
            schedule.put_back(batch)
            assert {_next(schedule, 0.0).endpoint_name} == {"users"}


def test_held_batches_return_to_their_lanes() -> None:
    """Nothing stays set aside when the destination is held, and the order is the old one."""
    schedule, maker = _schedule()
    parcels = _put(schedule, *(maker.parcel(lane, at_s=0.0) for lane in "aabb"))
    one, two = _next(schedule, 0.0), _next(schedule, 0.0)
    _sleep(schedule, one, 50.0)
    _sleep(schedule, two, 0.0)
    schedule.put_all_back()
    assert (schedule.retrying_count, schedule.waiting_count) == (0, 4)
    assert [_next(schedule, 0.0).parcels, _next(schedule, 0.0).parcels] == [parcels[:2], parcels[2:]]


def test_drop_reaches_lanes_and_batches_that_wait() -> None:
    """Parcels are taken out wherever they wait; their batch mates return to their lanes, other batches stay."""
    schedule, maker = _schedule(max_in_flight=8)
    parcels = _put(schedule, *(maker.parcel(f"u{number}", at_s=0.0) for number in range(7)))
    asleep, again, other = (_next(schedule, 0.0) for _ in range(3))
    _sleep(schedule, asleep, 50.0)
    _sleep(schedule, again, 0.0)
    _sleep(schedule, other, 60.0)
    lost = [parcels[0], parcels[3], parcels[6]]
    assert schedule.drop(lambda parcel: parcel in lost) == lost
    assert schedule.retrying_count == 1
    assert {id(one) for one in _next(schedule, 0.0).parcels} == {id(parcels[1]), id(parcels[2])}
    assert _next(schedule, 60.0) is other
    assert not schedule.is_empty


def test_long_lanes_of_all_scopes_are_named() -> None:
    """The partitions of every book are joined."""
    schedule, maker = _schedule(endpoint("users"), endpoint("actions"), max_window_count=4)
    for name in ("users", "actions"):
        _put(schedule, *(maker.parcel("hot", endpoint=name) for _ in range(2)))
    assert schedule.long_lane_partitions() == {("events", 0)}


def test_freed_lanes_leave_an_empty_schedule() -> None:
    """When everything is settled nothing is left, not even a lane."""
    schedule, maker = _schedule()
    _put(schedule, maker.parcel("a", at_s=0.0), maker.parcel("b", at_s=0.0))
    batch = _next(schedule, 0.0)
    assert not schedule.is_empty
    schedule.delivered(batch.parcels)
    schedule.free(batch, batch.lane_keys())
    assert schedule.is_empty
