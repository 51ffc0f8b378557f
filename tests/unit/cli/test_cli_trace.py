"""`segment-bridge trace`: what a person reads, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from processor.cli.main import application
from processor.cli.trace_text import line, verdict
from processor.errors import ConfigError
from processor.operations import trace_client
from processor.operations.trace_board import Question
from tests.markdown_pages import page_text, rows

PLACE = {"time_ms": 1_800_000_000_123, "destination": "moesif", "topic": "events", "partition": 1, "offset": 17}
ENDED = {"step": "ended", "reason": "finished", "unseen": []}


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"step": "watching", "partitions": 3, "state": "flowing"}, "3 partitions, flowing"),
        ({"step": "watching", "partitions": 1, "state": "paused"}, "1 partition, paused"),
        ({"step": "read", "age_s": 0.5, "was_read_before": False}, "from Kafka just now, 0.5 s after it was written"),
        ({"step": "read", "age_s": 9, "was_read_before": True}, "from Kafka before this trace began, 9 s after"),
        ({"step": "decoded", "type": "track", "message_id": "m"}, "as an event of type track, messageId m"),
        ({"step": "decoded", "outcome": "rejected", "reason": "invalid_json"}, "rejected: invalid_json"),
        ({"step": "gates", "outcome": "passed", "passed": ["type", "integrations"]}, "passed: type, integrations"),
        (
            {"step": "gates", "outcome": "skipped", "passed": ["type"], "gate": "filter", "reason": "filtered"},
            "skipped at filter: filtered",
        ),
        ({"step": "filter", "filter": "drop", "outcome": "skipped", "reason": "filtered"}, "drop: skipped (filtered)"),
        (
            {"step": "subscription", "subscription": "S", "outcome": "mapped", "action": "a", "endpoint": "e"},
            "S: mapped to a, for e",
        ),
        ({"step": "subscription", "subscription": "S", "outcome": "rejected", "reason": "r"}, "S: rejected (r)"),
        ({"step": "not_taken", "subscriptions": ["S", "T"], "reason": "trigger"}, "by S, T: their triggers"),
        ({"step": "waiting", "reason": "http_401"}, "until the destination goes on (http_401)"),
        ({"step": "waiting", "reason": "batch_or_order"}, "for its batch to fill, or for an older event of its user"),
        ({"step": "waiting", "reason": "circuit_open"}, "for the vendor to answer well again (circuit_open)"),
        ({"step": "waiting", "reason": "paused"}, "for an operator to resume the destination (paused)"),
        (
            {"step": "sent", "endpoint": "e", "payload_count": 2, "attempt": 1, "subscription": "S"},
            "to e with 2 payloads, attempt 1 for S",
        ),
        ({"step": "sent", "endpoint": "e", "payload_count": 1, "attempt": 2}, "to e with 1 payload, attempt 2"),
        (
            {"step": "answered", "status": 503, "seconds": 0.1, "verdict": "retry", "reason": "http_503"},
            "503 after 0.1 s, which means retry (http_503)",
        ),
        ({"step": "answered", "error": "timeout", "seconds": 30}, "timeout after 30 s"),
        ({"step": "retry", "reason": "http_503", "wait_s": 1.5, "subscription": "S"}, "in 1.5 s (http_503) for S"),
        ({"step": "halved", "reason": "http_400"}, "taken apart to find what is refused (http_400)"),
        ({"step": "cancelled", "endpoint": "e", "subscription": "S"}, "given up before there was an answer for S"),
        ({"step": "delivered", "endpoint": "e", "subscription": "S"}, "to e for S"),
        ({"step": "dead_letter", "reason": "http_400"}, "goes to the dead-letter topic (http_400)"),
        ({"step": "done", "outcome": "skipped", "reason": "filtered"}, "skipped (filtered)"),
        ({"step": "committed", "committed": 18}, "offset 18"),
        ({"step": "released"}, "went to another process"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["step"],
)
def test_a_step_is_a_line_for_people(step: dict[str, Any], expected: str) -> None:
    """When, which destination, which record, what happened."""
    text = line(PLACE | step)
    assert text.split("  ")[1:3] == ["moesif", "events[1]@17"]
    assert f"{step['step']}  " in text
    assert expected in text


def test_an_event_of_a_batch_body_has_its_index() -> None:
    """Several events of one record can be told apart, and what has no place has none."""
    assert "events[1]@17#4" in line(PLACE | {"step": "released", "event_index": 4})
    assert line({"step": "process_ended", "destination": "moesif"}).strip() == "-  moesif  process_ended"
    assert "time_is_up, 7 steps" in line({"step": "ended", "reason": "time_is_up", "unseen": [], "left_out": 7})


@pytest.mark.parametrize(
    ("reason", "has_seen", "is_of_user", "code", "text"),
    [
        ("finished", True, False, 0, ""),
        ("time_is_up", True, True, 0, ""),
        ("time_is_up", False, True, 1, "not seen within the time (a, b)"),
        ("time_is_up", False, False, 1, "not seen within the time (a, b)"),
        ("time_is_up", True, False, 1, "before the event's offset was committed"),
        ("stopping", True, False, 1, "the bridge stops"),
    ],
)
def test_scripts_learn_how_it_ended(reason: str, has_seen: bool, is_of_user: bool, code: int, text: str) -> None:  # noqa: FBT001 - columns of the table
    """0 when what was asked about was followed to its end, else 1 with the reason."""
    said, found = verdict({"reason": reason, "unseen": ["a", "b"]}, has_seen=has_seen, is_of_user=is_of_user)
    assert code == found
    assert text in said


def test_every_step_is_explained() -> None:
    """The page lists the steps that the code tells, and no other."""
    folder = Path(__file__).parents[3] / "processor"
    sources = [*folder.glob("pipeline/trace*.py"), *folder.glob("operations/trace_*.py")]
    told = {name for source in sources for name in _steps(source.read_text(encoding="utf-8"))}
    explained = {row[0].strip("`") for row in rows(page_text("docs/tracing.md"), "step", "what it says")}
    assert explained == told


def _steps(text: str) -> Iterator[str]:
    for part in text.split('"step": "')[1:]:
        yield part.partition('"')[0]
    for part in text.split('self._tell(asker, "')[1:]:
        yield part.partition('"')[0]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Question]]:
    """What a bridge was asked, that answers with a read and an end."""
    found: list[tuple[str, Question]] = []

    def steps(url: str, question: Question) -> Iterator[dict[str, Any]]:
        found.append((url, question))
        yield PLACE | {"step": "read", "age_s": 1, "was_read_before": False}
        yield ENDED

    monkeypatch.setattr(trace_client, "trace", steps)
    return found


def typed(*arguments: str) -> tuple[int, str]:
    """Return exit code and output of the command."""
    result = CliRunner().invoke(application, ["trace", *arguments])
    if isinstance(result.exception, ConfigError):
        return 2, str(result.exception)
    return result.exit_code, result.output


def test_a_bridge_is_asked_what_was_typed(asked: list[tuple[str, Question]]) -> None:
    """Every option reaches the question; a given page needs no settings file."""
    code, output = typed("moesif", "--user", "jane", "--timeout", "5", "--url", "http://127.0.0.1:1", "--json")
    assert code == 0
    assert asked == [("http://127.0.0.1:1", Question(None, "jane", "moesif", 5))]
    assert [json.loads(text) for text in output.splitlines()][-1] == ENDED


def test_the_page_is_found_by_the_settings(asked: list[tuple[str, Question]], tmp_path: Path) -> None:
    """Without an address the file says where the bridge of this machine is; secrets need not be there."""
    file = tmp_path / "bridge.yaml"
    settings = {"application_id": {"env": "NOT_SET_ANYWHERE"}}
    content = {
        "kafka": {"bootstrap_servers": "127.0.0.1:1", "topics": ["t"]},
        "destinations": {"moesif": {"type": "moesif", "start": "latest", "settings": settings}},
        "operations": {"page": {"host": "0.0.0.0", "port": 4711}},
    }
    file.write_text(json.dumps(content), encoding="utf-8")
    code, output = typed("--message-id", "m", "--config", str(file))
    assert code == 0
    assert asked == [("http://127.0.0.1:4711", Question("m", None, None, 60))]
    assert "from Kafka just now" in output
    assert typed("mosif", "--message-id", "m", "--config", str(file))[0] == 2


@pytest.mark.parametrize(
    "arguments",
    [(), ("--user", "a", "--message-id", "b"), ("--user", "a", "--timeout", "0"), ("--user", "a", "--timeout", "9999")],
    ids=" ".join,
)
def test_what_is_no_question_is_refused(arguments: tuple[str, ...]) -> None:
    """Before anybody is asked."""
    assert typed(*arguments)[0] == 2
