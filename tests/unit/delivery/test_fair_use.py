"""How much of a single user is sent, before the vendor would block that user."""

from __future__ import annotations

import asyncio
import random
from collections import deque

import pytest

from processor.delivery.fair_use import FAIR_USE_EXCEEDED, FairUseGuard
from processor.destinations.base import FairUse
from processor.model import Answer
from tests.parcels import Maker
from tests.simulation import FakeVendor, Switch, World, endpoint
from tests.virtual_time import virtual

HERE = frozenset({"actions"})


def _guard(*windows: tuple[float, float]) -> FairUseGuard:
    """Return a guard of these windows at the makers' endpoint."""
    return FairUseGuard(FairUse(windows, HERE))


def _admitted(guard: FairUseGuard, maker: Maker, count: int, now_s: float, user: str = "u") -> int:
    """Return how many of so many new payloads of a user may be sent at a moment."""
    parcels = [maker.parcel(user) for _ in range(count)]
    return count - len(guard.over(parcels, now_s))


def test_three_quarters_may_come_at_once_and_the_rest_over_time() -> None:
    """Of 100 a minute 75 go at once and 25 evenly over the minute; what was refused counts for nothing."""
    guard, maker = _guard((60.0, 100.0)), Maker()
    assert _admitted(guard, maker, 500, 1000.0) == 75
    assert _admitted(guard, maker, 500, 1024.0) == 10
    assert _admitted(guard, maker, 500, 10_000.0) == 75


def test_no_stretch_of_time_holds_more_than_its_count() -> None:
    """Whatever arrives and when, no stretch as long as a window holds more than the window's count of one user."""
    windows = ((60.0, 80.0), (300.0, 120.0), (3600.0, 300.0))
    guard, maker, chance = _guard(*windows), Maker(), random.Random(7)
    sent: deque[float] = deque()
    now_s = 1000.0
    for _ in range(4000):
        now_s += chance.choice([0.0, 0.0, 0.1, 5.0])
        if _admitted(guard, maker, 1, now_s):
            sent.append(now_s)
    times = list(sent)
    for window_s, count in windows:
        most = max(sum(start <= at < start + window_s for at in times) for start in times)
        assert most <= count
    assert len(times) > 200


def test_what_a_busy_user_sends_while_quiet_counts() -> None:
    """After a pause a user is counted by one window again; what is sent then is known when the user is busy again."""
    windows = ((60.0, 400.0), (3600.0, 640.0))
    guard, maker = _guard(*windows), Maker()
    assert _admitted(guard, maker, 1000, 0.0) == 300
    assert _admitted(guard, maker, 8, 7200.0) == 8
    assert _admitted(guard, maker, 1000, 7200.0) == 292


def test_users_are_counted_apart() -> None:
    """A runaway id costs nobody else anything."""
    guard, maker = _guard((60.0, 4.0)), Maker()
    parcels = [maker.parcel(user) for user in ("hot", "a", "hot", "hot", "b", "hot")]
    assert [parcel.payload.user for parcel in guard.over(parcels, 0.0)] == ["hot"]


def test_a_payload_counts_once_and_at_guarded_endpoints_only() -> None:
    """What comes again, sent or kept back, other endpoints and vendors without such a limit count nothing."""
    guard, maker = _guard((60.0, 8.0)), Maker()
    again = [maker.parcel("again") for _ in range(6)]
    again[0].attempt_count = 1
    assert [guard.over(again, 0.0) for _ in range(3)] == [[], [], []]
    guard = _guard((60.0, 2.0))
    assert guard.over([maker.parcel("u", endpoint="merge") for _ in range(9)], 0.0) == []
    assert FairUseGuard(None).over([maker.parcel("u") for _ in range(9)], 0.0) == []
    assert (_admitted(guard, maker, 9, 0.0), len(guard)) == (1, 1)


def test_users_of_whom_all_has_flowed_off_are_forgotten() -> None:
    """Memory follows what was sent lately, not how many users there ever were."""
    guard, maker = _guard((60.0, 100.0), (3600.0, 1000.0)), Maker()
    for number in range(5_000):
        _admitted(guard, maker, 1, number * 1.0, user=f"u{number}")
    assert len(guard) < 50


@pytest.mark.parametrize("answer", [200, 503])
@virtual
async def test_what_goes_beyond_is_refused_and_never_sent(answer: int) -> None:
    """A dispatcher sends what fair use allows, retries included, and refuses the rest with its own reason."""
    seen: set[int] = set()

    def script(request: object) -> int | Answer:
        first = id(request) not in seen and not seen
        seen.add(id(request))
        return answer if first else 200

    world = World([endpoint(max_batch_count=20)], vendor=FakeVendor(script))
    world.dispatcher._fair_use = _guard((60.0, 40.0))
    hot = [world.put("hot") for _ in range(50)]
    others = [world.put(f"u{number}") for number in range(10)]
    await world.settle()

    assert world.outcomes.rejections == [(number, FAIR_USE_EXCEEDED) for number in hot[30:]]
    assert sorted(world.outcomes.delivered_ids) == sorted(hot[:30] + others)
    assert world.order_of("hot") == hot[:30]
    assert all(entry.open_count == 0 for entry in world.entries)


@virtual
async def test_a_probe_passes_over_users_who_have_had_too_many() -> None:
    """Held, the destination is tried with the oldest payload that may be sent; the others wait and are not refused."""
    key = Switch(200)
    world = World([endpoint(max_batch_count=20)], vendor=FakeVendor(key))
    world.dispatcher._fair_use = _guard((86_400.0, 4.0))
    first = [world.put("hot") for _ in range(3)]
    await world.settle()
    key.status = 401
    world.put("v")
    world.dispatcher.turn()
    await asyncio.sleep(30.0)
    world.dispatcher.drop({("events", 0)})
    hot = [world.put("hot", partition=1) for _ in range(2)]
    other = world.put("w", partition=1)
    before_count = len(world.vendor.requests)
    await asyncio.sleep(31.0)
    assert [request.ids for request in world.vendor.requests[before_count:]] == [[other]]
    assert world.outcomes.rejections == []
    key.status = 200
    await world.settle()
    assert world.outcomes.delivered_ids == [*first, other]
    assert [number for number, _ in world.outcomes.rejections] == hot
