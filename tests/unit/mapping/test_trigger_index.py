"""Looking triggers up by what they ask for."""

from __future__ import annotations

from typing import Any

import pytest

from processor.mapping import Trigger
from processor.mapping.index import TriggerIndex
from processor.mapping.triggers.terms import Condition, Constant, Failing, Group, Term, required_texts, without_decided

TRACK, PAGE = Condition(("type",), "=", "track"), Condition(("type",), "=", "page")
FAILING = Failing("it fails")
TRIGGERS = [
    'type = "track" and event = "A"',
    'type = "track" and event = "B" and properties.n = 1',
    'type = "identify" or type = "group"',
    'event = "A" or event = "C"',
    "userId != null",
    'type = "track" and type = "page"',
    'type != "page"',
    '(type = "track" or type = "page") and (event = "A" or event = "C") and userId = "u"',
    'type = "page" or event = "B"',
    '(type = "track" and event = "A") or (type = "page" and event = "C")',
    "properties.n = 1",
]
KINDS: list[Any] = ["track", "identify", "page", "other", None, 5, ["track"], {}]
NAMES: list[Any] = ["A", "B", "C", "D", None, 5, ["A"], {"A": 1}]
EVENTS: list[dict[str, Any]] = [
    {},
    *(
        {"type": kind, "event": name, "userId": user, "properties": {"n": n}}
        for kind in KINDS
        for name in NAMES
        for user, n in (("u", 1), (None, 2))
    ),
]


def _index() -> TriggerIndex[str]:
    """Return the index of all triggers, each standing for itself."""
    return TriggerIndex((text, Trigger.parse_strict(text).term) for text in TRIGGERS)


@pytest.mark.parametrize("event", EVENTS, ids=str)
def test_the_index_finds_what_evaluation_finds(event: dict[str, Any]) -> None:
    """Same triggers, same order, for every kind of type and event, those that are no text included."""
    expected = [text for text in TRIGGERS if Trigger.parse_strict(text).matches(event)]
    assert list(_index().matching(event)) == expected


def test_triggers_for_other_events_are_not_evaluated() -> None:
    """A lookup leaves exactly the candidates that could hold, and a wholly decided one needs no evaluation at all."""
    terms = [(name, Trigger.parse_strict(f'type = "track" and event = "{name}"').term) for name in "ABC"]
    slot = TriggerIndex(terms)._by_type["track"].by_event["B"]
    assert slot.candidates == (("B", None),)
    assert slot.settled == ("B",)


def test_an_empty_index_matches_nothing() -> None:
    """No subscription, no match."""
    assert list(TriggerIndex[str]([]).matching({"type": "track"})) == []


def test_required_texts_may_be_too_wide_but_never_too_narrow() -> None:
    """Conjunctions narrow, disjunctions widen, and one open alternative opens all."""
    track, page = Condition(("type",), "=", "track"), Condition(("type",), "=", "page")
    open_ended = Condition(("type",), "!=", "track")
    assert required_texts(track, "type") == frozenset({"track"})
    assert required_texts(track, "event") is None
    assert required_texts(Group("or", (track, page)), "type") == frozenset({"track", "page"})
    assert required_texts(Group("or", (track, open_ended)), "type") is None
    assert required_texts(Group("and", (track, open_ended)), "type") == frozenset({"track"})
    assert required_texts(Group("and", (track, page)), "type") == frozenset()


def test_only_what_a_lookup_decides_is_dropped() -> None:
    """What says more than the choice of a text stays."""
    track, user = Condition(("type",), "=", "track"), Condition(("userId",), "!=", None)
    assert without_decided(track, ("type",)) is None
    assert without_decided(track, ("event",)) == track
    assert without_decided(Group("and", (track, user)), ("type",)) == user
    assert without_decided(Group("and", (track, user, user)), ("type",)) == Group("and", (user, user))
    assert without_decided(Group("or", (track, user)), ("type",)) == Group("or", (track, user))


@pytest.mark.parametrize(
    ("term", "required", "left"),
    [
        (FAILING, None, FAILING),
        (Constant(holds=True), None, Constant(holds=True)),
        (Constant(holds=False), frozenset(), Constant(holds=False)),
        (Group("and", (FAILING, TRACK)), None, Group("and", (FAILING, TRACK))),
        (Group("and", (TRACK, FAILING, PAGE)), frozenset({"track"}), Group("and", (FAILING, PAGE))),
        (
            Group("and", (Group("or", (TRACK, PAGE)), FAILING, TRACK)),
            frozenset({"track", "page"}),
            Group("and", (FAILING, TRACK)),
        ),
        (Group("or", (TRACK, FAILING)), None, Group("or", (TRACK, FAILING))),
        (
            Group("and", (Group("and", (TRACK, FAILING)), PAGE)),
            frozenset({"track"}),
            Group("and", (Group("and", (TRACK, FAILING)), PAGE)),
        ),
    ],
)
def test_a_lookup_never_hides_a_failure(term: Term, required: frozenset[str] | None, left: Term) -> None:
    """What stands behind a condition that can fail decides nothing: evaluation would not come to it."""
    assert required_texts(term, "type") == required
    assert without_decided(term, ("type",)) == left
