"""The commands that need no Kafka, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from processor import checking
from processor.checking import Findings, check, whole
from processor.cli.main import main
from processor.config import load_document
from processor.delivery.credentials import Asked, Credentials
from processor.settings import load_configuration, load_settings

ROOT = Path(__file__).parents[3]
KEYS = {"MOVEO_API_KEY": "k1", "MOESIF_APPLICATION_ID": "k2", "MOENGAGE_API_KEY": "k3"}
EXAMPLE = ROOT / "examples" / "segment-bridge.yaml"
PREVIEW_SCHEMA: Mapping[str, Any] = json.loads((ROOT / "schemas" / "preview-line.schema.json").read_text())


def command(*arguments: str | Path) -> list[str]:
    """Return the command line of the program."""
    return [sys.executable, "-m", "processor", *map(str, arguments)]


def typed(
    *arguments: str | Path, stdin: bytes = b"", keys: Mapping[str, str] = KEYS
) -> subprocess.CompletedProcess[bytes]:
    """Return what the program does with keys in its environment."""
    environ = {**{name: value for name, value in os.environ.items() if name not in KEYS}, **keys}
    return subprocess.run(
        command(*arguments), input=stdin, capture_output=True, check=False, cwd=ROOT, env=environ, timeout=60
    )


@pytest.mark.parametrize("name", ["segment-bridge.yaml", "compose.yaml", "mappings/segment-bridge.yaml"])
def test_check_accepts_the_examples(name: str) -> None:
    """What the documentation offers to copy is right."""
    result = typed("check", "--config", ROOT / "examples" / name)
    assert result.returncode == 0, result.stderr.decode()
    assert b"fine" in result.stdout


def test_check_of_one_destination_needs_its_secrets_alone() -> None:
    """A pod has the keys of what it runs: those of others need not be there, and an unknown name is an error."""
    path = ROOT / "examples" / "compose.yaml"
    own = {"MOVEO_API_KEY": "k1"}
    assert typed("check", "--config", path, keys=own).returncode == 2
    result = typed("check", "--config", path, "--destination", "moveo", keys=own)
    assert result.returncode == 0, result.stderr.decode()
    assert b"fine (1 destination)" in result.stdout
    result = typed("check", "--config", path, "--destination", "moveoo", keys=own)
    assert result.returncode == 2
    assert b"did you mean 'moveo'?" in result.stderr


def test_check_tells_what_vendors_say_of_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal is an error at the destination, silence says nothing against the file, the rest is just told."""
    monkeypatch.setenv("MOESIF_APPLICATION_ID", "k")
    path = tmp_path / "segment-bridge.yaml"
    path.write_text(EXAMPLE.read_text())
    settings, document = load_settings(path), load_configuration(path)
    (name,) = settings.destinations
    said: dict[str, Asked] = {}

    async def ask(*_: object) -> dict[str, Asked]:
        return said

    monkeypatch.setattr(whole, "ask_vendors", ask)
    monkeypatch.setattr(whole, "ask_kafka", lambda *_: None)
    for credentials in (Credentials.TAKEN, Credentials.NOT_ASKED):
        said[name] = Asked(credentials, "so it is")
        assert check(settings, online=True).notes == [f"destinations.{name}: so it is"]
    said[name] = Asked(Credentials.UNTOLD, "status 500")
    (warning,) = check(settings, online=True, document=document).warnings
    assert warning.startswith(f"{path}:")
    assert "status 500: a 429 or 5xx is trouble of the vendor's own, check again later; a 409 or another 4xx" in warning
    said[name] = Asked(Credentials.REFUSED, "refused")
    assert check(settings, online=True).problems == [f"destinations.{name}: refused"]
    said[name] = Asked(Credentials.NO_ANSWER, "no answer")
    assert check(settings, online=True).silent == [f"destinations.{name}: no answer"]


def test_check_keeps_what_it_found_beside_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No answer is exit code 1, or a line beside faults of the file with exit code 2; warnings and notes stay."""
    found = Findings(["wrong"], ["doubtful"], ["good"], ["Kafka: no answer"])
    monkeypatch.setenv("MOESIF_APPLICATION_ID", "k")
    monkeypatch.setattr(checking, "check", lambda *_, **__: found)
    path = tmp_path / "segment-bridge.yaml"
    path.write_text(EXAMPLE.read_text())
    told = "warning: doubtful\ngood\n"
    for code, lines in ((2, "wrong\nKafka: no answer\n"), (1, "Kafka: no answer\n"), (0, "")):
        with pytest.raises(SystemExit) as ended:
            main(["check", "--online", "--config", str(path)])
        assert ended.value.code == code
        assert capsys.readouterr().err == told + lines
        (found.problems or found.silent).clear()


def test_check_tells_a_fault_of_the_file_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file names may vanish after it was read; that is said of the file, not of Kafka."""
    monkeypatch.setenv("MOESIF_APPLICATION_ID", "k")
    users = tmp_path / "users.txt"
    users.touch()
    path = tmp_path / "segment-bridge.yaml"
    path.write_text(EXAMPLE.read_text().replace("deliver: false", f"suppressed_users: {{file: {users}}}"))
    settings = load_settings(path)
    users.unlink()
    (problem,) = check(settings, online=False).problems
    assert problem.startswith(f"the file of suppressed users {users} cannot be read")


def test_check_tells_everything_that_is_wrong(tmp_path: Path) -> None:
    """All errors of a file come at once, each with its line, and the exit code is 2."""
    path = tmp_path / "wrong.yaml"
    path.write_text(EXAMPLE.read_text().replace("start: latest", "start: soon").replace("type: moesif", "type: moesiv"))
    result = typed("check", "--config", path)
    assert result.returncode == 2
    said = result.stderr.decode()
    assert "moesiv" in said
    assert "moesif" in said
    assert f"{path}:" in said


def test_check_warns_of_what_can_never_satisfy_the_vendor(tmp_path: Path) -> None:
    """A warning has the place of an error and leaves the file fine."""
    path = tmp_path / "futile.yaml"
    item = '[{name: One, trigger: type = "track", action: sendAction, mapping: {action_name: null, user_id: u1}}]'
    path.write_text(EXAMPLE.read_text().replace("subscriptions: default", f"subscriptions: {item}"))
    result = typed("check", "--config", path)
    assert result.returncode == 0, result.stderr.decode()
    assert b"fine" in result.stdout
    said = result.stderr.decode()
    assert said.startswith(f"warning: {path}:")
    assert "mapping.action_name: subscription 'One': action 'sendAction' needs the field, and this is null" in said


def test_run_refuses_a_file_with_a_missing_key() -> None:
    """Nothing starts without its secrets; the variable is named and the exit code is 2."""
    result = typed("run", "--config", EXAMPLE, keys={})
    assert result.returncode == 2
    assert b"MOESIF_APPLICATION_ID" in result.stderr


def test_an_unknown_destination_is_answered_with_the_known() -> None:
    """A slip in a name costs one look."""
    result = typed("run", "--config", EXAMPLE, "--destination", "moesif-prd")
    assert result.returncode == 2
    assert b"did you mean 'moesif-prod'?" in result.stderr


def test_preview_writes_one_line_for_each_line() -> None:
    """Events in order become lines in order, each of them as the published schema says."""
    events: list[bytes] = [
        b'{"type":"track","event":"Order Completed","userId":"u1","messageId":"m1"}',
        b"not json",
        b'{"type":"alias","userId":"u1","previousId":"a1","messageId":"m2"}',
        b'["no", "object"]',
        b'{"type":"group","userId":"u1","groupId":"g1","traits":{"name":"G"},"messageId":"m3"}',
    ]
    result = typed("preview", "--config", EXAMPLE, "--destination", "moesif-prod", stdin=b"\n".join(events) + b"\n")
    assert result.returncode == 0, result.stderr.decode()
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == len(events)
    for line in lines:
        Draft202012Validator(PREVIEW_SCHEMA).validate(line)
    assert [payload["body"]["action_name"] for payload in lines[0]["payloads"]] == ["Order Completed"]
    assert lines[1]["rejected"] == "invalid_json"
    assert lines[2]["skipped"] is not None
    assert lines[4]["payloads"]


def test_the_schema_of_preview_lines_accepts_its_own_examples() -> None:
    """The schema is one, its examples fit, and a line without a key does not."""
    Draft202012Validator.check_schema(PREVIEW_SCHEMA)
    validator = Draft202012Validator(PREVIEW_SCHEMA)
    for example in PREVIEW_SCHEMA["examples"]:
        validator.validate(example)
        for key in example:
            assert not validator.is_valid({name: value for name, value in example.items() if name != key})


def test_schema_describes_the_examples() -> None:
    """The JSON Schema that editors get accepts what `check` accepts."""
    result = typed("schema")
    assert result.returncode == 0
    schema = json.loads(result.stdout)
    Draft202012Validator.check_schema(schema)
    for name in ("segment-bridge.yaml", "compose.yaml", "mappings/segment-bridge.yaml"):
        Draft202012Validator(schema).validate(plain(ROOT / "examples" / name))


def plain(path: Path) -> Any:  # noqa: ANN401 - any YAML value
    """Return the content of a YAML file."""
    return load_document(path).value
