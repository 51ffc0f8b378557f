"""The ceilings of the vendors' contracts hold to the item and to the byte, and order holds across batches.

Played through a whole pipeline; the numbers stand here as the contracts give them, not as the code has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import pytest

from processor.model import Event
from tests.vendor_bench import Sent, VendorBench, make_destination, one_longer, sized, small_event
from tests.virtual_time import virtual


class Route(NamedTuple):
    """A batch route: the events that lead to it, its ceilings, and how long it waits for a batch to fill.

    `many` is a number of events that are bounded by bytes alone.
    """

    vendor: str
    kind: str
    endpoint: str
    max_count: int
    max_bytes: int
    wait_ms: int
    many: int
    settings: Mapping[str, Any] = MappingProxyType({})


MOVEO: Final = Route("moveo", "track", "events", 20, 475_000, 30_000, 19)
ACTIONS: Final = Route("moesif", "track", "actions", 250, 5_000_000, 2_000, 6)
USERS: Final = Route("moesif", "identify", "users", 100, 240_000, 2_000, 9)
COMPANIES: Final = Route("moesif", "group", "companies", 100, 240_000, 2_000, 9)
BULK: Final = Route("moengage", "track", "bulk", 200, 95_000, 500, 10)
CUSTOMERS: Final = Route("moengage", "identify", "bulk", 200, 95_000, 500, 10)
MERGE: Final = Route("moengage", "alias", "merge", 50, 0, 500, 0, {"alias": "merge"})
SIZED_ROUTES: Final = (MOVEO, ACTIONS, USERS, COMPANIES, BULK, CUSTOMERS)
WRAPPERS: Final = {"moveo": '{"events":[]}', "moesif": "[]", "moengage": '{"type":"transition","elements":[]}'}
STAMP: Final = ',"sentAt":"2026-03-15T12:00:00.000Z"'
LARGEST: Final = {"moveo": 32_000, "moesif": 1_000_000, "moengage": 95_000}
"""The bytes of the largest item that each vendor takes."""


def _name(route: Route) -> str:
    """Return what a test of a route is called by."""
    return f"{route.vendor}-{route.kind}"


by_route = pytest.mark.parametrize("route", [*SIZED_ROUTES, MERGE], ids=_name)
by_sized_route = pytest.mark.parametrize("route", SIZED_ROUTES, ids=_name)


def _events(kind: str, count: int) -> list[Event]:
    """Return small events, each of a user of its own; a group is about a company of its own."""
    return [small_event(kind, number, f"u-{number}") for number in range(1, count + 1)]


async def _played(route: Route, events: list[Event]) -> list[Sent]:
    """Return the requests to a route when events are read at once, each of which is delivered."""
    async with VendorBench(route.vendor, route.settings) as bench:
        bench.read(events)
        await bench.settle()
        assert len(events) == sum(bench.outcomes("delivered").values())
        return [one for one in bench.requests if one.endpoint == route.endpoint]


def _shape(requests: list[Sent]) -> list[tuple[int, int]]:
    """Return when each request set out and how many items it held."""
    return [(one.at_ms, len(one.items)) for one in requests]


@by_route
@virtual
async def test_a_batch_is_full_at_exactly_its_count(route: Route) -> None:
    """As many as the ceiling says leave at once, one less waits for its time, and one more is left for the next."""
    count = route.max_count

    assert [(0, count)] == _shape(await _played(route, _events(route.kind, count)))
    assert [(route.wait_ms, count - 1)] == _shape(await _played(route, _events(route.kind, count - 1)))
    assert [(0, count), (route.wait_ms, 1)] == _shape(await _played(route, _events(route.kind, count + 1)))


@by_sized_route
@virtual
async def test_a_batch_is_full_at_exactly_its_bytes(route: Route) -> None:
    """A body of exactly the ceiling leaves whole and at once; one byte more, and the last item stays for the next."""
    events = _filling(route)

    (whole,) = await _played(route, events)
    parts = await _played(route, [*events[:-1], one_longer(events[-1])])

    assert (0, route.many, route.max_bytes) == (whole.at_ms, len(whole.items), len(whole.body))
    assert [(0, route.many - 1), (route.wait_ms, 1)] == _shape(parts)


@by_sized_route
@virtual
async def test_a_batch_below_its_bytes_waits(route: Route) -> None:
    """One byte below the ceiling a batch is not full yet."""
    events = _filling(route, missing=1)

    (whole,) = await _played(route, events)

    assert (route.wait_ms, route.max_bytes - 1) == (whole.at_ms, len(whole.body))


def _filling(route: Route, missing: int = 0) -> list[Event]:
    """Return events whose items make a body of exactly the route's bytes, less those that are missing."""
    stamp_bytes = len(STAMP) if route.vendor == "moveo" else 0
    left = route.max_bytes - len(WRAPPERS[route.vendor]) - (route.many - 1) - route.many * stamp_bytes - missing
    sizes = [left // route.many + (index < left % route.many) for index in range(route.many)]
    destination = make_destination(route.vendor, route.settings)
    return [sized(destination, one, size) for one, size in zip(_events(route.kind, route.many), sizes, strict=True)]


@pytest.mark.parametrize("route", [MOVEO, ACTIONS, USERS, COMPANIES, CUSTOMERS], ids=_name)
@virtual
async def test_an_item_may_be_exactly_so_large(route: Route) -> None:
    """The largest item is delivered, alone where a request has no room for another; one byte more is a dead letter."""
    first, second, third = _events(route.kind, 3)
    async with VendorBench(route.vendor, route.settings) as bench:
        largest = sized(bench.destination, second, LARGEST[route.vendor])
        bench.read([first, largest, one_longer(largest), third])
        await bench.settle()

        assert ["event_too_large"] == bench.letters.reasons
        assert [1, 2, 3] == sorted(number for one in bench.requests for number in one.numbers)
        assert all(len(one.items) == 1 for one in bench.requests if len(one.body) > route.max_bytes)


@virtual
async def test_moesifs_endpoints_fill_batches_of_their_own() -> None:
    """Companies, users and actions fill up beside each other, each to its own ceiling."""
    kinds = {"group": 101, "identify": 101, "track": 251}
    events = [one for kind, count in kinds.items() for one in _events(kind, count)]
    async with VendorBench("moesif", {"group_links_user": False}) as bench:
        bench.read(events)
        await bench.settle()

        sizes = {name: bench.sizes(name) for name in ("companies", "users", "actions")}
    assert {"companies": [100, 1], "users": [100, 1], "actions": [250, 1]} == sizes


@virtual
async def test_a_deletion_names_one_user() -> None:
    """Deletions that wait together are a request each."""
    async with VendorBench("moengage", {"delete_users": True}) as bench:
        bench.read(_events("delete", 3))
        await bench.settle()

        named = [[item["identity_value"] for item in one.items] for one in bench.requests]
    assert [["u-1"], ["u-2"], ["u-3"]] == named
