"""What belongs to one user, or one company, reaches a vendor in order, whatever batches and endpoints it goes through.

Played through a whole pipeline against a vendor that takes its time and fails now and then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import combinations
from typing import Any, Final

import pytest

from processor.model import Answer, Event
from tests.vendor_bench import Sent, VendorBench, answer_of, small_event
from tests.virtual_time import virtual

LATENCY_S: Final = 0.4
MOENGAGE: Final = {"alias": "merge", "delete_users": True}
ID_NAMES: Final = (
    *("user_id", "anonymous_id", "company_id"),
    *("customer_id", "identity_value", "merged_user", "retained_user"),
)
PEOPLE: Final = 30


async def _played(
    vendor: str, settings: Mapping[str, Any], events: list[Event], failing: Collection[int] = ()
) -> list[Sent]:
    """Return the requests when events are read at once; those with these numbers, counted from 1, fail."""
    count = 0

    def answer(_: Sent) -> Answer:
        nonlocal count
        count += 1
        return answer_of(vendor, 503 if count in failing else 200)

    async with VendorBench(vendor, settings, answer=answer, latency_s=LATENCY_S) as bench:
        bench.read(events)
        await bench.settle()
        assert len(events) == sum(bench.outcomes("delivered").values())
        return bench.requests


def _ids(sent: Sent) -> list[str]:
    """Return whom the items of a request are about."""
    return [item[name] for item in sent.items for name in ID_NAMES if name in item]


def _clashes(requests: Iterable[Sent]) -> list[set[str]]:
    """Return who is in two requests that were on their way at once."""
    pairs = [(one, other) for one, other in combinations(requests, 2) if _overlap(one, other)]
    return [shared for one, other in pairs if (shared := set(_ids(one)) & set(_ids(other)))]


def _overlap(one: Sent, other: Sent) -> bool:
    """Return whether two requests were on their way at once."""
    assert one.ended_ms is not None
    assert other.ended_ms is not None
    return one.at_ms < other.ended_ms and other.at_ms < one.ended_ms


def _accepted_of(requests: list[Sent], who: str) -> list[int]:
    """Return the numbers of the events about somebody in the order in which they were accepted."""
    items = [item for one in requests if one.is_accepted for item in one.items]
    return [_number(item) for item in items if any(item.get(name) == who for name in ID_NAMES)]


def _number(item: dict[str, Any]) -> int:
    """Return which event an item is."""
    (action,) = item.get("actions", [item])
    number: int = (action.get("attributes") or action.get("metadata"))["number"]
    return number


@pytest.mark.parametrize(
    ("kind", "endpoint", "id_name"), [("identify", "users", "user_id"), ("group", "companies", "company_id")]
)
@pytest.mark.parametrize("failing", [(), (1, 2, 5)], ids=["healthy", "failing"])
@virtual
async def test_two_updates_of_one_profile_never_race(
    kind: str, endpoint: str, id_name: str, failing: Collection[int]
) -> None:
    """No batch of Moesif's holds a profile twice, none is on its way beside another of it, and order is kept."""
    numbers = range(1, 4 * PEOPLE + 1)
    events = [
        small_event(kind, number, f"u-{number % PEOPLE}") | {"groupId": f"org-{number % PEOPLE}"} for number in numbers
    ]

    sent = await _played("moesif", {"batch_size": 10, "group_links_user": False}, events, failing)

    assert {endpoint} == {one.endpoint for one in sent}
    assert all(len(one.items) == len({item[id_name] for item in one.items}) for one in sent)
    assert any(_overlap(one, other) for one, other in combinations(sent, 2))
    assert [] == _clashes(sent)
    for profile in {who for one in sent for who in _ids(one)}:
        found = _accepted_of(sent, profile)
        assert sorted(found) == found
        assert len(found) == 4


@pytest.mark.parametrize("failing", [(), (1, 3)], ids=["healthy", "failing"])
@virtual
async def test_a_visitors_updates_keep_their_place_among_those_of_the_user(failing: Collection[int]) -> None:
    """Moesif gets updates without a user one by one at a route of their own, in order with what merges the visitor."""
    visitor = {"type": "identify", "anonymousId": "a-1"}
    events = [visitor, visitor | {"userId": "u-1"}, visitor]

    sent = await _played("moesif", {"anonymous_identify": "send"}, events, failing)

    assert [] == _clashes(sent)
    assert ["anonymous_users", "users", "anonymous_users"] == [one.endpoint for one in sent if one.is_accepted]


@pytest.mark.parametrize("failing", [(), (1, 3)], ids=["healthy", "failing"])
@virtual
async def test_elements_of_one_user_stay_in_order(failing: Collection[int]) -> None:
    """MoEngage gets the updates and events of a user in their order, within bulk requests and from one to the next."""
    numbers = range(1, 601)
    events = [
        small_event("track" if number % 3 else "identify", number, "u-hot" if number % 2 else f"u-{number}")
        for number in numbers
    ]

    sent = await _played("moengage", {}, events, failing)

    assert max(len(one.items) for one in sent) == 200
    assert [] == _clashes(sent)
    assert [number for number in numbers if number % 2] == _accepted_of(sent, "u-hot")


@pytest.mark.parametrize("failing", [(), (1, 2, 4)], ids=["healthy", "failing"])
@virtual
async def test_a_deletion_overtakes_nothing_and_nothing_overtakes_it(failing: Collection[int]) -> None:
    """What a user did before goes first although it waits for a batch, and what comes after waits for the deletion."""
    events = [small_event(kind, number, "u-1") for number, kind in enumerate(("identify", "track", "delete"), 1)]
    events += [small_event("identify", 4, "u-1"), *(small_event("track", number, f"u-{number}") for number in (5, 6))]

    sent = await _played("moengage", MOENGAGE, events, failing)

    own = [one for one in sent if "u-1" in _ids(one)]
    assert [] == _clashes(sent)
    assert ["bulk", "delete", "bulk"] == [one.endpoint for one in own if one.is_accepted]
    assert [1, 2, 4] == [_number(item) for one in own if one.is_accepted for item in _of(one, "u-1")]


@pytest.mark.parametrize("failing", [(), (1, 2, 4)], ids=["healthy", "failing"])
@virtual
async def test_a_merge_keeps_its_place_among_the_elements_of_both_users(failing: Collection[int]) -> None:
    """Nothing of either user is on its way beside the merge, or on the wrong side of it."""
    pair = ("old-u-1", "u-1")
    before = [small_event("track", number, user) for number, user in enumerate(pair, 1)]
    after = [small_event("track", number, user) for number, user in enumerate(pair, 4)]
    events = [*before, small_event("alias", 3, "u-1"), *after, small_event("track", 6, "u-6")]

    sent = await _played("moengage", MOENGAGE, events, failing)

    accepted = [one for one in sent if one.is_accepted and not set(pair).isdisjoint(_ids(one))]
    assert [] == _clashes(sent)
    assert ["bulk", "merge", "bulk"] == [one.endpoint for one in accepted]
    numbers = [[_number(item) for who in pair for item in _of(one, who)] for one in (accepted[0], accepted[2])]
    assert [[1, 2], [4, 5]] == numbers


def _of(sent: Sent, who: str) -> list[dict[str, Any]]:
    """Return the elements of a bulk request that are about a user."""
    return [item for item in sent.items if item.get("customer_id") == who]
