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
