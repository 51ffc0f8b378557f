"""After a run of made-up events Moesif's stand-in knows what a slow and plain reading of the events says it should."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any, Final

import msgspec

from processor.destinations.golden import event_results
from processor.sandbox.events import EXPECTED, EventSettings, made_events
from processor.sandbox.vendor import Accepted, Vendor
from tests.golden_cases import NOW, RECORD, REQUIRED
from tests.standin_requests import NOW_S, Ask, moesif, standin

_PATHS: Final = {"action": "actions", "user": "users", "company": "companies"}
_RENAMES: Final = {"firstName": "first_name", "lastName": "last_name"}
_MADE: Final = list(made_events(EventSettings(count=400, user_count=12, bad_share=0.05), int(NOW_S * 1000)))


def _events(vendor: str) -> list[dict[str, Any]]:
    """Return the events that should reach this vendor, in order."""
    delivered = [made for made in _MADE if EXPECTED[made.category][vendor] == "delivered"]
    return [json.loads(made.value or b"") for made in delivered]


def _asks(result: dict[str, Any]) -> list[Ask]:
    """Return the requests that bring what the destination has made of an event."""
    return [moesif(_PATHS[kind], form) for operation in result["ops"] for kind, form in operation.items()]


def _known(vendor: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what the stand-in knows of everybody after all events; it refused none of them."""
    workspace: Vendor = standin(vendor)
    result_of = event_results(vendor, REQUIRED[vendor])
    for event in _events(vendor):
        for ask in _asks(result_of(event, RECORD, NOW)):
            said = ask.put_to(workspace)
            assert isinstance(said, Accepted), said
            assert list(said.findings) == []
    lines = [json.loads(msgspec.json.encode(line)) for line in workspace.state(None)]
    return {(line["kind"], line["id"]): line for line in lines}


def _merge(old: dict[str, Any], new: dict[str, Any]) -> None:
    for name, value in new.items():
        if isinstance(value, dict) and isinstance(old.get(name), dict):
            _merge(old[name], value)
        else:
            old[name] = json.loads(json.dumps(value))


class _Moesif:
    """What Moesif should know, written down event by event."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = defaultdict(dict)
        self.companies: dict[str, dict[str, Any]] = defaultdict(dict)
        self.actions: Counter[tuple[str, str]] = Counter()
        self.owners: dict[str, str] = {}

    def take(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "identify":
                traits = {_RENAMES.get(name, name): value for name, value in event["traits"].items()}
                _merge(
                    self.users[event["userId"]], {"company_id": event["traits"]["company"]["id"], "metadata": traits}
                )
                self.owners[event["anonymousId"]] = event["userId"]
            case "group":
                self.users[event["userId"]]["company_id"] = event["groupId"]
                company = {"company_domain": event["traits"]["domain"], "metadata": event["traits"]}
                _merge(self.companies[event["groupId"]], company)
            case _:
                visitor = ("anonymous", event["anonymousId"])
                self.actions[("user", event["userId"]) if "userId" in event else visitor] += 1
                self.actions["company", event["context"]["groupId"]] += 1

    def action_counts(self) -> Counter[tuple[str, str]]:
        """Return the actions by whom they are of in the end: a visitor that was named is the user."""
        counts: Counter[tuple[str, str]] = Counter()
        for (kind, id_), count in self.actions.items():
            counts[("user", self.owners[id_]) if kind == "anonymous" and id_ in self.owners else (kind, id_)] += count
        return counts


def test_moesif_knows_what_the_events_say() -> None:
    """Traits merge under their new names, companies too, and every action is counted with whom it is of."""
    expected = _Moesif()
    for event in _events("moesif"):
        expected.take(event)
    known = _known("moesif")
    counts = {key: line["action_count"] for key, line in known.items() if line["action_count"]}
    assert counts == dict(expected.action_counts())
    assert {sum(line["repeat_count"] for line in known.values())} == {0}
    assert _members(known, "user", "company_id", "metadata") == expected.users
    assert _members(known, "company", "company_domain", "metadata") == expected.companies


def _members(known: dict[tuple[str, str], dict[str, Any]], kind: str, *names: str) -> dict[str, dict[str, Any]]:
    """Return these members of everybody of a kind of whom one is known: actions alone tell none of them."""
    everybody = {id_: line for (each, id_), line in known.items() if each == kind}
    found = {id_: {name: line[name] for name in names if name in line} for id_, line in everybody.items()}
    return {id_: members for id_, members in found.items() if members}
