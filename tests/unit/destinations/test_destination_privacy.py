"""Privacy: what is dropped, hashed and cut, on which paths, and that the event itself stays as it was."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from processor.config import Secret
from processor.config.secret import PLAIN_SECRETS
from processor.destinations.gates import Gates, GateSettings
from processor.destinations.privacy import Privacy
from processor.destinations.privacy_settings import PrivacySettings
from processor.model import Rejected, Skipped

GONE = "(gone)"


def _settings(**settings: Any) -> PrivacySettings:  # noqa: ANN401 - any setting
    """Return validated settings; a salt may be written literally."""
    return PrivacySettings.model_validate(settings, context={PLAIN_SECRETS: True})


def _applied(event: Any, **settings: Any) -> Any:  # noqa: ANN401 - any JSON value, any setting
    """Return what privacy makes of an event, having checked that the event itself is as it was."""
    before = copy.deepcopy(event)
    result = Privacy(_settings(**settings)).applied(event)
    assert event == before
    return result


def _sha256(text: str) -> str:
    """Return the hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("path", "event", "result"),
    [
        ("$.context.ip", {"context": {"ip": "203.0.113.9", "page": {}}}, {"context": {"page": {}}}),
        ("context.ip", {"context": {"ip": "203.0.113.9"}}, {"context": {}}),
        ("$.userId", {"userId": 7, "event": "A"}, {"event": "A"}),
        ("$.traits", {"traits": {"email": "x"}, "event": "A"}, {"event": "A"}),
        ("$.traits['email']", {"traits": {"email": "x"}}, {"traits": {}}),
        ("$.properties.$email", {"properties": {"$email": "x"}}, {"properties": {}}),
        ("$.cards.0", {"cards": ["a", "b"]}, {"cards": ["b"]}),
        ("$.cards[1].number", {"cards": [{"number": 1}, {"number": 2}]}, {"cards": [{"number": 1}, {}]}),
        ("$.cards.number", {"cards": [{"number": 1}, 5, {"number": 2, "to": 3}]}, {"cards": [{}, 5, {"to": 3}]}),
        ("$.cards.number", {"cards": [[{"number": 1}], [[{"number": 2}]]]}, {"cards": [[{}], [[{}]]]}),
        ("$.a.b.c", {"a": [{"b": [{"c": 1}, {"c": 2}]}, {"b": {"c": 3}}]}, {"a": [{"b": [{}, {}]}, {"b": {}}]}),
        ("$.a.0", {"a": {"0": "x", "1": "y"}}, {"a": {"1": "y"}}),
        ("$.a.01", {"a": [{"01": "x"}]}, {"a": [{}]}),
        ("$.a.length", {"a": [{"length": 3}]}, {"a": [{}]}),
        ("$.traits.email", {"traits": {"email": None}}, {"traits": {}}),
    ],
)
def test_what_a_path_leads_to_is_dropped(path: str, event: Any, result: Any) -> None:  # noqa: ANN401 - JSON
    """Keys of objects, positions in lists, and the items of a list where keys are left to walk."""
    assert _applied(event, drop=[path]) == result


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"context": None},
        {"context": {}},
        {"context": "text"},
        {"context": 7},
        {"context": []},
        {"context": ["ip", {"page": 1}]},
        {"other": {"ip": "203.0.113.9"}},
    ],
)
def test_an_event_without_anything_private_is_not_even_copied(event: dict[str, Any]) -> None:
    """Where nothing stands at the paths the same object comes back."""
    settings = _settings(
        drop=["$.context.ip", "$.context.4"],
        hash={"paths": ["$.traits.email"]},
        truncate=[{"path": "$.note", "length": 2}],
    )
    assert Privacy(settings).applied(event) is event


def test_only_the_containers_along_a_path_are_copied() -> None:
    """Neighbours are shared with the event, and the event keeps all that it had."""
    event: dict[str, Any] = {"context": {"ip": "203.0.113.9", "page": {"url": "/"}}, "traits": {"a": 1}}
    result = Privacy(_settings(drop=["$.context.ip"])).applied(event)
    assert result == {"context": {"page": {"url": "/"}}, "traits": {"a": 1}}
    assert result["context"]["page"] is event["context"]["page"]
    assert result["traits"] is event["traits"]
    assert event["context"]["ip"] == "203.0.113.9"


@pytest.mark.parametrize(
    ("value", "hashed"),
    [
        ("Ada@Example.com ", _sha256("Ada@Example.com ")),
        ("josé", _sha256("josé")),
        ("half \ud800 a letter", _sha256("half \N{REPLACEMENT CHARACTER} a letter")),
        (7, _sha256("7")),
        (7.0, _sha256("7")),
        (1e21, _sha256("1e+21")),
        (0.1, _sha256("0.1")),
        (10**400, _sha256("Infinity")),
        ("", ""),
        (None, None),
        (True, GONE),
        (False, GONE),
        ([], GONE),
        (["ada@example.com"], GONE),
        ({}, GONE),
        ({"email": "ada@example.com"}, GONE),
    ],
)
def test_what_is_hashed(value: Any, hashed: Any) -> None:  # noqa: ANN401 - any JSON value
    """Texts and numbers are hashed, null and empty text hide nothing, and anything else is dropped."""
    assert _applied({"a": {"x": value}}, hash={"paths": ["$.a.x"]})["a"].get("x", GONE) == hashed


def test_a_salt_stands_before_the_value() -> None:
    """So that whoever knows the salt can make the same hash with any tool."""
    result = _applied({"a": "x", "b": "y"}, hash={"paths": ["$.a", "$.b"], "salt": "pepper"})
    assert result == {"a": _sha256("pepperx"), "b": _sha256("peppery")}


@pytest.mark.parametrize(
    ("value", "hashed"),
    [(" Ada@Example.COM\n", _sha256("ada@example.com")), (" \ufeff", ""), (1e21, _sha256("1e+21"))],
)
def test_texts_can_be_normalised_first(value: Any, hashed: str) -> None:  # noqa: ANN401 - any JSON value
    """Trimmed and in lower case, as vendors that match hashed addresses have it; numbers stay as they print."""
    assert _applied({"a": value}, hash={"paths": ["$.a"], "normalise": True}) == {"a": hashed}


def test_the_salt_is_read_once() -> None:
    """A salt that changes in its file while the destination runs must not give one value two hashes."""
    salt = Secret("pepper")
    privacy = Privacy(PrivacySettings.model_validate({"hash": {"paths": ["$.a"], "salt": salt}}))
    salt._value = "another"
    assert privacy.applied({"a": "x"}) == {"a": _sha256("pepperx")}


@pytest.mark.parametrize(
    ("value", "cut"),
    [
        ("abcdef", "abc"),
        ("abc", "abc"),
        ("", ""),
        ("a\N{GRINNING FACE}bcd", "a\N{GRINNING FACE}b"),
        (123456, 123456),
        (None, None),
        (["abcdef"], ["abcdef"]),
        ({"a": "abcdef"}, {"a": "abcdef"}),
    ],
)
def test_texts_are_cut(value: Any, cut: Any) -> None:  # noqa: ANN401 - any JSON value
    """To so many characters; what is no text stays as it is."""
    assert _applied({"note": value}, truncate=[{"path": "$.note", "length": 3}]) == {"note": cut}


def test_dropped_before_hashed_before_cut() -> None:
    """Whatever the order in the file; the shorter of two lengths counts."""
    result = _applied(
        {"both": "x", "hashed": "y", "cut": "abcdef"},
        truncate=[{"path": path, "length": length} for path in ("$.hashed", "$.both", "$.cut") for length in (8, 4)],
        hash={"paths": ["$.both", "$.hashed"]},
        drop=["$.both"],
    )
    assert result == {"hashed": _sha256("y")[:4], "cut": "abcd"}


def test_a_value_to_which_two_paths_lead_is_hashed_once() -> None:
    """By its position and as an item, or by one path written twice: one value, one hash."""
    paths = ["$.a.0.x", "$.a.x", "a['x']", "$.a.1.b.x", "$.a.b.0.x"]
    result = _applied({"a": [{"x": "p"}, {"x": "q", "b": [{"x": "r"}, {"x": "s"}]}]}, hash={"paths": paths})
    assert result == {"a": [{"x": _sha256("p")}, {"x": _sha256("q"), "b": [{"x": _sha256("r")}, {"x": _sha256("s")}]}]}


def test_positions_are_those_of_the_event() -> None:
    """Dropping the first item does not make the second one the first."""
    assert _applied({"a": ["x", "y", "z"]}, drop=["$.a.0", "$.a.1"]) == {"a": ["z"]}


def test_a_path_and_one_that_goes_on_from_it() -> None:
    """What is within a dropped value is gone with it; beside a cut text, what is within an object is hashed."""
    settings: dict[str, Any] = {
        "drop": ["$.a"],
        "hash": {"paths": ["$.a.b", "$.c.d"]},
        "truncate": [{"path": "$.c", "length": 1}],
    }
    assert _applied({"a": {"b": 1}, "c": {"d": "x"}}, **settings) == {"c": {"d": _sha256("x")}}
    assert _applied({"c": "xyz"}, **settings) == {"c": "x"}


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("$", "names the whole event"),
        ("", "names the whole event"),
        ("$.", "names the whole event"),
        ("$.type", "`type` says what the event is"),
        ("$context.ip", "a path begins with `$.`"),
        (" $.context.ip", "a blank at its beginning or end"),
        ("$.context.ip\n", "a blank at its beginning or end"),
        ("$.items[].email", "leave `[]` and `*` out"),
        ("$.items[*].email", "leave `[]` and `*` out"),
        ("$.items.*.email", "leave `[]` and `*` out"),
    ],
)
@pytest.mark.parametrize("place", ["drop", "hash", "truncate"])
def test_paths_that_would_hide_nothing_are_refused(path: str, why: str, place: str) -> None:
    """A path that can match nothing looks like protection and is none; so it is an error of the file."""
    forms: dict[str, Any] = {"drop": [path], "hash": {"paths": [path]}, "truncate": [{"path": path, "length": 1}]}
    with pytest.raises(ValidationError, match=re.escape(why)):
        _settings(**{place: forms[place]})


FINGERPRINTS: list[dict[str, Any]] = [
    {},
    {"drop": ["$.a"]},
    {"drop": ["$.b"]},
    {"hash": {"paths": ["$.a"]}},
    {"hash": {"paths": ["$.a"], "salt": "pepper"}},
    {"hash": {"paths": ["$.a"], "normalise": True}},
    {"truncate": [{"path": "$.a", "length": 1}]},
    {"truncate": [{"path": "$.a", "length": 2}]},
    {"dead_letters": True},
]


def test_different_settings_have_different_fingerprints() -> None:
    """Each setting counts, the existence of a salt too; its value is not in there."""
    prints = [Privacy(_settings(**settings)).fingerprint for settings in FINGERPRINTS]
    assert len(set(prints)) == len(prints)
    assert not [text for text in prints if "pepper" in text]


def test_a_salt_of_another_place_is_another_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference tells salts apart."""
    for name in ("ONE", "TWO"):
        monkeypatch.setenv(name, "pepper")
    prints = {Privacy(_settings(hash={"paths": ["$.a"], "salt": {"env": name}})).fingerprint for name in ("ONE", "TWO")}
    assert len(prints) == 2


def _gates(**settings: Any) -> Gates:  # noqa: ANN401 - any setting
    """Return gates with a filter, consent and privacy."""
    gates = Gates(GateSettings(filter={"plan": ("team",)}, consent_categories=("ads",)))
    return gates.hiding(Privacy(_settings(**settings)).applied)


def test_nothing_behind_the_gates_sees_what_is_private() -> None:
    """The admitted event has lost it, in its plain form, and the caller's event has it still."""
    event = {"type": "Track", "properties": {"plan": "team", "card": "4111"}}
    gates = _gates(drop=["$.properties.card"])
    assert gates.admit(event) == {"type": "track", "properties": {"plan": "team"}}
    assert [(step.name, step.outcome) for step in gates.trace(event)] == [
        ("type", None),
        ("consent_categories", None),
        ("integrations", None),
        ("filter", None),
    ]
    assert event["properties"] == {"plan": "team", "card": "4111"}


def test_the_filter_sees_what_is_left() -> None:
    """A filter on a dropped value matches nothing."""
    event = {"type": "track", "properties": {"plan": "team"}}
    gates = _gates(drop=["$.properties.plan"])
    assert gates.admit(event) == Skipped("filtered")
    assert gates.trace(event)[-1].outcome == Skipped("filtered")


def test_suppressed_users_are_known_by_their_own_ids() -> None:
    """Hashing an id does not let its user through: lists hold ids as sources send them."""
    gates = Gates(GateSettings()).suppressing({"u"}).hiding(Privacy(_settings(hash={"paths": ["$.userId"]})).applied)
    assert gates.admit({"type": "track", "userId": "u"}) == Skipped("suppressed_user")
    assert gates.admit({"type": "track", "userId": "v"}) == {"type": "track", "userId": _sha256("v")}


def test_consent_is_read_before_anything_is_dropped() -> None:
    """Dropping the context must not drop the user's refusal with it: no consent object would restrict nothing."""
    event = {
        "type": "track",
        "context": {"consent": {"categoryPreferences": {"ads": False}}},
        "properties": {"plan": "team"},
    }
    assert _gates(drop=["$.context"]).admit(event) == Skipped("consent_denied")


def test_an_event_that_cannot_be_looked_through_goes_no_further() -> None:
    """Lists nested deeper than the stack holds are refused, never let through unseen."""
    event: dict[str, Any] = {"type": "track", "properties": {"plan": "team"}, "deep": {"email": "x"}}
    for _ in range(sys.getrecursionlimit()):
        event["deep"] = [event["deep"]]
    gates = _gates(drop=["$.deep.email"])
    refused = Rejected("mapping_failed", "lists are nested too deeply for the paths of `privacy`")
    assert gates.admit(event) == refused
    assert (gates.trace(event)[-1].name, gates.trace(event)[-1].outcome) == ("privacy", refused)


def test_gates_without_privacy_are_left_as_they_were() -> None:
    """Hiding makes new gates."""
    gates = Gates(GateSettings())
    event = {"type": "track", "userId": "u"}
    hiding = gates.hiding(Privacy(_settings(drop=["$.userId"])).applied)
    assert hiding.admit(event) == {"type": "track"}
    assert [step.name for step in hiding.trace(event)] == ["type", "integrations"]
    assert gates.admit(event) is event


def test_settings_read_back_as_json() -> None:
    """What is printed of the settings masks the salt."""
    settings = _settings(hash={"paths": ["$.a"], "salt": "pepper"})
    assert json.loads(settings.model_dump_json())["hash"]["salt"] == "***"
