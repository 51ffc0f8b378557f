"""Two readings of Moesif's contract agree: the plain one of `tests/reference` and the product's, stand-in included."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from functools import cache, reduce
from itertools import islice
from operator import getitem
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from processor.destinations.golden import event_results
from processor.sandbox.events import EventSettings, made_events
from processor.sandbox.vendor import Accepted
from tests.golden_cases import NOW, RECORD, REQUIRED, cases, expanded
from tests.reference.comparison import exact, json_values
from tests.reference.moesif import Reference
from tests.reference.moesif_mapping import Arrival, Outcome, Settings, outcome
from tests.reference.odd_events import mixed_events
from tests.standin_requests import NOW_S, moesif, standin

CASES = cases("moesif", "events")
NOW_MS: Final = int(NOW_S * 1000)
RECORD_MS: Final = NOW_MS - 1_877
CALLER: Final = "192.0.2.9"
PATHS: Final = {"action": "actions", "user": "users", "company": "companies"}
TO_BE_EXPECTED: Final = frozenset({"metadata_type_conflict"})
"""What the stand-in finds amiss in events in which anything may stand anywhere."""
OF_FEW: Final = EventSettings(count=400, user_count=12, bad_share=0.05)
WHOLE: Final[dict[str, Any]] = {
    "messageId": "m-1",
    "userId": "u-501",
    "anonymousId": "anon-19",
    "event": "Cart Opened",
    "groupId": "org-7",
    "timestamp": NOW,
    "originalTimestamp": "2026-03-15T11:59:57Z",
    "receivedAt": 1_773_575_996,
    "sentAt": NOW,
    "name": "Pricing",
    "category": "Docs",
    "integrations": {"All": False, "Moesif API Analytics": True},
    "properties": {"url": "https://shop.example/cart", "name": "Cart", "category": "Shop"},
    "traits": {
        "firstName": "Kai",
        "lastName": "Ng",
        "avatar": "a.png",
        "username": "kai",
        "company": {"id": "org-8"},
        "domain": "WWW.orchard.example",
        "company_domain": "orchard.test",
        "website": "https://www.orchard.org:81/x",
    },
    "context": {
        "ip": "203.0.113.9",
        "userAgent": "DemoBrowser/9",
        "groupId": "org-9",
        "traits": {"company": {"id": "org-10"}},
        "page": {"url": "https://shop.example/?gclid=G1", "search": "?gclid=G2", "referrer": "https://blog.example/9"},
        "referrer": {"url": "http://forum.example"},
        "campaign": {"source": "news", "medium": "email", "name": "spring", "term": "pears", "content": "hero"},
    },
}
"""An event with every member that is read of any type."""
INSTEAD: Final[tuple[object, ...]] = (
    *(None, True, 7, 2.5, " ", "text", [], ["x"], {}, {"id": 5}),
    *("https://shop.example/other", "HTTPS://www.Orchard.example:81/a?gclid=G3#b", "2001:db8::5"),
    *("2026-03-15 11:59:56.9999+02:00", 1_773_575_995_250.5),
)
"""What stands in the place of each of its members in turn."""


def _with_one_changed() -> Iterator[object]:
    """Yield the whole event as each type, and then without each of its members or with something else there."""
    for type_ in ("track", "page", "screen", "identify", "group"):
        yield WHOLE | {"type": type_}
        for *parents, name in _paths(WHOLE):
            for value in (..., *INSTEAD):
                event = deepcopy(WHOLE | {"type": type_})
                holder = reduce(getitem, parents, event)
                del holder[name]
                if value is not ...:
                    holder[name] = value
                yield event


def _paths(value: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the path of every member, those of members too."""
    for name, member in value.items():
        yield (name,)
        if isinstance(member, dict):
            yield from ((name, *path) for path in _paths(member))


RUNS: Final[Mapping[str, Callable[[], Iterable[object]]]] = {
    "one changed": _with_one_changed,
    "anything anywhere": lambda: json_values(islice(mixed_events(7, NOW_MS), 3_000)),
    "much of few": lambda: json_values(made_events(OF_FEW, NOW_MS)),
    "each twice": lambda: (value for value in json_values(made_events(OF_FEW, NOW_MS)) for _ in range(2)),
}


def _arrival(offset: int) -> Arrival:
    """Return how the record at an offset came, otherwise as the cases say."""
    return Arrival(RECORD_MS, ("segment.events", 3, offset), NOW_MS)


def _form(found: Outcome) -> dict[str, Any]:
    """Return an outcome as the cases write it."""
    warnings = {"warnings": sorted(found.warnings)}
    if found.dropped:
        return warnings | {"dropped": found.dropped}
    if found.dead_letter:
        return warnings | {"dead_letter": found.dead_letter}
    return warnings | {"ops": [{kind: members} for kind, members in found.operations]}


@pytest.mark.parametrize("case", CASES)
def test_reference_gives_what_the_case_says(case: dict[str, Any]) -> None:
    """Every event of the golden cases comes to the operations, the reason and the warnings of its case."""
    found = outcome(expanded(case["event"]), _arrival(1_042), Settings(**case["settings"]))

    assert expanded(case["expected"]) | {"warnings": sorted(case.get("warnings", []))} == _form(found)


class _Step(NamedTuple):
    """A record's value in a run, and what the product makes of it, as the cases write it."""

    arrival: Arrival
    event: object
    mapped: dict[str, Any]


@cache
def _steps(run: str) -> list[_Step]:
    """Return the steps of a run, in order."""
    product = event_results("moesif", REQUIRED["moesif"])
    steps = []
    for offset, event in enumerate(RUNS[run]()):
        mapped = product(event, RECORD | {"offset": offset}, NOW)
        mapped["warnings"].sort()
        steps.append(_Step(_arrival(offset), event, mapped))
    return steps


@pytest.mark.parametrize("run", RUNS)
def test_product_maps_as_the_reference_does(run: str) -> None:
    """Each event comes to the same operations, reasons and warnings."""
    for step in _steps(run):
        assert exact(_form(outcome(step.event, step.arrival, Settings()))) == exact(step.mapped), step.event


@pytest.mark.parametrize("run", RUNS)
def test_stand_in_knows_what_the_reference_does(run: str) -> None:
    """Everything is accepted, and each user, visitor and company is known by all that was said of it."""
    workspace, reference = standin("moesif"), Reference(caller_address=CALLER)
    for step in _steps(run):
        reference.take(step.event, *step.arrival)
        for operation in step.mapped.get("ops", ()):
            ((kind, members),) = operation.items()
            said = moesif(PATHS[kind], members).put_to(workspace, peer=CALLER)
            assert isinstance(said, Accepted), said
            assert set(said.findings) <= TO_BE_EXPECTED
    lines = [json.loads(msgspec.json.encode(line)) for line in workspace.state(None)]
    for line in lines:
        del line["late_count"]  # hangs on when the requests came
    assert sorted(map(exact, reference.state())) == sorted(map(exact, lines))
    assert {"user", "company"} <= {line["kind"] for line in lines}
