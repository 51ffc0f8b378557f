"""The slow reference of Moveo One says what the golden cases say, and the bridge and the stand-in say what it does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import msgspec
import pytest

from processor.destinations.golden import event_results
from processor.sandbox.vendor import Accepted
from tests.golden_cases import NOW, RECORD, REQUIRED, cases, expanded
from tests.reference.comparison import exact
from tests.reference.moveo import Reference
from tests.reference.moveo_mapping import NotSent, Record, Sent, Settings, sent
from tests.reference.odd_events import mixed_events
from tests.reference.settings import EVERYTHING
from tests.standin_requests import NOW_S, moveo, standin

_NOW_MS: Final = int(NOW_S * 1000)
_RECORD: Final = Record(topic="segment.events", partition=3, offset=1042, time_ms=_NOW_MS - 1_877)
"""The record of the golden cases."""
_SETTINGS: Final = dict(EVERYTHING["moveo"])


@pytest.mark.parametrize("case", cases("moveo", "events"))
def test_reference_says_what_the_case_says(case: dict[str, Any]) -> None:
    """An event gives the payload, skip or refusal of the case, with exactly its warnings; no case is left out."""
    result = sent(expanded(case["event"]), _RECORD, Settings(**expanded(case["settings"])))
    assert _golden(result) == expanded(case["expected"]) | {"warnings": sorted(case.get("warnings", []))}


def test_bridge_makes_of_each_event_what_the_reference_does() -> None:
    """Payload, skip or refusal, and warnings, of every event, the odd ones among them."""
    expected = [exact(_golden(sent(event, record, Settings(**_SETTINGS)))) for record, event in _mixture()]
    assert [exact(result) for result in _bridged()] == expected


def test_standin_knows_what_the_reference_does() -> None:
    """The stand-in refuses nothing that the bridge sends, some of it twice, and knows what the events say."""
    workspace, reference = standin("moveo"), Reference(**_SETTINGS)
    for (record, event), result in zip(_mixture(), _bridged(), strict=True):
        for _ in range(2 if record.offset % 10 == 0 else 1):
            reference.take(event, record.time_ms, record[:3], _NOW_MS)
            if "type" in result:
                said = moveo({name: member for name, member in result.items() if name != "warnings"}).put_to(workspace)
                assert isinstance(said, Accepted), said
                assert list(said.findings) == []
    known = [json.loads(msgspec.json.encode(line)) for line in workspace.state(None)]
    assert sorted(map(exact, known)) == sorted(map(exact, reference.state()))
    assert {line["kind"] for line in known} == {"user", "anonymous"}
    assert sum(line["repeat_count"] for line in known) > 100


def _golden(result: Sent | NotSent) -> dict[str, Any]:
    """Return what the reference says in the form of the golden cases, with its warnings."""
    if isinstance(result, NotSent):
        return {result.outcome: result.reason, "warnings": []}
    return result.event | {"sentAt": NOW, "warnings": sorted(result.warnings)}


def _mixture() -> Iterator[tuple[Record, Any]]:
    """Yield the events of a small run that can be read at all, each with the record that it is known by."""
    for offset, made in enumerate(mixed_events(7, _NOW_MS, count=3_000, user_count=100)):
        try:
            yield _RECORD._replace(offset=offset), json.loads(made.value or b"")
        except ValueError:
            continue


@cache
def _bridged() -> list[dict[str, Any]]:
    """Return what the bridge makes of each event of the run, in the form of the golden cases, with its warnings."""
    result_of = event_results("moveo", REQUIRED["moveo"] | _SETTINGS)
    results = [result_of(event, RECORD | {"offset": record.offset}, NOW) for record, event in _mixture()]
    return [result | {"warnings": sorted(result["warnings"])} for result in results]
