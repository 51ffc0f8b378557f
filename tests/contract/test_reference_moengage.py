"""The slow reference of MoEngage says what the golden cases say, and the bridge and the stand-in say what it does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from random import Random
from typing import Any, Final

import msgspec
import pytest

from processor.destinations.golden import event_results
from processor.sandbox.events import EventSettings, made_events
from processor.sandbox.moengage_settings import MoEngageWorkspace
from processor.sandbox.settings import SandboxSettings
from processor.sandbox.vendor import Accepted
from tests.golden_cases import NOW, RECORD, REQUIRED, cases, expanded
from tests.reference.comparison import exact, json_values
from tests.reference.moengage import Reference
from tests.reference.moengage_mapping import Settings, what_is_sent
from tests.reference.moengage_names import snake_case
from tests.reference.odd_events import mixed_events
from tests.reference.settings import EVERYTHING
from tests.standin_requests import NOW_S, Ask, moengage, standin

NOW_MS: Final = int(NOW_S * 1000)
RECORD_MS: Final = NOW_MS - 1_877
SETTINGS: Final = dict(EVERYTHING["moengage"])
CASES: Final = cases("moengage", "payloads")
NOT_FOLLOWED: Final = frozenset({"mode", "nested"})
"""Settings that the run with everything leaves alone: Segment's own endpoint, and objects that stay objects."""
FOLLOWED: Final = [case for case in CASES if not NOT_FOLLOWED & case.values[0]["settings"].keys()]
ROOMY: Final = SandboxSettings(moengage=MoEngageWorkspace(user_attribute_count=100_000))
TO_BE_EXPECTED: Final = frozenset({"unknown_user", "time_with_offset"})
"""What the stand-in finds amiss: merges of whom it does not know, and times of a day that there is not."""
FEW: Final = ("u-1", "u-2", "u-3", "u-4")

KEYS: Final = (
    *("firstName", "first_name", "FIRST-NAME", "firstname", "phone", "mobile", "Email", "createdAt", "created_time"),
    *("id", "_id", "$id", "status", "segment_status", "userId", "source", "moeGaid", "moe_unsubscribe", "moe_x"),
    *(
        "MOE_spam",
        "moe_project_name",
        "name",
        "category",
        "url",
        "referrer",
        "groupId",
        "group_id",
        "first",
        "birthday",
    ),
    *("a", "a_b", "aB", "A.b", "b", "c", "b_c", "count", "products", "products_count", "ABcD", "ABCde", "a1B", "1A"),
    *("x" * 205, "x" * 199 + "_y", "x" * 199 + "Y", "", "$", "E\u0301a", "ǅungla", "ΣΑΣ", "İx", "٣x", "x²", "\ud83d"),
)
"""Names that meet each other in one, or that MoEngage does not take as they are."""
VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1.5, 14.0, -0.0, 2**63, 2**63 - 1, -(2**63) - 1, 10**30, 1e300, 1e-7, 1e-5, 1.2e20),
    *("", "  ", "x" * 600, "a\ud83d", "😀" * 300, "https://e.example/" + "a" * 600, "https://e.example/?" + "q" * 600),
    *("HTTP://e.example/" + "a" * 600, "https://e.example/#" + "q" * 600, "2026-04-01", "2026-04-01T20:15:00"),
    *("2026-04-01T20:15:00Z", "2026-04-01T20:15:00.123456Z", "2026-04-01T20:15:00.5+0200", "2026-04-01T20:15+02"),
    *("2026-02-30T20:15:00+02:00", "0001-01-01T00:00:00+02:00", "2026-04-01T20:15:00+23:59", " 2026-04-01T20:15Z"),
)
"""Scalars that are sent in another form, or not at all, or look so."""
IDS: Final[tuple[Any, ...]] = (
    *("cust-1", " cust-2 ", "Guest", "a", "\ud83d", "\ufeff", 0, 12.0, -1.5, 10**30, 1e300, True, None, {}, []),
)
TIMES: Final[tuple[Any, ...]] = (
    *("2026-03-15T11:59:30.250Z", "2026-03-15T12:05:00Z", "2026-03-15T12:05:00.001Z", "2026-03-15", "1773575970", ""),
    *("2026-03-15T13:59:30.1234567+02:00", " 2026-03-15 11:59 ", "2026-02-30T00:00:00Z", "0001-01-01T00:00+10:00"),
    *(1_773_575_970, 1_773_575_970_250.7, 99_999_999_999, 1e11, -1.5, 10**30, 1e300, True, None, []),
)
CONTEXT: Final[Mapping[str, Mapping[str, tuple[Any, ...]]]] = {
    "device": {
        "type": ("ios", " iPadOS", "ANDROID", "tvOS", "desktop", 0),
        "id": ("d-1", 7, ""),
        "token": ("t-1", " t ", 5, ""),
        "model": ("m", 3, ""),
        "advertisingId": ("AD", 4, ""),
    },
    "os": {"name": ("iOS", "Android", "linux", None), "version": ("17.4", 2.0, "")},
    "app": {"version": ("1.0", 2.5, True, " 6 ")},
    "library": {"name": ("analytics.js", "analytics-next", "Analytics.js")},
    "page": {"url": ("https://e.example", "", 1)},
}


def _hard(chance: Random) -> Iterator[object]:
    """Yield events of names and values that are hard to get right."""
    for _ in range(1_500):
        event: dict[str, Any] = {name: _bag(chance) for name in ("properties", "traits")}
        event["context"] = _context(chance)
        event["type"] = chance.choice(("track", "identify", "page", "screen", " GROUP ", "alias"))
        event["userId"] = "cust-1" if chance.random() < 0.8 else chance.choice(IDS)
        for name in ("timestamp", "receivedAt", "sentAt"):
            if chance.random() < 0.6:
                event[name] = chance.choice(TIMES)
        for name in ("event", "name", "category", "groupId", "previousId"):
            if chance.random() < 0.8:
                event[name] = chance.choice((*IDS, *VALUES, "cart.opened", "Moe_x"))
        if chance.random() < 0.1:
            event[chance.choice(("properties", "traits", "context"))] = chance.choice((0, None, "", [1]))
        yield event


def _context(chance: Random) -> dict[str, Any]:
    """Return a context of which some parts are not what they should be."""
    context: dict[str, Any] = {"timezone": chance.choice(("Europe/Berlin", "Nope/No", "../etc", "", 0, None))}
    for part, members in CONTEXT.items():
        chosen = {name: chance.choice(values) for name, values in members.items() if chance.random() < 0.6}
        context[part] = chosen if chance.random() < 0.9 else chance.choice((0, None, "", []))
    return context | {"traits": _bag(chance) if chance.random() < 0.3 else None}


def _bag(chance: Random, depth: int = 0) -> dict[str, Any]:
    return {chance.choice(KEYS): _value(chance, depth) for _ in range(chance.randrange(7))}


def _value(chance: Random, depth: int) -> Any:  # noqa: ANN401 - any JSON value
    """Return a scalar, an object, a list of scalars, or a list of objects and what may stand among them."""
    kind = chance.random()
    if depth > 1 or kind < 0.6:
        return chance.choice(VALUES)
    if kind < 0.75:
        return _bag(chance, depth + 1)
    if kind < 0.8:
        return chance.choices(VALUES, k=60)
    items = range(chance.randrange(4))
    return [_bag(chance, depth + 1) if chance.random() < 0.6 else _value(chance, depth + 1) for _ in items]


def _of_few(chance: Random) -> Iterator[object]:
    """Yield what a few users do, who are merged, deleted and there again, and whose devices change hands."""
    for number in range(600):
        user, other = chance.choice(FEW), chance.choice(FEW)
        device = {"id": f"d-{chance.choice(FEW)}", "token": f"t-{chance.choice(FEW)}", "type": "ios"}
        context = {"device": device | ({"advertisingId": other} if number % 3 else {})}
        traits = {"createdAt": number, other: number}
        yield {"userId": user, "messageId": f"m-{number}", "timestamp": NOW} | chance.choice(
            (
                {"type": "track", "event": f"Step {number}"},
                {"type": "identify", "traits": traits, "context": context},
                {"type": "identify", "traits": traits},
                {"type": "alias", "previousId": other},
                {"type": "delete"} if chance.random() < 0.3 else {"type": "page"},
            )
        )


RUNS: Final[Mapping[str, Callable[[], Iterable[object]]]] = {
    "anything anywhere": lambda: json_values(mixed_events(7, NOW_MS, count=3_000, user_count=100)),
    "hard names and values": lambda: _hard(Random(7)),
    "merged and deleted": lambda: _of_few(Random(7)),
    "made up": lambda: json_values(made_events(EventSettings(count=400, user_count=12, bad_share=0.05), NOW_MS)),
}


@pytest.mark.parametrize("case", FOLLOWED)
def test_reference_says_what_the_case_says(case: dict[str, Any]) -> None:
    """An event gives the elements, request, skip or refusal of the case, with exactly its warnings."""
    settings = Settings(**expanded(case["settings"]))
    found = what_is_sent(expanded(case["event"]), RECORD_MS, NOW_MS, settings)

    assert expanded(case["expected"]) | {"warnings": sorted(case.get("warnings", []))} == _golden(found)


@pytest.mark.parametrize("case", cases("moengage", "snake_case"))
def test_reference_spells_keys_as_the_case_does(case: dict[str, Any]) -> None:
    """A key becomes what the case says of rule R; the bag of the one case without a key is flattened."""
    if isinstance(case["input"], str):
        assert case["expected"]["snake"] == snake_case(case["input"])
        return
    event = {"type": "track", "userId": "cust-1", "event": "x", "properties": case["input"]}
    (element,) = what_is_sent(event, RECORD_MS, NOW_MS, Settings())["elements"]
    assert case["expected"]["flattened"] == element["actions"][0]["attributes"]


@cache
def _steps(run: str) -> list[tuple[object, dict[str, Any]]]:
    """Return the events of a run, each with what the bridge makes of it."""
    result_of = event_results("moengage", REQUIRED["moengage"] | SETTINGS)
    return [(event, _golden(result_of(event, RECORD, NOW))) for event in RUNS[run]()]


@pytest.mark.parametrize("run", RUNS)
def test_bridge_makes_of_each_event_what_the_reference_does(run: str) -> None:
    """Elements, request, skip or refusal, and warnings, of every event, the odd ones among them."""
    for event, mapped in _steps(run):
        assert exact(_golden(what_is_sent(event, RECORD_MS, NOW_MS, Settings(**SETTINGS)))) == exact(mapped), event


@pytest.mark.parametrize("run", RUNS)
def test_standin_knows_what_the_reference_does(run: str) -> None:
    """Nothing is refused but what nobody can be, and every user is known by all that was said of them, in order."""
    workspace, reference = standin("moengage", ROOMY), Reference(**SETTINGS)
    for offset, (event, mapped) in enumerate(_steps(run)):
        reference.take(event, RECORD_MS, ("segment.events", 3, offset), NOW_MS)
        for ask in _asks(mapped):
            said = ask.put_to(workspace)
            assert isinstance(said, Accepted) or said.reason == "unknown_user", said
            assert set(getattr(said, "findings", ())) <= TO_BE_EXPECTED
    lines = [json.loads(msgspec.json.encode(line)) for line in workspace.state(None)]
    assert sorted(map(exact, reference.state())) == sorted(map(exact, lines))
    assert any(line["kind"] == "user" for line in lines)


def test_cases_are_all_but_a_few_followed() -> None:
    """Of the golden cases only P085, P137, P139 and P141 name a setting that is not followed."""
    left = [case.values[0]["id"] for case in CASES if case not in FOLLOWED]
    assert left == ["P085", "P137", "P139", "P141"]


def test_reference_takes_a_message_once() -> None:
    """A repeat of a message id changes nothing."""
    reference = Reference(**SETTINGS)
    event = {"type": "track", "messageId": "m-1", "userId": "cust-1", "event": "Cart Opened"}
    for offset in range(2):
        reference.take(event, RECORD_MS, ("segment.events", 3, offset), NOW_MS)
    (user,) = reference.state()
    assert [event["action"] for event in user["events"]] == ["Cart Opened"]


def _asks(mapped: dict[str, Any]) -> list[Ask]:
    """Return the requests that bring what the bridge has made of an event."""
    if "elements" in mapped:
        return [moengage(*mapped["elements"])]
    if "request" not in mapped:
        return []
    path, _, app_id = mapped["request"]["path"].partition("?app_id=")
    return [Ask("moengage", path, mapped["request"]["body"], query={"app_id": app_id})]


def _golden(found: dict[str, Any]) -> dict[str, Any]:
    """Return what came of an event with its warnings in one order."""
    return found | {"warnings": sorted(found["warnings"])}
