"""The command that explains events."""

from __future__ import annotations

import json

from tests.unit.cli.test_cli_commands import EXAMPLE, typed


def test_explain_writes_one_line_for_each_event() -> None:
    """Without a terminal JSON lines come out, also of what is no event."""
    events = b'{"type":"track","event":"Opened","userId":"u1","messageId":"m1"}\nnot json\n'
    result = typed("explain", "--config", EXAMPLE, "--destination", "moesif-prod", stdin=events)
    assert result.returncode == 0, result.stderr.decode()
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert [payload["body"]["action_name"] for payload in first["payloads"]] == ["Opened"]
    assert second["rejected"][0]["reason"] == "invalid_json"


def test_an_event_too_deep_to_be_shown_costs_no_other() -> None:
    """It is said on stderr and in the exit code; what stands behind it is explained all the same."""
    deep = b'{"type":"track","event":"Opened","userId":"u1","properties":' + b'{"a":' * 985 + b"1" + b"}" * 986
    events = deep + b'\n{"type":"track","event":"Opened","userId":"u1","messageId":"m1"}\n'
    result = typed("explain", "--config", EXAMPLE, "--destination", "moesif-prod", stdin=events)
    lines = result.stdout.splitlines()
    assert json.loads(lines[-1])["payloads"][0]["body"]["action_name"] == "Opened"
    if len(lines) == 1:  # what is too deep depends on the interpreter
        assert (result.returncode, result.stderr.decode().strip()[:34]) == (1, "an event is nested too deeply to b")
