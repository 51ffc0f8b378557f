"""Cases run through a plan: how they went, what they reached, and how both are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from processor import workbench
from processor.destinations.ids import record_name, uuid5_text
from processor.errors import ConfigError
from processor.model import Record
from processor.pipeline.cases.report import as_json, exit_code, text_lines
from processor.pipeline.cases.running import Outcome
from processor.settings import load_without_secrets

HEAD = """\
kafka: {bootstrap_servers: "localhost:9092", topics: [t]}
destinations:
  crm:
    type: moesif
    start: latest
    settings: {application_id: {env: NOT_SET_ANYWHERE}}
"""
SUBSCRIPTIONS = """\
    subscriptions:
      - name: Orders
        trigger: type = "track" and event = "Order Completed"
        action: sendAction
        mapping:
          action_name: {"@path": $.event}
          user_id: {"@path": $.userId}
          metadata:
            "@if":
              exists: {"@path": $.properties.total}
              then:
                total: {"@path": $.properties.total}
                currency: {"@case": {operator: upper, value: {"@path": $.properties.currency}}}
              else: {"@path": {"@path": $.nowhere}}
      - name: Profiles
        trigger: type = "identify"
        action: updateUser
        mapping: {user_id: {"@path": $.userId}, company_id: {"@case": {operator: lower, value: {"@path": $.traits.c}}}}
"""
GOOD = """\
cases:
  - name: an order
    given: {type: track, event: Order Completed, userId: u, messageId: m, properties: {total: 20, currency: EUR}}
    expect: {payloads: [{body: {metadata: {total: 20}}}], warnings: [timestamp_from_record]}
"""
BAD = """\
cases:
  - name: an order without a total
    given: {batch: [{type: " Track", event: Order Completed, userId: u, messageId: m}]}
    expect: {payloads: [{action: sendAction}]}
  - name: an order of other numbers
    given: {type: track, event: Order Completed, userId: u, messageId: m, properties: {total: 20}}
    expect: {payloads: [{body: {metadata: {total: 21, tax: 1}}}], exact: true, skipped: filtered}
  - name: no event
    given: 5
    expect: {rejected: not_an_object}
  - name: no events
    given: {batch: []}
    expect: {skipped: empty_batch}
"""
FAILED = (
    "rejected: mapping_failed: subscription 'Orders': "
    "/metadata/@if/else/@path needs a text, but its directive gave nothing"
)


def outcome(folder: Path, *texts: str, subscriptions: str = SUBSCRIPTIONS) -> Outcome:
    """Return how cases go."""
    config = folder / "bridge.yaml"
    config.write_text(HEAD + subscriptions)
    paths = [folder / f"{number}.yaml" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    return workbench.run_cases(load_without_secrets(config), paths)


def lines(folder: Path, found: Outcome) -> list[str]:
    """Return the report for a person, without the folder."""
    return [line.replace(f"{folder}/", "") for line in text_lines(found)]


def test_what_is_told_when_everything_is_fine(tmp_path: Path) -> None:
    """A line for each case, a summary, and what no case reaches; that alone is no failure unless it is asked for."""
    found = outcome(tmp_path, GOOD)
    assert lines(tmp_path, found) == [
        "0.yaml",
        "ok      an order",
        "1 case: 1 ok, 0 not ok",
        "coverage of crm: 1 of 2 subscriptions, 1 of 4 ways through their mappings",
        "  Orders: /metadata/@if else is never taken",
        "  Orders: /metadata/@if/then/currency/@case is reached, but never changes a text",
        "  Profiles: no case reaches it",
    ]
    assert exit_code(found, require_coverage=False) == 0
    assert exit_code(found, require_coverage=True) == 1


def test_what_is_told_when_it_is_not(tmp_path: Path) -> None:
    """Each difference with path, expected and found; what came instead; and what failing cases reached counts."""
    found = outcome(tmp_path, GOOD, BAD)
    assert lines(tmp_path, found) == [
        "0.yaml",
        "ok      an order",
        "1.yaml",
        "not ok  an order without a total (1.yaml:2, crm)",
        "        payloads[0]",
        '          expected {"action":"sendAction"}',
        "          found    nothing",
        "        rejected",
        "          expected nothing",
        '          found    "mapping_failed"',
        f"        came instead: {FAILED}",
        "not ok  an order of other numbers (1.yaml:5, crm)",
        "        payloads[0].body.metadata.total",
        "          expected 21",
        "          found    20",
        "        payloads[0].body.metadata.tax",
        "          expected 1",
        "          found    nothing",
        "        payloads[0].body.transaction_id",
        "          expected nothing",
        '          found    "dd8d27f5-e58c-5119-8881-24decfadd365"',
        "        payloads[0].body.action_name",
        "          expected nothing",
        '          found    "Order Completed"',
        "        payloads[0].body.user_id",
        "          expected nothing",
        '          found    "u"',
        "        payloads[0].body.request",
        "          expected nothing",
        '          found    {"time":"2026-01-31T08:00:00.000Z","uri":"https://segment.invalid/"}',
        "        skipped",
        '          expected "filtered"',
        "          found    nothing",
        "ok      no event",
        "ok      no events",
        "5 cases: 3 ok, 2 not ok",
        "coverage of crm: 1 of 2 subscriptions, 2 of 4 ways through their mappings",
        "  Orders: /metadata/@if/then/currency/@case is reached, but never changes a text",
        "  Profiles: no case reaches it",
    ]
    assert exit_code(found, require_coverage=False) == 1


def test_the_report_for_programs(tmp_path: Path) -> None:
    """The same as JSON; what is not there has no key."""
    report = json.loads(json.dumps(as_json(outcome(tmp_path, GOOD, BAD))))
    assert (report["ok"], report["not_ok"]) == (3, 2)
    first = report["cases"][1]
    assert first["file"].endswith("1.yaml")
    del first["file"]
    assert first == {
        "line": 2,
        "name": "an order without a total",
        "destination": "crm",
        "ok": False,
        "differences": [
            {"path": "payloads[0]", "expected": {"action": "sendAction"}},
            {"path": "rejected", "found": "mapping_failed"},
        ],
        "came_instead": [FAILED],
    }
    assert report["coverage"] == {
        "crm": {
            "subscriptions": 2,
            "reached": 1,
            "ways": 4,
            "taken": 2,
            "gaps": [
                {
                    "subscription": "Orders",
                    "place": "/metadata/@if/then/currency/@case",
                    "text": "is reached, but never changes a text",
                },
                {"subscription": "Profiles", "place": "", "text": "no case reaches it"},
            ],
        }
    }


def test_presets_are_run_and_not_counted(tmp_path: Path) -> None:
    """Nobody has to cover what the vendor's presets do."""
    found = outcome(tmp_path, GOOD, subscriptions="")
    assert lines(tmp_path, found)[-1] == (
        "coverage of crm: not counted, for the file lists no subscriptions of its own"
    )
    assert exit_code(found, require_coverage=True) == 0


def test_long_values_are_cut(tmp_path: Path) -> None:
    """A report is read by a person."""
    found = outcome(tmp_path, GOOD.replace("metadata: {total: 20}", f"metadata: {{total: {'x' * 1000}}}"))
    (line,) = (line for line in lines(tmp_path, found) if "expected" in line)
    assert line == f'          expected "{"x" * 299}…'


def test_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    """One run shows everything that keeps files from being used."""
    with pytest.raises(ConfigError) as caught:
        outcome(tmp_path, "cases: []\n", GOOD, "case: 1\ncases: []\n")
    assert [line.replace(f"{tmp_path}/", "") for line in str(caught.value).splitlines()] == [
        "0.yaml:1:8: cases: there is no case; allowed: one or more",
        "2.yaml:1:1: case: unknown key; allowed: destination, record, now, cases; did you mean 'cases'?",
    ]


MOVEO = """\
kafka: {bootstrap_servers: "localhost:9092", topics: [t]}
destinations:
  crm:
    type: moveo
    start: latest
    settings: {api_key: {env: NOT_SET_ANYWHERE}, max_event_age_ms: 86400000}
"""
TIMES = """\
record: {time: 2026-02-01T00:00:00Z}
cases:
  - name: on time
    given: {type: track, event: E, anonymousId: a, messageId: m, timestamp: 2026-01-31T12:00:00Z}
    expect: {payloads: [{body: {sentAt: 2026-02-01T00:00:00.000Z}}]}
  - name: a day later
    given: {type: track, event: E, anonymousId: a, messageId: m, timestamp: 2026-01-31T12:00:00Z}
    now: 2026-02-02T00:00:00Z
    expect: {skipped: event_expired}
  - name: an id of its own
    given: {type: track, event: E, anonymousId: a}
    record: {topic: orders, partition: 3, offset: 7, time: 2026-02-01T00:00:00Z}
    now: 2026-02-01T00:00:01Z
    expect: {payloads: [{body: {sentAt: 2026-02-01T00:00:01.000Z, messageId: ID}}]}
"""


def test_record_and_time_are_those_of_the_case(tmp_path: Path) -> None:
    """What depends on them, such as ages and ids, comes out as it would for this record at this time."""
    made = uuid5_text(record_name(Record("orders", 3, 7, 0)))
    (tmp_path / "bridge.yaml").write_text(MOVEO)
    (tmp_path / "c.yaml").write_text(TIMES.replace("ID", made))
    found = workbench.run_cases(load_without_secrets(tmp_path / "bridge.yaml"), [tmp_path / "c.yaml"])
    assert [result.verdict for result in found.results] == [((), ())] * 3
