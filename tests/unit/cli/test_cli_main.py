"""The command line: what is typed reaches the right call, and every way to fail has its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from processor import __version__
from processor.cli import main as entry
from processor.cli.options import select
from processor.errors import BrokerError, ConfigError, TransientError

COMMANDS = ("run", "demo", "check", "preview", "trace", "sandbox", "schema", "offsets", "version")


def typed(*arguments: str, stdin: bytes = b"", cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    """Return what the program does in a process of its own, outside the tree."""
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    environ.pop("SEGMENT_BRIDGE_CONFIG", None)
    command = [sys.executable, "-m", "processor", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, check=False, cwd=cwd, env=environ, timeout=60)


@pytest.mark.parametrize("spelling", ["version", "--version"])
def test_version_says_which(spelling: str) -> None:
    """A bug report gets the versions of the program, of Python and of the Kafka client."""
    result = typed(spelling)
    assert result.returncode == 0
    assert result.stdout.decode().startswith(f"segment-bridge {__version__} (Python 3.")
    assert b"librdkafka" in result.stdout


def test_help_lists_every_command() -> None:
    """Nobody has to know a command's name."""
    result = typed("--help")
    assert result.returncode == 0
    assert all(command in result.stdout.decode() for command in COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("run", "--nonsense"), ("preview",), ("demo", "--events", "0"), ("offsets", "x", "--to", "noon")],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...]) -> None:
    """What cannot be understood is refused before anything is read, with a word on standard error."""
    result = typed(*arguments)
    assert result.returncode == 2
    assert result.stderr
    assert b"Traceback" not in result.stderr


@pytest.mark.parametrize("command", [("run",), ("check",), ("preview", "--destination", "x")], ids=" ".join)
def test_a_missing_file_exits_with_2(command: tuple[str, ...], tmp_path: Path) -> None:
    """Without a configuration nothing starts, and the file that was looked for is named."""
    result = typed(*command, cwd=tmp_path)
    assert result.returncode == 2
    assert b"segment-bridge.yaml" in result.stderr
    assert b"Traceback" not in result.stderr


def interrupted() -> None:
    """End as on Ctrl-C."""
    raise KeyboardInterrupt


def misconfigured() -> None:
    """End as on a wrong file."""
    raise ConfigError("segment-bridge.yaml:3:5: kafka.topics: required")


def disconnected() -> None:
    """End as on a Kafka that refuses."""
    raise BrokerError("cannot describe topic events: timed out (_TIMED_OUT)", code="_TIMED_OUT", fatal=True)


def unanswered() -> None:
    """End as on a schema registry that gives no answer."""
    raise TransientError("", safe="the schema registry did not answer in time")


def unreadable() -> None:
    """End as on a file that was named and is not there."""
    raise FileNotFoundError(2, "No such file or directory", "/nowhere/accepted.ndjson")


def taken() -> None:
    """End as on an address that somebody else has."""
    raise OSError(98, "address already in use")


def broken() -> None:
    """End as on a bug, with an event in the text."""
    raise ValueError("jane@example.test")


def fine() -> None:
    """End without anything."""


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (fine, 0, ""),
        (misconfigured, 2, "segment-bridge.yaml:3:5: kafka.topics: required"),
        (disconnected, 1, "Kafka: cannot describe topic events: timed out (_TIMED_OUT)"),
        (unanswered, 1, "the schema registry did not answer in time"),
        (unreadable, 1, "/nowhere/accepted.ndjson: No such file or directory"),
        (taken, 1, "address already in use"),
        (broken, 1, "ValueError"),
        (interrupted, 130, ""),
    ],
)
def test_exit_codes(
    command: Callable[[], None],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each kind of end has its code, says what may be said, and never what may be event data."""
    monkeypatch.setattr(entry, "application", lambda *_, **__: command())
    with pytest.raises(SystemExit) as exited:
        entry.main([])
    assert exited.value.code == code
    written = capsys.readouterr().err
    assert said in written
    assert "Error:" not in written, "a class is no word for a person"
    assert "jane@example.test" not in written


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_bug(closed: str, tmp_path: Path) -> None:
    """A shell may close any standard stream; the program then reads nothing, or writes to nobody."""
    path = tmp_path / "segment-bridge.yaml"
    path.write_text(
        "kafka: {bootstrap_servers: localhost:9092, topics: [events]}\n"
        "destinations: {m: {type: moesif, start: latest, settings: {application_id: {env: CLOSED_TEST_KEY}}}}\n"
    )
    command = [sys.executable, "-m", "processor", "preview", "-d", "m", "-c", str(path)]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "CLOSED_TEST_KEY": "k"}
    result = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *command],
        input=b'{"type":"track","event":"e","userId":"u"}\n',
        capture_output=True,
        check=False,
        env=environ,
        timeout=60,
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert bool(result.stdout) == (closed == "2>&-")


def test_select_takes_all_by_default() -> None:
    """Without a name every destination of the file is meant, in its order."""
    assert select(["b", "a"], []) == ["b", "a"]


def test_select_keeps_the_order_and_drops_repeats() -> None:
    """A destination named twice runs once."""
    assert select(["a", "b", "c"], ["c", "a", "c"]) == ["c", "a"]


def test_select_names_the_nearest() -> None:
    """A slip of the pen is answered with what was probably meant, and with all there is."""
    with pytest.raises(ConfigError, match=r"'moesif-prd'; did you mean 'moesif-prod'\? The file has: moesif-prod, b"):
        select(["moesif-prod", "b"], ["moesif-prd"])


def test_select_without_anything_near() -> None:
    """What is nothing like any name gets no guess."""
    with pytest.raises(ConfigError, match=r"^no destination is called 'zzz'\. The file has: a$"):
        select(["a"], ["zzz"])


def test_a_destinations_process_does_without_rich() -> None:
    """The command line costs a running destination no memory for what only the demo shows."""
    probe = "import sys, processor.cli.main; print(any(name.split('.')[0] == 'rich' for name in sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", probe], cwd=Path(__file__).parents[3]) == b"False\n"
