"""After a run of made-up events MoEngage's stand-in knows what a plain reading of the events says it should."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from processor.destinations.golden import event_results
from processor.sandbox.events import EXPECTED, EventSettings, made_events
from processor.sandbox.vendor import Accepted
from tests.golden_cases import NOW, RECORD, REQUIRED
from tests.standin_requests import NOW_S, moengage, standin

_MADE: Final = list(made_events(EventSettings(count=400, user_count=12, bad_share=0.05), int(NOW_S * 1000)))
_NAMES: Final = {
    "firstName": "first_name",
    "lastName": "last_name",
    "createdAt": "created_time",
    "phone": "mobile",
}


def _events() -> list[dict[str, Any]]:
    """Return the events that should reach MoEngage, in order."""
    delivered = [made for made in _MADE if EXPECTED[made.category]["moengage"] == "delivered"]
    return [json.loads(made.value or b"") for made in delivered]


def _snake(name: str) -> str:
    """Return a camelCase name with underscores; the made-up events have no harder ones."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _plain(bag: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a bag as MoEngage sees it: flat, a list of objects as a list for each of their members and a count."""
    plain: dict[str, Any] = {}
    for key, value in bag.items():
        name = prefix + _snake(key)
        if isinstance(value, dict):
            plain |= _plain(value, f"{name}_")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            plain[f"{name}_count"] = len(value)
            for item in value:
                for member, leaf in _plain(item, f"{name}_").items():
                    plain.setdefault(member, []).append(leaf)
        elif value is not None:
            plain[name if prefix else _NAMES.get(key, name)] = value[:512] if isinstance(value, str) else value
    return plain


def test_moengage_knows_what_the_events_say() -> None:
    """Attributes by the last value, the creation time by the first, and every event once and in order."""
    workspace = standin("moengage")
    expected: dict[str, dict[str, Any]] = {}
    result_of = event_results("moengage", REQUIRED["moengage"])
    for event in _events():
        elements = result_of(event, RECORD, NOW)["elements"]
        said = moengage(*elements).put_to(workspace)
        assert isinstance(said, Accepted), said
        assert (list(said.findings), [item.ignored for item in said.items]) == ([], [""])
        user = expected.setdefault(event["userId"], {"attributes": {}, "events": []})
        if event["type"] == "track":
            user["events"].append((event["event"], _plain(event["properties"])))
        else:
            created = {name: user["attributes"][name] for name in ("created_time",) if name in user["attributes"]}
            user["attributes"] |= _plain(event["traits"]) | created
    known = {}
    for row in (json.loads(msgspec.json.encode(row)) for row in workspace.state(None)):
        events = [(event["action"], event["attributes"]) for event in row["events"]]
        known[row["id"]] = {"attributes": row["attributes"], "events": events}
    assert {name: user for name, user in known.items() if user != expected.get(name)} == {}
    assert known.keys() == expected.keys()
    assert len(expected) > 5
