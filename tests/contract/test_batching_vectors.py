"""Batching, offsets and retries of the vendors agree with the golden cases in `tests/vectors/*/batching.jsonl`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.batching_cases import Situation, UnknownWordingError
from tests.batching_sights import Sight, alterations
from tests.golden_cases import cases
from tests.virtual_time import virtual

VENDORS = ("moengage", "moesif", "moveo")
FEWEST = 5
READ = [(vendor, line) for vendor in VENDORS for line in cases(vendor, "batching")]
LINES = [pytest.param(vendor, *line.values, id=f"{vendor} {line.id}") for vendor, line in READ]
TIMELESS = [
    pytest.param(vendor, *line.values, id=f"{vendor} {line.id}")
    for vendor, line in READ
    if not any("at_ms" in one for one in line.values[0]["expected"].get("requests", ()))
]
"""Lines that name no times of requests, which hold only where the server answers at once."""
SLOW_S = 0.3
"""Longer than the pause between two looks at what has become committable."""


async def _played(vendor: str, line: dict[str, Any], latency_s: float = 0.0) -> Sight:
    """Return what is seen when the situation of a line is played."""
    situation = Situation(vendor, line)
    return Sight(situation, await situation.play(latency_s))


@pytest.mark.parametrize(("vendor", "line"), LINES)
@virtual
async def test_what_is_seen_is_what_the_line_says(vendor: str, line: dict[str, Any]) -> None:
    """Requests, times, ids, outcomes and offsets are those of the line when the server answers at once."""
    sight = await _played(vendor, line)

    assert line["expected"] == sight.seen(line["expected"])


@pytest.mark.parametrize(("vendor", "line"), TIMELESS)
@virtual
async def test_a_slow_server_changes_nothing_but_times(vendor: str, line: dict[str, Any]) -> None:
    """The same is seen where answers take longer than the pauses in which offsets are stored."""
    sight = await _played(vendor, line, SLOW_S)

    assert line["expected"] == sight.seen(line["expected"])


@pytest.mark.parametrize(("vendor", "line"), LINES)
@virtual
async def test_nothing_but_what_the_line_says_holds(vendor: str, line: dict[str, Any]) -> None:
    """A line with any one thing in it changed is not what is seen, so each thing in it is looked at."""
    sight = await _played(vendor, line)
    expected = line["expected"]
    if "any_of" in expected:
        (expected,) = filter(sight.holds, expected["any_of"])

    assert [] == list(filter(sight.holds, alterations(expected)))


@pytest.mark.parametrize(
    ("vendor", "given", "expected"),
    [
        ("moveo", {"arrivals": [{"at_ms": 0, "events": 5}, {"at_ms": 29_999, "events": 14}]}, [(30_000, 19)]),
        (
            "moveo",
            {"arrivals": [{"at_ms": 0, "events": 5}, {"at_ms": 29_999, "events": 16}]},
            [(29_999, 20), (59_999, 1)],
        ),
        ("moveo", {"batch": 20, "bytes_each": 30_000}, [(0, 15), (30_000, 5)]),
        ("moengage", {"tracks": 100, "bytes_each": 1_000}, [(0, 94), (500, 6)]),
    ],
)
@virtual
async def test_times_and_sizes_beside_the_lines(
    vendor: str, given: dict[str, Any], expected: list[tuple[int, int]]
) -> None:
    """The interval counts from the oldest event that waits, and a batch that is full by bytes leaves at once."""
    sight = await _played(vendor, {"given": given})

    requests = [{"at_ms": at_ms, "events": count} for at_ms, count in expected]
    assert {"requests": requests} == sight.seen({"requests": requests})


@pytest.mark.parametrize(
    ("vendor", "given", "expected"),
    [
        ("moveo", {"batch": 5, "server": [413, 200, 200]}, {"request_sizes": [5, 3, 2], "delivered": 5}),
        ("moveo", {"batch": 3, "server": [400, 200, 400]}, {"request_sizes": [3, 2, 1], "delivered": 2}),
        ("moveo", {"batch": 3, "server": [401]}, {"request_sizes": [3, 1, 2], "delivered": 3}),
        ("moveo", {"batch": 3, "server": [415]}, {"uploads": 2, "message_ids": "equal in all two", "delivered": 3}),
        ("moveo", {"batch": 3, "server": [429, 408]}, {"sent_at": "three different values", "when": "after the 2xx"}),
        ("moesif", {"tracks": 2, "message_ids": ["m-1", "m-1"]}, {"request_sizes": [2], "delivered": 2}),
        ("moesif", {"users_batch": [402], "actions_batch": []}, {"actions_resent": False, "delivered": 2}),
        ("moengage", {"tracks": 8, "server": [503]}, {"bulk_requests": [8, 8], "delivered": 8}),
    ],
)
@virtual
async def test_answers_beside_the_lines(vendor: str, given: dict[str, Any], expected: dict[str, Any]) -> None:
    """Splits, halves, holds with their probe, plain bodies and waits end as the contracts say."""
    sight = await _played(vendor, {"given": given})

    assert expected == sight.seen(expected)


@pytest.mark.parametrize(
    "line",
    [
        {"given": {"tracks": 1, "wishes": 1}},
        {"given": {"tracks": 1, "server": "answers as it likes"}},
        {"given": {"tracks": 1, "then": "reboot"}},
        {"given": {"arrivals": [{"at_ms": 0, "events": 1, "users": 1}]}},
        {"endpoint": "events/batch", "responses": [], "events": 1},
        {"endpoint": "users/batch", "responses": [{"status": 400, "body": ""}], "events": 1},
        {"given": {"tracks": 1}, "seed": 1},
    ],
)
def test_a_situation_that_is_not_understood_is_an_error(line: dict[str, Any]) -> None:
    """A key or text without a meaning is no reason to play the rest and call it passed."""
    with pytest.raises(UnknownWordingError):
        Situation("moesif", line)


@pytest.mark.parametrize(
    "expected",
    [
        {"speed": 1},
        {"requests": [{"events": 1, "bytes": 1}]},
        {"dead_letter": [{"reason": "http_400", "colour": "red"}]},
        {"dropped": [{"reason": "duplicate", "element": 1}]},
        {"any_of": [{"speed": 1}]},
    ],
)
@virtual
async def test_an_expectation_that_is_not_understood_is_an_error(expected: dict[str, Any]) -> None:
    """What nobody looks at must not count as seen."""
    sight = await _played("moveo", {"given": {"tracks": 1}})

    with pytest.raises(UnknownWordingError):
        sight.seen(expected)


@pytest.mark.parametrize("vendor", VENDORS)
def test_cases_are_all_there(vendor: str) -> None:
    """A file that was cut short would let the tests above pass without proving anything."""
    assert sum(name == vendor for name, _ in READ) >= FEWEST
