"""The made-up events: repeatable, of every kind, bounded, and of nobody."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from processor.sandbox.events import EXPECTED, EventSettings, MadeEvent, made_events

_NOW_MS = 1_773_576_000_000


def _made(**settings: Any) -> list[MadeEvent]:  # noqa: ANN401 - fields of the settings
    return list(made_events(EventSettings(**settings), _NOW_MS))


def _events(made: list[MadeEvent], category: str) -> list[dict[str, Any]]:
    return [json.loads(event.value or b"") for event in made if event.category == category]


def test_the_same_seed_makes_the_same_bytes() -> None:
    """A run can be repeated, and another seed makes another run."""
    assert _made(count=500) == _made(count=500)
    assert _made(count=500) != _made(count=500, seed=8)


def test_every_category_occurs_and_has_an_expectation() -> None:
    """The mix of the demo shows each kind of event and each kind of mistake."""
    assert set(Counter(event.category for event in _made())) == set(EXPECTED)


@pytest.mark.parametrize("category", [name for name in EXPECTED if EXPECTED[name]["moveo"] == "delivered"])
def test_good_events_are_what_they_are_called(category: str) -> None:
    """Type, ids and times are those of a Segment event, shortly before the given time."""
    events = _events(_made(count=3_000), category)
    assert events
    for event in events:
        assert event["type"] == category.partition("_")[0]
        assert re.fullmatch(r"[0-9a-f-]{36}", event["messageId"])
        assert ("userId" in event) == (category != "track_anonymous")
        assert "2026-03-15T11:50:00.000Z" <= event["timestamp"] < "2026-03-15T12:00:00.000Z"


def test_ids_are_unique_and_keys_are_users() -> None:
    """Each event has an id of its own and lies under its user's key, so that Kafka keeps its order."""
    made = _made(count=5_000, bad_share=0)
    events = [json.loads(event.value or b"") for event in made]
    assert len({event["messageId"] for event in events}) == 5_000
    keys = [(event.get("userId") or event["anonymousId"]).encode() for event in events]
    assert [event.key for event in made] == keys
    assert [event["timestamp"] for event in events] == sorted(event["timestamp"] for event in events)


def test_bad_records_are_bad_in_the_way_they_are_called() -> None:
    """Each mistake is what its name says and nothing else."""
    made = _made(count=70, bad_share=1)
    values = {event.category: event.value for event in made}
    assert values["null_value"] is None
    with pytest.raises(json.JSONDecodeError):
        json.loads(values["invalid_json"] or b"")
    assert isinstance(json.loads(values["not_an_object"] or b""), list)
    assert "type" not in json.loads(values["missing_type"] or b"")
    assert json.loads(values["unknown_type"] or b"")["type"] == "purchase"
    assert json.loads(values["blank_event_name"] or b"")["event"].strip() == ""
    assert len(values["oversized"] or b"") > 32_000
    assert set(Counter(event.category for event in made).values()) == {10}


def test_marks_count_each_users_events() -> None:
    """With marks every event that has a bag carries its own id and its place among its user's."""
    seen: Counter[str] = Counter()
    for made in _made(count=3_000, user_count=50, bad_share=0, marked=True):
        event = json.loads(made.value or b"")
        bag = event.get("properties", event.get("traits"))
        if bag is None:
            assert made.category == "alias"
            continue
        seen[event["anonymousId"]] += 1
        assert (bag["seq"], bag["ledger_id"]) == (seen[event["anonymousId"]], event["messageId"])


def test_without_marks_events_look_natural() -> None:
    """The demo's events carry nothing that only tests read."""
    assert not [event for event in _made(count=500) if event.value is not None and b"ledger_id" in event.value]


def test_nothing_points_at_a_real_host_or_person() -> None:
    """Every address is one that is reserved for documentation."""
    text = b"\n".join(event.value or b"" for event in _made(count=2_000)).decode()
    assert set(re.findall(r"https?://[^/\"]*\.(\w+)", text)) == {"example"}
    assert {address.partition("@")[2] for address in re.findall(r"[^\"]+@[^\"]+", text)} == {"example.com"}
    assert all(address.startswith("198.51.100.") for address in re.findall(r"\d+\.\d+\.\d+\.\d+", text))


def test_one_user_is_enough_and_none_is_no_error() -> None:
    """The smallest settings work: a lone user, and no events at all."""
    assert len(_made(count=50, user_count=1)) == 50
    assert _made(count=0) == []
