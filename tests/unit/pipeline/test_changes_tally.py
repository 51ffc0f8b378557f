"""What changes between two configurations, added up and told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from processor import workbench
from processor.model import Mapped
from processor.pipeline.changes import tally
from processor.pipeline.changes.reading import records_of
from processor.pipeline.changes.report import as_json, exit_code, text_lines
from processor.pipeline.changes.tally import Changes
from processor.settings import load_without_secrets

HEAD = """\
kafka: {bootstrap_servers: "localhost:9092", topics: [t]}
destinations:
  crm:
    type: moesif
    start: latest
    settings: {application_id: {env: NOT_SET_ANYWHERE}}
    subscriptions:
"""


def subscription(name: str, trigger: str, mapping: str, action: str = "sendAction") -> str:
    """Return one subscription as the file has it."""
    fields = "action_name: {'@path': $.event}, user_id: {'@path': $.userId}, "
    own = fields if action == "sendAction" else "user_id: {'@path': $.userId}, "
    return f"      - {{name: {name}, trigger: '{trigger}', action: {action}, mapping: {{{own}{mapping}}}}}\n"


def track(number: int, **properties: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return a line with an event."""
    event = {"type": "track", "event": "E", "userId": "u", "messageId": f"m{number}", "properties": properties}
    return json.dumps(event | {"timestamp": "2026-01-31T08:00:00Z"}).encode()


OLD = subscription("All", 'type = "track"', "metadata: {'@path': $.properties}")


Diff = Callable[..., Changes]


@pytest.fixture
def diff(tmp_path: Path) -> Diff:
    """Return a function that compares two lists of subscriptions."""

    def compared(old: str, new: str, lines: Iterable[bytes], example_limit: int = 3) -> Changes:
        sides = []
        for name, text in (("old", old), ("new", new)):
            (tmp_path / name).write_text(HEAD + text)
            sides.append(load_without_secrets(tmp_path / name))
        return workbench.diff(sides[0], sides[1], "crm", lines, example_limit=example_limit)

    return compared


def test_nothing_changes(diff: Diff) -> None:
    """The order of members and the name of a subscription are nothing; lines that are no JSON are alike as well."""
    new = subscription("Renamed", 'type = "track"', "metadata: {b: {'@path': $.properties.b}, a: 1}")
    old = subscription("All", 'type = "track"', "metadata: {a: 1, b: {'@path': $.properties.b}}")
    changes = diff(old, new, [track(1, b=2), b"\n", b"no json", b"5\r\n", b'{"batch": []}', track(2)])
    assert list(text_lines(changes)) == ["5 records compared, of which 0 change"]
    assert exit_code(changes) == 0
    assert dict(changes.old_outcomes) == {
        "delivered": 2,
        "dead-lettered: invalid_json": 1,
        "dead-lettered: not_an_object": 1,
        "skipped: empty_batch": 1,
    }


def test_outcomes_that_change(diff: Diff) -> None:
    """By outcome before and after, the most frequent first, with as many lines as wanted; blank lines count."""
    new = subscription("Some", 'type = "track" and properties.n != "off"', "metadata: {'@path': {'@path': $.no}}")
    changes = diff(OLD, new, [track(1, n="off"), b"", track(2, n="off"), track(3)], 1)
    *told, example = text_lines(changes)
    assert told == [
        "3 records compared, of which 3 change",
        "outcome: delivered -> skipped: no_subscription: 2 records",
        "  line 1",
        "outcome: delivered -> dead-lettered: mapping_failed: 1 record",
        "  line 4",
        "payloads removed: sendAction: 3",
    ]
    assert example.startswith('  line 1: {"transaction_id":"')
    assert example.endswith('"metadata":{"n":"off"}}')
    assert exit_code(changes) == 1


def test_fields_that_change(diff: Diff) -> None:
    """By action, place and kind, with the first examples; a list's positions are one place."""
    old = subscription("All", 'type = "track"', "metadata: {a: {'@path': $.properties.a}, b: 1}")
    new = subscription("All", 'type = "track"', "metadata: {a: {'@path': $.properties.c}, b: 2}")
    changes = diff(old, new, [track(1, a=[1, 2], c=[3, 4, 5]), track(2, c="x" * 300), track(3, a=None)])
    assert list(text_lines(changes)) == [
        "3 records compared, of which 3 change",
        "payloads changed: 3 of 3",
        "changed: sendAction: metadata.b: 3",
        "  line 1: 1 -> 2",
        "  line 2: 1 -> 2",
        "  line 3: 1 -> 2",
        "changed: sendAction: metadata.a[]: 2",
        "  line 1: 2 -> 4",
        "  line 1: 1 -> 3",
        "added: sendAction: metadata.a: 1",
        f'  line 2: "{"x" * 199}…',
        "removed: sendAction: metadata.a: 1",
        "  line 3: null",
        "added: sendAction: metadata.a[]: 1",
        "  line 1: 5",
    ]


def test_payloads_that_come_and_go(diff: Diff) -> None:
    """Payloads are compared by action, endpoint and position among these."""
    user = subscription("User", 'type = "track"', "metadata: {a: 1}", "updateUser")
    second = subscription("Second", 'type = "track"', "metadata: {a: 2}")
    more = diff(OLD, OLD + user + second, [track(1)])
    assert [(place.kind, place.action) for place in more.payloads] == [("added", "updateUser"), ("added", "sendAction")]
    less = diff(OLD + second, OLD, [track(1)], 0)
    assert list(text_lines(less)) == ["1 record compared, of which 1 change", "payloads removed: sendAction: 1"]


def test_the_report_for_programs(diff: Diff) -> None:
    """The same as JSON; values of examples are JSON text."""
    new = subscription(
        "All", 'type = "track" and event = "E"', "metadata: {'@path': $.properties}, ip_address: 1.2.3.4"
    )
    lines = [track(1), track(2).replace(b'"E"', b'"F"')]
    report = json.loads(json.dumps(as_json(diff(OLD, new, lines))))
    (gone,) = report["payloads_of_one_side"]
    assert (gone["change"], gone["action"], gone["count"], "path" in gone) == ("removed", "sendAction", 1, False)
    del report["payloads_of_one_side"]
    assert report == {
        "records": 2,
        "changed_records": 2,
        "outcomes": {"old": {"delivered": 2}, "new": {"delivered": 1, "skipped: no_subscription": 1}},
        "changed_outcomes": [
            {"old": "delivered", "new": "skipped: no_subscription", "count": 1, "at": ["line 2"]},
        ],
        "payloads": 1,
        "changed_payloads": 1,
        "fields": [
            {
                "action": "sendAction",
                "path": "request.ip_address",
                "change": "added",
                "count": 1,
                "examples": [{"at": "line 1", "old": None, "new": '"1.2.3.4"'}],
            }
        ],
        "uncounted": 0,
    }


def test_places_are_bounded(diff: Diff, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events whose keys are ids do not fill the memory; what is known already is counted on."""
    monkeypatch.setattr(tally, "MAX_PLACES", 2)
    new = subscription("All", 'type = "track"', "metadata: {x: 1}")
    changes = diff(OLD, new, [track(number, **{f"id{number}": 1}) for number in range(5)])
    assert (len(changes.fields), changes.uncounted) == (2, 4)
    assert sum(tallied.count for tallied in changes.fields.values()) == 6
    assert list(text_lines(changes))[-1] == "and 4 changes at further places"


def test_events_are_mapped_when_they_were_received(diff: Diff) -> None:
    """What was young then is not too old now, and what was too old then still is."""
    lines = [track(1), track(2).replace(b'"userId"', b'"receivedAt": "2027-01-31T08:00:00Z", "userId"')]
    changes = diff(OLD, OLD, lines)
    assert dict(changes.old_outcomes) == {"delivered": 1, "dead-lettered: event_too_old": 1}


@pytest.mark.parametrize(
    ("line", "time_ms"),
    [
        (b'{"receivedAt": "2026-02-01T00:00:00Z", "sentAt": "2026-03-01T00:00:00Z"}', 1_769_904_000_000),
        (b'{"receivedAt": "soon", "sentAt": 1769904000}', 1_769_904_000_000),
        (b'{"timestamp": "2026-02-01T00:00:00Z"}', 1_769_904_000_000),
        (b"{}", 1_769_846_400_000),
        (b"[1]", 1_769_846_400_000),
        (b"no json", 1_769_846_400_000),
    ],
)
def test_time_of_a_record(line: bytes, time_ms: int) -> None:
    """When it was received, as far as the event says; else a fixed time, so that a comparison can be repeated."""
    ((at, record),) = records_of([line + b"\r\n"], "t")
    assert (at, record.topic, record.offset, record.value, record.timestamp_ms) == ("line 1", "t", 1, line, time_ms)


def test_a_record_that_comes_to_nothing_is_skipped() -> None:
    """Total, whatever an action makes of a record."""
    assert tally.outcome(Mapped([], [], [])) == "skipped"
